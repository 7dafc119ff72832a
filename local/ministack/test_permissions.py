"""That the pipeline's own policies let functions touch what has the project's tag, and nothing else: whole requests, signed
as functions sign them."""

import asyncio
import io
import os
import pathlib
import unittest
import urllib.parse

ROOT, SECRET, REGION, ACCOUNT = "AKIAROOTROOTROOTROOT", "root-secret", "eu-central-1", "000000000000"
os.environ.update({"AUTH": "true", "AWS_ACCESS_KEY_ID": ROOT, "AWS_SECRET_ACCESS_KEY": SECRET, "MINISTACK_REGION": REGION,
                   "MINISTACK_ACCOUNT_ID": ACCOUNT})

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from ministack import app
from ministack.core import iam_actions
from ministack.services import ec2, iam, route53, sts, tagging
from ministack.services.cloudformation import engine

import conditions
import machines

conditions.template_of = machines.template_of  # they are one program

TEMPLATE = pathlib.Path(__file__).parents[2] / "infra" / "pipeline.yaml"
OURS = [{"Key": "cutover:project", "Value": "myproj"}]
UNKNOWN = "i-0123456789abcdef0"
# One, since EC2's model takes seconds to read.
SESSION = botocore.session.Session()


class Raw(io.BytesIO):
    def stream(self, *_args, **_more):
        yield self.read()


def answered(request, **_more):
    """By the emulator in this process, instead of over the network."""
    url, sent = urllib.parse.urlsplit(request.url), []
    body = request.body or b""
    body = body if isinstance(body, bytes) else body.encode()
    headers = [(name.lower().encode(), value if isinstance(value, bytes) else str(value).encode())
               for name, value in request.headers.items()]
    scope = {"type": "http", "method": request.method, "path": urllib.parse.unquote(url.path), "raw_path": url.path.encode(),
             "query_string": url.query.encode(), "client": ("127.0.0.1", 1), "scheme": "http",
             "headers": [*headers, (b"host", url.netloc.encode()), (b"content-length", str(len(body)).encode())]}

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    asyncio.run(app.app(scope, receive, send))
    given = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return AWSResponse(request.url, sent[0]["status"], given, Raw(b"".join(one.get("body", b"") for one in sent[1:])))


def client(service, key=ROOT, secret=SECRET, token=None):
    made = SESSION.create_client(
        service, REGION, endpoint_url="http://emulator", aws_access_key_id=key, aws_secret_access_key=secret,
        aws_session_token=token, config=Config(retries={"total_max_attempts": 1}))
    made.meta.events.register("before-send", answered)
    return made


def statement(role, sid):
    """As infra/pipeline.yaml has it."""
    template = engine._parse_template(TEMPLATE.read_text())
    params = {name: {"Value": one.get("Default", "")} for name, one in template["Parameters"].items()}
    params["Project"] = {"Value": "myproj"}
    met = engine._evaluate_conditions(template, params)
    for policy in template["Resources"][f"{role}Role"]["Properties"]["Policies"]:
        for one in policy["PolicyDocument"]["Statement"]:
            if one.get("Sid") == sid:
                return engine._resolve_refs(one, {}, params, met, {}, "s", "s")
    raise KeyError(sid)


def function(role, *sids, service="ec2"):
    """A client with a role that may do nothing but this."""
    name = f"{role}-{'-'.join(sids)}"
    document = {"Version": "2012-10-17", "Statement": [statement(role, sid) for sid in sids]}
    iam._roles[name] = {"RoleName": name, "Arn": f"arn:aws:iam::{ACCOUNT}:role/{name}", "InlinePolicies": {"p": document},
                        "AttachedPolicies": []}
    sts.register_session(f"ASIA{name}", {"Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/function", "UserId": "u",
                                         "SecretAccessKey": "secret", "SessionToken": "token"})
    return client(service, f"ASIA{name}", "secret", "token")


def outcome(call, **parameters):
    try:
        call(**parameters)
        return "done"
    except ClientError as error:
        return error.response["Error"]["Code"]


class Permissions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        conditions.tell_conditions_what_is_asked(iam_actions, ec2, route53, tagging)
        machines.number_versions_for_good(ec2)
        cls.root = client("ec2")

    def launched(self, tags):
        tagged = [{"ResourceType": "instance", "Tags": tags}]
        made = self.root.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, TagSpecifications=tagged)
        return made["Instances"][0]["InstanceId"]

    def states(self, *ids):
        found = self.root.describe_instances(InstanceIds=list(ids))["Reservations"]
        return [one["Instances"][0]["State"]["Name"] for one in found]

    def test_an_instance_is_ended_by_its_project_alone(self):
        own, others = self.launched(OURS), self.launched([{"Key": "cutover:project", "Value": "other"}])
        end = function("TerminatePrevious", "TerminateOwnInstances").terminate_instances
        self.assertEqual(outcome(end, InstanceIds=[others]), "UnauthorizedOperation")
        self.assertEqual(outcome(end, InstanceIds=[own, others]), "UnauthorizedOperation", "each is asked for")
        self.assertEqual(self.states(own, others), ["running", "running"])
        self.assertEqual(outcome(end, InstanceIds=[own]), "done")
        self.assertEqual(outcome(end, InstanceIds=[own]), "done", "an ended one keeps its tags for a while")
        self.assertEqual(self.states(own, others), ["terminated", "running"])

    def test_one_that_is_not_there_has_no_tag_and_keeps_the_others(self):
        own, gone = self.launched(OURS), self.launched(OURS)
        ec2._instances.pop(gone)
        end = function("ClearTarget", "TerminateOwnInstances").terminate_instances
        for ids in ([UNKNOWN], [gone], [own, gone], [own, UNKNOWN]):
            self.assertEqual(outcome(end, InstanceIds=ids), "UnauthorizedOperation", ids)
        self.assertEqual(self.states(own), ["running"])
        self.assertEqual(outcome(self.root.terminate_instances, InstanceIds=[UNKNOWN]), "InvalidInstanceID.NotFound",
                         "who needs no tag is told")

    def test_versions_are_made_of_and_deleted_from_the_own_launch_template(self):
        def template(name, *tags):
            tagged = [{"ResourceType": "launch-template", "Tags": list(tags)}] if tags else []
            made = self.root.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"ImageId": "ami-12345678"},
                                                    TagSpecifications=tagged)
            return made["LaunchTemplate"]["LaunchTemplateId"]

        own, others = template("own", *OURS), template("others")
        new = function("DeployInitial", "DescribeCandidateInATemplateVersion").create_launch_template_version
        old = function("TerminatePrevious", "DeleteOldVersions").delete_launch_template_versions
        data = {"InstanceType": "t3.small"}
        self.assertEqual(outcome(new, LaunchTemplateId=own, LaunchTemplateData=data), "done")
        self.assertEqual(outcome(old, LaunchTemplateName="own", Versions=["2"]), "done")
        for template, call, more in (("others", new, {"LaunchTemplateData": data}), ("none", new, {"LaunchTemplateData": data}),
                                     ("others", old, {"Versions": ["1"]})):
            self.assertEqual(outcome(call, LaunchTemplateName=template, **more), "UnauthorizedOperation", template)
        self.assertEqual(outcome(new, LaunchTemplateId=others, LaunchTemplateData=data), "UnauthorizedOperation")

    def test_a_change_of_records_can_be_waited_for(self):
        changes = function("DeployInitial", "WaitForChange", service="route53")
        self.assertNotIn("Denied", outcome(changes.get_change, Id="C0123456789"))
        self.assertIn("Denied", outcome(changes.list_hosted_zones))


if __name__ == "__main__":
    unittest.main()
