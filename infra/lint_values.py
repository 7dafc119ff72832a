"""Holds what the templates say in words and names to the limits of the services that take it.

Read from botocore's models of the services, pattern, length and prose; written here, with their
source, where no model has them. Asked with the longest and the shortest names that the templates
allow. A description, name, path or tag that nobody has a limit for is a fault too.
"""

import html
import json
import sys

import botocore.session
import regex

import template

MODELS = botocore.session.get_session()

# A tag of any service fits what the strictest of them, IAM, takes.
TAG_KEY, TAG_VALUE = ("iam", "Tag", "Key"), ("iam", "Tag", "Value")

# Where the last parts of a property's path decide which member of which shape it becomes.
MEMBERS = {
    "AWS::DynamoDB::Table": {"AttributeName": ("dynamodb", "AttributeDefinition", "AttributeName"),
                             "IndexName": ("dynamodb", "GlobalSecondaryIndex", "IndexName")},
    "AWS::EC2::LaunchTemplate": {"VersionDescription": ("ec2", "CreateLaunchTemplateRequest", "VersionDescription")},
    "AWS::EC2::SecurityGroup": {"GroupDescription": ("ec2", "CreateSecurityGroupRequest", "Description"),
                                # Of the three kinds of rules, which take others each, the strictest.
                                "Description": ("ec2", "UserIdGroupPair", "Description")},
    # A variable of its environment keeps to the same characters.
    "AWS::CodeBuild::Project": {"Name": ("codebuild", "CreateProjectInput", "name"),
                                "Description": ("codebuild", "CreateProjectInput", "description")},
    "AWS::Events::Rule": {"Description": ("events", "PutRuleRequest", "Description"),
                          "Name": ("events", "PutRuleRequest", "Name"), "Id": ("events", "Target", "Id")},
    "AWS::IAM::InstanceProfile": {"Path": ("iam", "CreateRoleRequest", "Path")},
    "AWS::IAM::Role": {"Path": ("iam", "CreateRoleRequest", "Path"), "RoleName": ("iam", "CreateRoleRequest", "RoleName"),
                       "Description": ("iam", "CreateRoleRequest", "Description"),
                       "PolicyName": ("iam", "PutRolePolicyRequest", "PolicyName")},
    "AWS::Lambda::Function": {"Description": ("lambda", "CreateFunctionRequest", "Description")},
    "AWS::Logs::LogGroup": {"LogGroupName": ("logs", "CreateLogGroupRequest", "logGroupName")},
    "AWS::Route53::HostedZone": {"Comment": ("route53", "HostedZoneConfig", "Comment")},
}

# What no model has: a pattern of the whole, and the page that it is from.
WRITTEN = {
    "AWS::DynamoDB::Table": {"TableName": (
        r"[a-zA-Z0-9_.-]{3,255}",
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html")},
    "AWS::EC2::LaunchTemplate": {"LaunchTemplateName": (
        r"[a-zA-Z0-9().\-/_]{3,128}",
        "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html")},
    "AWS::Lambda::Function": {"FunctionName": (
        r"[a-zA-Z0-9_-]{1,64}", "https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html")},
    "AWS::RDS::DBInstance": {
        "DBInstanceIdentifier": (
            r"(?!.{64})[a-zA-Z](-?[a-zA-Z0-9])*",
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html"),
        "DBName": (
            r"[a-zA-Z][a-zA-Z0-9_]{0,62}",
            "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html"),
        # A minor version that is written down can one day not be created any more:
        "EngineVersion": (
            r"\d+", "https://docs.aws.amazon.com/AmazonRDS/latest/PostgreSQLReleaseNotes/postgresql-release-calendar.html")},
    "AWS::RDS::DBSubnetGroup": {"DBSubnetGroupDescription": (
        r"[ -~]{1,255}", "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html")},
    "AWS::Route53::HostedZone": {"Name": (
        r"(?!.{256})([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9-]{1,63}",
        "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html")},
    "AWS::Route53::RecordSet": {"Name": (
        r"(?!.{256})([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9-]{1,63}",
        "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html")},
    "AWS::S3::Bucket": {
        "BucketName": (
            r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
            "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"),
        "Id": (r".{1,255}", "https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html")},
    "AWS::SQS::Queue": {"QueueName": (
        r"[a-zA-Z0-9_-]{1,80}",
        "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html")},
    "AWS::StepFunctions::StateMachine": {"StateMachineName": (
        r"[a-zA-Z0-9_-]{1,80}", "https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html")},
}
# Who calls these by a name gets it from us and from nobody else.
IN_WORDS = ("Description", "Comment", "Name", "Path", "Identifier", "EngineVersion")
# What names something that another resource declares, or that AWS does.
OTHERS = {"FunctionName": {"AWS::Lambda::EventInvokeConfig", "AWS::Lambda::Permission"},
          "DBSubnetGroupName": {"AWS::RDS::DBInstance"}, "DeviceName": {"AWS::EC2::LaunchTemplate"},
          "ServiceName": {"AWS::EC2::VPCEndpoint"}}
# Not of the templates: infra/deploy.sh makes this bucket, beside the pipeline's own.
PACKAGES = regex.compile(r"^    bucket=(\S+)$", regex.MULTILINE)
# An inline policy's limit, for all of a role's together, spaces not counted:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
POLICIES_OF_A_ROLE = 10_240


def main():
    faults = sorted({fault for name in template.TEMPLATES for names in (longest(name), shortest(name))
                     for conditions in (True, False)
                     for fault in wrong_values(name, template.Values(template.read(name), names, conditions))})
    for fault in faults:
        print(fault)
    if faults:
        sys.exit(f"lint: {len(faults)} values that a service refuses")
    print("lint: names, descriptions, paths and tags are what the services take")


def longest(name):
    return {parameter: "a" * rule["MaxLength"] for parameter, rule in declared(name) if "MaxLength" in rule} | \
        {"Domain": "myproj.example.com", "BucketName": "bucket"}


def shortest(name):
    return {parameter: "a" * rule.get("MinLength", 1) for parameter, rule in declared(name) if "MaxLength" in rule} | \
        {"Domain": "a.b", "BucketName": "bucket"}


def declared(name):
    return template.read(name)["Parameters"].items()


def wrong_values(name, values):
    for logical_id, kind, properties in values.resources():
        for path, text in texts(properties):
            if path[0] in ("PolicyDocument", "AssumeRolePolicyDocument") or "PolicyDocument" in path:
                continue
            for fault in refused(kind, path, text):
                yield f"{name}: {logical_id}: {'/'.join(path)}: {fault}"
        for fault in too_much(properties.get("Policies", []) if kind == "AWS::IAM::Role" else []):
            yield f"{name}: {logical_id}: {fault}"
    if name == template.PIPELINE:
        yield from wrong_packages(values)


def wrong_packages(values):
    """Its name, and that apply-stack may read the template of targets there."""
    found = PACKAGES.search((template.ROOT / "infra/deploy.sh").read_text())
    if not found:
        sys.exit("lint: infra/deploy.sh names no bucket=")
    puts_in = {"$project": "${Project}", "$account": "${AWS::AccountId}", "$region": "${AWS::Region}"}
    name = regex.sub(r"\$\w+", lambda one: puts_in[one[0]], found[1])
    for fault in refused("AWS::S3::Bucket", ["BucketName"], values.sub(name)):
        yield f"infra/deploy.sh: {fault}"
    if f":s3:::{name}/" not in (template.ROOT / template.PIPELINE).read_text():
        yield f"infra/deploy.sh: no role may read {name}"


def texts(node, path=()):
    if isinstance(node, dict):
        for key, value in node.items():
            yield from texts(value, (*path, key))
    elif isinstance(node, list):
        for value in node:
            yield from texts(value, path)
    elif not isinstance(node, template.Unknown):
        yield list(path), str(node)


def refused(kind, path, text):
    last = path[-1]
    if len(path) > 1 and path[-2] in ("Tags", "HostedZoneTags"):
        yield from by_model({"Key": TAG_KEY, "Value": TAG_VALUE}[last], text)
    elif last in WRITTEN.get(kind, {}):
        pattern, page = WRITTEN[kind][last]
        if not regex.fullmatch(pattern, text):
            yield f"`{text}` is not {pattern} ({page})"
    elif last in MEMBERS.get(kind, {}):
        yield from by_model(MEMBERS[kind][last], text)
    elif last.endswith(IN_WORDS) and kind not in OTHERS.get(last, ()):
        yield f"nobody says in infra/lint_values.py which limits the {last} of an {kind} has"


def by_model(where, text):
    service, shape, member = where
    found = MODELS.get_service_model(service).shape_for(shape).members[member]
    limits = {key: found.metadata[key] for key in ("min", "max", "pattern") if key in found.metadata}
    limits = limits or in_prose(found.documentation)
    if not limits:
        sys.exit(f"lint: botocore's model has no limit of {'.'.join(where)}")
    if not limits.get("min", 0) <= len(text) <= limits.get("max", len(text)):
        yield f"`{text}` has {len(text)} characters; {'.'.join(where)} has {limits.get('min', 0)} to {limits['max']}"
    if "pattern" in limits and not regex.fullmatch(limits["pattern"], text):
        yield f"`{text}` is not what {'.'.join(where)} takes: {limits['pattern']}"


def in_prose(documentation):
    """EC2's models have no patterns, but say them: "Up to 255 characters in length. Allowed characters
    are a-z, A-Z, 0-9, spaces, and ._-:/()#,@[]+=&;{}!$*"."""
    text = html.unescape(regex.sub("<[^>]+>", " ", documentation))
    length = regex.search(r"Up to (\d+) characters", text)
    allowed = regex.search(r"(?:Allowed|Valid) characters(?: are|:) a-z, A-Z, 0-9, spaces, and (\S+)", text)
    found = {"max": int(length[1])} if length else {}
    if allowed:
        found["pattern"] = f"[a-zA-Z0-9 {regex.escape(allowed[1])}]*"
    return found


def too_much(policies):
    size = sum(len(regex.sub(r"\s", "", json.dumps(policy["PolicyDocument"]))) for policy in policies)
    if size > POLICIES_OF_A_ROLE:
        yield f"its inline policies have {size} characters of {POLICIES_OF_A_ROLE}"


if __name__ == "__main__":
    main()
