#!/usr/bin/env python3
"""Slow: a lot of odd requests, the same at each run, and a crowd; none may harm the service.

What no HTTP client would send is in the unit tests, since a proxy would not pass it on.
"""

import random
import zlib
from urllib.parse import quote

from suite import Client, Suite, get, hammer, require

REQUESTS = 500
SECONDS = 2
CONNECTIONS = 4
LETTERS = "aZ09-._~!$'()*,;:@/?%&=+"

suite = Suite("msb", "fuzz")
suite.check_identity()


@suite.check("answers odd paths without an error of its own")
def _():
    dice = random.Random(7)
    for _ in range(REQUESTS // 2):
        path = "/" + "".join(dice.choices(LETTERS, k=dice.choice([0, 1, 5, 50, 2000])))
        method = dice.choice(["GET", "GET", "HEAD", "PUT", "DELETE"])
        status = get(suite.target, path, method).status
        require(200 <= status < 500, f"{method} {path[:60]} answers {status}")


@suite.check("computes the checksum of any bytes")
def _():
    dice, client = random.Random(8), Client(suite.target)
    for _ in range(REQUESTS):
        data = bytes(dice.choices(range(256), k=dice.choice([1, 10, 500])))
        found = client.get("/crc32?text=" + quote(data, safe="")).json()
        require(found.get("crc32") == f"{zlib.crc32(data):08x}", f"{len(data)} bytes have {found}")
    client.close()


@suite.check("answers several clients at once without a failure")
def _():
    count = hammer(suite.target, SECONDS, CONNECTIONS, {"/healthz": 200, "/crc32?text=a": 200, "/crc32": 400, "/none": 404})
    return f"{count} answers in {SECONDS} s on {CONNECTIONS} connections"


@suite.check("is still healthy and still the same")
def _():
    for sentence, again in suite.checks[:2]:
        again()


suite.run()
