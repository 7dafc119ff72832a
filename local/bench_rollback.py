"""How long it takes to take a release of four back, from the command to the last alias moved."""

import os
import time

from bench_releases import DEADLINE, ended_well, start
from cloud import Failed, client

# Its drain leaves the time to find the previous instances still there.
TARGET = "lab"
COUNT = 4


def print_rollback(components):
    states, table = client("stepfunctions"), client("dynamodb")
    names = components.names[:COUNT]

    def release(what):
        versions = components.commit(COUNT, what)
        return versions, start(states, {"versions": versions, "target": TARGET})

    first, arn = release("before")
    ended_well(states, arn)
    second, arn = release("to be taken back while what was before still runs")
    moved(table, second)
    warm = take_back(states, table, first)
    ended_well(states, arn)
    _, arn = release("to be taken back when what was before has ended")
    ended_well(states, arn)
    again = take_back(states, table, first)
    print(f"\nA release of {len(names)} taken back, from the command to the last alias moved:")
    print(f"  {'while the previous instances still run, s':<52}{warm:>9.1f}")
    print(f"  {'with instances launched again, s':<52}{again:>9.1f}", flush=True)


def take_back(states, table, to):
    began = time.monotonic()
    arn = start(states, {"target": TARGET, "version": "previous"})
    moved(table, to)
    seconds = time.monotonic() - began
    ended_well(states, arn)
    return seconds


def moved(table, versions):
    """Waits until the table says that all of them are live: it is written right after the aliases moved."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        if all(live(table, component) == sha for component, sha in versions.items()):
            return
        time.sleep(0.05)
    raise Failed(f"not all of {', '.join(versions)} went live on {TARGET} within {DEADLINE} s; does something else release to it?")


def live(table, component):
    key = {"pk": {"S": f"target#{TARGET}"}, "sk": {"S": f"alias#{component}"}}
    row = table.get_item(TableName=os.environ["CUTOVER_TABLE"], Key=key, ConsistentRead=True).get("Item", {})
    return row.get("commit", {}).get("S")
