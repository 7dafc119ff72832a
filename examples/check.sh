#!/bin/sh
# Tests, builds, starts and checks the components, the way a release does it, without one:
# from a copy, in a clean environment, by the commands of their manifests. `check.sh --slow` runs
# the slow suites as well.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
pids=
# No shims: a toolchain manager's want to find their settings below HOME.
tools=$(rustc --print sysroot)/bin:$(dirname "$(python3 -c 'import sys; print(sys.executable)')"):$PATH
COMMIT=$(printf %040d 7)

finish() {
    status=$?
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    [ $status = 0 ] || for log in "$work"/*.log; do [ -s "$log" ] && { echo "== ${log##*/}"; tail -n 40 "$log"; }; done >&2
    rm -rf "$work"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

# field COMPONENT SECTION KEY: a value of its manifest.
field() {
    sed -n "/^\[$2\]/,/^\[\[/s/^$3 *= *\"\{0,1\}\([^\"#]*[^\"# ]\).*/\1/p" "$here/$1/cutover.toml" | head -n 1
}

# clean FOLDER NAME=VALUE... COMMAND...: replaces this shell.
clean() {
    cd "$1"
    shift
    exec env -i PATH="$tools" HOME="$work/home" "$@"
}

# step NAME COMMAND...: one line; the output is shown if it fails.
step() {
    label=$1
    shift
    ("$@") >"$work/$label.log" 2>&1 || { echo "FAIL  $label" >&2; exit 1; }
    echo "ok    $label"
    rm "$work/$label.log"
}

# start COMPONENT PORT [NAME=VALUE...]: in a copy of what the build left, as an instance would.
start() {
    component=$1 port=$2
    shift 2
    mkdir "$work/run-$component"
    cp -R "$work/$component/$(field "$component" build output)/." "$work/run-$component"
    # shellcheck disable=SC2046 # a command line is split into words
    (clean "$work/run-$component" HOST=127.0.0.1 PORT="$port" COMMIT="$COMMIT" RELEASE=dev-r1 "$@" \
        $(field "$component" run command)) >"$work/$component.log" 2>&1 &
    pids="$pids $!"
    eval "pid_$component=$!"
}

wait_until_healthy() {
    python3 -I - "$1" <<'EOF'
import sys, time, urllib.request
opener, until = urllib.request.build_opener(urllib.request.ProxyHandler({})), time.monotonic() + 10
while True:
    try:
        sys.exit(opener.open(sys.argv[1], timeout=2).status != 200)
    except OSError as error:
        if time.monotonic() > until:
            sys.exit(f"not healthy after 10 s: {error}")
        time.sleep(0.05)
EOF
}

suites() {
    for suite in "$work/$1"/it/*.py; do
        name=$(basename "$suite" .py)
        case $name in
        suite) continue ;;
        smoke) ;;
        *) [ "${slow:-}" ] || continue ;;
        esac
        step "$1-$name" clean "$work/$1" TARGET_URL="$2" API_URL="$api" MSA_URL="$msa" \
            COMMIT="$COMMIT" REPORT_DIR="$work/report-$1" python3 "it/$name.py"
        # All peers are here, so nothing may have been skipped.
        grep -q 'skipped="0"' "$work/report-$1/$name.xml" || { echo "FAIL  $1-$name: no report, or one with skips" >&2; exit 1; }
    done
}

[ "${1:-}" = --slow ] && slow=yes
mkdir "$work/home"
# Each component is a repository of its own, so they cannot share files; copies must not drift.
for copy in api msb sums ui; do cmp "$here/msa/it/suite.py" "$here/$copy/it/suite.py"; done
cmp "$here/msa/serve.py" "$here/ui/serve.py"
cmp "$here/msa/serve.py" "$here/sums/serve.py"

# The library first, and then what pins it, which is not started here: it needs $VENDOR there too.
for component in crc sums; do
    cp -R "$here/$component" "$work/$component"
    rm -rf "$work/$component/build" "$work/$component/dist"
    for command in unit_tests command; do
        # shellcheck disable=SC2046
        step "$component-$command" clean "$work/$component" VENDOR="$work/vendor" $(field $component build $command)
    done
    [ $component = sums ] || { mkdir "$work/vendor" && cp -R "$work/crc/dist" "$work/vendor/crc"; }
done
step crc-loads clean "$work/crc" VENDOR="$work/vendor" python3 it/loads.py

for component in msa msb api ui; do
    cp -R "$here/$component" "$work/$component"
    rm -rf "$work/$component/build" "$work/$component/dist"
    # shellcheck disable=SC2046
    step "$component-unit-tests" clean "$work/$component" $(field $component build unit_tests)
    # shellcheck disable=SC2046
    step "$component-build" clean "$work/$component" $(field $component build command)
done

# shellcheck disable=SC2046 # four ports, free at the same time
set -- $(python3 -c 'import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*(one.getsockname()[1] for one in sockets))')
msa=http://127.0.0.1:$1 msb=http://127.0.0.1:$2 api=http://127.0.0.1:$3 ui=http://127.0.0.1:$4
start msa "$1"
start msb "$2"
start api "$3" MSA_URL="$msa"
start ui "$4" API_URL="$api"
for component in msa msb api ui; do
    eval "url=\$$component pid=\$pid_$component"
    step "$component-healthy" wait_until_healthy "$url$(field $component run health)"
done
for component in msa msb api ui; do
    eval "url=\$$component"
    suites $component "$url"
done
for component in ui api msb msa; do
    eval "url=\$$component pid=\$pid_$component"
    step "$component-drains" python3 -I "$here/drain.py" "$url" "$pid"
    wait "$pid" || { echo "FAIL  $component-drains: exit code $?" >&2; exit 1; }
done
pids=
