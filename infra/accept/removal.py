"""Takes away all that has the run's name, whatever state the run left it in, and proves that nothing is left.

Everything of that name is the run's: it refused to begin otherwise. Each part is tried even if the one
before it failed, so that as little as possible is left.
"""

import json
import time

import claims
from world import MINUTE, ROOT, Failed

# What a removal may take beyond the run's own end.
GRACE = 60
# Deleted things stay in the tagging API's lists for a while.
LISTED = 10 * MINUTE
# Keys of one call: as JSON they are an argument, which Linux limits to 128 KiB.
AT_ONCE = "250"


class Removal:
    def __init__(self, world, examples, say):
        self.world, self.examples, self.say, self.trouble = world, examples, say, []

    def all(self):
        """What is left, and what went wrong on the way."""
        steps = [("stop what runs", self.stop_executions), ("tear the target down", self.teardown),
                 ("destroy the pipeline", self.destroy), ("delete the table", self.table),
                 ("delete the buckets", self.buckets), ("delete the branches", self.examples.remove)]
        for name, step in steps:
            self.say(name)
            self.attempt(name, step)
        self.say("look for what is left")
        return self.left(), self.trouble

    def attempt(self, name, step):
        try:
            step()
        except Failed as failed:
            self.trouble.append(f"{name}: {failed}")

    def aws(self, *arguments, **options):
        return self.world.aws(*arguments, grace=GRACE, **options)

    def or_nothing(self, *arguments):
        return self.world.aws_or_nothing(*arguments, grace=GRACE)

    def stack(self, name):
        seen = self.or_nothing("cloudformation", "describe-stacks", "--stack-name", name)
        return seen and seen["Stacks"][0]

    def machines(self):
        stack = self.stack(f"{self.world.project}-cutover") or {}
        return [one["OutputValue"] for one in stack.get("Outputs", []) if one["OutputKey"].endswith("MachineArn")]

    def stop_executions(self):
        for machine in self.machines():
            running = self.aws("stepfunctions", "list-executions", "--state-machine-arn", machine,
                               "--status-filter", "RUNNING")
            for one in running.get("executions", []):
                self.aws("stepfunctions", "stop-execution", "--execution-arn", one["executionArn"],
                         "--cause", "the acceptance run ends")

    def teardown(self):
        """Through the pipeline, twice if need be: what it cannot do by itself is for a person to see."""
        if not self.machines() or not self.target_is_there():
            return
        for last in (False, True):
            try:
                self.world.cutover("target", "teardown", claims.TARGET, "--confirm", claims.TARGET,
                                   limit=40 * MINUTE, grace=GRACE)
                return
            except Failed:
                if last:
                    raise

    def target_is_there(self):
        row = self.or_nothing("dynamodb", "get-item", "--table-name", claims.table(self.world), "--consistent-read",
                              "--key", json.dumps({"pk": {"S": f"target#{claims.TARGET}"}, "sk": {"S": "environment"}}))
        return bool(row) or self.stack(f"{self.world.project}-{claims.TARGET}")

    def destroy(self):
        """As `make destroy`; a pipeline whose creation failed has no outputs to go by, only its stack."""
        name = f"{self.world.project}-cutover"
        if self.machines():
            self.world.run([str(ROOT / "infra/deploy.sh"), "destroy", "--project", self.world.project],
                           40 * MINUTE, grace=GRACE)
        elif self.stack(name):
            self.aws("cloudformation", "delete-stack", "--stack-name", name)
            self.aws("cloudformation", "wait", "stack-delete-complete", "--stack-name", name, limit=40 * MINUTE)

    def table(self):
        name = claims.table(self.world)
        seen = self.or_nothing("dynamodb", "describe-table", "--table-name", name)
        if not seen:
            return
        if seen["Table"].get("DeletionProtectionEnabled"):
            self.aws("dynamodb", "update-table", "--table-name", name, "--no-deletion-protection-enabled")
        self.aws("dynamodb", "delete-table", "--table-name", name)
        self.aws("dynamodb", "wait", "table-not-exists", "--table-name", name, limit=10 * MINUTE)

    def buckets(self):
        """The two that a pipeline keeps, by their whole names; a target's goes with its stack."""
        kept = [f"{self.world.project}-cutover-{what}{self.world.account}-{self.world.region}" for what in ("", "pkg-")]
        for name in set(kept) & set(claims.buckets(self.world, GRACE)):
            self.empty(name)
            self.aws("s3api", "delete-bucket", "--bucket", name)

    def empty(self, name):
        query = "{Objects: [Versions, DeleteMarkers][] | [?@] | [].{Key: Key, VersionId: VersionId}}"
        while True:
            page = self.aws("s3api", "list-object-versions", "--bucket", name, "--max-items", AT_ONCE, "--query", query)
            if not (page or {}).get("Objects"):
                return
            self.aws("s3api", "delete-objects", "--bucket", name, "--delete", json.dumps({**page, "Quiet": True}))

    def left(self):
        until = time.monotonic() + LISTED
        while True:
            try:
                left = claims.found(self.world, GRACE)
            except Failed as failed:
                left = [f"nobody knows: {failed}"]
            if not left or time.monotonic() > until:
                return left
            self.attempt("delete late log groups", lambda: self.late_log_groups(left))
            time.sleep(2)

    def late_log_groups(self, left):
        """A function that was called while its stack went makes its log group anew: Lambda tries an event that
        could not be worked on again for hours."""
        for line in left:
            if line.startswith("log group "):
                self.or_nothing("logs", "delete-log-group", "--log-group-name", line.removeprefix("log group "))
