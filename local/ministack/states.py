"""What EC2 does with an instance's state and address, and tells of it, and MiniStack 1.5.33 does not.

`launch.py` calls `follow_states`; the files are one program (local/src/ministack.rs).
"""

import json as states_json

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
PASSED = {"RunInstances": ("pending", "running"), "StartInstances": ("pending", "running"),
          "StopInstances": ("stopping", "stopped"), "TerminateInstances": ("shutting-down", "terminated")}


def follow_states(ec2, eventbridge):
    """An instance that is stopped or ended gives its public address back, and one that is started again gets another
    (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-instance-addressing.html); its LaunchTime is that of its
    last start. Each new state is an event
    (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html). MiniStack keeps the
    address and tells nobody. Here the states in between take no time."""
    ec2._random_ip = nobodys(ec2, ec2._random_ip)
    for action, states in PASSED.items():
        ec2._ACTION_MAP[action] = telling(ec2, eventbridge, ec2._ACTION_MAP[action], states)


def nobodys(ec2, draw):
    """An address belongs to one instance at a time. MiniStack draws one without looking whether it has an owner."""
    def address(prefix):
        kinds = ("PublicIpAddress", "PrivateIpAddress")
        taken = {found.get(kind) for found in list(ec2._instances.values()) for kind in kinds}
        return next(one for one in iter(lambda: draw(prefix), None) if one not in taken)

    return address


def telling(ec2, eventbridge, action, states):
    def act(params):
        before = {one: found["State"]["Name"] for one, found in list(ec2._instances.items())}
        answer = action(params)
        for one, found in list(ec2._instances.items()):
            if before.get(one) == found["State"]["Name"]:
                continue
            if states[-1] in ("stopped", "terminated"):
                found["PublicIpAddress"] = found["PublicDnsName"] = ""
            elif one in before:
                found["PublicIpAddress"], found["LaunchTime"] = ec2._random_ip("54."), ec2._now_ts()
            for state in states:
                tell_of_state(ec2, eventbridge, one, state)
        return answer

    return act


def tell_of_state(ec2, eventbridge, instance, state):
    arn = f"arn:aws:ec2:{ec2.get_region()}:{ec2.get_account_id()}:instance/{instance}"
    eventbridge._put_events({"Entries": [{
        "Source": "aws.ec2", "DetailType": "EC2 Instance State-change Notification", "Resources": [arn],
        "Detail": states_json.dumps({"instance-id": instance, "state": state})}]}, allow_aws_source=True)
