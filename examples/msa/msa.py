#!/usr/bin/env python3
"""The example project's microservice a: greets people in their language."""

import sys

from greetings import greeting, preferred
from serve import as_json, as_text, serve, variable


def answer(request):
    if request.path == "/healthz":
        return as_text(200, "ok")
    if request.path == "/version":
        return as_json(200, {"component": "msa", "commit": variable("COMMIT"), "release": variable("RELEASE")})
    if request.path == "/greeting":
        language = request.parameters.get("lang") or preferred(request.headers.get("Accept-Language"))
        name = request.parameters.get("name", "").strip()
        return as_json(200, {"lang": language, "greeting": greeting(language, name)})
    if request.path == "/":
        return as_json(200, {"component": "msa", "routes": ["/healthz", "/version", "/greeting?lang=de&name=Ada"]})
    return as_json(404, {"error": f"nothing is at {request.path}"})


if __name__ == "__main__":
    sys.exit(serve("msa", 8082, answer))
