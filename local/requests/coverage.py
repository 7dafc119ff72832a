"""Who asked, what that took of a role's permissions, and what was never asked."""

import re
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]

# As they name themselves; the function `cutover` is another one.
PROGRAMS = {"cutover": "the CLI", "cutover-deploy": "infra/deploy.sh", "cutover-accept": "infra/accept"}
SESSION = re.compile(r"arn:[\w-]+:sts::\d+:assumed-role/([^/]+)/(.+)")
# Operations that are allowed under another name.
ALLOWED_AS = {
    ("s3", "HeadObject"): "s3:GetObject", ("s3", "ListObjectsV2"): "s3:ListBucket", ("s3", "HeadBucket"): "s3:ListBucket",
    ("s3", "ListObjectVersions"): "s3:ListBucketVersions",
    ("resourcegroupstaggingapi", "GetResources"): "tag:GetResources",
}
PREFIXES = {"stepfunctions": "states", "resourcegroupstaggingapi": "tag"}
# A transaction is allowed action by action.
OF_A_TRANSACTION = {"Put": "dynamodb:PutItem", "Update": "dynamodb:UpdateItem", "Delete": "dynamodb:DeleteItem",
                    "ConditionCheck": "dynamodb:ConditionCheckItem"}

# What a role holds for somebody else's call: that of Lambda, of its log, of its traces.
NOT_ASKED = {
    "logs:CreateLogStream": "Lambda writes the function's log with its role",
    "logs:PutLogEvents": "Lambda writes the function's log with its role",
    "xray:PutTraceSegments": "Lambda writes the function's traces with its role",
    "xray:PutTelemetryRecords": "Lambda writes the function's traces with its role",
    "sqs:SendMessage": "Lambda sends lost pushes to the queue with the function's role",
    "iam:PassRole": "asked of EC2 and CloudFormation beside the call that names the role",
    "codecommit:GitPull": "git, not an API; the local cloud has no CodeCommit",
    "ec2:CreateTags": "asked beside the call that tags what it makes",
    "cloudformation:CreateChangeSet": "CloudFormation's own, for a template with a transform",
    # Two actions of one call.
    "s3:DeleteObject": "asked beside DeleteObjects",
    "s3:DeleteObjectVersion": "asked beside DeleteObjects",
    "cloudformation:TagResource": "asked beside the call that makes a stack",
    "cloudformation:UntagResource": "asked beside the call that changes a stack",
    "kms:CreateGrant": "EC2 asks, for volumes that the account encrypts with a key of its own",
    ("apply-stack", "s3:GetObject"): "CloudFormation reads the template as its caller",
    ("prepare-workspace", "s3:ListBucket"): "S3 tells only those who may list that a key is missing",
    ("terminate-previous", "ec2:DeleteLaunchTemplateVersions"): "asked for versions that are older than a day",
    ("collect-command", "s3:ListBucket"): "S3 tells only those who may list that a key is missing",
    ("deploy-initial", "s3:ListBucket"): "S3 tells only those who may list that a key is missing",
}


def sender(recorded):
    """`plan-release` of its session, `an instance`, or the program that named itself."""
    session = SESSION.fullmatch(recorded)
    if not session:
        return PROGRAMS.get(recorded, recorded)
    role, name = session.groups()
    if re.fullmatch(r"i-[0-9a-f]+", name):
        return "an instance"
    if name.startswith("AWSCodeBuild-"):
        return "a container"
    functions = [one for one in function_names() if name.endswith(f"-{one}")]
    return max(functions, key=len) if functions else f"{role}/{name}"


@cache
def function_names():
    return tuple(sorted(path.name for path in (ROOT / "functions").iterdir() if (path / "src").is_dir()))


def actions(service, decoded):
    """The permissions that a request needs."""
    name = decoded.operation
    if name == "TransactWriteItems":
        items = decoded.parameters.get("TransactItems", [])
        return {OF_A_TRANSACTION[kind] for one in items for kind in one if kind in OF_A_TRANSACTION}
    if name == "TransactGetItems":
        return {"dynamodb:GetItem"}
    service = {"states": "stepfunctions", "tagging": "resourcegroupstaggingapi"}.get(service, service)
    return {ALLOWED_AS.get((service, name), f"{PREFIXES.get(service, service)}:{name}")}


class Template(yaml.SafeLoader):
    """CloudFormation's short forms as plain values: nobody here asks what they stand for."""


Template.add_multi_constructor("!", lambda loader, suffix, node: {
    yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: loader.construct_sequence,
    yaml.MappingNode: loader.construct_mapping}[type(node)](node))


def allowed(root):
    """By function: the actions that its role lets it do."""
    resources = yaml.load((root / "infra/pipeline.yaml").read_text(), Template)["Resources"]
    found = {}
    for one in resources.values():
        if one["Type"] != "AWS::Lambda::Function":
            continue
        role = resources[one["Properties"]["Role"].removesuffix(".Arn")]
        name = one["Properties"]["FunctionName"].removeprefix("${Project}-")
        found[name] = {action for action in actions_in(role["Properties"].get("Policies", []))}
    return found


def actions_in(node):
    if isinstance(node, list):
        for one in node:
            yield from actions_in(one)
    elif isinstance(node, dict):
        if node.get("Effect") == "Allow" and "Action" in node:
            yield from [node["Action"]] if isinstance(node["Action"], str) else node["Action"]
        for key, one in node.items():
            if key != "Action":
                yield from actions_in(one)


def silent(root, asked):
    """Functions that asked nothing."""
    heard = {who for _service, _operation, who in asked}
    return [f"{name} has asked nothing" for name in sorted(allowed(root)) if name not in heard]


def never(root, asked):
    """What functions may ask, by their roles, and did not; then what is never asked, with the reason."""
    done = {}
    for (_service, _operation, who), one in asked.items():
        done.setdefault(who, set()).update(one.actions)
    explained = {one if isinstance(one, str) else f"{one[1]} of {one[0]}": why for one, why in NOT_ASKED.items()}
    return [f"{name}: {action}, which its role allows" for name, may in sorted(allowed(root).items())
            for action in sorted(may - done.get(name, set()))
            if action not in NOT_ASKED and (name, action) not in NOT_ASKED] \
        + [f"{what}, by design: {why}" for what, why in sorted(explained.items())]
