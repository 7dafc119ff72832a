#!/usr/bin/env bash
# Deploys a stack, to AWS or to the local cloud alike: only parameters and AWS_* differ.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: infra/deploy.sh pipeline --project NAME --domain DOMAIN [--parameter KEY=VALUE ...]
       infra/deploy.sh target   --project NAME --target NAME [--parameter KEY=VALUE ...]
       infra/deploy.sh destroy  --project NAME

pipeline  deploys <project>-cutover from infra/pipeline.yaml, with the packages in dist/
          (made by infra/package.sh), and uploads infra/target.yaml for its target machine
target    provisions a target: one execution of <project>-target, waited for. The same as
          `cutover target provision`; tearing it down is `cutover target teardown`
destroy   deletes <project>-cutover and its packages, once no target is left. The table and the
          bucket with artifacts, logs and sources stay

--domain is the project's domain (myproj.com), for `pipeline`; a target's zone is <target>.<domain>.
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
        pipeline | target | destroy) shift ;;
        -h | --help | help) usage && return 0 ;;
        *) usage >&2 && exit 2 ;;
    esac
    read_options "$@"
    root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    work=$(mktemp -d)
    # Names its requests in the account's CloudTrail.
    export AWS_SDK_UA_APP_ID=cutover-deploy
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
    if [ "$kind" = pipeline ] && [ -z "$domain" ]; then die "--domain is missing"; fi
    if [ "$kind" = target ] && [ -z "$target" ]; then die "--target is missing"; fi
}

deploy_pipeline() {
    local stack=$project-cutover function template
    for function in "$root"/functions/*/; do
        function=$(basename "$function")
        [ -f "$root/dist/$function.zip" ] || die "dist/$function.zip is missing: run infra/package.sh first"
    done
    know_where
    ensure_package_bucket
    template=$(upload_target_template)
    aws cloudformation package --template-file "$root/infra/pipeline.yaml" \
        --s3-bucket "$bucket" --s3-prefix "$project" \
        --output-template-file "$work/pipeline.yaml" >"$work/package.log" 2>&1 ||
        { cat "$work/package.log" >&2 && die "the packages could not be uploaded to $bucket"; }
    choose_keeper_places "$stack"
    deploy_stack "$stack" "$work/pipeline.yaml" "$bucket" \
        "Project=$project" "Domain=$domain" "TargetTemplateUrl=$template" ${parameters[@]+"${parameters[@]}"}
    outputs_of "$stack" >"$work/outputs"
    print_outputs
    tell_of_places "$stack"
}

# Keeps places for the keeper, where nobody has said how many and Lambda has room: it leaves 100 to all other functions
# (https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html).
choose_keeper_places() {
    local places=10 free parameter
    for parameter in ${parameters[@]+"${parameters[@]}"}; do
        case "$parameter" in KeeperPlaces=*) return 0 ;; esac
    done
    case "$(parameter_of "$1" KeeperPlaces 2>/dev/null || true)" in '' | None | 0) ;; *) return 0 ;; esac
    free=$(aws lambda get-account-settings --query AccountLimit.UnreservedConcurrentExecutions --output text \
        2>"$work/lambda.log") || free=0
    if [ "${free%.*}" -ge $((100 + places)) ]; then
        parameters+=("KeeperPlaces=$places")
    else
        printf '  WARNING: no place is kept for the keeper: Lambda has %s concurrent executions free here, and it takes %s. While releases use them all, instances that end are replaced late. Ask AWS for more, and deploy again (docs/aws.md, quotas)\n' \
            "$free" "$((100 + places))" >&2
    fi
}

# How many containers the account may run at once, where the pipeline has commands run in them.
tell_of_places() {
    local executors processor=ARM quotas value code name
    executors=$(parameter_of "$1" Executors)
    case "$executors" in *codebuild*) ;; *) return 0 ;; esac
    if [ "$(parameter_of "$1" Architecture)" = x86_64 ]; then processor=Linux; fi
    quotas=$(aws service-quotas list-service-quotas --service-code codebuild --output text --query \
        "Quotas[?QuotaName=='Concurrently running builds for $processor/Small environment'].[Value,QuotaCode,QuotaName]" \
        2>"$work/quotas.log") || { printf '  WARNING: how many containers may run at once is not known: %s\n' \
        "$(tr -s '\n' ' ' <"$work/quotas.log")" && return 0; }
    while IFS=$'\t' read -r value code name; do
        case "$value" in
            0 | 0.0 | 1 | 1.0)
                printf '  WARNING: the quota "%s" of this account is %s, and a release needs 2 or more, for unit tests and build at once. Ask AWS:\n' "$name" "${value%.0}"
                printf '    aws service-quotas request-service-quota-increase --service-code codebuild --quota-code %s --desired-value 4\n' "$code"
                ;;
        esac
    done <<<"$quotas"
}

# parameter_of STACK NAME
parameter_of() {
    aws cloudformation describe-stacks --stack-name "$1" --output text \
        --query "Stacks[0].Parameters[?ParameterKey=='$2'].ParameterValue"
}

# Under its SHA-256, so that what a target is made of is what was deployed; prints its address.
upload_target_template() {
    local hash key suffix=amazonaws.com
    hash=$(sha256sum "$root/infra/target.yaml" | cut -d ' ' -f 1)
    key=$project/target-$hash.yaml
    case "$region" in cn-*) suffix=amazonaws.com.cn ;; esac
    packages put-object --key "$key" --body "$root/infra/target.yaml" >"$work/template.log" ||
        die "infra/target.yaml could not be uploaded to $bucket"
    printf 'https://s3.%s.%s/%s/%s\n' "$region" "$suffix" "$bucket" "$key"
}

# One execution of the target machine, which does everything and says why if it could not.
deploy_target() {
    local machine execution status
    outputs_of "$project-cutover" >"$work/outputs" ||
        die "there is no stack $project-cutover: deploy the pipeline first"
    machine=$(output TargetMachineArn)
    input_of_target ${parameters[@]+"${parameters[@]}"} >"$work/input.json"
    printf 'provisioning %s-%s ...\n' "$project" "$target" >&2
    execution=$(aws stepfunctions start-execution --state-machine-arn "$machine" \
        --input "file://$work/input.json" --query executionArn --output text)
    while :; do
        describe "$execution" || die "the execution $execution cannot be looked at; it goes on"
        status=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["status"])' "$work/execution.json")
        if [ "$status" != RUNNING ]; then break; fi
        sleep 1
    done
    tell_of_target "$status"
}

# describe EXECUTION: into execution.json. Step Functions may not know one yet that it has just started
# (https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html): asked for 30 s.
describe() {
    local try
    for try in {1..30}; do
        aws stepfunctions describe-execution --execution-arn "$1" --output json \
            >"$work/execution.json" 2>"$work/execution.log" && return 0
        grep -q ExecutionDoesNotExist "$work/execution.log" || break
        sleep 1
    done
    cat "$work/execution.log" >&2
    return 1
}

# input_of_target KEY=VALUE...
input_of_target() {
    python3 - "$target" "$@" <<'PYTHON'
import json, sys

target, *parameters = sys.argv[1:]
json.dump({"action": "provision", "target": target,
           "parameters": dict(parameter.split("=", 1) for parameter in parameters)}, sys.stdout)
PYTHON
}

tell_of_target() {
    python3 - "$1" "$work/execution.json" <<'PYTHON' || die "the target $target was not provisioned; what ran before still runs"
import json, sys

status, path = sys.argv[1:]
execution = json.load(open(path))
if status != "SUCCEEDED":
    sys.exit("%s: %s" % (execution.get("error", status), execution.get("cause", "see the execution " + execution["name"])))
output = json.loads(execution["output"])
print("  %s is %s" % (output["stack"], output["outcome"]))
outputs = output["outputs"]
for name, value in sorted(outputs.items()):
    print("  %-20s %s" % (name, value))
for warning in output.get("warnings", []):
    print("  WARNING: " + warning)
PYTHON
}

# Targets first: they need the machine that goes here. What is retained is named with the way to it.
deploy_destroy() {
    local stack=$project-cutover left
    outputs_of "$stack" >"$work/outputs" || die "there is no stack $stack"
    left=$(aws dynamodb scan --table-name "$(output TableName)" --filter-expression 'sk = :sk' \
        --expression-attribute-values '{":sk": {"S": "environment"}}' --query 'Items[].pk.S' --output text)
    if [ -n "$left" ]; then
        die "these targets are left: ${left//target#/}; tear each down with \`cutover target teardown\` first"
    fi
    printf 'deleting %s ...\n' "$stack" >&2
    aws cloudformation delete-stack --stack-name "$stack"
    aws cloudformation wait stack-delete-complete --stack-name "$stack" >"$work/deploy.log" 2>&1 ||
        explain_failure "$stack" 0 "was not deleted as a whole; mend that and run the same again"
    know_where
    empty_and_delete_packages
    printf '%s is deleted. Kept, with what was recorded and built: the table %s and the bucket %s\n' \
        "$stack" "$(output TableName)" "$(output BucketName)"
}

# The account, the partition and the region that the AWS CLI works in, and the bucket for packages there.
know_where() {
    IFS=$'\t' read -r account partition < <(aws sts get-caller-identity --query '[Account,Arn]' --output text) ||
        die "the AWS CLI has no valid credentials"
    partition=${partition#arn:} partition=${partition%%:*}
    region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}
    [ -n "$region" ] || die "no region: set AWS_REGION"
    # At most 63 characters: the project has up to 20, the account 12, the longest region 15.
    bucket=$project-cutover-pkg-$account-$region
}

# packages OPERATION OPTION...: on the bucket for packages, if it is this account's. A bucket's name can be
# guessed, and whoever has it first in another account would serve the functions' code.
packages() {
    aws s3api "$1" --bucket "$bucket" --expected-bucket-owner "$account" "${@:2}"
}

# All versions of all objects, a page at a time, then the bucket.
empty_and_delete_packages() {
    local query='{Objects: [Versions, DeleteMarkers][] | [?@] | [].{Key: Key, VersionId: VersionId}, Quiet: `true`}'
    packages head-bucket >/dev/null 2>&1 || return 0
    while packages list-object-versions --max-items 500 --query "$query" --output json >"$work/versions.json" &&
        grep -q VersionId "$work/versions.json"; do
        packages delete-objects --delete "file://$work/versions.json" >/dev/null
    done
    packages delete-bucket
}

# Where CloudFormation reads the packages from; protected as the pipeline's own bucket is.
ensure_package_bucket() {
    if ! packages head-bucket >/dev/null 2>&1; then
        protect_new_bucket >"$work/bucket.log" 2>&1 ||
            { cat "$work/bucket.log" >&2 && die "the bucket $bucket for the packages could not be made"; }
    fi
}

protect_new_bucket() {
    local placed=()
    # us-east-1 is the one region that may not be named here.
    if [ "$region" != us-east-1 ]; then
        placed=(--create-bucket-configuration "LocationConstraint=$region")
    fi
    aws s3api create-bucket --bucket "$bucket" --region "$region" \
        --object-ownership BucketOwnerEnforced ${placed[@]+"${placed[@]}"} &&
        packages put-public-access-block --public-access-block-configuration \
            BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true &&
        packages put-bucket-encryption --server-side-encryption-configuration \
            '{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}' &&
        packages put-bucket-versioning --versioning-configuration Status=Enabled &&
        packages put-bucket-lifecycle-configuration --lifecycle-configuration \
            '{"Rules":[{"ID":"old-packages","Status":"Enabled","Filter":{"Prefix":""},"Expiration":{"ExpiredObjectDeleteMarker":true},"NoncurrentVersionExpiration":{"NoncurrentDays":30},"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":2}}]}' &&
        packages put-bucket-tagging --tagging "TagSet=[{Key=cutover:project,Value=$project}]" &&
        packages put-bucket-policy --policy "$(tls_only "arn:$partition:s3:::$bucket")"
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
    forget_failed_creation "$stack"
    started=$(date -u +%Y-%m-%dT%H:%M:%S)
    printf 'deploying %s ...\n' "$stack" >&2
    aws cloudformation deploy --stack-name "$stack" --template-file "$template" \
        ${upload[@]+"${upload[@]}"} --capabilities CAPABILITY_NAMED_IAM \
        --no-fail-on-empty-changeset --parameter-overrides "$@" --tags "${tags[@]}" \
        >"$work/deploy.log" 2>&1 || explain_failure "$stack" "$started" "was not deployed; what ran before still runs"
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
# explain_failure STACK SINCE WHAT-IS-TRUE-OF-IT
explain_failure() {
    local stack=$1 started=$2 outcome=$3
    cat "$work/deploy.log" >&2
    aws cloudformation describe-stack-events --stack-name "$stack" --output json 2>/dev/null |
        python3 -c '
import json, sys
since = sys.argv[1]
# The newest comes first. What is cancelled because another one failed says nothing of why, nor does the stack.
events = [e for e in reversed(json.load(sys.stdin)["StackEvents"])
          if e["ResourceStatus"].endswith("_FAILED") and e["Timestamp"] >= since
          and e["ResourceType"] != "AWS::CloudFormation::Stack"
          and " cancelled" not in e.get("ResourceStatusReason", "")]
for event in events[:1]:
    print("%s (%s) %s: %s" % (event["LogicalResourceId"], event["ResourceType"], event["ResourceStatus"],
                              event.get("ResourceStatusReason", "no reason given")), file=sys.stderr)
' "$started" || true
    die "the stack $stack $outcome"
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

main "$@"
