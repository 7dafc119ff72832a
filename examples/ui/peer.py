"""Asking the api what it is, through http_proxy where that is set."""

import http.client
import json
import os
import threading
import time
from urllib.parse import urlsplit

PATIENCE_SECONDS = 2
ANSWER_LIMIT = 64 * 1024
# So that a thousand views of the page do not become a thousand questions to the api.
REMEMBER_SECONDS = 1


class NoAnswer(Exception):
    """Says why there is none."""


def proxy_for(host, environment=os.environ):
    """(host, port) of the proxy to use for `host`, or None.

    Python's own rule reads `localhost` in no_proxy as `*.localhost` too, but such names may be
    known to the proxy alone. Here an entry means that very host, and `.name` those below it.
    """
    proxy = environment.get("http_proxy")
    direct = [entry.strip() for entry in environment.get("no_proxy", "").split(",") if entry.strip()]
    if not proxy or any(entry in ("*", host) or entry[0] == "." and host.endswith(entry) for entry in direct):
        return None
    parts = urlsplit(proxy)
    return parts.hostname, parts.port or 80


def version_of(url):
    """What the component at `url` says it is; raises NoAnswer."""
    if not url:
        raise NoAnswer("API_URL is not set")
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise NoAnswer(f"`{url}` is not a URL such as http://api.test:8080")
    proxy = proxy_for(parts.hostname)
    target = (url.rstrip("/") if proxy else parts.path.rstrip("/")) + "/version"
    connection = http.client.HTTPConnection(*(proxy or (parts.hostname, parts.port or 80)), timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", target, headers={"Accept": "application/json", "Connection": "close"})
        response = connection.getresponse()
        if response.status != 200:
            raise NoAnswer(f"answered {response.status}")
        version = json.loads(response.read(ANSWER_LIMIT))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoAnswer(str(error) or repr(error)) from None
    finally:
        connection.close()
    if not isinstance(version, dict):
        raise NoAnswer("its version is not an object")
    return version


class Remembered:
    """Calls `ask` at most once per REMEMBER_SECONDS, and never twice at a time."""

    def __init__(self, ask, clock=time.monotonic):
        self.ask, self.clock, self.lock = ask, clock, threading.Lock()
        self.until, self.value, self.failure = -1.0, None, None

    def get(self):
        with self.lock:
            if self.clock() >= self.until:
                self.value, self.failure = None, None
                try:
                    self.value = self.ask()
                except NoAnswer as failure:
                    self.failure = str(failure)
                self.until = self.clock() + REMEMBER_SECONDS
            value, failure = self.value, self.failure
        if failure is not None:
            raise NoAnswer(failure)
        return value
