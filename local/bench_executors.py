"""What it costs a release of one that its commands run in a function or in a container."""

import statistics

from bench_releases import TARGET, ended_well, manifest, start
from cloud import client, history

ROUNDS = 3
KINDS = ("lambda", "codebuild")
# Each runs one command, and the first two beside each other.
STAGES = ("Unit tests", "Build", "Run suite")


def print_executors(components):
    columns = [median([release(components, kind, number) for number in range(ROUNDS)]) for kind in KINDS]
    print(f"\nA release of one whose commands do nothing, by where they run (median of {ROUNDS}):")
    print(f"  {'':<52}" + "".join(f"{kind:>11}" for kind in KINDS))
    for name in columns[0]:
        print(f"  {name:<52}" + "".join(f"{column[name]:>11.2f}" for column in columns), flush=True)


def median(rounds):
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


def release(components, kind, number):
    name, repository = components.names[0], components.repositories[0]
    text = manifest(name, [], 1) + f'[machine]\nkind = "{kind}"\n'
    (repository.work / "cutover.toml").write_text(text)
    commit = repository.commit(f"{kind} {number}")
    repository.push()
    states = client("stepfunctions")
    arn = start(states, {"component": name, "version": commit, "target": TARGET})
    ended = ended_well(states, arn)
    events = history(states, arn)
    rows = {"wall time, s": (ended["stopDate"] - ended["startDate"]).total_seconds()}
    return rows | {f"{stage}, its command included, s": took(events, stage) for stage in STAGES}


def took(events, stage):
    """In a container the state's name says so behind the stage's."""
    begun = [one["timestamp"] for one in events
             if one.get("stateEnteredEventDetails", {}).get("name", "").startswith(stage)]
    ended = [one["timestamp"] for one in events
             if one.get("stateExitedEventDetails", {}).get("name", "").startswith(stage)]
    return (max(ended) - min(begun)).total_seconds()
