"""What the suites share: requests through the proxy where one is set, checks, a JUnit report.

A suite gets TARGET_URL, COMMIT, REPORT_DIR, and <PEER>_URL for each of the component's peers.
"""

import http.client
import json
import os
import sys
import threading
import time
import xml.etree.ElementTree as xml
from urllib.parse import urlsplit

PATIENCE_SECONDS = 10
# What a gateway answers when nobody is behind a name.
NOBODY = {502, 503, 504}


class Skip(Exception):
    """The check cannot be made here; the report says why."""


def need(name):
    """A variable that must be set: a suite that cannot know what to test has failed."""
    value = os.environ.get(name)
    if not value:
        sys.exit(f"FAIL  {name} is not set")
    return value


def require(condition, otherwise):
    if not condition:
        raise AssertionError(otherwise)


def proxy_for(host):
    """(host, port) of the proxy to use for `host`, or None.

    Python's own rule reads `localhost` in no_proxy as `*.localhost` too, but such names are
    known to the proxy alone. Here an entry means that very host, and `.name` those below it.
    """
    proxy = os.environ.get("http_proxy")
    direct = [entry.strip() for entry in os.environ.get("no_proxy", "").split(",") if entry.strip()]
    if not proxy or any(entry in ("*", host) or entry[0] == "." and host.endswith(entry) for entry in direct):
        return None
    parts = urlsplit(proxy)
    return parts.hostname, parts.port or 80


class Answer:
    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        self.text = response.read().decode()

    def json(self):
        try:
            return json.loads(self.text)
        except ValueError:
            raise AssertionError(f"expected JSON, got {self.text[:80]!r}") from None


class Client:
    """One connection to one service, kept open."""

    def __init__(self, url):
        self.url = url.rstrip("/")
        parts = urlsplit(url)
        proxy = proxy_for(parts.hostname)
        self.prefix = self.url if proxy else ""
        address = proxy or (parts.hostname, parts.port or 80)
        self.connection = http.client.HTTPConnection(*address, timeout=PATIENCE_SECONDS)

    def get(self, path, method="GET", headers=None):
        self.connection.request(method, self.prefix + path, headers=headers or {})
        return Answer(self.connection.getresponse())

    def close(self):
        self.connection.close()


def get(url, path, method="GET", headers=None):
    """One request on a connection of its own."""
    client = Client(url)
    try:
        return client.get(path, method, dict(headers or {}, Connection="close"))
    except (OSError, http.client.HTTPException) as error:
        raise AssertionError(f"{method} {path} got no answer: {error!r}") from None
    finally:
        client.close()


def peer_version(name):
    """What the peer itself says it is; skips where no such component is live in this target."""
    url = need(f"{name.upper()}_URL")
    try:
        answer = get(url, "/version")
    except AssertionError:
        raise Skip(f"nobody answers for {name} here") from None
    if answer.status in NOBODY:
        raise Skip(f"nobody answers for {name} here")
    require(answer.status == 200, f"{name} answers {answer.status} to /version")
    return answer.json()


def hammer(url, seconds, connections, paths):
    """Asks in turn for `paths` (path -> expected status) on all connections; how many answers came."""
    until, counts, failures = time.monotonic() + seconds, [0] * connections, []

    def run(slot):
        client = Client(url)
        try:
            while time.monotonic() < until and not failures:
                for path, status in paths.items():
                    answer = client.get(path)
                    require(answer.status == status, f"{path} answered {answer.status} instead of {status}")
                    counts[slot] += 1
        except (OSError, http.client.HTTPException, AssertionError) as error:
            failures.append(f"after {counts[slot]} answers on a connection: {error!r}")
        finally:
            client.close()

    threads = [threading.Thread(target=run, args=(slot,)) for slot in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    require(not failures, "; ".join(sorted(failures)[:1]))
    require(all(counts), "a connection got no answer at all")
    return sum(counts)


class Suite:
    def __init__(self, component, name):
        self.component, self.name, self.checks = component, name, []
        self.target, self.commit = need("TARGET_URL"), need("COMMIT")

    def check(self, sentence):
        """Registers a function as the check that `sentence` holds."""
        return lambda function: self.checks.append((sentence, function)) or function

    def check_identity(self):
        """What every component of this project must say about itself."""

        @self.check("is healthy")
        def _():
            answer = get(self.target, "/healthz")
            require((answer.status, answer.text) == (200, "ok"), f"/healthz answers {answer.status} {answer.text[:80]!r}")

        @self.check("is the commit under test")
        def _():
            found = get(self.target, "/version").json()
            require(found.get("component") == self.component, f"/version names {found.get('component')!r}")
            require(found.get("commit") == self.commit, f"/version says {found.get('commit')!r}, expected {self.commit!r}")
            require(found.get("release"), "/version names no release")

    def check_peer(self, peer, path="/peer"):
        @self.check(f"talks to the {peer} of this release")
        def _():
            # The peer's name may move to another commit between the two questions: ask again.
            for attempt in range(3):
                time.sleep(attempt)
                expected, answer = peer_version(peer), get(self.target, path)
                if answer.status == 200 and answer.json().get(peer) == expected:
                    return
            raise AssertionError(f"{path} answers {answer.status} {answer.text[:200]}, but {peer} says {expected}")

    def run(self):
        """Runs the checks in order, writes the report; exits 1 if one failed."""
        report = xml.Element("testsuite", name=f"{self.component}.{self.name}", tests=str(len(self.checks)))
        failed, skipped = 0, 0
        for sentence, function in self.checks:
            case = xml.SubElement(report, "testcase", classname=f"{self.component}.{self.name}", name=sentence)
            started = time.monotonic()
            try:
                note = function()
                print(f"ok    {sentence}", flush=True)
                if isinstance(note, str):
                    xml.SubElement(case, "system-out").text = note
            except Skip as reason:
                skipped += 1
                xml.SubElement(case, "skipped", message=clean(reason))
                print(f"skip  {sentence}: {reason}", flush=True)
            except Exception as error:  # whatever it is, the other checks still run
                failed += 1
                message = str(error) if isinstance(error, AssertionError) else repr(error)
                xml.SubElement(case, "failure", message=clean(message))
                print(f"FAIL  {sentence}: {message}", flush=True)
            case.set("time", f"{time.monotonic() - started:.3f}")
        report.set("failures", str(failed))
        report.set("errors", "0")
        report.set("skipped", str(skipped))
        self.write(report)
        print(f"{self.component} {self.name}: {len(self.checks)} checks, {failed} failed, {skipped} skipped")
        sys.exit(1 if failed else 0)

    def write(self, report):
        folder = os.environ.get("REPORT_DIR")
        if folder:
            os.makedirs(folder, exist_ok=True)
            xml.ElementTree(report).write(os.path.join(folder, f"{self.name}.xml"), "utf-8", xml_declaration=True)


def clean(text):
    """Without the control characters that XML cannot hold."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))[:500]
