"""Where the time of a release of many goes, beside a release of one: stage by stage, and who had the processor meanwhile."""

import os
import threading
import time
from bisect import bisect_left
from pathlib import Path

import bench_processor
from bench_releases import TARGET, ended_well, start
from cloud import client, history

MANY = 32
# Between two looks at who uses the processor; a look reads all processes.
EACH = 0.3
# A stage lasts until the last one of this state is left.
STAGES = [
    ("planned, workspaces, peers", "Publish peers"),
    ("tested, built, pushed", "Push artifacts"),
    ("launched and healthy", "Deploy (initial)"),
    ("hostnames published", "Publish hostnames"),
    ("suites passed", "Integration tests"),
    ("cut over", "Deploy (cutover)"),
    ("drained and watched", "Watch release"),
    ("previous ended", "Released"),
]


class Processor:
    """Who has used how many seconds, at many moments."""

    def __enter__(self):
        self.moments, self.seen, self.over = [], [], threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def look(self):
        while True:
            self.moments.append(time.time())
            self.seen.append({**bench_processor.used(), "nobody": idle()})
            if self.over.wait(EACH):
                return

    def between(self, begin, end):
        """Seconds of each, as if they were used evenly between two looks."""
        at_end, at_begin = self.at(end), self.at(begin)
        return {who: at_end[who] - at_begin[who] for who in at_end}

    def at(self, moment):
        after = min(max(bisect_left(self.moments, moment), 1), len(self.moments) - 1)
        first, second = self.moments[after - 1], self.moments[after]
        part = min(max((moment - first) / (second - first), 0), 1)
        before, then = self.seen[after - 1], self.seen[after]
        return {who: before[who] + part * (then[who] - before[who]) for who in then}


def idle():
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return (int(words[4]) + int(words[5])) / bench_processor.TICK


def ends(events):
    """When each stage was over, seconds since 1970; and when the release began."""
    left = {}
    for event in events:
        if "stateExitedEventDetails" in event:
            left[event["stateExitedEventDetails"]["name"]] = event["timestamp"].timestamp()
    return events[0]["timestamp"].timestamp(), [left[state] for _, state in STAGES]


def one(states, components, count):
    versions = components.commit(count, f"profile of {count}")
    with Processor() as processor:
        arn = start(states, {"versions": versions, "target": TARGET})
        ended_well(states, arn)
        time.sleep(2 * EACH)
    begin, all_ends = ends(history(states, arn))
    spans = list(zip([begin, *all_ends], all_ends))
    return [(end - begin, processor.between(begin, end)) for begin, end in spans]


def print_profile(components):
    states = client("stepfunctions")
    warm_up = components.commit(len(components.names), "warm up")
    ended_well(states, start(states, {"versions": warm_up, "target": TARGET}))
    single, many = one(states, components, 1), one(states, components, MANY)
    who = list(many[0][1])
    print(f"\nA release of one and of {MANY}, trivial commands; and who used the {os.cpu_count()} cores in that of {MANY}, s:")
    print(f"  {'':<28}{'of 1':>8}{f'of {MANY}':>8}{'more':>8}" + "".join(f"{name:>29}" for name in who))
    total = [0.0] * (3 + len(who))
    for (name, _), (alone, _), (together, used) in zip(STAGES, single, many):
        row = [alone, together, together - alone, *used.values()]
        total = [so_far + more for so_far, more in zip(total, row)]
        print_row(name, row)
    print_row("all", total)


def print_row(name, row):
    print(f"  {name:<28}" + "".join(f"{one:>8.2f}" for one in row[:3]) + "".join(f"{one:>29.2f}" for one in row[3:]), flush=True)
