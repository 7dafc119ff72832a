"""Keeps what the pipeline asks of the cloud, for `local/requests` to hold to AWS's own models.

`launch.py` calls `record_requests`; the files of this folder are one program (local/src/ministack.rs).
Nothing here changes an answer. Kept are requests of functions and instances, which have a role's
session, and of the programs that name themselves (`AWS_SDK_UA_APP_ID`): the CLI and infra/deploy.sh.
Tests and the parts of the local cloud are nobody's product.
"""

import base64
import hashlib
import json
import os
import re
import struct

# Of two requests that differ only in which digits stand somewhere, one is kept; other lengths,
# letters and short numbers make another kind, so that no rule of AWS's can tell the two apart.
WORD = re.compile(rb"[A-Za-z0-9_./+-]*[0-9][A-Za-z0-9_./+-]*")
HEX = re.compile(rb"[0-9a-f]{8,}|(?<=-)[0-9a-f]{4}(?=-)")
ZEROS = bytes.maketrans(b"123456789", b"000000000")
# A short number may be a size or a limit.
SHORT = 6

# Bounds: kinds, bytes of all kinds, and of one body. DynamoDB takes 16 MB, our largest is far below.
KINDS, BYTES, BODY = 60_000, 256 << 20, 1 << 20
# An error's code is in its first lines.
ANSWER = 2048

CREDENTIAL = re.compile(rb"Credential=([^/,]+)/[0-9]{8}/([^/,]+)/([^/,]+)/")
APP = re.compile(rb"(?:^| )app/(cutover[a-z-]*)")
# What proves who asks is kept by nobody.
SECRET_HEADERS = {"authorization", "x-amz-security-token"}
SECRET_QUERY = re.compile(r"(X-Amz-(?:Security-Token|Signature|Credential)=)[^&]*")


def generalised(text):
    """Its digits and hexadecimal numbers as noughts: the same for all requests of one kind."""
    def alike(word):
        word = word.group()
        if word.isdigit() and len(word) <= SHORT:
            return word
        return HEX.sub(lambda found: b"0" * len(found.group()), word).translate(ZEROS)
    return WORD.sub(alike, text)


class Record:
    """`kinds` has a line of JSON for each kind of request, `times` an 8 byte number for each of those
    lines, behind one for the requests that found no room. Both are whole at every moment."""

    def __init__(self, folder):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC
        self.kinds, self.times = (os.open(os.path.join(folder, name), flags, 0o600) for name in ("kinds", "times"))
        self.known, self.seen, self.size = {}, [0], 0
        self.count(0, 0)

    def count(self, kind, by=1):
        self.seen[kind] += by
        os.pwrite(self.times, struct.pack("<Q", self.seen[kind]), 8 * kind)

    def add(self, sender, request, answer):
        key = hashlib.blake2b(generalised(repr((sender, request, answer)).encode()), digest_size=16).digest()
        kind = self.known.get(key)
        if kind is None:
            line = json.dumps({"sender": sender, **request, **answer}).encode() + b"\n"
            if len(self.known) >= KINDS or self.size + len(line) > BYTES:
                return self.count(0)
            os.write(self.kinds, line)
            self.size += len(line)
            kind = self.known[key] = len(self.seen)
            self.seen.append(0)
        return self.count(kind)


def record_requests(app, sts):
    record, original = Record(os.environ["REQUESTS"]), app.app

    async def recorded(scope, receive, send):
        asked = asked_by(scope, sts) if scope["type"] == "http" else None
        if asked is None:
            return await original(scope, receive, send)
        sender, service = asked
        body, kept, told = bytearray(), is_kept(scope, service), {"status": 0, "answer": b""}
        length = 0

        async def listen():
            nonlocal length
            message = await receive()
            part = message.get("body", b"")
            length += len(part)
            if kept and len(body) < BODY:
                body.extend(part)
            return message

        async def answer(message):
            if message["type"] == "http.response.start":
                told["status"] = message["status"]
            elif told["status"] >= 300 and len(told["answer"]) < ANSWER:
                told["answer"] += message.get("body", b"")[:ANSWER]
            await send(message)

        try:
            await original(scope, listen, answer)
        finally:
            text, encoding = as_text(bytes(body))
            record.add(sender, {"service": service, **request_line(scope), "body": text, "encoding": encoding,
                                # Of an object's own bytes nothing is kept, so its length would only be noise.
                                "whole": not kept or length <= len(body)},
                       {"status": told["status"], "answer": told["answer"].decode("utf-8", "replace")})

    app.app = recorded


def asked_by(scope, sts):
    """Who asks and of which service; None for who is not recorded."""
    headers = dict(scope.get("headers") or [])
    found = CREDENTIAL.search(headers.get(b"authorization", b""))
    if not found:
        return None
    session = sts._sessions.get(found.group(1).decode("latin-1"))
    if session is not None:
        return session.get("Arn", ""), found.group(3).decode("latin-1")
    app = APP.search(headers.get(b"user-agent", b""))
    return (app.group(1).decode(), found.group(3).decode("latin-1")) if app else None


def is_kept(scope, service):
    """An object's bytes are not looked at: they are a user's, and no model says anything of them."""
    path, query = scope["path"].strip("/"), scope.get("query_string", b"")
    to_object = service == "s3" and scope["method"] == "PUT" and "/" in path
    return not to_object or any(part in query for part in (b"tagging", b"acl", b"retention"))


def request_line(scope):
    """Method, path, query and the headers that a model may know: those of HTTP's own and of Amazon's."""
    headers = {}
    for name, value in scope.get("headers") or []:
        name = name.decode("latin-1").lower()
        if name not in SECRET_HEADERS and (name.startswith("x-amz") or name in MODELLED):
            headers[name] = value.decode("latin-1")
    path = scope.get("raw_path") or scope["path"].encode()
    query = SECRET_QUERY.sub(r"\1", scope.get("query_string", b"").decode("latin-1"))
    return {"method": scope["method"], "path": path.decode("latin-1"), "query": query,
            "headers": {name: headers[name] for name in sorted(headers) if name not in OF_THE_MOMENT}}


MODELLED = {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "range", "content-type",
            "content-md5", "content-encoding", "content-language", "content-disposition", "cache-control", "expires"}
# Different in each request, and in no model.
OF_THE_MOMENT = {"x-amz-date", "x-amz-content-sha256", "x-amz-user-agent", "x-amzn-trace-id"}


def as_text(body):
    try:
        return body.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), "base64"
