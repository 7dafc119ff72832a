"""What each kind of fault does to a call, to the function and to the cloud."""

import asyncio
import json
import subprocess
import tempfile
import threading
import types
import unittest
from pathlib import Path

import faults

TARGET = (b"x-amz-target", b"DynamoDB_20120810.UpdateItem")


class Worker:
    func_name = "myproj-cutover"

    def __init__(self):
        self._proc = subprocess.Popen(["sleep", "60"])

    def invoke(self, event, request_id, *, trace_id=None):
        return trace_id


class Faults(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.done = []
        self.app = types.SimpleNamespace(app=self.cloud)
        runtime = types.SimpleNamespace(ProvidedWorker=type("Patched", (Worker,), {}))
        faults.LATE = 0.05
        faults.inject_faults(self.app, runtime, self.folder.name)
        self.worker = runtime.ProvidedWorker()
        self.addCleanup(self.worker._proc.wait)
        self.addCleanup(self.worker._proc.kill)

    async def cloud(self, scope, receive, send):
        self.done.append((await receive())["body"])
        await faults.answer(send, 200, b"text/plain", b"done")

    def plan(self, kind, call=1, does="change"):
        plan = {"marks": ["fault-1", '"t-1"'], "function": "myproj-cutover", "does": does, "call": call, "kind": kind}
        (Path(self.folder.name) / "fault-1.plan").write_text(json.dumps(plan))

    def ask(self, event, *headers, path="/", method="POST", body=b"{}"):
        trace = self.worker.invoke(event, "1")
        scope = {"type": "http", "method": method, "path": path, "headers": [(b"X-Amzn-Trace-Id", trace.encode()), *headers]}
        sent = []

        async def receive():
            return {"type": "http.request", "body": body}

        async def send(message):
            sent.append(message)

        asyncio.run(self.app.app(scope, receive, send))
        return sent[0]["status"], sent[1]["body"]

    def calls(self):
        return [json.loads(line) for line in (Path(self.folder.name) / "fault-1.calls").read_text().splitlines()]

    def ended(self):
        try:
            self.worker._proc.wait(0.2)
            return True
        except subprocess.TimeoutExpired:
            return False

    def test_invocations_that_begin_side_by_side_do_not_mind_plans_that_come_and_go(self):
        plans, over, failed = faults.Plans(self.folder.name), threading.Event(), []
        text = json.dumps({"marks": ["x"], "function": "", "does": "", "call": 0, "kind": "none"})

        def begin():
            try:
                while not over.is_set():
                    plans.begin(self.worker, {"x": 1}, "trace")
            except Exception as error:  # whatever it is
                failed.append(repr(error))

        threads = [threading.Thread(target=begin) for _ in range(8)]
        for one in threads:
            one.start()
        for number in range(400):
            file = Path(self.folder.name) / f"{number % 7}.plan"
            (file.with_suffix(".new")).write_text(text)
            file.with_suffix(".new").rename(file)
            if number % 2:
                file.unlink()
        over.set()
        for one in threads:
            one.join()
        self.assertEqual(failed, [])

    def test_the_calls_of_what_is_marked_are_counted_those_that_change_something_and_reads_apart(self):
        self.plan("none")
        mine = {"release": {"execution": "fault-1"}}
        self.ask(mine, TARGET)
        self.ask({"release": {"execution": "another"}}, TARGET)
        self.ask(mine, (b"x-amz-target", b"DynamoDB_20120810.GetItem"))
        self.ask(mine, method="GET", path="/bucket/key")
        self.ask(mine, method="PUT", path="/bucket/key")
        self.ask(mine, body=b"Action=RunInstances&Version=1")
        self.ask(mine, path="/2013-04-01/hostedzone/Z1/rrset")
        self.ask({"target": "t-1"}, method="GET", path="/2013-04-01/hostedzone/Z1/rrset")
        self.ask({"target": "t-12"}, TARGET)
        seen = [(one["does"], one["call"], one["operation"], one["fault"]) for one in self.calls()]
        self.assertEqual(seen, [
            ("change", 1, "UpdateItem", None), ("read", 1, "GetItem", None), ("read", 2, "GET object", None),
            ("change", 2, "PUT object", None), ("change", 3, "RunInstances", None), ("change", 4, "POST rrset", None),
            ("read", 3, "GET rrset", None)])
        self.assertEqual(len(self.done), 9)

    def test_a_fault_of_a_read_meets_no_change(self):
        self.plan("refused", does="read")
        self.assertEqual(self.ask({"execution": "fault-1"}, TARGET)[0], 200)
        self.assertEqual(self.ask({"execution": "fault-1"}, (b"x-amz-target", b"DynamoDB_20120810.Query"))[0], 400)

    def test_each_kind_is_done_or_not_and_its_function_lives_or_not(self):
        for kind, done, ended in (("refused", 0, False), ("lost", 1, False), ("before", 0, True), ("after", 1, True),
                                  ("late", 1, True)):
            with self.subTest(kind=kind):
                self.setUp()
                self.plan(kind, call=2)
                self.assertEqual(self.ask({"execution": "fault-1"}, TARGET), (200, b"done"))
                status, said = self.ask({"execution": "fault-1"}, TARGET)
                self.assertNotEqual(status, 200)
                self.assertEqual(b"AccessDeniedException" in said, kind == "refused")
                self.assertEqual((len(self.done) - 1, self.ended()), (done, ended))
                self.assertEqual([one["fault"] for one in self.calls()], [None, kind])

    def test_a_refusal_is_worded_as_the_service_words_it(self):
        for path, words in (("/", b"UnauthorizedOperation"), ("/2013-04-01/hostedzone/Z1/rrset", b"<ErrorResponse>"),
                            ("/bucket/key", b"<Error><Code>AccessDenied")):
            with self.subTest(path=path):
                self.setUp()
                self.plan("refused")
                status, said = self.ask({"execution": "fault-1"}, path=path, body=b"Action=RunInstances")
                self.assertEqual((status, words in said), (403, True))

    def test_without_a_plan_nothing_is_looked_at(self):
        self.assertEqual(self.ask({"execution": "fault-1"}, TARGET), (200, b"done"))


if __name__ == "__main__":
    unittest.main()
