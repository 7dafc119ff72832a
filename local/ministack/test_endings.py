"""That endings.py refuses what EC2 refuses of who ends, stops or starts instances, and ends what EC2 ends all the same."""

import re
import unittest

from ministack.services import ec2, eventbridge

import endings
import machines
import states

UNKNOWN = ["i-0123456789abcdef0", "i-0123456789abcdef1"]
ZONES = ("eu-central-1a", "eu-central-1b")


def ask(action, *ids, **params):
    """The status, and the error's code or the answer."""
    asked = {f"InstanceId.{number}": [one] for number, one in enumerate(ids, 1)}
    asked |= {name.replace("_", "."): [value] for name, value in params.items()}
    status, _, body = ec2._ACTION_MAP[action](asked)
    text = body.decode()
    code = re.search(r"<Code>(.*?)</Code>\s*<Message>(.*?)</Message>", text)
    return (status, code[1], code[2]) if code else (status, text)


def state(instance):
    return ec2._instances[instance]["State"]["Name"]


class Endings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        machines.put_instances_where_their_subnets_are(ec2)
        endings.protect_from_ending(ec2)
        machines.launch_from_templates(ec2)
        endings.end_as_ec2_does(ec2)
        states.follow_states(ec2, eventbridge)
        for zone in ZONES:
            ec2._subnets[f"subnet-{zone}"] = {"SubnetId": f"subnet-{zone}", "AvailabilityZone": zone}

    def launched(self, zone=ZONES[0], **more):
        status, text = ask("RunInstances", ImageId="ami-12345678", SubnetId=f"subnet-{zone}", **more)
        self.assertEqual(status, 200, text)
        self.assertIn(f"<availabilityZone>{zone}</availabilityZone>", text)
        return re.search(r"<instanceId>(.*?)</instanceId>", text)[1]

    def test_one_that_is_protected_keeps_those_of_its_zone_and_no_others(self):
        free, beside = self.launched(), self.launched()
        protected, with_it = self.launched(ZONES[1], DisableApiTermination="true"), self.launched(ZONES[1])
        eventbridge._events_log_list().clear()
        status, code, said = ask("TerminateInstances", free, protected, beside, with_it)
        self.assertEqual((status, code), (400, "OperationNotPermitted"))
        self.assertIn(f"The instance '{protected}' may not be terminated", said)
        self.assertEqual([state(one) for one in (free, beside, protected, with_it)],
                         ["terminated", "terminated", "running", "running"])
        told = {event["Resources"][0].rpartition("/")[2] for event in eventbridge._events_log_list()}
        self.assertEqual(told, {free, beside}, "what ended is told of, though the call was refused")
        self.assertEqual(ask("TerminateInstances", with_it)[0], 200, "by itself it ends")
        self.assertEqual(ask("TerminateInstances", protected)[1], "OperationNotPermitted")

    def test_protection_is_given_and_taken_and_told(self):
        instance = self.launched()

        def told():
            text = ask("DescribeInstanceAttribute", InstanceId=instance, Attribute="disableApiTermination")[1]
            return re.search(r"<disableApiTermination><value>(.*?)</value>", text)[1]

        self.assertEqual(told(), "false")
        self.assertEqual(ask("ModifyInstanceAttribute", InstanceId=instance, DisableApiTermination_Value="true")[0], 200)
        self.assertEqual((told(), ask("TerminateInstances", instance)[1]), ("true", "OperationNotPermitted"))
        self.assertEqual(ask("StopInstances", instance)[0], 200, "it can be stopped all the same")
        off = {"Attribute": "disableApiTermination", "Value": "false"}
        self.assertEqual(ask("ModifyInstanceAttribute", InstanceId=instance, **off)[0], 200)
        self.assertEqual((told(), ask("TerminateInstances", instance)[0]), ("false", 200))
        self.assertEqual(ask("ModifyInstanceAttribute", InstanceId=UNKNOWN[0], **off)[1], "InvalidInstanceID.NotFound")
        self.assertEqual(ask("ModifyInstanceAttribute", InstanceId=instance, InstanceType_Value="t3.small")[1],
                         "InvalidParameterValue", "what is not done here is not taken for done")

    def test_a_launch_template_protects_what_is_launched_from_it(self):
        ask("CreateLaunchTemplate", LaunchTemplateName="protects", LaunchTemplateData_ImageId="ami-12345678",
            LaunchTemplateData_DisableApiTermination="true")
        instance = self.launched(LaunchTemplate_LaunchTemplateName="protects")
        self.assertEqual(ask("TerminateInstances", instance)[1], "OperationNotPermitted")

    def test_nothing_is_touched_where_one_id_is_wrong(self):
        instance = self.launched()
        for action in ("TerminateInstances", "StopInstances", "StartInstances", "RebootInstances"):
            for ids, code in (([instance, "i-1"], "InvalidInstanceID.Malformed"), (["web"], "InvalidInstanceID.Malformed"),
                              ([UNKNOWN[0], "i-1"], "InvalidInstanceID.Malformed"), ([], "InvalidParameterCombination"),
                              ([instance, UNKNOWN[0]], "InvalidInstanceID.NotFound")):
                with self.subTest(action=action, ids=ids):
                    self.assertEqual(ask(action, *ids)[:2], (400, code))
        self.assertEqual(state(instance), "running")
        self.assertIn(f"The instance IDs '{UNKNOWN[0]}, {UNKNOWN[1]}' do not exist", ask("TerminateInstances", *UNKNOWN)[2])

    def test_a_call_ends_a_thousand_at_the_most(self):
        instance = self.launched()
        self.assertEqual(ask("TerminateInstances", *[instance] * 1001)[1], "InvalidRequest")
        self.assertEqual(state(instance), "running")
        self.assertEqual(ask("TerminateInstances", *[instance] * 1000)[0], 200)

    def test_what_has_ended_is_ended_again_and_nothing_else(self):
        instance = self.launched(DisableApiTermination="true")
        ask("ModifyInstanceAttribute", InstanceId=instance, DisableApiTermination_Value="false")
        self.assertEqual(ask("TerminateInstances", instance)[0], 200)
        for action in ("StopInstances", "StartInstances", "RebootInstances"):
            self.assertEqual(ask(action, instance)[1], "IncorrectInstanceState", action)
        self.assertEqual((ask("TerminateInstances", instance)[0], state(instance)), (200, "terminated"))


if __name__ == "__main__":
    unittest.main()
