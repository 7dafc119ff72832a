#!/usr/bin/env python3
"""Seconds: is it the right one, does it show the right page, does it reach its peer?"""

from suite import Suite, get, require

suite = Suite("ui", "smoke")
suite.check_identity()


@suite.check("shows its own commit on the page")
def _():
    answer = get(suite.target, "/")
    require(answer.status == 200, f"/ answers {answer.status}")
    require(answer.headers.get_content_type() == "text/html", f"/ is {answer.headers.get_content_type()}")
    require(f'<td id="ui-commit">{suite.commit}</td>' in answer.text, "the page does not show the commit under test")


@suite.check("has nothing where nothing should be")
def _():
    status = get(suite.target, "/ui.py").status
    require(status == 404, f"/ui.py answers {status}")


suite.check_peer("api")
suite.run()
