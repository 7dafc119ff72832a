"""Faults in what functions ask of the cloud, for `make faults` (tests/src/bin/faults).

`launch.py` calls `inject_faults`; the files are one program (local/src/ministack.rs). Without a plan nothing is
looked at. A plan is a file of JSON in the folder `FAULTS`, which only this user can write:

    marks     one of these is in the event of an invocation: an execution's name, a target's in quotes
    function  the function's name, and
    call      which of its calls, from 1 on; counted over all invocations of the plan, those that
    does      `change` something and those that `read` apart
    kind      refused | lost | before | after | late; or `none`, to see the calls alone

What happened is one line of JSON for each call in `<plan>.calls`, its fault with it. How a call finds its plan: Lambda
gives each invocation a trace id, the SDK sends it along
(https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html).
"""

import asyncio
import contextlib as faults_contextlib
import json as faults_json
import os as faults_os
import pathlib as faults_pathlib
import re as faults_re
import secrets as faults_secrets
import signal as faults_signal
import threading as faults_threads
import time as faults_time
import urllib.parse as faults_urls

# From the end of the function to the moment when what it had asked for is done.
LATE = 12
READS = faults_re.compile(r"(Get|List|Describe|Query|Scan|BatchGet|TransactGet|Head|Lookup|Filter|Test|GET |HEAD )")
ROOT = faults_re.compile(rb"Root=([0-9a-f-]+)")
MOST_OF_A_BODY = 4 << 20
# Invocations of plans that are kept: one is looked up by its calls only while it runs.
KEPT = 4096


class Plan:
    """One fault, and the calls that it counts."""

    def __init__(self, file):
        asked = faults_json.loads(file.read_text())
        self.marks, self.kind = asked["marks"], asked["kind"]
        self.meets = asked["function"], asked["does"], asked["call"]
        self.log = file.with_suffix(".calls")
        self.counts, self.lock = {}, faults_threads.Lock()

    def fault_of(self, function, operation):
        """The kind of fault that this call meets, or None; the call is noted."""
        does = "read" if READS.match(operation) else "change"
        with self.lock:
            number = self.counts[function, does] = self.counts.get((function, does), 0) + 1
            met = self.kind != "none" and (function, does, number) == self.meets
            line = {"function": function, "does": does, "call": number, "operation": operation,
                    "at": faults_time.time(), "fault": self.kind if met else None}
            with open(self.log, "a") as log:
                log.write(faults_json.dumps(line) + "\n")
        return self.kind if met else None


class Plans:
    """Those in the folder; each is read once and forgotten with its file."""

    def __init__(self, folder):
        self.folder, self.known = faults_pathlib.Path(folder), {}
        # Invocations begin side by side.
        self.invocations, self.lock = {}, faults_threads.Lock()

    def of(self, event):
        """The plans whose mark an event holds."""
        with self.lock:
            known = self.look()
        if not known:
            return []
        text = faults_json.dumps(event)
        return [plan for plan in known if any(mark in text for mark in plan.marks)]

    def look(self):
        try:
            names = {one.name for one in faults_os.scandir(self.folder) if one.name.endswith(".plan")}
        except FileNotFoundError:
            return []
        for name in names - self.known.keys():
            # It may be gone by now, with the test that wrote it.
            with faults_contextlib.suppress(FileNotFoundError):
                self.known[name] = Plan(self.folder / name)
        for name in self.known.keys() - names:
            del self.known[name]
        return list(self.known.values())

    def begin(self, worker, event, trace):
        plans = self.of(event)
        if plans:
            with self.lock:
                while len(self.invocations) >= KEPT:
                    self.invocations.pop(next(iter(self.invocations)))
                self.invocations[trace] = (worker, plans[0])

    def invocation(self, scope):
        for name, value in scope.get("headers") or []:
            if name.lower() == b"x-amzn-trace-id":
                found = ROOT.search(value)
                return self.invocations.get(found[1].decode()) if found else None
        return None


def inject_faults(app, lambda_runtime, folder):
    plans = Plans(folder)
    invoke, original = lambda_runtime.ProvidedWorker.invoke, app.app

    def traced(self, event, request_id, *, trace_id=None, **more):
        if trace_id is None:
            root = f"1-{int(faults_time.time()):08x}-{faults_secrets.token_hex(12)}"
            trace_id = f"Root={root};Parent={faults_secrets.token_hex(8)};Sampled=0"
        plans.begin(self, event, ROOT.search(trace_id.encode())[1].decode())
        return invoke(self, event, request_id, trace_id=trace_id, **more)

    async def faulty(scope, receive, send):
        found = plans.invocation(scope) if scope["type"] == "http" else None
        if found is None:
            return await original(scope, receive, send)
        body = await whole(receive)
        operation = operation_of(scope, body)
        worker, plan = found
        fault = plan.fault_of(worker.func_name, operation)
        if fault is None:
            return await original(scope, again(body), send)
        if fault == "refused":
            return await refuse(scope, operation, send)
        if fault in ("before", "late"):
            kill(worker)
        if fault == "late":
            await asyncio.sleep(LATE)
        if fault != "before":
            await original(scope, again(body), nobody)
        if fault == "after":
            kill(worker)
        if fault == "lost":
            return await answer(send, 500, b"text/plain", b"the answer was lost")
        # Whoever asked is gone. An answer is owed to the server that waits for one.
        return await answer(send, 500, b"text/plain", b"")

    lambda_runtime.ProvidedWorker.invoke = traced
    app.app = faulty


async def whole(receive):
    body = b""
    while len(body) <= MOST_OF_A_BODY:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body
    raise RuntimeError("a body is larger than any that faults are injected into")


def again(body):
    sent = False

    async def receive():
        nonlocal sent
        if sent:
            await asyncio.Event().wait()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def nobody(_message):
    pass


def operation_of(scope, body):
    """What a request asks for."""
    headers = {name.lower(): value for name, value in scope.get("headers") or []}
    target = headers.get(b"x-amz-target")
    if target:
        return target.decode().rpartition(".")[2]
    if b"Action=" in body[:200] or b"Action=" in body:
        return faults_urls.parse_qs(body.decode("utf-8", "replace")).get("Action", ["?"])[0]
    # By its path alone: S3 and Route 53.
    path = scope["path"]
    what = "rrset" if path.endswith("/rrset") else "zone" if path.startswith("/2013-04-01/") else "object"
    return f"{scope['method']} {what}"


def kill(worker):
    process = worker._proc
    if process is not None and process.poll() is None:
        process.send_signal(faults_signal.SIGKILL)


async def answer(send, status, kind, body):
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": body})


async def refuse(scope, operation, send):
    """As each protocol words it; https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html."""
    said = f"it is not authorized to perform: {operation} (a fault that was injected)"
    headers = {name.lower() for name, _ in scope.get("headers") or []}
    if b"x-amz-target" in headers:
        error = {"__type": "AccessDeniedException", "message": said, "Message": said}
        return await answer(send, 400, b"application/x-amz-json-1.0", faults_json.dumps(error).encode())
    error = f"<Code>{{}}</Code><Message>{said}</Message>"
    if scope["path"] in ("", "/"):
        text = f"<Response><Errors><Error>{error.format('UnauthorizedOperation')}</Error></Errors></Response>"
    elif scope["path"].endswith("/rrset"):
        text = f"<ErrorResponse><Error><Type>Sender</Type>{error.format('AccessDenied')}</Error></ErrorResponse>"
    else:
        text = f"<Error>{error.format('AccessDenied')}</Error>"
    return await answer(send, 403, b"text/xml", text.encode())
