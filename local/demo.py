"""Two versions of `api` by real pushes, the second under load without pause."""

import json
import subprocess
import sys
import time

from cloud import CUTOVER, DOMAIN, Failed, Repository, Traffic, client, execution_of, finish, history

TARGET = "stage"
# What the project promises of the demo's client.
LEAST_RATE = 200


def main():
    began = time.monotonic()
    states = client("stepfunctions")
    say("api talks to msa, so msa has to be live first")
    once_live(states, "msa")
    api = Repository("api")
    say("git push of api, version 1")
    first = release(states, api, "Version 1")
    say(f"git push of api, version 2, while a client asks http://api.{TARGET}.{DOMAIN} without pause")
    traffic = Traffic(f"api.{TARGET}.{DOMAIN}")
    traffic.start()
    second = release(states, api, "Version 2")
    # A little longer, so that the client also sees the time after the previous instance ended.
    time.sleep(1)
    traffic.stop()
    report(states, first, second, traffic, time.monotonic() - began)


def say(text):
    print(f"\n== {text}", flush=True)


def once_live(states, component):
    """Releases HEAD by hand; costs milliseconds when it is live already."""
    done = subprocess.run([CUTOVER, "release", component, "--target", TARGET])
    if done.returncode != 0:
        raise Failed(f"{component} was not released")


def release(states, repository, message):
    sha = repository.commit(message)
    repository.push()
    arn = execution_of(states, repository.component, sha, TARGET)
    subprocess.run([CUTOVER, "watch", arn])
    ended = finish(states, arn)
    if ended["status"] != "SUCCEEDED":
        raise Failed(f"{message} was not released: {ended.get('cause', ended['status'])}")
    return {"sha": sha, "arn": arn, "output": json.loads(ended["output"]), "seconds": (ended["stopDate"] - ended["startDate"]).total_seconds()}


def durations(states, arn):
    """Seconds per state, in order; a state inside a Map counts from its first entry."""
    entered, spans = {}, {}
    for event in history(states, arn):
        kind = event["type"]
        if kind.endswith("StateEntered"):
            entered.setdefault(event["stateEnteredEventDetails"]["name"], event["timestamp"])
        elif kind.endswith("StateExited"):
            name = event["stateExitedEventDetails"]["name"]
            if name in entered:
                spans[name] = (event["timestamp"] - entered[name]).total_seconds()
    return spans


def report(states, first, second, traffic, seconds):
    stages = [
        "Plan release", "Prepare workspace", "Publish peers", "Unit tests", "Build", "Push artifacts", "Deploy (initial)",
        "Publish hostnames", "Run suite", "Deploy (cutover)", "Drain", "Terminate previous",
    ]
    one, two = durations(states, first["arn"]), durations(states, second["arn"])
    say("What it took, in seconds")
    print(f"{'stage':<22}{'version 1':>12}{'version 2':>12}")
    for stage in stages:
        print(f"{stage:<22}{one.get(stage, 0):>12.2f}{two.get(stage, 0):>12.2f}")
    print(f"{'the whole release':<22}{first['seconds']:>12.2f}{second['seconds']:>12.2f}")
    serving = [commit for commit in traffic.answers if commit == second["sha"]]
    print(f"\napi.{TARGET}.{DOMAIN} serves {second['sha'][:12]}" if serving else "\nnobody was answered by version 2")
    for commit, count in traffic.answers.items():
        print(f"  {count} requests were answered by {commit[:12]}")
    print(f"{traffic.requests} requests, {traffic.rate():.0f}/s, {len(traffic.failures)} failed requests")
    for failure in traffic.failures[:5]:
        print(f"  {failure}")
    print(f"the demo took {seconds:.0f} s")
    if traffic.failures or not serving:
        raise Failed("the alias did not serve throughout")
    if traffic.rate() < LEAST_RATE:
        raise Failed(f"the client made fewer than {LEAST_RATE} requests/s: the machine is too busy for this demo to prove anything")


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(f"demo: {failed}")
