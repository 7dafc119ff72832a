"""That a build of CodeBuild runs, sees nothing of others, and ends with all its processes."""

import json
import os
import pathlib
import tempfile
import time
import unittest

from ministack.core import iam_evaluator
from ministack.services import codebuild, stepfunctions, sts

import builds
import environments
import quotas

# They are one program there.
builds.remove_folder = environments.remove_folder
builds.PLACES, builds.QUEUED, builds.places_of = quotas.PLACES, quotas.QUEUED, quotas.places_of


def build_spec(*commands):
    return json.dumps({"version": 0.2, "phases": {"build": {"commands": commands}}})


def processes_with(mark):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes() and path.parent.name != str(os.getpid()):
                found.append(path.parent.name)
        except OSError:
            pass  # it has ended meanwhile
    return found


class BuildsRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Not below /tmp, which is hidden as a whole.
        cls.root = tempfile.TemporaryDirectory(dir=pathlib.Path(__file__).resolve().parents[2], prefix=".test-")
        local = pathlib.Path(cls.root.name, ".local")
        local.mkdir()
        (local / "secret").write_text("another component's")
        os.environ.update(CUTOVER_LOCAL_ROOT=cls.root.name, COMMAND_PATH=os.environ["PATH"],
                          AWS_ENDPOINT_URL="http://127.0.0.1:9")
        builds.run_builds(codebuild, stepfunctions, sts, iam_evaluator)
        codebuild._create_project({"name": "p", "serviceRole": "arn:aws:iam::000000000000:role/r"})

    @classmethod
    def tearDownClass(cls):
        cls.root.cleanup()

    def start(self, *commands, **more):
        asked = {"projectName": "p", "buildspecOverride": build_spec(*commands), **more}
        status, _, body = codebuild._start_build(asked)
        self.assertEqual(status, 200, body)
        return codebuild._builds[json.loads(body)["build"]["id"]]

    def wait(self, build):
        ends = time.monotonic() + 30
        while build["buildStatus"] == "IN_PROGRESS":
            self.assertLess(time.monotonic(), ends, build)
            time.sleep(0.02)
        return build["buildStatus"]

    def printed(self, build):
        from ministack.services import cloudwatch_logs

        stream = cloudwatch_logs._log_groups[build["logs"]["groupName"]]["streams"][build["logs"]["streamName"]]
        return [event["message"] for event in stream["events"]]

    def test_its_commands_run_one_after_the_other_until_one_fails(self):
        build = self.start("echo one", "echo two; false", "echo three")
        self.assertEqual(self.wait(build), "FAILED")
        self.assertEqual(self.printed(build), ["one", "two"])

    def test_it_sees_no_file_of_the_local_cloud_and_no_process_of_others(self):
        build = self.start(f"cat {self.root.name}/.local/secret; ls -A /tmp; ls /proc | grep -c '^[0-9]'; pwd; ls -A ..")
        self.assertEqual(self.wait(build), "SUCCEEDED")
        refused, count, folder, home, own = self.printed(build)
        self.assertIn("No such file or directory", refused)
        self.assertLess(int(count), 8)
        self.assertEqual((folder, home, own), ("/mnt/src", "home", "src"))

    def test_above_its_quota_it_waits_for_a_place_or_is_refused(self):
        first = self.start("sleep 0.5", environmentTypeOverride="LINUX_CONTAINER", computeTypeOverride="BUILD_GENERAL1_XLARGE")
        second = self.start("true", environmentTypeOverride="LINUX_CONTAINER", computeTypeOverride="BUILD_GENERAL1_XLARGE")
        third = self.start("true", environmentTypeOverride="LINUX_CONTAINER", computeTypeOverride="BUILD_GENERAL1_XLARGE")
        self.assertEqual([build["currentPhase"] for build in (second, third)], ["QUEUED"] * 2)
        codebuild._stop_build({"id": third["id"]})
        self.assertEqual(self.wait(third), "STOPPED")
        self.assertEqual(first["buildStatus"], "IN_PROGRESS")
        self.assertEqual([self.wait(build) for build in (first, second)], ["SUCCEEDED"] * 2)
        asked = {"projectName": "p", "environmentTypeOverride": "LINUX_CONTAINER", "computeTypeOverride": "BUILD_GENERAL1_2XLARGE"}
        status, _, body = codebuild._start_build(asked)
        self.assertEqual((status, json.loads(body)["message"]), (400, "Cannot have more than 0 builds in queue for the account"))

    def test_its_stream_begins_as_was_asked_and_is_found_by_that(self):
        from ministack.services import cloudwatch_logs

        builds.find_streams_by_prefix(cloudwatch_logs)
        logs = {"cloudWatchLogs": {"status": "ENABLED", "groupName": "/g", "streamName": "stage-r7/api/build"}}
        self.wait(self.start("echo mine; echo mine", logsConfigOverride=logs))
        self.wait(self.start("echo another"))
        for prefix, expected in (("stage-r7/", ["mine"] * 2), ("stage-r8/", [])):
            asked = {"logGroupName": "/g", "logStreamNamePrefix": prefix}
            events = json.loads(cloudwatch_logs._filter_log_events(asked)[2])["events"]
            self.assertEqual([event["message"] for event in events], expected)
            self.assertEqual(len({event["eventId"] for event in events}), len(expected))

    def test_a_stopped_one_ends_with_all_its_processes(self):
        mark = f"mark-{time.time()}"
        build = self.start(f"(setsid sh -c 'sleep 60; : {mark}' &) ; echo begun; sleep 60; : {mark}")
        ends = time.monotonic() + 10
        while len(processes_with(mark)) < 2:
            self.assertLess(time.monotonic(), ends, "it begins")
            time.sleep(0.02)
        codebuild._stop_build({"id": build["id"]})
        self.assertEqual(self.wait(build), "STOPPED")
        self.assertEqual(processes_with(mark), [])

    def test_the_same_token_begins_nothing_again_and_another_request_with_it_is_refused(self):
        token = {"idempotencyToken": "a-token-of-this-test"}
        first, again = (self.start("echo once", **token) for _ in range(2))
        self.assertEqual(again["id"], first["id"])
        self.wait(first)
        other = {"projectName": "p", "buildspecOverride": build_spec("echo other"), **token}
        status, _, body = codebuild._start_build(other)
        self.assertEqual((status, "InvalidInputException" in str(body)), (400, True))

    def test_what_the_model_of_codebuild_does_not_know_is_refused(self):
        for wrong in ({"projectNam": "p"}, {"timeoutInMinutesOverride": 4}, {"computeTypeOverride": "HUGE"}):
            status, _, body = codebuild._start_build({"projectName": "p", **wrong})
            self.assertEqual(status, 400, wrong)
            self.assertIn("InvalidInputException", json.loads(body)["__type"])


if __name__ == "__main__":
    unittest.main()
