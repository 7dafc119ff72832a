"""Benchmarks, printed and never asserted: machines differ, so compare figures of one run.

    BENCH_SIZES="1 2 4"  how many components the releases have, instead of 1 to 32
    BENCH_PEERS=1        each component talks to the next one (costs two calls more to Route 53)
    BENCH_HISTORY=100    how many old releases are put behind the target, instead of 10,000
    BENCH_ONLY=history   one part of it: sizes, beside, profile, rollback, history,
                         executors, caches, artifact, idle or functions
    BENCH_IDLE=60        so many minutes of the idle day, instead of 1,440
    BENCH_ARTIFACT=64    so many MiB, instead of 1024
"""

import os
import sys

from botocore.exceptions import EndpointConnectionError

import bench_artifact
import bench_bare
import bench_caches
import bench_executors
import bench_functions
import bench_history
import bench_idle
import bench_profile
import bench_releases
import bench_rollback
from cloud import Failed

SIZES = "1 2 4 8 16 32"


def main():
    try:
        sizes = [int(size) for size in os.environ.get("BENCH_SIZES", SIZES).split()]
    except ValueError:
        sizes = []
    if not sizes or min(sizes) < 1 or max(sizes) > 98:
        raise Failed(f'BENCH_SIZES must be numbers from 1 to 98, such as "{SIZES}"')
    print(f"{os.cpu_count()} cores; load before: {' '.join(f'{one:.1f}' for one in os.getloadavg())}", flush=True)
    only = os.environ.get("BENCH_ONLY", "")
    for_profile = bench_profile.MANY if only in ("", "profile") else 0
    components = bench_releases.Components(max(*sizes, bench_rollback.COUNT, for_profile))
    parts = {
        "sizes": lambda: bench_releases.print_sizes(components, sizes, with_peers=os.environ.get("BENCH_PEERS") == "1"),
        "beside": lambda: bench_bare.print_beside(components),
        "profile": lambda: bench_profile.print_profile(components),
        "rollback": lambda: bench_rollback.print_rollback(components),
        "history": lambda: bench_history.print_history(components),
        "executors": lambda: bench_executors.print_executors(components),
        "caches": bench_caches.print_caches,
        "artifact": bench_artifact.print_artifact,
        "idle": lambda: bench_idle.print_idle(components, sizes if "BENCH_SIZES" in os.environ else bench_idle.SIZES),
        "functions": bench_functions.print_functions,
    }
    if only not in ("", *parts):
        raise Failed(f"BENCH_ONLY must be one of {', '.join(parts)}")
    for name, part in parts.items():
        if only in ("", name):
            part()


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(f"bench: {failed}")
    except EndpointConnectionError:
        sys.exit("bench: the local cloud went down meanwhile; `make up`, then again")
