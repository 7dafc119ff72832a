"""What a cache costs and saves a release of the example `api`."""

import re
import shutil
import statistics
import tempfile
from pathlib import Path

from bench_executors import took
from bench_releases import TARGET, ended_well, quiet, start
from cloud import CUTOVER, GIT, ROOT, Failed, Repository, client, git, history

ROUNDS = 3
NAME = "bench-api"
# What its Makefile leaves beside its output: where rustc is not there, also the toolchain that rustup fetches.
CACHE = 'cache      = ["build"]\n'


def print_caches():
    repository = prepare()
    columns = {"without": [release(repository, "") for _ in range(ROUNDS)]}
    # The first of these has nothing to begin with.
    with_one = [release(repository, CACHE) for _ in range(ROUNDS + 1)][1:]
    if not all(one.pop("began with a cache") for one in with_one):
        raise Failed("a build of bench-api began without the cache that the release before it had left")
    columns["with"] = with_one
    medians = {name: {row: statistics.median(one[row] for one in rounds) for row in with_one[0]}
               for name, rounds in columns.items()}
    print(f"\nA release of the example api, with what its last build left and without (median of {ROUNDS}):")
    print(f"  {'':<52}" + "".join(f"{name:>11}" for name in medians))
    for row in with_one[0]:
        print(f"  {row:<52}" + "".join(f"{column[row]:>11.2f}" for column in medians.values()), flush=True)


def prepare():
    """Its repository, made once; registered each time, since the local cloud forgets that."""
    quiet([ROOT / "target/debug/cutover-local", "repository", "create", NAME])
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "examples/api", folder, dirs_exist_ok=True)
        text = (Path(folder) / "cutover.toml").read_text()
        # It talks to nobody here, and its suites would be all that is seen.
        text = text.replace('"api"', f'"{NAME}"', 1).split("[[suite]]")[0]
        # Only what the build itself leaves is kept.
        text = text.replace('"make dist"', '"make build/tests dist"')
        (Path(folder) / "cutover.toml").write_text(re.sub(r"(?m)^peers.*\n", "", text))
        git(folder, "-c", "init.defaultBranch=main", "init", "--quiet")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", "The example, alone")
        git(folder, "push", "--quiet", "--force", f"{GIT}/{NAME}.git", "HEAD:refs/heads/main")
    quiet([CUTOVER, "component", "add", NAME, "--repository", f"{GIT}/{NAME}.git"])
    return Repository(NAME)


def release(repository, cache):
    manifest = repository.work / "cutover.toml"
    text = manifest.read_text().replace(CACHE, "")
    manifest.write_text(text.replace('output     = "dist"\n', f'output     = "dist"\n{cache}'))
    commit = repository.commit("once more")
    repository.push()
    states = client("stepfunctions")
    arn = start(states, {"component": NAME, "version": commit, "target": TARGET})
    ended = ended_well(states, arn)
    events = history(states, arn)
    stages = ("Unit tests", "Build", "Push artifacts", "Keep caches")
    rows = {"wall time, s": (ended["stopDate"] - ended["startDate"]).total_seconds()}
    rows |= {f"{stage}, s": took(events, stage) if entered(events, stage) else 0.0 for stage in stages}
    return rows | {"began with a cache": '"caches":[{' in ended["output"].replace(" ", "")} if cache else rows


def entered(events, stage):
    return any(one.get("stateEnteredEventDetails", {}).get("name", "").startswith(stage) for one in events)
