#!/usr/bin/env bash
# Gives the local cloud the example components: a git repository each, registered so that a push
# to main releases to stage. Leaves a repository that is there already as it is.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck disable=SC1091
. .local/env

make_repository() {
    target/debug/cutover-local repository create "$1"
    local work
    work=$(mktemp -d "$PWD/.local/tmp/seed.XXXXXX")
    cp -R "examples/$1/." "$work/"
    git -C "$work" -c init.defaultBranch=main init --quiet
    git -C "$work" add --all
    git -C "$work" -c user.name=seed -c user.email=seed@localhost commit --quiet --message "The example as it comes"
    # Fetched, not pushed: a push is told to the pipeline, and may arrive after `component add`.
    git -C ".local/repositories/$1.git" fetch --quiet "$work" HEAD:refs/heads/main
    rm -rf "$work"
}

for component in msa msb api ui; do
    # Repositories outlive the cloud; what is registered does not.
    git ls-remote --exit-code --quiet "$CUTOVER_GIT/$component.git" HEAD >/dev/null 2>&1 || make_repository "$component"
    target/debug/cutover component add "$component" --repository "$CUTOVER_GIT/$component.git" --branch main=stage
done
