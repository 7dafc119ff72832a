"""That a condition on what a request asks for is held to what it asks for."""

import json
import unittest

from ministack.core import iam_actions, iam_evaluator
from ministack.services import ec2, route53, tagging

import conditions
import machines

conditions.template_of = machines.template_of  # they are one program
HERE = "arn:aws:ec2:eu-central-1:000000000000:"
BUS = "arn:aws:events:eu-central-1:000000000000:event-bus/default"
ZONE = "arn:aws:route53:::hostedzone/Z1"
CHANGE = "route53:ChangeResourceRecordSets"
OWN, PUSH = ("cutover.history", "Automatic Action"), ("cutover.git", "Repository State Change")


def is_allowed(service, action, resource, body, condition, params=None):
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}]}
    context = iam_actions.request_tag_context(service, action, body, params or {})
    asked = iam_evaluator.EvalContext(
        principal_arn="arn:aws:sts::000000000000:assumed-role/keep/x", principal_type="AssumedRole",
        principal_account="000000000000", action=action, resource_arn=resource, region="eu-central-1",
        service_context={key.lower(): values for key, values in context.items()})
    return iam_evaluator.evaluate(asked, [iam_evaluator.parse_policy_document(json.dumps(policy))]).decision == "Allow"


def may_put(*entries):
    entries = [{"Source": source, "DetailType": kind, "Detail": "{}"} for source, kind in entries]
    condition = {"events:source": "cutover.history", "events:detail-type": "Automatic Action"}
    body = json.dumps({"Entries": entries}).encode()
    return is_allowed("events", "events:PutEvents", BUS, body, {"ForAllValues:StringEquals": condition})


def batch(*changes):
    """As an SDK sends it."""
    changes = "".join(
        f"<Change><Action>{action}</Action><ResourceRecordSet><Name>{name}</Name><Type>{kind}</Type><TTL>60</TTL>"
        "<ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords>"
        "</ResourceRecordSet></Change>" for action, kind, name in changes)
    return ('<ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeBatch>'
            f"<Changes>{changes}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>").encode()


def may_change(condition, *changes):
    condition = {operator: {f"{CHANGE}{key}": values for key, values in keys.items()}
                 for operator, keys in condition.items()}
    return is_allowed("route53", CHANGE, ZONE, batch(*changes), condition)


def resource(service, path="/", **params):
    params = {name: [value] for name, value in params.items()}
    return iam_actions.extract_resource_arn(service, "POST", path, {}, b"", params, "eu-central-1", "000000000000")


class Conditions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        types = {"ForAllValues:StringEquals": {"RecordTypes": ["A"]}}
        assert may_put(PUSH) and may_change(types, ("DELETE", "TXT", "x.myproj.com")), \
            "MiniStack knows it itself: the patch may go"
        conditions.tell_conditions_what_is_asked(iam_actions, ec2, route53, tagging)

    def test_a_source_and_a_type_of_events_are_asked_for(self):
        self.assertTrue(may_put(OWN, OWN))
        self.assertFalse(may_put(PUSH))
        self.assertFalse(may_put(OWN, PUSH))
        self.assertFalse(may_put(("cutover.history", "Repository State Change")))

    def test_each_change_of_a_batch_is_of_a_type_and_an_action_that_are_permitted(self):
        may = {"ForAllValues:StringEquals": {"RecordTypes": ["A", "CNAME"], "Actions": ["CREATE", "DELETE"]}}
        a, cname = ("DELETE", "A", "api-1.stage.myproj.com"), ("CREATE", "CNAME", "api.stage.myproj.com")
        self.assertTrue(may_change(may, a, cname))
        self.assertFalse(may_change(may, ("DELETE", "TXT", "api.stage.myproj.com")))
        self.assertFalse(may_change(may, a, ("DELETE", "AAAA", "api-1.stage.myproj.com"), cname))
        self.assertFalse(may_change(may, a, ("UPSERT", "CNAME", "api.stage.myproj.com")))

    def test_each_name_of_a_batch_is_like_one_that_is_permitted(self):
        may = {"ForAllValues:StringLike": {"NormalizedRecordNames": ["*-r*.*.myproj.com", "last.cutover.*.myproj.com"]}}
        peer, mark = ("CREATE", "CNAME", "ui-r42.stage.myproj.com"), ("DELETE", "CNAME", "last.cutover.stage.myproj.com.")
        self.assertTrue(may_change(may, peer, mark))
        self.assertTrue(may_change(may, ("CREATE", "CNAME", "UI-r42.Stage.myproj.com")))
        self.assertFalse(may_change(may, peer, ("CREATE", "CNAME", "ui.stage.myproj.com")))
        self.assertFalse(may_change(may, ("CREATE", "CNAME", "ui-r42.stage.myproj.com.example.org")))

    def test_no_name_of_a_batch_is_like_one_that_is_excepted(self):
        names = "NormalizedRecordNames"
        may = {"ForAllValues:StringLike": {names: ["*.myproj.com"]},
               "ForAllValues:StringNotLike": {names: ["*.*.myproj.com", "prod.myproj.com"]}}
        apex = ("UPSERT", "SOA", "stage.myproj.com")
        self.assertTrue(may_change(may, apex, ("UPSERT", "NS", "stage.myproj.com")))
        self.assertFalse(may_change(may, apex, ("UPSERT", "NS", "api.stage.myproj.com")))
        self.assertFalse(may_change(may, ("UPSERT", "SOA", "prod.myproj.com")))

    def test_names_are_compared_as_route_53_normalises_them(self):
        for name, expected in [
            ("Api.Stage.MyProj.com.", "api.stage.myproj.com"),
            ("*.stage.myproj.com", r"\052.stage.myproj.com"),
            (r"\052.stage.myproj.com.", r"\052.stage.myproj.com"),
            ("_acme-challenge.myproj.com", "_acme-challenge.myproj.com"),
            (r"\101b.\137c.myproj.com", "ab._c.myproj.com"),
            (r"a\056b.myproj.com", r"a\056b.myproj.com"),
            ("a/b c.myproj.com", r"a\057b\040c.myproj.com"),
            ("ü.myproj.com", r"\303\274.myproj.com"),
            ("a\\b.myproj.com", r"a\134b.myproj.com"),
        ]:
            self.assertEqual(conditions.as_conditions_write_it(name), expected)
        may = {"ForAllValues:StringEquals": {"NormalizedRecordNames": [r"\052.myproj.com"]}}
        self.assertTrue(may_change(may, ("CREATE", "A", "*.myproj.com.")))
        self.assertFalse(may_change(may, ("CREATE", "A", "052.myproj.com")))

    def test_an_instance_is_launched_from_a_template(self):
        may = {"ArnLike": {"ec2:LaunchTemplate": "arn:aws:ec2:*:000000000000:launch-template/lt-1"}}

        def launched(**params):
            return is_allowed("ec2", "ec2:RunInstances", HERE + "subnet/subnet-1", b"", may, params)

        for number in ("1", "2"):
            ec2._launch_templates[f"lt-{number}"] = {"LaunchTemplateId": f"lt-{number}", "LaunchTemplateName": number}
            self.addCleanup(ec2._launch_templates.pop, f"lt-{number}")
        for name, prefix in (("LaunchTemplateId", "lt-"), ("LaunchTemplateName", "")):
            self.assertTrue(launched(**{f"LaunchTemplate.{name}": [prefix + "1"]}))
            self.assertFalse(launched(**{f"LaunchTemplate.{name}": [prefix + "2"]}))
        self.assertFalse(launched(ImageId=["ami-1"]))

    def test_a_permission_is_for_what_is_changed(self):
        self.assertEqual(resource("route53", "/2013-04-01/change/C1"), "arn:aws:route53:::change/C1")
        self.assertEqual(resource("route53", "/2013-04-01/hostedzone/Z1/rrset/"), ZONE)
        for action in ("CreateLaunchTemplateVersion", "DeleteLaunchTemplateVersions", "DeleteLaunchTemplate"):
            self.assertEqual(resource("ec2", Action=action, LaunchTemplateId="lt-1"), HERE + "launch-template/lt-1")
        ec2._launch_templates["lt-1"] = {"LaunchTemplateId": "lt-1", "LaunchTemplateName": "one"}
        self.addCleanup(ec2._launch_templates.pop, "lt-1")
        for action, name, its in (("DeleteLaunchTemplateVersions", "one", "lt-1"), ("CreateLaunchTemplate", "one", "*"),
                                  ("CreateLaunchTemplateVersion", "none", "*")):
            self.assertEqual(resource("ec2", Action=action, LaunchTemplateName=name), f"{HERE}launch-template/{its}")
        self.assertEqual(resource("ec2", Action="RunInstances", SubnetId="subnet-1"), HERE + "subnet/subnet-1")
        for action in ("DescribeInstances", "DescribeLaunchTemplateVersions"):
            self.assertEqual(resource("ec2", Action=action, **{"InstanceId.1": "i-1", "LaunchTemplateId": "lt-1"}), "*")

    def test_each_instance_that_is_to_change_is_asked_for(self):
        ids = {f"InstanceId.{number}": [f"i-{number}"] for number in (10, 1, 2)}

        def asked(action):
            return iam_actions.verified_access_resource_arns({"Action": [action], **ids}, "eu-central-1", "000000000000")

        for action in ("TerminateInstances", "StopInstances", "StartInstances", "RebootInstances"):
            self.assertEqual(asked(action), [f"{HERE}instance/i-{number}" for number in (1, 2, 10)])
        self.assertEqual(asked("DescribeInstances"), [])

    def test_conditions_know_the_tags_of_what_ec2_has_and_of_nothing_else(self):
        tags = [{"Key": "project", "Value": "myproj"}]
        for kind, name, there in (("instance", "i-1", ec2._instances), ("volume", "vol-1", ec2._volumes),
                                  ("subnet", "subnet-1", ec2._subnets), ("vpc", "vpc-1", ec2._vpcs),
                                  ("security-group", "sg-1", ec2._security_groups),
                                  ("launch-template", "lt-1", ec2._launch_templates)):
            ec2._tags[name], there[name] = tags, {}
            self.assertEqual(tagging.resource_tags(f"{HERE}{kind}/{name}"), {"project": "myproj"})
            there.pop(name)
            self.assertIsNone(tagging.resource_tags(f"{HERE}{kind}/{name}"), f"it keeps the tags of a {kind} that is gone")
        ec2._tags["igw-1"] = tags
        self.assertEqual(tagging.resource_tags(HERE + "internet-gateway/igw-1"), {"project": "myproj"})
        self.assertIsNone(tagging.resource_tags(HERE + "internet-gateway/igw-2"))
        self.assertIsNone(tagging.resource_tags("arn:aws:sqs:eu-central-1:000000000000:igw-1"))
        self.assertIsNone(tagging.resource_tags("*"))

    def test_what_is_no_batch_is_left_to_route_53_to_refuse(self):
        may = {"ForAllValues:StringEquals": {f"{CHANGE}Actions": ["CREATE"]}}
        for body in (b"", b"no XML", b"<ChangeResourceRecordSetsRequest/>"):
            self.assertTrue(is_allowed("route53", CHANGE, ZONE, body, may))


if __name__ == "__main__":
    unittest.main()
