"""That states.py tells of an instance's states as EC2 does, and gives its address back."""

import itertools
import json
import unittest
from unittest import mock

from ministack.services import ec2, eventbridge

import states


def ask(action, **params):
    answer = ec2._ACTION_MAP[action]({name: [value] for name, value in params.items()})
    assert answer[0] == 200, answer
    return answer


def told():
    """The states that were told of, and nothing twice."""
    found = [json.loads(event["Detail"]) for event in eventbridge._events_log_list() if event["Source"] == "aws.ec2"]
    eventbridge._events_log_list().clear()
    return [one["state"] for one in found]


class States(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        states.follow_states(ec2, eventbridge)

    def test_a_life(self):
        ask("RunInstances", ImageId="ami-1", MinCount="1", MaxCount="1")
        self.assertEqual(told(), ["pending", "running"])
        instance, found = next(iter(ec2._instances.items()))
        first = found["PublicIpAddress"]
        of_it = {"InstanceId.1": instance}

        ask("StopInstances", **of_it)
        self.assertEqual((told(), found["PublicIpAddress"]), (["stopping", "stopped"], ""))
        ask("StopInstances", **of_it)
        self.assertEqual(told(), [])

        ask("StartInstances", **of_it)
        self.assertEqual(told(), ["pending", "running"])
        self.assertNotIn(found["PublicIpAddress"], ("", first))

        ask("TerminateInstances", **of_it)
        self.assertEqual((told(), found["PublicIpAddress"]), (["shutting-down", "terminated"], ""))

    def test_no_two_instances_have_one_address(self):
        before = set(ec2._instances)
        numbers = itertools.count()
        # Each address is drawn many times.
        drawn = states.nobodys(ec2, lambda prefix: f"{prefix}0.0.{next(numbers) // 9}")
        with mock.patch.object(ec2, "_random_ip", drawn):
            for _ in range(3):
                ask("RunInstances", ImageId="ami-1", MinCount="1", MaxCount="1")
        found = [one for name, one in ec2._instances.items() if name not in before]
        for kind in ("PublicIpAddress", "PrivateIpAddress"):
            self.assertEqual(len({one[kind] for one in found}), 3, kind)

    def test_the_addresses_of_instances_are_drawn_so(self):
        self.assertIs(ec2._random_ip.__code__, states.nobodys(ec2, None).__code__)


if __name__ == "__main__":
    unittest.main()
