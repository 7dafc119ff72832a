"""A client that asks every alias again and again, each time anew: a name to look up, a connection to open."""

import http.client
import json
import threading
import time
from collections import Counter
from urllib.parse import urlsplit

# Enough to hit a gap of a fraction of a second, and cheap.
PAUSE = 0.1
PATIENCE = 10


class Load:
    def __init__(self, addresses, proxy):
        self.addresses, self.proxy = addresses, proxy and urlsplit(proxy)
        self.requests, self.failures, self.answers = Counter(), [], {name: Counter() for name in addresses}
        self.ended, self.threads = threading.Event(), []

    def ask(self, address):
        """The commit that answers."""
        parts = urlsplit(address)
        host, port = (self.proxy.hostname, self.proxy.port) if self.proxy else (parts.hostname, parts.port)
        connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
        try:
            path = f"{address}/version" if self.proxy else "/version"
            connection.request("GET", path, headers={"Host": parts.netloc, "Connection": "close"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise OSError(f"HTTP {answer.status} {body[:200]!r}")
            return json.loads(body)["commit"]
        finally:
            connection.close()

    def until_all_answer(self, seconds):
        """How long each alias took to answer from here; None for one that never did."""
        began, took = time.monotonic(), dict.fromkeys(self.addresses)
        while None in took.values() and time.monotonic() < began + seconds:
            for name in [name for name, after in took.items() if after is None]:
                try:
                    self.ask(self.addresses[name])
                    took[name] = time.monotonic() - began
                except (OSError, http.client.HTTPException, ValueError):
                    time.sleep(PAUSE)
        return took

    def start(self):
        self.threads = [threading.Thread(target=self.go_on, args=(name,), daemon=True) for name in self.addresses]
        for thread in self.threads:
            thread.start()

    def go_on(self, name):
        began = time.monotonic()
        while not self.ended.wait(PAUSE):
            self.requests[name] += 1
            try:
                self.answers[name][self.ask(self.addresses[name])] += 1
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self.failures.append(f"{name} after {time.monotonic() - began:.1f} s: {error!r}")

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join(timeout=PATIENCE + 5)
