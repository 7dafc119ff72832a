"""What a day of the keeper and the sweeper costs on targets where nothing happens: calls, time and money; and that
nothing changes by it. The schedules are switched off, and what they would have called is called back to back, with the
events of a day: each minute one to the keeper's function, every 15 minutes one execution of the sweeper."""

import datetime
import hashlib
import json
import math
import os
import re
import struct
import sys
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from bench_releases import TARGET, ended_well, entered, start
from cloud import DOMAIN, PROJECT, ROOT, Failed, client, finish, history, machine

sys.path.insert(0, str(ROOT / "local" / "requests"))
import decode  # noqa: E402

# Components that are live, where BENCH_SIZES does not say.
SIZES = (1, 4)
# Of a day, which takes a quarter of an hour here; an hour of it where this is one part of many.
MINUTES = int(os.environ.get("BENCH_IDLE", "1440" if os.environ.get("BENCH_ONLY") == "idle" else "60"))
SWEEP_EVERY = 15
DAYS = 30
RULES = ("keep", "sweep", "release-ended", "instance-ended")
FUNCTIONS = ("keep", "sweep")
MEMORY = 256 / 1024
# us-east-1, in $. https://aws.amazon.com/lambda/pricing/ (arm64), https://aws.amazon.com/step-functions/pricing/,
# https://aws.amazon.com/dynamodb/pricing/on-demand/, https://aws.amazon.com/cloudwatch/pricing/: as of November 2026.
# Rules of EventBridge, their schedules, and calls to Route 53 and EC2 cost nothing.
PRICES = {"invocations": 0.20 / 1e6, "GB-seconds": 0.0000133334, "transitions": 0.025 / 1e3, "read units": 0.125 / 1e6,
          "log bytes": 0.50 / 2**30}
# Calls a second of an account: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html,
# https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html (the bucket of unfiltered and unpaginated
# calls, the smallest one, is refilled with 10 a second).
QUOTAS = {"route53": 5, "ec2": 10}
# What CloudWatch adds to each event: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html.
OF_AN_EVENT = 26


def print_idle(components, sizes):
    states, columns = client("stepfunctions"), {}
    with Quiet():
        for size in sizes:
            versions = components.commit(size, f"one of {size} that nobody touches")
            ended_well(states, start(states, {"versions": versions, "target": TARGET}))
            sweep(states, event(0, "sweep"))
            columns[f"{Table().count('alias#', of='target#')} live"] = day(states)
    show(columns)


class Quiet:
    """Nobody else calls the two meanwhile."""

    def __enter__(self):
        self.events = client("events")
        for name in RULES:
            self.events.disable_rule(Name=f"{PROJECT}-{name}")
        self.wait_for_what_runs()

    def __exit__(self, *_):
        for name in RULES:
            self.events.enable_rule(Name=f"{PROJECT}-{name}")

    def wait_for_what_runs(self):
        states = client("stepfunctions")
        for name in FUNCTIONS:
            for one in states.list_executions(stateMachineArn=arn_of(name), statusFilter="RUNNING")["executions"]:
                finish(states, one["executionArn"])


def arn_of(name):
    return machine().removesuffix("release") + name


def event(minute, rule):
    """As EventBridge sends it: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html."""
    at = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(minutes=minute)
    region, account = machine().split(":")[3:5]
    return {"version": "0", "id": str(uuid.uuid4()), "detail-type": "Scheduled Event", "source": "aws.events",
            "account": account, "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "region": region,
            "resources": [f"arn:aws:events:{region}:{account}:rule/{PROJECT}-{rule}"], "detail": {}}


def day(states):
    """Of each figure what a day comes to."""
    before, record, began, logged = world(), Record(), time.monotonic(), int(time.time() * 1000)
    functions, swept = client("lambda"), []
    for minute in range(MINUTES):
        look(functions, event(minute, "keep"))
        if minute % SWEEP_EVERY == 0:
            swept.append(sweep(states, event(minute, "sweep")))
    took, after = time.monotonic() - began, world()
    if after != before:
        changed = [name for name in before if before[name] != after[name]]
        raise Failed(f"a day in which nothing happens changed {', '.join(changed)}")
    called = complete(logged)
    figures = {"took": took, "changed": 0, "targets": Table().count("environment", of="target#")}
    figures |= {f"executions of {name}": 0 for name in ("keep",)} | {"executions of sweep": len(swept)}
    with ThreadPoolExecutor(4) as pool:
        figures["transitions"] = sum(pool.map(lambda arn: len(entered(history(states, arn))), swept))
    return figures | called | record.since()


def look(functions, value):
    reply = functions.invoke(FunctionName=f"{PROJECT}-keep", Payload=json.dumps(value))
    said = json.loads(reply["Payload"].read())
    if "FunctionError" in reply or said.get("started") or said.get("failed"):
        raise Failed(f"the keeper found something to do on an idle target: {said}")


def sweep(states, value):
    started = states.start_execution(stateMachineArn=arn_of("sweep"), name=f"idle-{uuid.uuid4()}", input=json.dumps(value))
    arn = started["executionArn"]
    ended = finish(states, arn)
    if ended["status"] != "SUCCEEDED":
        raise Failed(f"a sweep ended as {ended['status']}: {ended.get('cause')}")
    return arn


def world():
    """All that the two could change, as hashes of all of it."""
    zones, machines = client("route53"), client("ec2")
    pages = zones.get_paginator("list_resource_record_sets")
    records = [[record for page in pages.paginate(HostedZoneId=zone["Id"]) for record in page["ResourceRecordSets"]]
               for zone in zones.list_hosted_zones()["HostedZones"] if DOMAIN in zone["Name"]]
    found = {"the zones' records": records, "the table's rows": Table().rows(),
             # EC2 forgets by itself what has ended.
             "the instances": [one for page in machines.describe_instances()["Reservations"] for one in page["Instances"]
                               if one["State"]["Name"] != "terminated"],
             "the launch templates' versions": machines.describe_launch_templates()["LaunchTemplates"],
             "the keeper's executions": client("stepfunctions").list_executions(stateMachineArn=arn_of("keep"))["executions"]}
    texts = {name: json.dumps(one, default=str, sort_keys=True) for name, one in found.items()}
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}


class Table:
    def __init__(self):
        self.dynamodb, self.name = client("dynamodb"), os.environ["CUTOVER_TABLE"]

    def rows(self):
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.name)
        return sorted((row for page in pages for row in page["Items"]), key=lambda row: (row["pk"]["S"], row["sk"]["S"]))

    def count(self, prefix, of=f"target#{TARGET}"):
        return sum(row["pk"]["S"].startswith(of) and row["sk"]["S"].startswith(prefix) for row in self.rows())

    def units(self, operation, asked):
        """What DynamoDB charges for a read: 4 KiB of what was read, half for one that may be a moment old.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html"""
        if operation == "Scan":  # what its filter leaves out is read too
            sizes, consistent = [sum(map(size, self.rows()))], asked.get("ConsistentRead")
        elif operation == "Query":
            left_out = ("ProjectionExpression", "Select")  # which make nothing cheaper
            found = self.dynamodb.query(**{key: value for key, value in asked.items() if key not in left_out})
            sizes, consistent = [sum(map(size, found["Items"]))], asked.get("ConsistentRead")
        elif operation == "GetItem":
            found = self.dynamodb.get_item(TableName=self.name, Key=asked["Key"])
            sizes, consistent = [size(found.get("Item", {}))], asked.get("ConsistentRead")
        elif operation == "BatchGetItem":
            keys = asked["RequestItems"][self.name]
            sizes = [size(self.dynamodb.get_item(TableName=self.name, Key=key).get("Item", {})) for key in keys["Keys"]]
            consistent = keys.get("ConsistentRead")
        else:
            raise Failed(f"on an idle target somebody asks for dynamodb:{operation}")
        return sum(max(1, math.ceil(one / 4096)) for one in sizes) * (1 if consistent else 0.5)


def size(row):
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html"""
    return sum(len(name.encode()) + of_value(value) for name, value in row.items())


def of_value(value):
    (kind, one), = value.items()
    if kind == "M":
        return 3 + len(one) + size(one)
    if kind == "L":
        return 3 + len(one) + sum(map(of_value, one))
    if kind == "N":
        return math.ceil(len(one.strip("-.")) / 2) + 1
    return len(one.encode()) if kind == "S" else 1


class Record:
    """What the local cloud records of requests (local/ministack/requests.py), since this was made."""

    def __init__(self):
        self.before = self.times()

    def times(self):
        data = (ROOT / ".local/tmp/requests/times").read_bytes()
        return struct.unpack(f"<{len(data) // 8}Q", data[: len(data) // 8 * 8])

    def since(self):
        calls, units, table = Counter(), 0, Table()
        lines = (ROOT / ".local/tmp/requests/kinds").read_bytes().splitlines()
        for at, count in enumerate(self.times()):
            count -= self.before[at] if at < len(self.before) else 0
            kind = json.loads(lines[at - 1]) if at and count else None
            function = kind and next((name for name in FUNCTIONS if f"{PROJECT}-{name}" in kind["sender"]), None)
            if function is None:
                continue
            if kind["status"] >= 400:
                raise Failed(f"{function} was refused: {kind['answer']}")
            found = decode.decode(kind)
            calls[f"{kind['service']}:{found.operation}"] += count
            if kind["service"] == "dynamodb":
                units += count * table.units(found.operation, found.parameters)
        return {"calls": calls, "read units": units}


def complete(since):
    """The logs, once they have each invocation: the last one's line may come a moment after its answer."""
    for _ in range(20):
        figures = logs(since)
        if figures["invocations of keep"] >= MINUTES:
            return figures
        time.sleep(0.5)
    raise Failed(f"the keeper's log has {figures['invocations of keep']} of {MINUTES} invocations")


def logs(since):
    """Invocations, their time, and what they say, by the functions' logs."""
    figures = Counter()
    pages = client("logs").get_paginator("filter_log_events")
    for name in FUNCTIONS:
        for page in pages.paginate(logGroupName=f"/aws/lambda/{PROJECT}-{name}", startTime=since):
            for one in page["events"]:
                figures["log bytes"] += len(one["message"].encode()) + OF_AN_EVENT
                report = re.search(r"REPORT .*\tDuration: ([0-9.]+) ms", one["message"])
                if report:
                    figures["invocations"] += 1
                    figures[f"invocations of {name}"] += 1
                    figures[f"milliseconds of {name}"] += float(report[1])
                    figures["GB-seconds"] += float(report[1]) / 1000 * MEMORY
    return figures


def show(columns):
    part = MINUTES / 1440
    heads = list(columns)
    print(f"\nA day of the keeper and the sweeper in which nothing happens ({MINUTES} of 1,440 minutes were run"
          f"{'' if part == 1 else ', and are multiplied'}):")
    print(f"  {'':<52}" + "".join(f"{head:>12}" for head in heads))
    first = next(iter(columns.values()))
    names = ["targets", "invocations of keep", "invocations of sweep", "executions of keep", "executions of sweep",
             "transitions", "GB-seconds", "read units", "log bytes"]
    for name in names:
        of_day = 1 if name == "targets" else part
        print(f"  {name:<52}" + "".join(f"{one[name] / of_day:>12,.0f}" for one in columns.values()))
    for name in FUNCTIONS:
        print(f"  {f'milliseconds of one of {name}, here':<52}" + "".join(
            f"{one[f'milliseconds of {name}'] / one[f'invocations of {name}']:>12.0f}" for one in columns.values()))
    for name in sorted(first["calls"]):
        print(f"  {name:<52}" + "".join(f"{one['calls'][name] / part:>12,.0f}" for one in columns.values()))
    for service, quota in QUOTAS.items():
        print(f"  {f'{service}, of {quota} calls a second on the average':<52}" + "".join(
            f"{share(one, service) / part / 86400 / quota:>11.2%} " for one in columns.values()))
    print("  A month, $:")
    for name, price in PRICES.items():
        print(f"    {name:<50}" + "".join(f"{one[name] / part * DAYS * price:>12.4f}" for one in columns.values()))
    total = [sum(one[name] / part * DAYS * price for name, price in PRICES.items()) for one in columns.values()]
    print(f"    {'all of it':<50}" + "".join(f"{one:>12.4f}" for one in total))
    more = [one["invocations"] * MEMORY - one["GB-seconds"] for one in columns.values()]
    slow = [one / part * DAYS * PRICES["GB-seconds"] for one in more]
    print(f"    {'all of it, if each invocation took a second':<50}" + "".join(f"{a + b:>12.4f}" for a, b in zip(total, slow)))
    print(f"  Records, rows, instances and launch templates are the same before and after. It took "
          f"{sum(one['took'] for one in columns.values()):.0f} s.", flush=True)


def share(figures, service):
    return sum(count for name, count in figures["calls"].items() if name.startswith(f"{service}:"))
