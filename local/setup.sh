#!/bin/sh
# Makes .local/venv with the pinned tools of the local cloud. Quick when that is done already.
#   local/setup.sh            what `make up` and the tests need
#   local/setup.sh package    also what `make package` needs
# CUTOVER_VENV names another place for the venv, PYTHON another interpreter.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
venv=${CUTOVER_VENV:-$here/../.local/venv}
python=${PYTHON:-python3}

die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
say() { printf 'setup: %s\n' "$*"; }

command -v "$python" >/dev/null 2>&1 ||
    die "$python is not there. Install Python 3.10 or later (Debian: apt-get install python3 python3-venv)."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    die "$("$python" --version) is too old: the emulator needs Python 3.10 or later. Set PYTHON to a newer one."

# A venv whose interpreter was removed or moved cannot be repaired, only made again.
make_venv() {
    if [ -x "$venv/bin/python" ] && "$venv/bin/python" -c '' 2>/dev/null; then return; fi
    rm -rf "$venv"
    mkdir -p "$(dirname "$venv")"
    say "making the Python environment"
    if "$python" -m venv "$venv" >/dev/null 2>&1; then return; fi
    rm -rf "$venv"
    # Debian ships the venv module without ensurepip; virtualenv brings its own pip.
    if "$python" -m virtualenv --quiet "$venv" >/dev/null 2>&1; then return; fi
    rm -rf "$venv"
    die "$python cannot make a virtual environment. Install its venv module (Debian: apt-get install python3-venv) or virtualenv."
}

# The stamp names the exact list that is installed, so a changed pin is noticed.
digest() { "$python" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$1"; }

install() {
    list=$1
    stamp=$venv/.$(basename "$list").installed
    [ -x "$venv/bin/python" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(digest "$list")" ] && return
    make_venv
    rm -f "$stamp"
    say "installing $(sed -n 's/^\([a-z].*\)/\1/p' "$list" | tr '\n' ' ')(a minute, once)"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$list" ||
        die "pip could not install $list. Its message above says why; run this again once that is mended."
    digest "$list" >"$stamp"
    say "done"
}

install "$here/requirements.txt"
[ "${1:-}" != package ] || install "$here/requirements-package.txt"
