#!/usr/bin/env bash
# Deploys a stack, to AWS or to the local cloud alike: only parameters and AWS_* differ.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: infra/deploy.sh pipeline --project NAME --domain DOMAIN [--parameter KEY=VALUE ...]
       infra/deploy.sh target   --project NAME --target NAME --domain DOMAIN [--parameter KEY=VALUE ...]

pipeline  deploys <project>-cutover from infra/pipeline.yaml, with the packages in dist/
          (made by infra/package.sh)
target    deploys <project>-<target> from infra/target.yaml and records its outputs in the
          pipeline's table, where releases look them up

--domain is the project's domain (myproj.com); a target's zone is <target>.<domain>.
Account, region and credentials are the AWS CLI's own. Running it again changes only what differs.
TEXT
}

die() {
    printf '%s\n' "deploy: $*" >&2
    exit 1
}

main() {
    kind=${1:-}
    case "$kind" in
        pipeline | target) shift ;;
        -h | --help | help) usage && return 0 ;;
        *) usage >&2 && exit 2 ;;
    esac
    read_options "$@"
    root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    command -v aws >/dev/null || die "the AWS CLI is not on the PATH"
    command -v python3 >/dev/null || die "python3 is not on the PATH"
    "deploy_$kind"
}

read_options() {
    project='' target='' domain='' parameters=()
    while [ $# -gt 0 ]; do
        if [[ $1 == --*=* ]]; then set -- "${1%%=*}" "${1#*=}" "${@:2}"; fi
        [ $# -ge 2 ] || die "$1 needs a value"
        case "$1" in
            --project) project=$2 ;;
            --target) target=$2 ;;
            --domain) domain=$2 ;;
            --parameter)
                [[ $2 =~ ^[A-Za-z0-9]+= ]] || die "--parameter takes KEY=VALUE, not \`$2\`"
                parameters+=("$2")
                ;;
            *) die "unknown option \`$1\` (see --help)" ;;
        esac
        shift 2
    done
    [ -n "$project" ] || die "--project is missing"
    [ -n "$domain" ] || die "--domain is missing"
    if [ "$kind" = target ] && [ -z "$target" ]; then die "--target is missing"; fi
}

deploy_pipeline() {
    local stack=$project-cutover function packages
    for function in "$root"/functions/*/; do
        function=$(basename "$function")
        [ -f "$root/dist/$function.zip" ] || die "dist/$function.zip is missing: run infra/package.sh first"
    done
    packages=$(ensure_package_bucket)
    aws cloudformation package --template-file "$root/infra/pipeline.yaml" \
        --s3-bucket "$packages" --s3-prefix "$project" \
        --output-template-file "$work/pipeline.yaml" >"$work/package.log" 2>&1 ||
        { cat "$work/package.log" >&2 && die "the packages could not be uploaded to $packages"; }
    deploy_stack "$stack" "$work/pipeline.yaml" "$packages" \
        "Project=$project" "Domain=$domain" ${parameters[@]+"${parameters[@]}"}
    outputs_of "$stack" >"$work/outputs"
    print_outputs
}

deploy_target() {
    local stack=$project-$target bucket table
    outputs_of "$project-cutover" >"$work/outputs" ||
        die "there is no stack $project-cutover: deploy the pipeline first"
    bucket=$(output BucketName)
    table=$(output TableName)
    deploy_stack "$stack" "$root/infra/target.yaml" '' \
        "Project=$project" "Target=$target" "Domain=$domain" "BucketName=$bucket" \
        ${parameters[@]+"${parameters[@]}"}
    outputs_of "$stack" >"$work/outputs"
    print_outputs
    record_environment "$stack" "$table"
}

# Where CloudFormation reads the packages from; protected as the pipeline's own bucket is.
ensure_package_bucket() {
    local account partition region bucket
    IFS=$'\t' read -r account partition < <(aws sts get-caller-identity --query '[Account,Arn]' --output text) ||
        die "the AWS CLI has no valid credentials"
    partition=${partition#arn:} partition=${partition%%:*}
    region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}
    [ -n "$region" ] || die "no region: set AWS_REGION"
    bucket=$project-cutover-packages-$account-$region
    if ! aws s3api head-bucket --bucket "$bucket" >/dev/null 2>&1; then
        protect_new_bucket "$bucket" "$region" "$partition" >"$work/bucket.log" 2>&1 ||
            { cat "$work/bucket.log" >&2 && die "the bucket $bucket for the packages could not be made"; }
    fi
    printf '%s\n' "$bucket"
}

protect_new_bucket() {
    local bucket=$1 region=$2 partition=$3 placed=()
    # us-east-1 is the one region that may not be named here.
    if [ "$region" != us-east-1 ]; then
        placed=(--create-bucket-configuration "LocationConstraint=$region")
    fi
    aws s3api create-bucket --bucket "$bucket" --region "$region" \
        --object-ownership BucketOwnerEnforced ${placed[@]+"${placed[@]}"} &&
        aws s3api put-public-access-block --bucket "$bucket" --public-access-block-configuration \
            BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true &&
        aws s3api put-bucket-encryption --bucket "$bucket" --server-side-encryption-configuration \
            '{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}' &&
        aws s3api put-bucket-versioning --bucket "$bucket" --versioning-configuration Status=Enabled &&
        aws s3api put-bucket-lifecycle-configuration --bucket "$bucket" --lifecycle-configuration \
            '{"Rules":[{"ID":"old-packages","Status":"Enabled","Filter":{"Prefix":""},"NoncurrentVersionExpiration":{"NoncurrentDays":30},"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":2}}]}' &&
        aws s3api put-bucket-tagging --bucket "$bucket" --tagging \
            "TagSet=[{Key=cutover:project,Value=$project}]" &&
        aws s3api put-bucket-policy --bucket "$bucket" --policy "$(tls_only "arn:$partition:s3:::$bucket")"
}

# As in infra/pipeline.yaml: only the local cloud sees requests from a loopback address.
tls_only() {
    printf '{"Version":"2012-10-17","Statement":[{"Sid":"TlsOnly","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["%s","%s/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"},"NotIpAddress":{"aws:SourceIp":"127.0.0.0/8"}}}]}' "$1" "$1"
}

# deploy_stack STACK TEMPLATE BUCKET-FOR-THE-TEMPLATE PARAMETER...
deploy_stack() {
    local stack=$1 template=$2 bucket=$3 upload=() tags=("cutover:project=$project") started
    shift 3
    if [ -n "$bucket" ]; then upload=(--s3-bucket "$bucket" --s3-prefix "$project"); fi
    if [ "$kind" = target ]; then tags+=("cutover:target=$target"); fi
    forget_failed_creation "$stack"
    started=$(date -u +%Y-%m-%dT%H:%M:%S)
    printf 'deploying %s ...\n' "$stack" >&2
    aws cloudformation deploy --stack-name "$stack" --template-file "$template" \
        ${upload[@]+"${upload[@]}"} --capabilities CAPABILITY_NAMED_IAM \
        --no-fail-on-empty-changeset --parameter-overrides "$@" --tags "${tags[@]}" \
        >"$work/deploy.log" 2>&1 || explain_failure "$stack" "$started"
}

# A stack whose first creation failed holds nothing and can only be deleted.
forget_failed_creation() {
    local status
    status=$(aws cloudformation describe-stacks --stack-name "$1" \
        --query 'Stacks[0].StackStatus' --output text 2>/dev/null || true)
    case "$status" in
        ROLLBACK_COMPLETE | REVIEW_IN_PROGRESS)
            printf 'deleting %s, whose creation failed (%s) ...\n' "$1" "$status" >&2
            aws cloudformation delete-stack --stack-name "$1"
            aws cloudformation wait stack-delete-complete --stack-name "$1"
            ;;
    esac
}

# The CLI only says that it failed; the reason is the first failed resource's.
explain_failure() {
    local stack=$1 started=$2
    cat "$work/deploy.log" >&2
    aws cloudformation describe-stack-events --stack-name "$stack" --output json 2>/dev/null |
        python3 -c '
import json, sys
since = sys.argv[1]
events = [e for e in json.load(sys.stdin)["StackEvents"] if e["ResourceStatus"].endswith("_FAILED") and e["Timestamp"] >= since]
for event in sorted(events, key=lambda e: e["Timestamp"])[:1]:
    print("%s (%s) %s: %s" % (event["LogicalResourceId"], event["ResourceType"], event["ResourceStatus"],
                              event.get("ResourceStatusReason", "no reason given")), file=sys.stderr)
' "$started" || true
    die "the stack $stack was not deployed; what ran before still runs"
}

# One line an output: its key, a tab, its value.
outputs_of() {
    aws cloudformation describe-stacks --stack-name "$1" \
        --query 'Stacks[0].Outputs[].[OutputKey,OutputValue]' --output text
}

output() {
    local value
    value=$(awk -F'\t' -v key="$1" '$1 == key { print $2 }' "$work/outputs")
    if [ -z "$value" ]; then die "the stack has no output $1"; fi
    printf '%s\n' "$value"
}

print_outputs() {
    sort "$work/outputs" | awk -F'\t' '{ printf "  %-20s %s\n", $1, $2 }'
}

# What releases need to know of the target, in the one place they look.
record_environment() {
    local stack=$1 table=$2
    python3 - "$target" "$stack" "$work/outputs" >"$work/environment.json" <<'PYTHON'
import datetime, json, sys

target, stack, outputs = sys.argv[1:]
out = dict(line.rstrip("\n").split("\t") for line in open(outputs))


def text(value):
    return {"S": value}


def number(key):
    return {"N": str(int(out[key]))}


json.dump({
    "pk": text("target#" + target),
    "sk": text("environment"),
    "domain": text(out["Domain"]),
    "zone_id": text(out["ZoneId"]),
    "launch_template_id": text(out["LaunchTemplateId"]),
    "subnet_ids": {"L": [text(subnet) for subnet in out["SubnetIds"].split(",")]},
    "alias_ttl": number("AliasTtl"),
    "hostname_ttl": number("HostnameTtl"),
    "drain_margin": number("DrainMargin"),
    "test_dependents": {"BOOL": out["TestDependents"] == "true"},
    "stack": text(stack),
    "recorded_at": text(datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")),
}, sys.stdout)
PYTHON
    aws dynamodb put-item --table-name "$table" --item "file://$work/environment.json"
    printf '  recorded in %s: target#%s / environment\n' "$table" "$target"
}

main "$@"
