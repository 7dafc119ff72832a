#!/usr/bin/env bash
# Lints the templates and the state machines, each with tools that know AWS's own rules.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv=${CUTOVER_VENV:-$PWD/.local/venv}
local/setup.sh

stamp=$venv/.infra-requirements.installed
if ! cmp -s infra/requirements.txt "$stamp"; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement infra/requirements.txt
    cp infra/requirements.txt "$stamp"
fi

"$venv/bin/cfn-lint"
echo "lint: the templates are clean"
PATH=$venv/bin:$PATH "$venv/bin/python" infra/lint_asl.py
