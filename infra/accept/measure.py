"""What the run took where: states from the executions' histories, the rest from the functions' logs."""

import re
from datetime import datetime

from world import MINUTE, Failed

# Whose cold starts a release waits for.
FUNCTIONS = ["plan-release", "prepare-workspace", "unit-tests", "build", "push-artifacts", "deploy-initial",
             "publish-hostnames", "integration-tests", "cutover", "terminate-previous"]
STATES = ["Plan release", "Prepare workspace", "Unit tests", "Build", "Deploy (initial)", "Publish hostnames", "Run suite",
          "Deploy (cutover)", "Drain", "Terminate previous"]
REPORT = re.compile(r"Billed Duration: (\d+) ms\s+Memory Size: (\d+) MB(?:.*?Init Duration: ([\d.]+) ms)?", re.DOTALL)

# Dollars, on the safe side of the lists of us-east-1 and eu-central-1 in 2026.
INSTANCE_HOUR = 0.0192 + 0.005 + 0.001  # t4g.small, its public address, 8 GiB of gp3
GB_SECOND, TRANSITION = 0.0000167, 0.000025


def moment(text):
    """A time as the AWS CLI writes it: a number, or ISO 8601."""
    return text if isinstance(text, (int, float)) else datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Measures:
    def __init__(self, world):
        self.world, self.states, self.transitions = world, {}, 0
        self.cold, self.gb_seconds, self.in_sync, self.unread = {}, 0.0, [], []

    def take(self, executions):
        """Reads what there is; what cannot be read is said, and fails nothing."""
        for name, arn in executions.items():
            self.attempt(lambda name=name, arn=arn: self.history(name, arn))
        for function in FUNCTIONS:
            self.attempt(lambda function=function: self.log(function))
        return self

    def attempt(self, look):
        try:
            look()
        except Failed as failed:
            self.unread.append(str(failed))

    def history(self, name, arn):
        events = self.world.aws("stepfunctions", "get-execution-history", "--execution-arn", arn, limit=5 * MINUTE)["events"]
        entered, longest = {}, {}
        for event in events:
            if event["type"].endswith("StateEntered"):
                self.transitions += 1
                entered.setdefault(event["stateEnteredEventDetails"]["name"], []).append(moment(event["timestamp"]))
            elif event["type"].endswith("StateExited"):
                state = event["stateExitedEventDetails"]["name"]
                if entered.get(state):
                    # Of those that run side by side the first is taken for the first: the longest is what was waited for.
                    took = moment(event["timestamp"]) - entered[state].pop(0)
                    longest[state] = max(took, longest.get(state, 0))
        self.states[name] = {state: longest[state] for state in STATES if state in longest}

    def log(self, function):
        group = f"/aws/lambda/{self.world.project}-{function}"
        answer = self.world.aws("logs", "filter-log-events", "--log-group-name", group, limit=5 * MINUTE)
        moved = {}
        for event in answer.get("events", []):
            found = REPORT.search(event["message"]) if event["message"].startswith("REPORT") else None
            if found:
                self.gb_seconds += int(found[1]) / 1000 * int(found[2]) / 1024
                if found[3]:
                    self.cold.setdefault(function, []).append(float(found[3]) / 1000)
            request = re.search(r'"request":"([^"]+)"', event["message"])
            if request and '"the aliases moved"' in event["message"]:
                moved[request[1]] = event["timestamp"]
            elif request and request[1] in moved and '"message":"done"' in event["message"]:
                self.in_sync.append((event["timestamp"] - moved.pop(request[1])) / 1000)

    def dollars(self, instance_seconds):
        """(what for, how much), on the safe side."""
        return [
            (f"instances, {instance_seconds / 3600:.2f} hours", instance_seconds / 3600 * INSTANCE_HOUR),
            (f"Lambda, {self.gb_seconds:.0f} GB-seconds read from its log", self.gb_seconds * GB_SECOND),
            (f"Step Functions, {self.transitions} transitions of the releases", self.transitions * TRANSITION),
            ("Route 53: a zone that lives less than 12 hours costs nothing; queries, DynamoDB, S3, logs", 0.01),
        ]
