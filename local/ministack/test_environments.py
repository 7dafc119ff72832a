"""That environments of functions share no folder, that one that ends after its answer loses no event, and that none is
lost since another begins."""

import io
import json
import os
import tempfile
import threading
import unittest
import zipfile
from pathlib import Path
from unittest import mock

from ministack.core import lambda_runtime
from ministack.services import lambda_svc, sts

import environments

# Answers with its TMPDIR and what is in it, leaves something there, and ends if it is told to.
BOOTSTRAP = '''#!/usr/bin/env python3
import http.client, json, os, sys, time
folder, own = os.environ["TMPDIR"], os.environ["OWN"]
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    given = api.getresponse()
    event, request = json.loads(given.read()), given.headers["Lambda-Runtime-Aws-Request-Id"]
    if event.get("asks_again"):
        api.request("GET", "/2018-06-01/runtime/invocation/next")
        given = api.getresponse()
        own, request = given.read().decode(), given.headers["Lambda-Runtime-Aws-Request-Id"]
    answer = {"folder": folder, "own": own, "found": os.listdir(folder), "process": os.getpid()}
    os.makedirs(folder + "/left/behind", exist_ok=True)
    os.chmod(folder + "/left", 0o500)
    api.request("POST", f"/2018-06-01/runtime/invocation/{request}/response", json.dumps(answer))
    api.getresponse().read()
    if event["ends"]:
        time.sleep(0.3)  # what ends may take its time
        sys.exit(1)
'''


def function():
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        bootstrap = zipfile.ZipInfo("bootstrap")
        bootstrap.external_attr = 0o755 << 16
        archive.writestr(bootstrap, BOOTSTRAP)
    config = {"FunctionName": "f", "Runtime": "provided.al2023", "Handler": "bootstrap", "Timeout": 20,
              "Environment": {"Variables": {"OWN": environments.OWN_FOLDER}},
              "FunctionArn": "arn:aws:lambda:eu-west-1:000000000000:function:f"}
    return lambda_runtime.ProvidedWorker("f", config, code.getvalue())


class Environments(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        environments.separate_environments(lambda_svc, lambda_runtime)

    def ask(self, worker, ends=False, **more):
        answer = worker.invoke({"ends": ends, **more}, os.urandom(8).hex())
        self.assertEqual(answer["status"], "ok", answer)
        return answer["result"]

    def test_each_environment_has_a_folder_which_goes_with_it(self):
        one, other = function(), function()
        first, second = self.ask(one), self.ask(one)
        self.assertEqual((first["found"], second["found"]), ([], ["left"]), "an environment keeps its folder")
        self.assertEqual(first["folder"], first["own"], "a variable that names it is given it")
        self.assertTrue(Path(first["folder"]).is_relative_to(tempfile.gettempdir()))
        there = self.ask(other)
        self.assertEqual(there["found"], [])
        self.assertNotEqual(there["folder"], first["folder"])
        lambda_runtime.kill_workers([one])
        other._teardown()
        for gone in (first, there):
            self.assertFalse(os.path.exists(gone["folder"]))

    def test_an_environment_that_ends_after_its_answer_loses_no_event(self):
        worker = function()
        self.addCleanup(worker._teardown)
        seen = [self.ask(worker, ends=True) for _ in range(5)]
        self.assertEqual(len({answer["process"] for answer in seen}), 5)
        self.assertEqual([answer["found"] for answer in seen], [[]] * 5)
        self.assertEqual([os.path.exists(answer["folder"]) for answer in seen], [False] * 5)

    def test_an_event_that_is_asked_for_again_before_its_answer_is_handed_out_again(self):
        worker = function()
        self.addCleanup(worker._teardown)
        again = self.ask(worker, ends=True, asks_again=True)
        self.assertEqual(json.loads(again["own"]), {"ends": True, "asks_again": True})
        # That second ask was for no other event: it has ended, and the next environment gets the next one.
        self.assertNotEqual(self.ask(worker)["process"], again["process"])

    def test_an_environment_s_folder_tells_the_port_that_everybody_knows_on_lambda(self):
        worker = function()
        self.addCleanup(worker._teardown)
        _, port, _ = Path(self.ask(worker)["folder"]).name.split("-", 2)
        self.assertEqual(int(port), worker._server.server_address[1])


class Interrupted(dict):
    """Sessions of which another thread registers one while somebody goes through them, once."""
    other = None

    def items(self):
        for item in super().items():
            if self.other is None:
                self.other = threading.Thread(target=sts.register_session, args=("B", {}))
                self.other.start()
                self.other.join(0.2)
            yield item


class Sessions(unittest.TestCase):
    def test_one_is_registered_after_the_other(self):
        old = {"old": {}, "older": {}}
        with mock.patch.object(sts, "register_session", sts.register_session):
            with mock.patch.object(sts, "_sessions", Interrupted(old)), \
                    self.assertRaises(RuntimeError, msg="MiniStack does it itself: the patch may go"):
                sts.register_session("A", {})
            environments.register_one_session_at_a_time(sts)
            with mock.patch.object(sts, "_sessions", Interrupted(old)) as sessions:
                sts.register_session("A", {})
                sessions.other.join()
                self.assertEqual(set(sessions), {"old", "older", "A", "B"})


if __name__ == "__main__":
    unittest.main()
