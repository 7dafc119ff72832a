#!/usr/bin/env python3
"""Slow: several clients at once, for a while, without one failed answer."""

from suite import Suite, hammer

SECONDS = 3
CONNECTIONS = 4

suite = Suite("api", "soak")
suite.check_identity()


@suite.check("answers several clients at once without a failure")
def _():
    paths = {"/healthz": 200, "/days?from=2024-01-01&to=2025-01-01": 200, "/days": 400, "/none": 404}
    count = hammer(suite.target, SECONDS, CONNECTIONS, paths)
    return f"{count} answers in {SECONDS} s on {CONNECTIONS} connections"


@suite.check("is still healthy and still the same")
def _():
    for sentence, again in suite.checks[:2]:
        again()


suite.run()
