"""Programs that the run starts: the AWS CLI, `cutover`, git, infra/deploy.sh. Each has a deadline."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MINUTE = 60


class Failed(Exception):
    """Said to the person, without a traceback."""


class Interrupted(Exception):
    """Somebody wants the run to end; what it made is removed first."""


class World:
    """Where the run happens, and until when."""

    def __init__(self, options):
        self.options, self.project = options, options.project
        self.ends = time.monotonic() + options.minutes * MINUTE
        # Names the run in the account's CloudTrail, beside its deploy and its CLI.
        self.environment = {**os.environ, "CUTOVER_PROJECT": self.project, "AWS_SDK_UA_APP_ID": "cutover-accept",
                            "AWS_PAGER": "", "AWS_DEFAULT_OUTPUT": "json", "GIT_TERMINAL_PROMPT": "0"}
        # Of another pipeline that the shell may be set up for.
        for name in ("CUTOVER_STATE_MACHINE", "CUTOVER_TABLE", "CUTOVER_BUCKET"):
            self.environment.pop(name, None)
        who = self.aws("sts", "get-caller-identity")
        self.account, self.who = who["Account"], who["Arn"]
        self.region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or \
            self.run(["aws", "configure", "get", "region"], MINUTE, good=(0, 1)).out.strip()
        if not self.region:
            raise Failed("no region: set AWS_REGION")

    def run(self, command, limit, good=(0,), folder=ROOT, grace=0):
        """Runs a program to its end; `grace` is what a removal may still take after the run's own end."""
        limit = min(limit, self.ends + grace * MINUTE - time.monotonic())
        if limit <= 0:
            raise Failed(f"the run's {self.options.minutes} minutes are over")
        # A session of its own: Ctrl-C is for the run, which then ends its programs in order.
        child = subprocess.Popen(command, cwd=folder, env=self.environment, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        try:
            out, err = child.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            raise Failed(f"`{shown(command)}` did not end within {limit:.0f} s") from None
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGTERM)
                child.communicate(timeout=MINUTE)
        if child.returncode not in good:
            raise Failed(f"`{shown(command)}` ended with {child.returncode}: {(err or out).strip()[-2000:]}")
        return Said(child.returncode, out, err)

    def aws(self, *arguments, limit=2 * MINUTE, grace=0):
        """The answer of a call as JSON."""
        said = self.run(["aws", *arguments], limit, grace=grace)
        return json.loads(said.out) if said.out.strip() else {}

    def aws_or_nothing(self, *arguments, missing=("NotFound", "does not exist", "NoSuch", "404"), grace=60):
        """The same, or None for what is not there."""
        said = self.run(["aws", *arguments], 2 * MINUTE, good=(0, 1, 254, 255), grace=grace)
        if said.code == 0:
            return json.loads(said.out) if said.out.strip() else {}
        if any(one in said.err for one in missing):
            return None
        raise Failed(f"`{shown(['aws', *arguments])}`: {said.err.strip()}")

    def cutover(self, *arguments, limit=60 * MINUTE, good=(0,), grace=0):
        """What the CLI prints with --json, after it has followed a release or a target to its end."""
        command = [str(ROOT / "target/debug/cutover"), "--project", self.project, "--json", *arguments]
        said = self.run(command, limit, good=(0, 1, 2, 3), grace=grace)
        try:
            answer = json.loads(said.out)
        except ValueError:
            answer = {"error": f"exit code {said.code}", "cause": (said.err or said.out).strip()[-2000:]}
        if said.code not in good or (said.code and "error" not in answer):
            raise Failed(f"`cutover {' '.join(arguments[:2])}`: {answer.get('error')}: {answer.get('cause')}")
        return answer


class Said:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err


def shown(command):
    text = " ".join(str(one) for one in command)
    return text if len(text) <= 160 else f"{text[:157]}..."
