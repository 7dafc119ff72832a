"""drain.py URL PID: stops a service amid requests; every request that was sent must be answered.

Clients with open connections ask without pause; after SIGTERM each must get a whole response that
says `Connection: close`, and the process must be gone in time.
"""

import http.client
import os
import signal
import sys
import threading
import time
from urllib.parse import urlsplit

CLIENTS = 8
ASKED_BEFORE = 20
LIMIT_SECONDS = 8


def ask_until_closed(address, asked, failures):
    connection = http.client.HTTPConnection(*address, timeout=LIMIT_SECONDS)
    try:
        while True:
            connection.request("GET", "/version")
            response = connection.getresponse()
            if response.status != 200 or not response.read():
                raise AssertionError(f"answered {response.status}")
            asked.append(1)
            if response.headers["Connection"] == "close":
                return
    except (OSError, http.client.HTTPException, AssertionError) as error:
        failures.append(f"a request was lost after {len(asked)}: {error!r}")
    finally:
        connection.close()


def alive(pid):
    """A process that ended stays as a zombie until its parent, which waits for us, takes it."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def main(url, pid):
    parts, failures = urlsplit(url), []
    counts = [[] for _ in range(CLIENTS)]
    threads = [threading.Thread(target=ask_until_closed, args=((parts.hostname, parts.port), asked, failures)) for asked in counts]
    for thread in threads:
        thread.start()
    until = time.monotonic() + LIMIT_SECONDS
    while min(map(len, counts)) < ASKED_BEFORE and not failures and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(pid, signal.SIGTERM)
    for thread in threads:
        thread.join()
    while alive(pid) and time.monotonic() < until + LIMIT_SECONDS:
        time.sleep(0.02)
    if alive(pid):
        failures.append("it still runs")
    if min(map(len, counts)) < ASKED_BEFORE:
        failures.append("too few requests before the signal to mean anything")
    sys.exit("; ".join(failures) if failures else 0)


main(sys.argv[1], int(sys.argv[2]))
