"""That instances are launched only by who may use and make all that a launch takes, and tag it."""

import json
import unittest

from ministack.core import iam_actions, iam_evaluator
from ministack.services import ec2, iam, tagging

import conditions
import machines

HERE = "arn:aws:ec2:us-east-1:000000000000:"
RUN, TAG, PASS = "ec2:RunInstances", "ec2:CreateTags", "iam:PassRole"
TAGGED = {"StringEquals": {"aws:RequestTag/project": "myproj"}}
FROM_A_TEMPLATE = {"ArnLike": {"ec2:LaunchTemplate": HERE + "launch-template/*"}}
WHILE_LAUNCHING = {"StringEquals": {"ec2:CreateAction": "RunInstances", "aws:RequestTag/project": "myproj"}}
TO_EC2 = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
ALL = {
    "image": (RUN, "arn:aws:ec2:us-east-1::image/*", {}),
    "subnet": (RUN, HERE + "subnet/subnet-1", {}),
    "group": (RUN, HERE + "security-group/sg-1", {}),
    "template": (RUN, HERE + "launch-template/*", {}),
    "interface": (RUN, HERE + "network-interface/*", FROM_A_TEMPLATE),
    "instance": (RUN, HERE + "instance/*", TAGGED | FROM_A_TEMPLATE),
    "volume": (RUN, HERE + "volume/*", TAGGED),
    "tags of instances": (TAG, HERE + "instance/*", WHILE_LAUNCHING),
    "tags of volumes": (TAG, HERE + "volume/*", WHILE_LAUNCHING),
    "role": (PASS, "arn:aws:iam::000000000000:role/cutover/*", TO_EC2),
}


def role(name, statements):
    document = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}
        for action, resource, condition in statements]}
    iam._roles[name] = {"RoleName": name, "Arn": f"arn:aws:iam::000000000000:role/cutover/{name}",
                        "InlinePolicies": {"own": json.dumps(document)}}


def launch(statements, project="myproj", **more):
    """Its status, and what it says."""
    role("launcher", statements.values())
    asked = {"LaunchTemplate.LaunchTemplateId": "lt-1", "LaunchTemplate.Version": "1", "SubnetId": "subnet-1",
             "MinCount": "1", "MaxCount": "1", "DryRun": "true"}
    for number, kind in enumerate(("instance", "volume"), 1):
        asked |= {f"TagSpecification.{number}.ResourceType": kind, f"TagSpecification.{number}.Tag.1.Key": "project",
                  f"TagSpecification.{number}.Tag.1.Value": project}
    token = iam_evaluator._request_caller_arn.set("arn:aws:sts::000000000000:assumed-role/launcher/x")
    try:
        answer = ec2._ACTION_MAP["RunInstances"]({name: [value] for name, value in (asked | more).items()})
    finally:
        iam_evaluator._request_caller_arn.reset(token)
    return answer[0], answer[2].decode()


class Launches(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        ec2._launch_templates["lt-1"] = {
            "LaunchTemplateId": "lt-1", "LaunchTemplateName": "one", "DefaultVersionNumber": 1,
            "LatestVersionNumber": 1, "Versions": [{"VersionNumber": 1, "LaunchTemplateData": {
                "ImageId": "ami-1", "SecurityGroupIds": ["sg-1"], "IamInstanceProfile": {"Name": "profile"}}}]}
        role("instances", [])
        iam._instance_profiles["profile"] = {"Arn": "arn:aws:iam::000000000000:instance-profile/profile",
                                             "Roles": ["instances"]}
        assert launch({})[0] == 200, "MiniStack asks for it itself: the patch may go"
        conditions.tell_tags_of_ec2(ec2, tagging)
        machines.ask_for_all_that_a_launch_takes(ec2, iam, tagging, iam_actions, iam_evaluator)

    def test_it_is_launched_with_every_permission_and_without_none(self):
        self.assertEqual(launch(ALL)[0], 200)
        for name, (action, resource, _condition) in ALL.items():
            status, said = launch({key: one for key, one in ALL.items() if key != name})
            self.assertEqual(status, 403, name)
            self.assertIn("<Code>UnauthorizedOperation</Code>", said)
            self.assertIn(f"is not authorized to perform: {action} on resource: {resource.split('/')[0]}", said)

    def test_the_tags_are_those_that_are_permitted(self):
        self.assertIn(f"{RUN} on resource: {HERE}instance/*", launch(ALL, project="other")[1])
        of_volumes = {"TagSpecification.2.Tag.1.Value": "other"}
        self.assertIn(f"{RUN} on resource: {HERE}volume/*", launch(ALL, **of_volumes)[1])
        without = {"TagSpecification.2.ResourceType": "elastic-gpu"}
        self.assertIn(f"{RUN} on resource: {HERE}volume/*", launch(ALL, **without)[1])

    def test_the_templates_tags_are_given_too(self):
        data = ec2._launch_templates["lt-1"]["Versions"][0]["LaunchTemplateData"]
        data["TagSpecifications"] = [{"ResourceType": "network-interface", "Tags": [{"Key": "project", "Value": "myproj"}]}]
        self.addCleanup(data.pop, "TagSpecifications")
        self.assertIn(f"{TAG} on resource: {HERE}network-interface/*", launch(ALL)[1])
        self.assertEqual(launch(ALL | {"more": (TAG, HERE + "network-interface/*", WHILE_LAUNCHING)})[0], 200)

    def test_what_it_uses_has_the_tags_that_are_permitted(self):
        own = {"StringEquals": {"aws:ResourceTag/project": "myproj"}}
        used = {"subnet": "subnet-1", "group": "sg-1", "template": "lt-1"}
        may = ALL | {name: (*ALL[name][:2], own) for name in used}
        mine, others = ([{"Key": "project", "Value": value}] for value in ("myproj", "other"))
        ec2._tags.update({one: mine for one in used.values()})
        ec2._subnets["subnet-1"], ec2._security_groups["sg-1"] = {}, {}
        self.assertEqual(launch(may)[0], 200)
        for one in used.values():
            ec2._tags[one] = others
            status, said = launch(may)
            self.assertEqual(status, 403)
            self.assertIn(f"/{one} because", said)
            ec2._tags[one] = mine

    def test_what_has_no_template_is_not_launched_from_one(self):
        own = {"LaunchTemplate.LaunchTemplateId": "", "ImageId": "ami-1", "SecurityGroupId.1": "sg-1"}
        self.assertIn(f"{RUN} on resource: {HERE}instance/*", launch(ALL, **own)[1])
        anything = ALL | {"interface": (*ALL["interface"][:2], {}), "instance": (*ALL["instance"][:2], TAGGED)}
        self.assertEqual(launch(anything, **own)[0], 200)

    def test_a_denial_says_so(self):
        denied = iam_evaluator.parse_policy_document(
            {"Statement": [{"Effect": "Deny", "Action": RUN, "Resource": HERE + "volume/*"}]})
        gather = iam_evaluator._gather_role_policies
        self.addCleanup(setattr, iam_evaluator, "_gather_role_policies", gather)
        iam_evaluator._gather_role_policies = lambda *args: [*gather(*args), denied]
        self.assertIn("with an explicit deny", launch(ALL)[1])


if __name__ == "__main__":
    unittest.main()
