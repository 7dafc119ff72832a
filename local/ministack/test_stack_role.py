"""That what CloudFormation does in the name of a stack's role is held to the conditions of that role."""

import json
import unittest

from ministack.core import iam_evaluator
from ministack.services import cloudformation, ec2, iam
from ministack.services.cloudformation import helpers, provisioners, stacks

import conditions
import stack_role

stack_role.keys_of_changes = conditions.keys_of_changes  # they are one program
TAGS = [{"Key": "project", "Value": "myproj"}]
CHANGE = "route53:ChangeResourceRecordSets"


def of_the_role(*statements):
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*"} | one for one in statements]}
    iam._roles["stacks"] = {"RoleName": "stacks", "Arn": "arn:aws:iam::000000000000:role/stacks",
                            "InlinePolicies": {"own": json.dumps(document)}}


def operate(step, *args):
    """What an operation on a stack with that role does; what it is denied, or an empty text."""
    cloudformation._ACTION_HANDLERS["UpdateStack"].step = lambda: getattr(stacks, step)(*args)
    try:
        cloudformation._ACTION_HANDLERS["UpdateStack"]({
            "StackName": ["one"], "RoleARN": ["arn:aws:iam::000000000000:role/stacks"], "Action": ["UpdateStack"]})
    except ValueError as denied:
        return str(denied).partition(" to perform: ")[2].partition(" because ")[0]
    return ""


class Roles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        actions = cloudformation._ACTION_HANDLERS

        def update(_params):
            return actions["UpdateStack"].step()

        actions["UpdateStack"] = update
        stack_role.look_at_the_role_of_a_stack(cloudformation, helpers, provisioners, stacks, iam_evaluator)

    def test_what_has_other_tags_or_none_is_not_changed(self):
        own = {"StringEquals": {"aws:ResourceTag/project": "myproj"}}
        of_the_role({"Action": ["ec2:CreateVpc", "ec2:Describe*", "ec2:CreateTags"]},
                    {"Action": ["ec2:ModifyVpcAttribute", "ec2:DeleteVpc"], "Condition": own})
        vpc = {"CidrBlock": "10.0.0.0/16"}

        def made(tags):
            return operate("_provision_resource", "AWS::EC2::VPC", "Vpc", vpc | {"Tags": tags}, "one")

        def deleted(name):
            return operate("_delete_resource", "AWS::EC2::VPC", name, vpc)

        self.assertIn("ec2:ModifyVpcAttribute on resource", made([]))
        self.assertIn("ec2:ModifyVpcAttribute on resource", made([{"Key": "project", "Value": "other"}]))
        self.assertEqual(made(TAGS), "")
        name = next(name for name, tags in ec2._tags.items() if name.startswith("vpc-") and tags == TAGS)
        ec2._tags[name] = [{"Key": "project", "Value": "other"}]
        self.assertIn("ec2:DeleteVpc on resource", deleted(name))
        ec2._tags[name] = TAGS
        self.assertEqual(deleted(name), "")

    def test_what_has_no_tags_changes_what_it_names_and_each_has_its_own(self):
        of_the_role({"Action": ["ec2:AttachInternetGateway"],
                     "Condition": {"StringEquals": {"aws:ResourceTag/project": "myproj"}}})
        ec2._tags["igw-1"] = ec2._tags["vpc-1"] = TAGS
        attachment = {"InternetGatewayId": "igw-1", "VpcId": "vpc-1"}

        def attached():
            return operate("_provision_resource", "AWS::EC2::VPCGatewayAttachment", "Attachment", attachment, "one")

        self.assertEqual(attached(), "")
        for name in ("igw-1", "vpc-1"):
            ec2._tags[name] = []
            self.assertIn("ec2:AttachInternetGateway on resource", attached())
            ec2._tags[name] = TAGS

    def test_what_is_yet_to_be_made_has_no_tags(self):
        of_the_role({"Action": ["ec2:CreateSubnet", "ec2:DescribeSubnets", "ec2:CreateTags"],
                     "Condition": {"StringEquals": {"aws:ResourceTag/project": "myproj"}}})
        subnet = {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/24", "Tags": TAGS}
        denied = operate("_provision_resource", "AWS::EC2::Subnet", "Subnet", subnet, "one")
        self.assertIn("ec2:CreateSubnet on resource", denied)

    def test_a_role_is_passed_to_instances_alone_and_made_for_databases_alone(self):
        iam._roles["instances"] = {"RoleName": "instances", "Arn": "arn:aws:iam::000000000000:role/cutover/instances"}
        group = {"DBSubnetGroupDescription": "two", "SubnetIds": ["subnet-1"]}

        def denied(passed, made):
            to = {"Action": "iam:PassRole", "Resource": "arn:aws:iam::000000000000:role/cutover/*",
                  "Condition": {"StringEquals": {"iam:PassedToService": passed}}}
            of = {"Action": "iam:CreateServiceLinkedRole", "Condition": {"StringEquals": {"iam:AWSServiceName": made}},
                  "Resource": "arn:aws:iam::000000000000:role/aws-service-role/rds.amazonaws.com/*"}
            of_the_role({"Action": ["iam:*Profile", "rds:*"]}, to, of)
            return [operate("_provision_resource", kind, "It", props, "one").partition(" on ")[0] for kind, props in (
                ("AWS::IAM::InstanceProfile", {"Roles": ["instances"]}), ("AWS::RDS::DBSubnetGroup", group))]

        self.assertEqual(denied("ec2.amazonaws.com", "rds.amazonaws.com"), ["", ""])
        self.assertEqual(denied("lambda.amazonaws.com", "eks.amazonaws.com"),
                         ["iam:PassRole", "iam:CreateServiceLinkedRole"])

    def test_a_record_is_of_a_type_an_action_and_a_name_that_are_permitted(self):
        of_the_role({"Action": "route53:GetChange"}, {"Action": CHANGE, "Condition": {
            "ForAllValues:StringEquals": {f"{CHANGE}Actions": ["CREATE"], f"{CHANGE}RecordTypes": ["NS"]},
            "ForAllValues:StringLike": {f"{CHANGE}NormalizedRecordNames": ["*.myproj.com"]}}})
        record = {"HostedZoneId": "Z1", "Name": "Stage.myproj.com.", "Type": "NS"}

        def denied(step, *args):
            return f"{CHANGE} on resource" in operate(step, "AWS::Route53::RecordSet", *args)

        self.assertFalse(denied("_provision_resource", "Delegation", record, "one"))
        self.assertTrue(denied("_provision_resource", "Delegation", record | {"Type": "CNAME"}, "one"))
        self.assertTrue(denied("_provision_resource", "Delegation", record | {"Name": "stage.other.com"}, "one"))
        self.assertTrue(denied("_delete_resource", "stage.myproj.com", record))


if __name__ == "__main__":
    unittest.main()
