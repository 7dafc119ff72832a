"""What releases of 1 to many components cost: time, steps, calls, history."""

import json
import re
import statistics
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bench_processor
from cloud import CUTOVER, GIT, PROJECT, ROOT, Failed, Repository, client, finish, git, history, machine

TARGET = "dev"
# A release of one is quick, and one alone would be chance.
ROUNDS_OF_ONE = 3
# A release of many, on a machine that does something else beside it, takes minutes.
DEADLINE = 1200
# Programs that make repositories and commits; they wait for disk and bus more than they compute.
AT_ONCE = 4
MANIFEST = """[component]
name = "{name}"
peers = {peers}
[build]
unit_tests = "true"
command = "cp -R src dist"
output = "dist"
[run]
command = "python3 serve.py"
port = 8090
healthy_for = "{healthy_for}s"
[[suite]]
name = "nothing"
command = "{suite}"
"""
SERVE = """import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = b"ok"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Answer).serve_forever()
"""


class Components:
    """bench-01, bench-02, ...: they do as little as possible, and are kept."""

    def __init__(self, count):
        self.names = [f"bench-{n:02}" for n in range(1, count + 1)]
        self.least = 1
        with ThreadPoolExecutor(AT_ONCE) as pool:
            self.repositories = list(pool.map(prepare, self.names))

    def healthy_for(self, seconds):
        """What their next versions say of how long a candidate is looked at."""
        self.least = seconds

    def commit(self, count, what, with_peers=False, suite="true"):
        """A new version of the first so many, pushed: component to commit."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            shas = pool.map(lambda n: self._commit_one(n, what, with_peers, suite), range(count))
            return dict(zip(self.names, shas))

    def _commit_one(self, n, what, with_peers, suite):
        peers = self.names[n + 1 : n + 2] if with_peers else []
        repository = self.repositories[n]
        (repository.work / "cutover.toml").write_text(manifest(self.names[n], peers, self.least, suite))
        sha = repository.commit(what)
        repository.push()
        return sha


def manifest(name, peers, healthy_for, suite="true"):
    return MANIFEST.format(name=name, peers=json.dumps(peers), healthy_for=healthy_for, suite=suite)


def prepare(name):
    """Its repository, made once; it is registered each time, since the local cloud forgets that."""
    url = f"{GIT}/{name}.git"
    there = ["git", "ls-remote", "--exit-code", "--quiet", url, "HEAD"]
    if subprocess.run(there, capture_output=True).returncode != 0:
        quiet([ROOT / "target/debug/cutover-local", "repository", "create", name])
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=ROOT / ".local/tmp"))
        (folder / "src").mkdir()
        (folder / "src" / "serve.py").write_text(SERVE)
        (folder / "cutover.toml").write_text(manifest(name, [], 1))
        git(folder, "-c", "init.defaultBranch=main", "init", "--quiet")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", "As little as possible")
        git(folder, "push", "--quiet", url, "HEAD:refs/heads/main")
    quiet([CUTOVER, "component", "add", name, "--repository", url])
    return Repository(name)


def quiet(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}".strip())


def start(states, value):
    return states.start_execution(stateMachineArn=machine(), input=json.dumps(value))["executionArn"]


def ended_well(states, arn):
    ended = finish(states, arn, DEADLINE)
    if ended["status"] != "SUCCEEDED":
        raise Failed(f"the release failed: {ended.get('cause')}")
    return ended


def print_sizes(components, sizes, with_peers):
    states = client("stepfunctions")
    # So that functions are warm, every peer is live, and each size has something to replace.
    all_of_them = components.commit(len(components.names), "warm up", with_peers)
    ended_well(states, start(states, {"versions": all_of_them, "target": TARGET}))
    columns = []
    for size in sizes:
        rounds = [one_release(states, components, size, with_peers) for _ in range(ROUNDS_OF_ONE if size == 1 else 1)]
        columns.append({name: statistics.median(one[name] for one in rounds) for name in rounds[0]})
    talk = "each talks to the next" if with_peers else "without peers"
    print(f"\nReleases of so many components, trivial commands, {talk} (of one: median of {ROUNDS_OF_ONE}):")
    print(f"  {'':<52}" + "".join(f"{size:>9}" for size in sizes))
    for name in columns[0]:
        digits = 2 if name.endswith(", s") else 0
        print(f"  {name:<52}" + "".join(f"{column[name]:>9.{digits}f}" for column in columns), flush=True)


def one_release(states, components, size, with_peers):
    versions = components.commit(size, f"one of {size}", with_peers)
    before = bench_processor.used()
    arn = start(states, {"versions": versions, "target": TARGET})
    ended = ended_well(states, arn)
    processor = bench_processor.since(before)
    events = history(states, arn)
    wall = (ended["stopDate"] - ended["startDate"]).total_seconds()
    drain, boot, user = span(events, "Drain"), span(events, "Deploy (initial)"), command_seconds(events)
    polls, calls = route53_calls(arn.rsplit(":", 1)[1], ended["startDate"])
    settled = settling(arn.rsplit(":", 1)[1], ended["startDate"])
    in_sync = until_in_sync(arn.rsplit(":", 1)[1], ended["startDate"])
    return {
        "wall time, s": wall,
        "users' commands, all together, s": sum(user.values()),
        "users' commands, the component with most, s": max(user.values()),
        "booting, from the first begun to the last healthy, s": boot,
        "draining (alias TTL and margin), s": drain,
        "until healthy for as long as its manifest says, s": settled,
        "until Route 53 says INSYNC, twice, s": in_sync,
        "the rest: our overhead, s": wall - max(user.values()) - boot - drain - settled - in_sync,
        **processor,
        "state transitions": len(entered(events)),
        "Route 53 calls besides INSYNC polls (limit 12)": calls,
        "Route 53 INSYNC polls": polls,
        "largest state input or output (limit 262,144), bytes": largest_payload(events),
        "history events here (limit 25,000)": len(events),
        "history events as AWS counts": as_aws_counts(events),
    }


def entered(events):
    return [e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e]


def exits(events):
    return [e["stateExitedEventDetails"] for e in events if "stateExitedEventDetails" in e]


def span(events, name):
    """From the first that entered to the last that left it, in seconds."""
    begun = [e["timestamp"] for e in events if e.get("stateEnteredEventDetails", {}).get("name") == name]
    ended = [e["timestamp"] for e in events if e.get("stateExitedEventDetails", {}).get("name") == name]
    return (max(ended) - min(begun)).total_seconds()


def command_seconds(events):
    """Of each component: its unit tests and build run side by side, its suite after that."""
    longest = {}
    for state in exits(events):
        if state["name"] not in ("Unit tests", "Build", "Run suite"):
            continue
        output = json.loads(state["output"])
        stage = state["name"] == "Run suite"
        times = longest.setdefault(output["component"], {})
        times[stage] = max(times.get(stage, 0), output.get("command_seconds", 0))
    return {component: sum(times.values()) for component, times in longest.items()}


def largest_payload(events):
    details = [value for event in events for key, value in event.items() if key.endswith("EventDetails")]
    return max(len(one[key].encode()) for one in details for key in ("input", "output") if key in one)


def as_aws_counts(events):
    """MiniStack leaves out that a task, Map, Parallel started, what a Map or Parallel made, and both
    ends of each iteration."""
    kinds = [event["type"] for event in events]
    started = kinds.count("TaskScheduled") - kinds.count("TaskStarted")
    both = kinds.count("MapStateEntered") + kinds.count("ParallelStateEntered")
    iterations = sum(entered(events).count(first) for first in ("Prepare workspace", "Artifact exists?", "Run suite"))
    return len(events) + started + 2 * both + 2 * iterations


def settling(execution, since):
    """What Deploy (cutover) waited for a candidate that had not been healthy for long enough (`[run] healthy_for`)."""
    lines = said("cutover", execution, since, '"the candidates settle"')
    return max(durations("left", lines), default=0)


def until_in_sync(execution, since):
    """What Publish hostnames and Deploy (cutover) waited for Route 53: nobody who changes DNS can go on before."""
    lines = [line for function in ("publish-hostnames", "cutover")
             for line in said(function, execution, since, '"the change is INSYNC"')]
    found = durations("waited", lines)
    if not found:
        raise Failed("no function has logged for how long it waited for INSYNC")
    return sum(found)


def durations(name, lines):
    """In seconds, as Rust writes them."""
    times = [found for line in lines for found in re.findall(rf'"{name}":"([0-9.]+)(s|ms|µs|ns)"', line)]
    return [float(number) * {"s": 1, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit] for number, unit in times]


def route53_calls(execution, since):
    """INSYNC polls and other calls that the functions say they made for this execution."""
    polls, others = 0, 0
    for function in sorted(path.name for path in (ROOT / "functions").iterdir()):
        lines = said(function, execution, since, '"route53:"')
        calls = [found[1] for found in (re.search(r'"call":"route53:(\w+)"', line) for line in lines) if found]
        polls += calls.count("GetChange")
        others += len(calls) - calls.count("GetChange")
    return polls, others


def said(function, execution, since, what):
    """The lines of a function's log about this execution that have these words."""
    logs = client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/{PROJECT}-{function}", filterPattern=what, startTime=int(since.timestamp() * 1000)
    )
    try:
        return [event["message"] for page in pages for event in page["events"] if f'"{execution}"' in event["message"]]
    except logs.exceptions.ResourceNotFoundException:
        return []  # it was never called
