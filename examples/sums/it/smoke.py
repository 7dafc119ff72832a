#!/usr/bin/env python3
"""Seconds: is it the right one, and does it count by its library?"""

from suite import Suite, get, require

suite = Suite("sums", "smoke")
suite.check_identity()


@suite.check("counts as zip and PNG do")
def _():
    answer = get(suite.target, "/crc32?text=123456789")
    require(answer.json() == {"crc32": "cbf43926"}, f"/crc32 answers {answer.text[:80]!r}")


suite.run()
