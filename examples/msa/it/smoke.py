#!/usr/bin/env python3
"""Seconds: is it the right one, and does each route answer?"""

from suite import Suite, get, require

suite = Suite("msa", "smoke")
suite.check_identity()


@suite.check("greets in the language that the client prefers")
def _():
    answer = get(suite.target, "/greeting?name=Ada", headers={"Accept-Language": "fr;q=0.5, de"})
    require(answer.json() == {"lang": "de", "greeting": "Guten Tag, Ada"}, f"/greeting answers {answer.text[:80]!r}")


@suite.check("refuses a language that it does not know")
def _():
    answer = get(suite.target, "/greeting?lang=tlh")
    require(answer.status == 400, f"/greeting?lang=tlh answers {answer.status}")
    require("lang must be one of" in answer.json()["error"], f"it does not say why: {answer.text[:80]!r}")


@suite.check("has nothing where nothing should be")
def _():
    status = get(suite.target, "/serve.py").status
    require(status == 404, f"/serve.py answers {status}")


suite.run()
