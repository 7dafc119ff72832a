#!/usr/bin/env bash
# Overlapping releases at random, and what must be true after each: COUNT=50 SEED=1 local/soak.sh
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck disable=SC1091
. .local/env

# Delegated as the others are: else no resolver finds its hostnames.
# Its own target: "the last release" of a target must not be somebody else's. As the other local ones
# (infra/deploy-local.sh), with a drain that lets some roll-backs find what was live before still there.
parent=$(aws route53 list-hosted-zones-by-name --dns-name "$CUTOVER_DOMAIN" --max-items 1 \
    --query "HostedZones[?Name=='$CUTOVER_DOMAIN.'].Id" --output text)
infra/deploy.sh target --project "$CUTOVER_PROJECT" --target soak \
    --parameter "ParentZoneId=${parent#/hostedzone/}" \
    --parameter Architecture=x86_64 \
    --parameter ImageArm64=/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64 \
    --parameter AliasTtl=2 --parameter HostnameTtl=2 --parameter DrainMargin=8
exec target/debug/soak
