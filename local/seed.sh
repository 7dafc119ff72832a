#!/usr/bin/env bash
# Gives the local cloud the example components: a git repository each, registered so that a push
# to main releases to stage (crc, which is a library, is released for all). Leaves a repository that is there already as it is.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck disable=SC1091
. .local/env

make_repository() {
    target/debug/cutover-local repository create "$1"
    local work
    work=$(mktemp -d "$PWD/.local/tmp/seed.XXXXXX")
    cp -R "examples/$1/." "$work/"
    # What sums pins is crc as it was made here.
    [ "$1" != sums ] || sed -i "s/\"0*\"/\"$(git -C .local/repositories/crc.git rev-parse main)\"/" "$work/cutover.toml"
    git -C "$work" -c init.defaultBranch=main init --quiet
    git -C "$work" add --all
    git -C "$work" -c user.name=seed -c user.email=seed@localhost commit --quiet --message "The example as it comes"
    # Fetched, not pushed: a push is told to the pipeline, and may arrive after `component add`.
    git -C ".local/repositories/$1.git" fetch --quiet "$work" HEAD:refs/heads/main
    rm -rf "$work"
}

for component in msa msb api ui crc sums; do
    # Repositories outlive the cloud; what is registered does not.
    git ls-remote --exit-code --quiet "$CUTOVER_GIT/$component.git" HEAD >/dev/null 2>&1 || make_repository "$component"
    kind=service
    [ "$component" != crc ] || kind=library
    target/debug/cutover component add "$component" --kind $kind --repository "$CUTOVER_GIT/$component.git" --branch main=stage
done
