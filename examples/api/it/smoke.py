#!/usr/bin/env python3
"""Seconds: is it the right one, does each route answer, does it reach its peer?"""

from suite import Suite, get, require

suite = Suite("api", "smoke")
suite.check_identity()


@suite.check("counts the days between two dates")
def _():
    answer = get(suite.target, "/days?from=2024-02-28&to=2024-03-01")
    require(answer.json() == {"days": 2}, f"/days answers {answer.text[:80]!r}")


@suite.check("refuses a day that no calendar has")
def _():
    answer = get(suite.target, "/days?from=2023-02-29&to=2024-03-01")
    require(answer.status == 400, f"/days answers {answer.status} for 2023-02-29")


suite.check_peer("msa")
suite.run()
