#!/usr/bin/env bash
# The main job on the local cloud: two pushes of one component, under load.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck disable=SC1091
. .local/env
exec .local/venv/bin/python local/demo.py
