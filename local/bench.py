"""Benchmarks, printed and never asserted: machines differ, so compare figures of one run."""

import http.server
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from cloud import CUTOVER, GIT, ROOT, Failed, Repository, client, finish, git, history, machine

ROUNDS = 3
MANIFEST = """[component]
name = "bench"
[build]
unit_tests = "true"
command = "cp -R src dist"
output = "dist"
[run]
command = "python3 serve.py"
port = 8090
[[suite]]
name = "nothing"
command = "true"
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


def main():
    states = client("stepfunctions")
    prepare()
    repository = Repository("bench")
    rounds = [one_release(states, repository, n) for n in range(ROUNDS)]
    print(f"\nOne component, trivial commands, {ROUNDS} releases after one to warm up; median:")
    for name in rounds[0]:
        values = [one[name] for one in rounds]
        print(f"  {name:<44}{statistics.median(values):>10.2f}")
    functions()


def prepare():
    """A component that does as little as possible, live once so that functions are warm."""
    done = subprocess.run(["git", "ls-remote", "--exit-code", "--quiet", f"{GIT}/bench.git", "HEAD"], capture_output=True)
    if done.returncode != 0:
        subprocess.run([ROOT / "target/debug/cutover-local", "repository", "create", "bench"], check=True)
        folder = Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / ".local/tmp"))
        (folder / "src").mkdir()
        (folder / "src" / "serve.py").write_text(SERVE)
        (folder / "cutover.toml").write_text(MANIFEST)
        git(folder, "-c", "init.defaultBranch=main", "init", "--quiet")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", "As little as possible")
        git(folder, "push", "--quiet", f"{GIT}/bench.git", "HEAD:refs/heads/main")
    subprocess.run([CUTOVER, "component", "add", "bench", "--repository", f"{GIT}/bench.git"], check=True)
    subprocess.run([CUTOVER, "release", "bench", "--target", "dev"], check=True)


def one_release(states, repository, n):
    sha = repository.commit(f"bench {n}")
    repository.push()
    calls = route53_calls()
    arn = states.start_execution(
        stateMachineArn=machine(),
        name=f"bench-{sha[:12]}-{time.time_ns() // 1_000_000}",
        input=json.dumps({"component": "bench", "version": sha, "target": "dev"}),
    )["executionArn"]
    ended = finish(states, arn)
    if ended["status"] != "SUCCEEDED":
        raise Failed(f"the release failed: {ended.get('cause')}")
    events = history(states, arn)
    wall = (ended["stopDate"] - ended["startDate"]).total_seconds()
    user = sum(json.loads(e["stateExitedEventDetails"]["output"]).get("command_seconds", 0) for e in exits(events) if name_of(e) in ("Unit tests", "Build", "Run suite"))
    drain = span(events, "Drain")
    boot = span(events, "Deploy (initial)")
    changes, all_calls = (now - before for now, before in zip(route53_calls(), calls))
    return {
        "wall time, s": wall,
        "of it in user commands, s": user,
        "of it booting until healthy, s": boot,
        "of it draining (alias TTL and margin), s": drain,
        "the rest: our overhead, s": wall - user - boot - drain,
        "state transitions": sum(1 for e in events if e["type"].endswith("StateEntered")),
        "Route 53 calls": all_calls - changes,
        "Route 53 INSYNC polls": changes,
    }


def exits(events):
    return [event for event in events if event["type"].endswith("StateExited")]


def name_of(event):
    return event["stateExitedEventDetails"]["name"]


def span(events, name):
    start = next(e["timestamp"] for e in events if e["type"].endswith("StateEntered") and e["stateEnteredEventDetails"]["name"] == name)
    return (next(e["timestamp"] for e in exits(events) if name_of(e) == name) - start).total_seconds()


def route53_calls():
    """Calls that the functions say they made: each logs its own with the operation's name."""
    logs = client("logs")
    polls = others = 0
    for function in sorted(path.name for path in (ROOT / "functions").iterdir()):
        group = f"/aws/lambda/{os.environ['CUTOVER_PROJECT']}-{function}"
        try:
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern='"route53:"'):
                for event in page["events"]:
                    match = re.search(r'"call":"route53:(\w+)"', event["message"])
                    if match:
                        polls, others = (polls + 1, others) if match[1] == "GetChange" else (polls, others + 1)
        except logs.exceptions.ResourceNotFoundException:
            continue
    return polls, polls + others


class Api(http.server.BaseHTTPRequestHandler):
    """The Runtime API as far as a start needs it: `next` is noted and never answered."""

    def do_GET(self):
        self.server.asked.set()
        time.sleep(3600)

    def do_POST(self):
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def functions():
    release = ROOT / "target" / "lambda"
    arm = [path for path in (ROOT / "dist").glob("*.zip")]
    optimised = release.is_dir() and next(release.glob("*/bootstrap"), None) is not None
    print(f"\nPer function ({'zip: optimised, as uploaded to AWS; ' if optimised else ''}start and memory: this machine's unoptimised build):")
    print(f"  {'function':<22}{'zip, KiB':>10}{'start to first next, ms':>26}{'peak memory, MiB':>18}")
    for package in sorted(arm):
        name = package.stem
        binary = ROOT / "target" / "debug" / (f"{name}-stage" if name in ("build", "cutover") else name)
        milliseconds, peak = start(binary)
        print(f"  {name:<22}{package.stat().st_size / 1024:>10.0f}{milliseconds:>26.0f}{peak:>18.1f}")


def start(binary):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    times, peaks = [], []
    for _ in range(5):
        server.asked = threading.Event()
        environment = {
            **os.environ,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_address[1]}",
            "AWS_LAMBDA_FUNCTION_NAME": "bench", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "CUTOVER_TABLE": "bench", "CUTOVER_BUCKET": "bench", "CUTOVER_STATE_MACHINE": "bench", "COMMAND_PATH": os.environ["PATH"],
        }
        began = time.monotonic()
        process = subprocess.Popen([binary], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not server.asked.wait(10):
            raise Failed(f"{binary.name} did not ask for work within 10 s")
        times.append((time.monotonic() - began) * 1000)
        status = Path(f"/proc/{process.pid}/status").read_text()
        peaks.append(int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024)
        process.kill()
        process.wait()
    server.shutdown()
    return statistics.median(times), statistics.median(peaks)


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(f"bench: {failed}")
