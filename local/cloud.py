"""What the demo and the benchmark share: pushes, executions and a client that never pauses."""

import http.client
import json
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import botocore.session

ROOT = Path(__file__).resolve().parent.parent
CUTOVER = ROOT / "target" / "debug" / "cutover"
PROJECT = os.environ["CUTOVER_PROJECT"]
GATEWAY = os.environ["CUTOVER_GATEWAY"]
GIT = os.environ["CUTOVER_GIT"]
DOMAIN = os.environ["CUTOVER_DOMAIN"]
# A release here takes seconds; one that takes this long is stuck.
DEADLINE = 300


class Failed(Exception):
    """Said to the person, without a traceback."""


def client(service):
    return botocore.session.get_session().create_client(service)


def machine():
    arn = client("sts").get_caller_identity()["Account"]
    region = os.environ["AWS_REGION"]
    return f"arn:aws:states:{region}:{arn}:stateMachine:{PROJECT}-release"


def git(folder, *arguments):
    who = ["-c", "user.name=demo", "-c", "user.email=demo@localhost"]
    done = subprocess.run(["git", "-C", str(folder), *who, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


class Repository:
    """A clone of a component's repository, as a developer has it."""

    def __init__(self, component):
        self.component = component
        self.folder = Path(tempfile.mkdtemp(prefix=f"{component}-", dir=ROOT / ".local" / "tmp"))
        git(self.folder, "clone", "--quiet", f"{GIT}/{component}.git", "work")
        self.work = self.folder / "work"

    def commit(self, message):
        (self.work / "RELEASE-NOTES").write_text(f"{message}\n{time.time_ns()}\n")
        git(self.work, "add", "--all")
        git(self.work, "commit", "--quiet", "--message", message)
        return git(self.work, "rev-parse", "HEAD")

    def push(self):
        git(self.work, "push", "--quiet", "origin", "HEAD:refs/heads/main")


def execution_of(states, component, sha, target):
    """The execution that the push started; its name tells."""
    prefix = f"{component}-{sha[:12]}-{target}-"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for execution in states.list_executions(stateMachineArn=machine(), maxResults=50)["executions"]:
            if execution["name"].startswith(prefix):
                return execution["executionArn"]
        time.sleep(0.1)
    raise Failed(f"the push of {component} {sha[:12]} started no execution within 30 s; see `cutover-local status`")


def finish(states, arn, limit=DEADLINE):
    """Waits for the end; answers how it ended."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        try:
            execution = states.describe_execution(executionArn=arn)
            if execution["status"] != "RUNNING":
                return execution
        except states.exceptions.ExecutionDoesNotExist:
            pass  # Step Functions does not tell of it yet
        time.sleep(0.1)
    raise Failed(f"{arn} did not end within {limit} s")


def history(states, arn):
    pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event for page in pages for event in page["events"]]


class Traffic(threading.Thread):
    """Asks the alias without pause, on connections that are kept and on new ones in turn."""

    def __init__(self, host):
        super().__init__(daemon=True)
        address = GATEWAY.removeprefix("http://").rstrip("/")
        self.address, self.host = address, f"{host}:{address.rsplit(':', 1)[1]}"
        self.requests, self.failures, self.answers = 0, [], {}
        self.ended = threading.Event()
        self.started_at = self.ended_at = None

    def run(self):
        self.started_at = time.monotonic()
        connection = None
        while not self.ended.is_set():
            if connection is None or self.requests % 100 == 0:
                connection = http.client.HTTPConnection(self.address, timeout=10)
            self.requests += 1
            try:
                connection.request("GET", "/version", headers={"Host": self.host})
                answer = connection.getresponse()
                body = answer.read()
                if answer.status == 200:
                    commit = json.loads(body)["commit"]
                    self.answers[commit] = self.answers.get(commit, 0) + 1
                else:
                    self.fail(f"{answer.status} {body[:200]!r}")
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.fail(repr(error))
                connection = None
        self.ended_at = time.monotonic()

    def fail(self, why):
        self.failures.append(f"{time.monotonic() - self.started_at:.1f} s: {why}")

    def stop(self):
        self.ended.set()
        self.join(timeout=15)

    def rate(self):
        return self.requests / max(0.001, (self.ended_at or time.monotonic()) - self.started_at)
