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
    "CommandPath=$COMMAND_PATH"
    "HttpProxy=$CUTOVER_GATEWAY"
    "NoProxy=$CUTOVER_NO_PROXY"
    TableDeletionProtection=false
    # The emulator evaluates neither tags of EC2 resources nor some ARNs: see infra/pipeline.yaml.
    ResourceTagConditions=false
)
image=/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64
target=(
    # The emulator names the image for x86_64 only; nothing boots from it here.
    Architecture=x86_64 "ImageArm64=$image"
    # Short, so that a release is not mostly waiting.
    AliasTtl=2 HostnameTtl=2 DrainMargin=1
)

main() {
    local deployed=.local/deployed now
    now=$(fingerprint)
    if [ "$(cat "$deployed" 2>/dev/null)" = "$now" ]; then
        echo "deploy-local: already deployed"
        return
    fi
    rm -f "$deployed"
    infra/deploy.sh pipeline --project "$CUTOVER_PROJECT" --domain "$CUTOVER_DOMAIN" "${pipeline[@]/#/--parameter=}"
    for name in dev stage prod; do
        infra/deploy.sh target --project "$CUTOVER_PROJECT" --target "$name" --domain "$CUTOVER_DOMAIN" \
            "${target[@]/#/--parameter=}"
    done
    printf '%s\n' "$now" >"$deployed"
}

# The credentials are made anew whenever the local cloud starts, and with it everything is gone.
fingerprint() {
    {
        printf '%s\n' "$AWS_ENDPOINT_URL" "$AWS_ACCESS_KEY_ID" "${pipeline[@]}" "${target[@]}"
        cat infra/*.yaml infra/*.sh statemachine/*.asl.json dist/*.zip
    } | sha256sum | cut -d' ' -f1
}

main
