#!/usr/bin/env python3
"""The example project's service with a library: checksums, counted by C."""

import sys

from crc32 import crc32
from serve import as_json, as_text, serve, variable


def answer(request):
    if request.path == "/healthz":
        return as_text(200, "ok")
    if request.path == "/version":
        return as_json(200, {"component": "sums", "commit": variable("COMMIT"), "release": variable("RELEASE")})
    if request.path == "/crc32":
        return as_json(200, {"crc32": crc32(request.parameters.get("text", ""))})
    if request.path == "/":
        return as_json(200, {"component": "sums", "routes": ["/healthz", "/version", "/crc32?text=hello"]})
    return as_json(404, {"error": f"nothing is at {request.path}"})


if __name__ == "__main__":
    sys.exit(serve("sums", 8084, answer))
