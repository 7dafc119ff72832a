#!/usr/bin/env bash
# Deploys the pipeline and its three targets to the local cloud that `cutover-local up` started.
# The templates are AWS's; only these parameters are the local cloud's. Does nothing when what is
# deployed is what is here.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ -f .local/env ] || { echo "deploy-local: the local cloud is not up: run make up" >&2 && exit 1; }
# shellcheck disable=SC1091
. .local/env

pipeline=(
    "Architecture=$(uname -m | sed 's/aarch64/arm64/')"
    # Both, so that stories can say which; what says nothing is at once.
    Executors=lambda,codebuild
    OfflineBuilds=true
    "CommandPath=$COMMAND_PATH"
    # Each environment of a function is given a folder of its own instead: local/ministack/environments.py.
    CommandFolder=/folder-of-the-environment
    "HttpProxy=$CUTOVER_GATEWAY"
    "NoProxy=$CUTOVER_NO_PROXY"
    "DnsServer=$CUTOVER_DNS"
    TableDeletionProtection=false
    # CloudFormation is done in milliseconds here.
    TargetPauseSeconds=1
)
image=/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64
target=(
    # The emulator names the image for x86_64 only; nothing boots from it here.
    Architecture=x86_64 "ImageArm64=$image"
    # Short, so that a release is not mostly waiting.
    AliasTtl=2 HostnameTtl=2 DrainMargin=1
)

main() {
    unless_deployed pipeline "${pipeline[@]}" "$(cat infra/*.yaml infra/*.sh statemachine/*.asl.json dist/*.zip | sha256sum)"
    unless_deployed targets "${target[@]}" "$(cat infra/target.yaml infra/*.sh | sha256sum)"
}

# unless_deployed WHAT WHAT-IT-IS-MADE-OF...
unless_deployed() {
    local what=$1 mark=.local/deployed-$1 now
    # The credentials are made anew whenever the local cloud starts, and with it everything is gone.
    now=$(printf '%s\n' "$AWS_ENDPOINT_URL" "$AWS_ACCESS_KEY_ID" "$@" | sha256sum)
    if [ "$(cat "$mark" 2>/dev/null)" = "$now" ]; then
        echo "deploy-local: the $what did not change"
        return
    fi
    rm -f "$mark"
    "deploy_$what"
    printf '%s\n' "$now" >"$mark"
}

deploy_pipeline() {
    infra/deploy.sh pipeline --project "$CUTOVER_PROJECT" --domain "$CUTOVER_DOMAIN" "${pipeline[@]/#/--parameter=}"
}

# deploy_target NAME PARAMETER...
deploy_target() {
    local name=$1
    shift
    infra/deploy.sh target --project "$CUTOVER_PROJECT" --target "$name" "${@/#/--parameter=}"
}

# The zone of the domain itself, which delegates to those of the targets; prints its id.
parent_zone() {
    local found
    found=$(aws route53 list-hosted-zones-by-name --dns-name "$CUTOVER_DOMAIN" \
        --query "HostedZones[?Name=='$CUTOVER_DOMAIN.'].Id" --output text)
    if [ -z "$found" ]; then
        found=$(aws route53 create-hosted-zone --name "$CUTOVER_DOMAIN" --caller-reference "$CUTOVER_DOMAIN" \
            --query HostedZone.Id --output text)
    fi
    printf '%s\n' "${found#/hostedzone/}"
}

# All at once: each is an execution of its own.
deploy_targets() {
    local name waiting=()
    target+=("ParentZoneId=$(parent_zone)")
    for name in dev stage prod; do
        deploy_target "$name" "${target[@]}" &
        waiting+=($!)
    done
    # For tests and benchmarks alone. Its drain leaves the time for a roll-back to what is still there.
    deploy_target lab "${target[@]}" DrainMargin=20 &
    waiting+=($!)
    for name in "${waiting[@]}"; do wait "$name"; done
}

main
