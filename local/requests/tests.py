#!/usr/bin/env python3
"""The judge of requests judged: botocore writes requests as an SDK does, and what comes back must be what
went in, and what AWS would refuse must be found."""

import unittest

import botocore.session
from botocore.config import Config

import codes
import coverage
from coverage import ROOT
from decode import Undecodable, decode, model
from hold import violations

SESSION = botocore.session.get_session()
SERVICES = {"states": "stepfunctions", "tagging": "resourcegroupstaggingapi"}
KEPT = ("content-type", "if-none-match", "range")


class Written(Exception):
    """Carries a request instead of sending it."""


def written(service, operation, **parameters):
    """The request of this call, as the recorder keeps it. What botocore itself would refuse is sent all the same."""
    client = SESSION.create_client(
        SERVICES.get(service, service), region_name="eu-central-1", endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="none", aws_secret_access_key="none",
        config=Config(parameter_validation=False, s3={"addressing_style": "path"}))

    def keep(request, **_):
        raise Written(request)

    client.meta.events.register("before-send", keep)
    # The SDK for Rust leaves it to the service whether a bucket's name is one.
    client.meta.events.unregister("before-parameter-build.s3", botocore.handlers.validate_bucket_name)
    method = {name: method for method, name in client.meta.method_to_api_mapping.items()}[operation]
    try:
        getattr(client, method)(**parameters)
    except Written as sent:
        request = sent.args[0]
    path, _, query = request.url.removeprefix("http://127.0.0.1:1").partition("?")
    text = lambda value: value.decode() if isinstance(value, bytes) else value
    body = request.body.read() if hasattr(request.body, "read") else request.body or b""
    headers = {name.lower(): text(value) for name, value in request.headers.items()
               if name.lower() in KEPT or name.lower().startswith("x-amz-")}
    return {"service": service, "method": request.method, "path": path, "query": query, "headers": headers,
            "body": text(body), "encoding": "utf-8", "whole": True}


def found(service, operation, **parameters):
    """What is said against this call."""
    decoded = decode(written(service, operation, **parameters))
    name = model(service)
    said = violations(name.service_name, name.operation_model(decoded.operation), decoded.parameters)
    return [f"{one}: no such member" for one in decoded.unknown] + said


def change(comment="a comment", **record):
    record = {"Name": "api.stage.myproj.com", "Type": "A", "TTL": 59, "ResourceRecords": [{"Value": "192.0.2.1"}], **record}
    return {"HostedZoneId": "Z0123456789ABC",
            "ChangeBatch": {"Comment": comment, "Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}}


MACHINE = "arn:aws:states:eu-central-1:000000000000:stateMachine:myproj-release"


class WhatWasWrittenIsRead(unittest.TestCase):
    def check(self, service, operation, **parameters):
        decoded = decode(written(service, operation, **parameters))
        self.assertEqual((decoded.operation, decoded.unknown), (operation, []))
        self.assertEqual(decoded.parameters, parameters)
        self.assertEqual(found(service, operation, **parameters), [])

    def test_json(self):
        self.check("dynamodb", "PutItem", TableName="myproj-cutover", ConditionExpression="attribute_not_exists(pk)",
                   Item={"pk": {"S": "a"}, "sk": {"S": "b"}, "list": {"L": [{"N": "1"}, {"BOOL": True}, {"NULL": True}]}})
        self.check("states", "StartExecution", stateMachineArn=MACHINE, name="api-3f2a9c1b04de-stage", input="{}")
        self.check("tagging", "GetResources", TagFilters=[{"Key": "cutover:target", "Values": ["stage"]}])

    def test_the_form_of_cloudformation(self):
        self.check("cloudformation", "CreateStack", StackName="myproj-stage", OnFailure="DELETE",
                   Parameters=[{"ParameterKey": "A", "ParameterValue": "b"}], Capabilities=["CAPABILITY_IAM"],
                   Tags=[{"Key": "cutover:project", "Value": "myproj"}])

    def test_the_form_of_ec2(self):
        self.check("ec2", "DescribeInstances", Filters=[{"Name": "tag:cutover:target", "Values": ["a", "b"]}], MaxResults=5)
        self.check("ec2", "RunInstances", MinCount=1, MaxCount=2, ClientToken="t-1", SubnetId="subnet-0a",
                   LaunchTemplate={"LaunchTemplateName": "myproj-stage", "Version": "3"},
                   TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "k", "Value": "v"}]}])

    def test_xml(self):
        self.check("route53", "ChangeResourceRecordSets", **change())
        self.check("s3", "DeleteObjects", Bucket="a-bucket", ChecksumAlgorithm="CRC32", Delete={"Quiet": True, "Objects": [
            {"Key": "logs/stage-r1/a b.log", "VersionId": "1"}]})

    def test_addresses_and_headers(self):
        self.check("s3", "ListObjectsV2", Bucket="a-bucket", Prefix="logs/a b/", MaxKeys=1, EncodingType="url")
        self.check("s3", "ListObjectVersions", Bucket="a-bucket", Prefix="logs/", EncodingType="url")
        self.check("s3", "PutBucketPolicy", Bucket="a-bucket", ChecksumAlgorithm="CRC32", Policy="{}")
        self.check("s3", "PutBucketLifecycleConfiguration", Bucket="a-bucket", ChecksumAlgorithm="CRC32",
                   LifecycleConfiguration={"Rules": [{"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}}]})
        self.check("s3", "GetObject", Bucket="a-bucket", Key="logs/a b.log", Range="bytes=0-9", ChecksumMode="ENABLED")
        self.check("s3", "HeadObject", Bucket="a-bucket", Key="artifacts/api/api-0.tar.zst", ChecksumMode="ENABLED")
        self.check("route53", "ListResourceRecordSets", HostedZoneId="Z1", StartRecordName="a.b", MaxItems="300")
        self.check("route53", "GetChange", Id="C0123456789")


class WhatAwsRefusesIsFound(unittest.TestCase):
    def check(self, said, service, operation, **parameters):
        self.assertIn(said, "\n".join(found(service, operation, **parameters)))

    def test_lengths(self):
        template = {"LaunchTemplateId": "lt-0a", "LaunchTemplateData": {"InstanceType": "t4g.small"}}
        self.assertEqual(found("ec2", "CreateLaunchTemplateVersion", VersionDescription="d" * 255, **template), [])
        self.check("256 characters", "ec2", "CreateLaunchTemplateVersion", VersionDescription="d" * 256, **template)
        self.assertEqual(found("route53", "ChangeResourceRecordSets", **change(comment="c" * 256)), [])
        self.check("257 characters", "route53", "ChangeResourceRecordSets", **change(comment="c" * 257))
        self.check("81 characters", "states", "StartExecution", stateMachineArn=MACHINE, name="n" * 81)
        self.check("101 items", "dynamodb", "TransactWriteItems", TransactItems=[
            {"Delete": {"TableName": "t-cutover", "Key": {"pk": {"S": str(n)}, "sk": {"S": "a"}}}} for n in range(101)])

    def test_ranges(self):
        self.check("TTL: 2147483648", "route53", "ChangeResourceRecordSets", **change(TTL=1 << 31))
        self.check("maxResults: 1001", "states", "ListExecutions", stateMachineArn=MACHINE, maxResults=1001)

    def test_enumerations_and_patterns(self):
        self.check("'ABORT' is none of", "cloudformation", "CreateStack", StackName="a", OnFailure="ABORT")
        self.check("does not match", "cloudformation", "UpdateStack", StackName="a", ClientRequestToken="a_b")
        self.check("is none of", "states", "ListExecutions", stateMachineArn=MACHINE, statusFilter="running")

    def test_members(self):
        self.check("stateMachineArn: required", "states", "StartExecution", name="a")
        self.check("Action: required", "route53", "ChangeResourceRecordSets",
                   HostedZoneId="Z1", ChangeBatch={"Changes": [{"ResourceRecordSet": {"Name": "a.b", "Type": "A"}}]})
        request = written("states", "StartExecution", stateMachineArn=MACHINE)
        request["body"] = request["body"].replace("{", '{"priority": 1, ', 1)
        self.assertEqual(decode(request).unknown, ["priority"])
        request = written("ec2", "DescribeInstances", MaxResults=5)
        request["body"] += "&Filters.1.Name=a"
        self.assertEqual(decode(request).unknown, ["Filters"])

    def test_types(self):
        request = written("ec2", "DescribeInstances", MaxResults=5)
        request["body"] = request["body"].replace("MaxResults=5", "MaxResults=five")
        name = model("ec2")
        said = violations("ec2", name.operation_model("DescribeInstances"), decode(request).parameters)
        self.assertEqual(said, ["DescribeInstances.MaxResults: 'five' is no integer"])

    def test_operations_that_do_not_exist(self):
        request = written("states", "StartExecution", stateMachineArn=MACHINE)
        request["headers"]["x-amz-target"] = "AWSStepFunctions.BeginExecution"
        self.assertRaisesRegex(Undecodable, "no operation BeginExecution", decode, request)

    def test_what_only_the_documentation_says(self):
        for name in ("a b", "a/b", "a:b", "a{b}", "a\u0007"):
            self.check("is not a name of an execution", "states", "StartExecution", stateMachineArn=MACHINE, name=name)
        for key in ("logs/../a", "./a", "a/.."):
            self.check("without `.` or `..`", "s3", "GetObject", Bucket="a-bucket", Key=key)
        self.assertEqual(found("s3", "GetObject", Bucket="a-bucket", Key="logs/...a/..b/.c/d."), [])
        self.check("1025 bytes", "s3", "GetObject", Bucket="a-bucket", Key="é" * 512 + "k")
        self.check("16385 bytes of user data", "ec2", "RunInstances", MinCount=1, MaxCount=1, UserData="u" * 16385)
        names, releases = ([{"Name": tag, "Values": [str(number) for number in range(count)]}] for tag, count in
                           (("tag:Name", 100), ("tag:cutover:release", 101)))
        self.assertEqual(found("ec2", "DescribeInstances", Filters=[*names, {"Name": "tag-key", "Values": ["a"] * 100}]), [])
        self.check("201 values of filters in a call", "ec2", "DescribeInstances", Filters=[*names, *releases])
        self.check("not a tag's key", "ec2", "CreateTags", Resources=["i-0a"], Tags=[{"Key": "aws:a", "Value": "b"}])
        self.check("is no domain name", "route53", "ChangeResourceRecordSets", **change(Name=f"{'a' * 64}.myproj.com"))
        self.check("1001 records", "route53", "ChangeResourceRecordSets",
                   **change(ResourceRecords=[{"Value": "192.0.2.1"}] * 1001))
        row = {"TableName": "t-cutover", "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}}
        self.check("2 actions on the row", "dynamodb", "TransactWriteItems", TransactItems=[{"Delete": row}, {"Delete": row}])
        self.check("sk has 1025 bytes", "dynamodb", "GetItem", TableName="t-cutover",
                   Key={"pk": {"S": "a"}, "sk": {"S": "s" * 1025}})


class WhoAsked(unittest.TestCase):
    def test_senders(self):
        session = "arn:aws:sts::000000000000:assumed-role/myproj-cutover-PlanReleaseRole-1/"
        self.assertEqual(coverage.sender(f"{session}t-pipe-1-plan-release"), "plan-release")
        self.assertEqual(coverage.sender(f"{session}i-0123456789abcdef0"), "an instance")
        self.assertEqual(coverage.sender("cutover-deploy"), "infra/deploy.sh")

    def test_every_function_has_a_role_with_actions(self):
        self.assertEqual(sorted(coverage.allowed(ROOT)), list(coverage.function_names()))

    def test_a_transaction_needs_the_permissions_of_its_actions(self):
        row = {"TableName": "t-cutover", "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}}
        decoded = decode(written("dynamodb", "TransactWriteItems", TransactItems=[{"Delete": row}]))
        self.assertEqual(coverage.actions("dynamodb", decoded), {"dynamodb:DeleteItem"})


class Codes(unittest.TestCase):
    def test_every_code_that_the_code_asks_for_can_be_answered(self):
        self.assertEqual(codes.unexplained(ROOT), [])

    def test_codes_are_found_where_they_are_asked_for(self):
        asked = codes.asked_for(ROOT)
        for code in ("InvalidChangeBatch", "Throttling", "ExecutionAlreadyExists", "NoSuchKey",
                     "OperationNotPermitted", "InsufficientFreeAddressesInSubnet"):
            self.assertIn(code, asked)


if __name__ == "__main__":
    unittest.main()
