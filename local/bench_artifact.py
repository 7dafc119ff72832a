"""How long a large artifact takes from the end of the command that made it to its key, beside a script that does the same."""

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import bench_history
from bench_releases import ended_well, quiet, start
from cloud import CUTOVER, GIT, ROOT, Repository, client, git, history

SIZE = int(os.environ.get("BENCH_ARTIFACT", 1024)) << 20
ROUNDS = 3
NAME = "bench-large"
# Random bytes, like compressed ones: nothing is gained by packing them. Its last line says when it ended.
MAKE = """import os, sys, time
os.makedirs("dist", exist_ok=True)
with open("dist/data", "wb") as made:
    for _ in range(int(sys.argv[1]) >> 20):
        made.write(os.urandom(1 << 20))
print("made at", time.time())
"""
# A library, since its release ends where the artifact is published.
MANIFEST = f"""[component]
name = "{NAME}"
kind = "library"
[build]
unit_tests = "true"
command = "python3 make.py {SIZE}"
output = "dist"
"""


def print_artifact():
    repository = prepare()
    rounds = [(script(), released(repository)) for _ in range(ROUNDS)]
    theirs, ours = (statistics.median(column) for column in zip(*rounds))
    rows = {
        "tar | zstd, sha256sum, aws s3 cp, s": theirs,
        "Build and Push artifacts, s": ours,
        "the ratio (limit 1.0)": ours / theirs,
        "peak memory of build, MiB (limit 64)": bench_history.peak("build"),
        "peak memory of push-artifacts, MiB (limit 64)": bench_history.peak("push-artifacts"),
    }
    print(f"\nAn artifact of {SIZE >> 20} MiB, from the end of its command to its key (median of {ROUNDS}):")
    for name, value in rows.items():
        print(f"  {name:<52}{value:>9.2f}", flush=True)


def prepare():
    """Its repository, made once; registered each time, since the local cloud forgets that."""
    url = f"{GIT}/{NAME}.git"
    quiet([ROOT / "target/debug/cutover-local", "repository", "create", NAME])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "cutover.toml").write_text(MANIFEST)
        (Path(folder) / "make.py").write_text(MAKE)
        git(folder, "-c", "init.defaultBranch=main", "init", "--quiet")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", "As large as it gets")
        git(folder, "push", "--quiet", "--force", url, "HEAD:refs/heads/main")
    quiet([CUTOVER, "component", "add", NAME, "--kind", "library", "--repository", url])
    return Repository(NAME)


def script():
    with tempfile.TemporaryDirectory(dir=ROOT / ".local/tmp") as folder:
        (Path(folder) / "make.py").write_text(MAKE)
        subprocess.run(["python3", "make.py", str(SIZE)], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        began = time.monotonic()
        to = f"s3://{os.environ['CUTOVER_BUCKET']}/bench/a.tar.zst"
        line = f"tar -c dist | zstd -q > a.tar.zst && sha256sum a.tar.zst && aws s3 cp --only-show-errors a.tar.zst {to}"
        subprocess.run(["sh", "-c", line], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - began


def released(repository):
    """From what its command says of its end to the end of Push artifacts."""
    states = client("stepfunctions")
    commit = repository.commit("as large")
    repository.push()
    arn = start(states, {"component": NAME, "version": commit, "target": "dev"})
    ended_well(states, arn)
    events = history(states, arn)
    published = [event["timestamp"] for event in events
                 if event.get("stateExitedEventDetails", {}).get("name") == "Push artifacts"]
    return published[0].timestamp() - made_at()


def made_at():
    keys = client("s3").get_paginator("list_objects_v2").paginate(
        Bucket=os.environ["CUTOVER_BUCKET"], Prefix="logs/")
    logs = [one for page in keys for one in page.get("Contents", []) if one["Key"].endswith(f"/{NAME}/build.log")]
    last = max(logs, key=lambda one: one["LastModified"])["Key"]
    log = client("s3").get_object(Bucket=os.environ["CUTOVER_BUCKET"], Key=last)["Body"].read().decode()
    return float(log.split("made at ")[1].split()[0])
