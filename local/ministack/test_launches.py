"""That an instance is launched where and from what the request says, or not at all, and once for each token and zone."""

import re
import unittest

from ministack.services import ec2

import machines

ZONES = ("eu-central-1a", "eu-central-1b")


def ask(action, **params):
    """The error's code, or the answer."""
    text = ec2._ACTION_MAP[action]({name.replace("_", "."): [value] for name, value in params.items()})[2].decode()
    code = re.search(r"<Code>(.*?)</Code>", text)
    return code[1] if code else text


def launched(**params):
    """The ids of what was launched, or the error's code."""
    answer = ask("RunInstances", **{"ImageId": "ami-12345678", **params})
    return re.findall(r"<instanceId>(.*?)</instanceId>", answer) or answer


class Launches(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        machines.put_instances_where_their_subnets_are(ec2)
        machines.launch_from_templates(ec2)
        machines.take_tokens_at_their_word(ec2)
        machines.number_versions_for_good(ec2)
        for zone in ZONES:
            ec2._subnets[f"subnet-{zone}"] = {"SubnetId": f"subnet-{zone}", "AvailabilityZone": zone}
        ask("CreateLaunchTemplate", LaunchTemplateName="t", LaunchTemplateData_ImageId="ami-12345678")

    def test_an_instance_and_its_volume_are_in_the_zone_of_its_subnet(self):
        for zone in ZONES:
            instance = ec2._instances[launched(SubnetId=f"subnet-{zone}")[0]]
            volumes = [ec2._volumes[one["Ebs"]["VolumeId"]] for one in instance["BlockDeviceMappings"]]
            self.assertEqual({instance["Placement"]["AvailabilityZone"], *(one["AvailabilityZone"] for one in volumes)}, {zone})
        self.assertEqual(len(launched()), 1, "a launch without a subnet has the default one")

    def test_nothing_is_launched_in_a_subnet_that_is_not_there(self):
        known = len(list(ec2._instances.keys()))
        self.assertEqual(launched(SubnetId="subnet-0123456789abcdef0"), "InvalidSubnetID.NotFound")
        self.assertEqual(launched(SubnetId="subnet-0123456789abcdef0", DryRun="true"), "InvalidSubnetID.NotFound")
        self.assertEqual(len(list(ec2._instances.keys())), known)

    def test_nothing_is_launched_from_a_template_that_is_not_there_and_no_version_made_of_it(self):
        self.assertEqual(len(launched(LaunchTemplate_LaunchTemplateName="t", LaunchTemplate_Version="1")), 1)
        for name, value in (("LaunchTemplateName", "none"), ("LaunchTemplateId", "lt-0123456789abcdef0")):
            asked = {f"LaunchTemplate_{name}": value, "LaunchTemplate_Version": "1"}
            self.assertEqual(launched(**asked), "InvalidLaunchTemplateId.NotFound")
            self.assertEqual(ask("CreateLaunchTemplateVersion", **{name: value}), "InvalidLaunchTemplateId.NotFound")

    def test_a_token_launches_once_in_each_zone(self):
        first = launched(ClientToken="a", SubnetId=f"subnet-{ZONES[0]}")
        self.assertEqual(launched(ClientToken="a", SubnetId=f"subnet-{ZONES[0]}"), first)
        beside = launched(ClientToken="a", SubnetId=f"subnet-{ZONES[1]}")
        self.assertEqual([ec2._instances[one[0]]["Placement"]["AvailabilityZone"] for one in (first, beside)], [*ZONES])
        self.assertEqual(launched(ClientToken="a", SubnetId=f"subnet-{ZONES[0]}", InstanceType="t3.small"),
                         "IdempotentParameterMismatch")
        ask("TerminateInstances", InstanceId_1=first[0])
        self.assertEqual(launched(ClientToken="a", SubnetId=f"subnet-{ZONES[0]}"), "IdempotentInstanceTerminated")

    def test_a_token_makes_one_version(self):
        def made(**params):
            answer = ask("CreateLaunchTemplateVersion", LaunchTemplateName="t", ClientToken="v", **params)
            number = re.search(r"<versionNumber>(.*?)</versionNumber>", answer)
            return number[1] if number else answer

        first = made(SourceVersion="1")
        self.assertEqual(made(SourceVersion="1"), first)
        self.assertEqual(made(SourceVersion=first), "IdempotentParameterMismatch")


if __name__ == "__main__":
    unittest.main()
