"""That states.py tells of an instance's states as EC2 does, and gives its address back."""

import json
import unittest

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
    def test_a_life(self):
        states.follow_states(ec2, eventbridge)
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


if __name__ == "__main__":
    unittest.main()
