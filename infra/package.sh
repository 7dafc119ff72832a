#!/usr/bin/env bash
# Makes dist/<function>.zip of every function, as AWS Lambda wants it for provided.al2023.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: infra/package.sh [--arm64 | --x86-64 | --native]

--arm64   (default) what `make deploy` uploads: optimised, for Graviton
--x86-64  the same for x86_64 functions (deploy with Architecture=x86_64)
--native  for the local cloud on this machine: quick to build, not optimised

A package is rewritten only when its binary changed, and the same binary gives the same bytes.
TEXT
}

die() {
    printf '%s\n' "package: $*" >&2
    exit 1
}

main() {
    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    functions=()
    for folder in functions/*/; do functions+=("$(basename "$folder")"); done
    mkdir -p dist
    case "${1:---arm64}" in
        --arm64) cross_build aarch64-unknown-linux-gnu && pack target/lambda small ;;
        --x86-64) cross_build x86_64-unknown-linux-gnu && pack target/lambda small ;;
        --native) native_build && pack target/debug fast ;;
        -h | --help) usage ;;
        *) usage >&2 && exit 2 ;;
    esac
}

selected() {
    for function in "${functions[@]}"; do printf -- '--package\n%s\n' "$function"; done
}

native_build() {
    mapfile -t packages < <(selected)
    cargo build --quiet --bins "${packages[@]}"
}

# The linker and the C library to link with come from zig, by way of PyPI: no Docker, no cross gcc.
cross_build() {
    local triple=$1
    local/setup.sh package
    PATH=$PWD/.local/venv/bin:$PATH
    rustc --print sysroot >/dev/null || die "rustc is not on the PATH"
    if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$triple/lib" ]; then
        command -v rustup >/dev/null || die "Rust's library for $triple is missing, and rustup, which brings it"
        rustup target add "$triple"
    fi
    mapfile -t packages < <(selected)
    # 2.34 is the C library of provided.al2023. Cargo.toml says how to optimise; cargo-lambda's own
    # defaults would abort on a panic, of which the runtime makes an answer.
    cargo lambda build --release --disable-optimizations --skip-target-check \
        --target "$triple.2.34" "${packages[@]}"
}

# pack FOLDER HOW
pack() {
    cargo metadata --no-deps --format-version 1 | python3 infra/pack.py "$1" "$2"
}

main "$@"
