"""What a long history costs: a release, a discard and `cutover status` on a target with 10,000 releases behind it, beside a
fresh one. The old releases are copies of a real one's rows, with commits, tickets and names of their own."""

import json
import os
import secrets
import statistics
import struct
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench_releases import TARGET, start
from cloud import CUTOVER, ROOT, Failed, client, finish

RELEASES = int(os.environ.get("BENCH_HISTORY", "10000"))
ROUNDS = 3
# Writes of one call to DynamoDB, and calls at once.
BATCH, AT_ONCE = 25, 4
# What a release changes of the table is read by these.
FUNCTIONS = ("terminate-previous", "discard-candidates", "plan-release", "cutover")


def print_history(components):
    fresh = figures(components)
    began = time.monotonic()
    rows = seed(components.names[0])
    took = time.monotonic() - began
    full = figures(components)
    print(f"\nOn a target with {RELEASES} releases behind it ({rows} rows, written in {took:.0f} s; median of {ROUNDS}):")
    print(f"  {'':<52}{'fresh':>9}{'full':>9}")
    for name, before in fresh.items():
        digits = 0 if name.endswith("calls") else 2 if name.endswith(", s") else 1
        print(f"  {name:<52}{before:>9.{digits}f}{full[name]:>9.{digits}f}", flush=True)


def figures(components):
    states = client("stepfunctions")
    timed = {
        "a release": [measured(lambda: ends(states, components, "true", "SUCCEEDED")) for _ in range(ROUNDS)],
        "a release that fails its suite": [measured(lambda: ends(states, components, "false", "FAILED")) for _ in range(ROUNDS)],
        "cutover status": [measured(status) for _ in range(ROUNDS)],
    }
    found = {}
    for what, rounds in timed.items():
        seconds, calls = (statistics.median(column) for column in zip(*rounds))
        found |= {f"{what}, s": seconds, f"{what}, calls": calls}
    return found | {f"peak memory of {name}, MiB": peak(name) for name in FUNCTIONS}


def ends(states, components, suite, how):
    versions = components.commit(1, f"its suite is `{suite}`", suite=suite)
    ended = finish(states, start(states, {"versions": versions, "target": TARGET}))
    if ended["status"] != how:
        raise Failed(f"a release whose suite is `{suite}` ended as {ended['status']}: {ended.get('cause')}")


def status():
    done = subprocess.run([CUTOVER, "status", "--target", TARGET], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"cutover status: {done.stderr}")


def measured(what):
    """How long it takes, and how many requests functions, instances and the CLI made meanwhile."""
    before, began = requests(), time.monotonic()
    what()
    return time.monotonic() - began, requests() - before


def requests():
    """All that the local cloud has recorded (local/ministack/requests.py)."""
    data = (ROOT / ".local/tmp/requests/times").read_bytes()
    return sum(struct.unpack(f"<{len(data) // 8}Q", data[: len(data) // 8 * 8]))


def peak(function):
    """The most that any of its processes has had in memory since it was started."""
    found = [0.0]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            name = dict(one.split("=", 1) for one in (process / "environ").read_text().split("\0") if "=" in one)
            lines = (process / "status").read_text().splitlines()
        except (OSError, UnicodeDecodeError):
            continue  # it has ended, or is not ours
        if name.get("AWS_LAMBDA_FUNCTION_NAME", "").endswith(f"-{function}"):
            found += [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")]
    return max(found)


def seed(component):
    """Writes the rows of so many releases behind the newest one; answers how many rows."""
    rows = Rows(component)
    first = rows.draw(RELEASES)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        batches = [range(n, min(n + BATCH, first + RELEASES)) for n in range(first, first + RELEASES, BATCH)]
        return sum(pool.map(rows.releases, batches))


class Rows:
    """The rows of one release that went live and was replaced, to be written again as others'."""

    def __init__(self, component):
        self.dynamodb, self.table = client("dynamodb"), os.environ["CUTOVER_TABLE"]
        self.pk = f"target#{TARGET}"
        gone = [row for row in self.query(f"past#{component}-") if row["state"]["S"] == "retired"]
        if not gone:
            raise Failed(f"nothing of {component} was live on {TARGET} and is gone")
        one = max(gone, key=lambda row: int(row["ticket"]["N"]))
        self.ticket, self.commit = int(one["ticket"]["N"]), one["commit"]["S"]
        release = self.query(f"release#{self.ticket:08}")
        self.execution = release[0]["execution"]["S"]
        self.copied = [one, *release, *self.query(f"execution#{self.execution}"), *self.query(f"set#{self.ticket:08}"),
                       *self.query(f"proof#{component}@{self.commit[:12]}")]

    def query(self, prefix):
        found, page = [], {}
        while True:
            reply = self.dynamodb.query(
                TableName=self.table, KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
                ExpressionAttributeValues={":pk": {"S": self.pk}, ":sk": {"S": prefix}}, **page,
            )
            found += reply["Items"]
            if not reply.get("LastEvaluatedKey"):
                return found
            page = {"ExclusiveStartKey": reply["LastEvaluatedKey"]}

    def draw(self, count):
        """Tickets of their own: the first of so many."""
        reply = self.dynamodb.update_item(
            TableName=self.table, Key={"pk": {"S": self.pk}, "sk": {"S": "ticket"}}, UpdateExpression="ADD #number :n",
            ExpressionAttributeNames={"#number": "number"}, ExpressionAttributeValues={":n": {"N": str(count)}}, ReturnValues="UPDATED_NEW",
        )
        return int(reply["Attributes"]["number"]["N"]) - count + 1

    def releases(self, tickets):
        items = [item for ticket in tickets for item in self.release(ticket)]
        for n in range(0, len(items), BATCH):
            self.write(items[n : n + BATCH])
        return len(items)

    def release(self, ticket):
        commit = secrets.token_hex(20)
        text = json.dumps(self.copied)
        for old, new in (
            (self.commit, commit), (self.commit[:12], commit[:12]), (self.execution, secrets.token_hex(16)),
            (f"{self.ticket:08}", f"{ticket:08}"), (f"{TARGET}-r{self.ticket}", f"{TARGET}-r{ticket}"),
            (f'"ticket": {{"N": "{self.ticket}"}}', f'"ticket": {{"N": "{ticket}"}}'),
        ):
            text = text.replace(old, new)
        return json.loads(text)

    def write(self, items):
        left = [{"PutRequest": {"Item": item}} for item in items]
        while left:
            reply = self.dynamodb.batch_write_item(RequestItems={self.table: left})
            left = reply.get("UnprocessedItems", {}).get(self.table, [])
