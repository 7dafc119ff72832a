#!/usr/bin/env python3
"""Seconds: is it the right one, and does each route answer?"""

import zlib
from urllib.parse import quote

from suite import Suite, get, require

suite = Suite("msb", "smoke")
suite.check_identity()


@suite.check("computes the same checksum as zlib")
def _():
    for text in ["", "hello", "a b+c&d=e%f", "Grüße, 世界"]:
        found = get(suite.target, "/crc32?text=" + quote(text, safe="")).json()
        expected = {"crc32": f"{zlib.crc32(text.encode()):08x}", "bytes": len(text.encode())}
        require(found == expected, f"/crc32 of {text!r} is {found}, expected {expected}")


@suite.check("refuses a text that is not percent-encoded")
def _():
    status = get(suite.target, "/crc32?text=%zz").status
    require(status == 400, f"/crc32?text=%zz answers {status}")


suite.run()
