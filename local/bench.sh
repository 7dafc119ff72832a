#!/usr/bin/env bash
# What a release costs: time, steps, calls; what a function costs: size, start, memory.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck disable=SC1091
. .local/env
exec .local/venv/bin/python local/bench.py "$@"
