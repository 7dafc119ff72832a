#!/usr/bin/env python3
"""The example project's user interface: a page that shows what it and its api are."""

import html
import os
import string
import sys

from peer import NoAnswer, Remembered, version_of
from serve import Response, as_json, as_text, serve, variable

FOLDER = os.path.dirname(os.path.abspath(__file__))
SAFE = (
    ("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)


def read(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return file.read()


# Read once, and by these names only: no path of a request reaches the file system.
PAGE, ABOUT, STYLE = string.Template(read("page.html")), read("about.html"), read("style.css")


def api_version():
    return version_of(os.environ.get("API_URL"))


api = Remembered(api_version)


def page():
    """The page; without the api it still shows what it knows."""
    try:
        version, remark = api.get(), "All is well."
    except NoAnswer as failure:
        version, remark = {}, f"The api does not answer: {failure}"
    values = {
        "ui_commit": variable("COMMIT"),
        "ui_release": variable("RELEASE"),
        "api_commit": version.get("commit", "unknown"),
        "api_release": version.get("release", "unknown"),
        "remark": remark,
    }
    return PAGE.substitute({name: html.escape(str(value)) for name, value in values.items()})


def peer():
    identity = {"component": "ui", "commit": variable("COMMIT")}
    try:
        return as_json(200, dict(identity, api=api_version()))
    except NoAnswer as failure:
        return as_json(502, dict(identity, error=f"api: {failure}"))


def route(path):
    if path == "/healthz":
        return as_text(200, "ok")
    if path == "/version":
        return as_json(200, {"component": "ui", "commit": variable("COMMIT"), "release": variable("RELEASE")})
    if path == "/":
        return Response(200, page(), "text/html; charset=utf-8")
    if path == "/about":
        return Response(200, ABOUT, "text/html; charset=utf-8")
    if path == "/style.css":
        return Response(200, STYLE, "text/css; charset=utf-8")
    if path == "/peer":
        return peer()
    return as_text(404, "nothing is here\n")


def answer(request):
    response = route(request.path)
    response.headers = SAFE
    return response


if __name__ == "__main__":
    sys.exit(serve("ui", 8081, answer))
