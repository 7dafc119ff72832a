"""What EC2 refuses of who ends, stops or starts instances, and MiniStack 1.5.33 takes.

`machines.py` calls `protect_from_ending` and `end_as_ec2_does`; the files are one program (local/src/ministack.rs).
"""

# Ids in one call of TerminateInstances:
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html
ENDED_AT_ONCE = 1000
PROTECTED = "DisableApiTermination"
# Who asks for what of an instance that has ended.
DONE_TO_INSTANCES = {"StopInstances": "stopped", "StartInstances": "started", "RebootInstances": "rebooted"}


def protect_from_ending(ec2):
    """An instance can be protected from being ended when it is launched, and later:
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_ChangingDisableAPITermination.html. MiniStack says that none
    is, and knows no call that changes an instance's attributes; here it is this one only."""
    run, describe = ec2._ACTION_MAP["RunInstances"], ec2._ACTION_MAP["DescribeInstanceAttribute"]

    def launch(params):
        known = set(ec2._instances.keys())
        answer = run(params)
        if ec2._p(params, PROTECTED) == "true":
            for one in set(ec2._instances.keys()) - known:
                ec2._instances[one][PROTECTED] = True
        return answer

    def modify(params):
        instance, value = ec2._p(params, "InstanceId"), ec2._p(params, f"{PROTECTED}.Value")
        if ec2._p(params, "Attribute") == "disableApiTermination":
            value = ec2._p(params, "Value")
        if value not in ("true", "false"):
            return ec2._error("InvalidParameterValue", "Only disableApiTermination can be modified here.", 400)
        refused = refused_ids(ec2, [instance])
        if refused:
            return refused
        ec2._instances[instance][PROTECTED] = value == "true"
        return ec2._xml(200, "ModifyInstanceAttributeResponse", "<return>true</return>")

    def tell(params):
        status, headers, body = describe(params)
        if (ec2._instances.get(ec2._p(params, "InstanceId")) or {}).get(PROTECTED):
            body = body.replace(b"<disableApiTermination><value>false", b"<disableApiTermination><value>true")
        return status, headers, body

    ec2._ACTION_MAP.update({"RunInstances": launch, "ModifyInstanceAttribute": modify,
                            "DescribeInstanceAttribute": tell})


def end_as_ec2_does(ec2):
    keep_zones_of_the_protected(ec2)
    refuse_what_has_ended(ec2)
    for action in ("TerminateInstances", *DONE_TO_INSTANCES):
        ec2._ACTION_MAP[action] = with_known_ids(ec2, action, ec2._ACTION_MAP[action])


def keep_zones_of_the_protected(ec2):
    """Where one is protected, the call is refused, and all of its Availability Zone that the call names run on; those of
    zones where none is protected end all the same:
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html. MiniStack ends all."""
    terminate = ec2._ACTION_MAP["TerminateInstances"]

    def zone(instance):
        return ec2._instances[instance]["Placement"]["AvailabilityZone"]

    def end(params):
        ids = ec2._parse_member_list(params, "InstanceId")
        runs = [one for one in ids if ec2._instances[one]["State"]["Name"] != "terminated"]
        protected = [one for one in runs if ec2._instances[one].get(PROTECTED)]
        if not protected:
            return terminate(params)
        kept = {zone(one) for one in protected}
        others = {f"InstanceId.{number}": [one] for number, one in
                  enumerate((one for one in ids if zone(one) not in kept), 1)}
        if others:
            terminate(others)
        return ec2._error("OperationNotPermitted", f"The instance '{protected[0]}' may not be terminated. Modify its "
                          "'disableApiTermination' instance attribute and try again.", 400)

    ec2._ACTION_MAP["TerminateInstances"] = end


def refuse_what_has_ended(ec2):
    """An instance that has ended is neither stopped nor started any more:
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html. MiniStack starts it again."""
    def of_what_is_there(done, action):
        def act(params):
            ids = ec2._parse_member_list(params, "InstanceId")
            ended = [one for one in ids if ec2._instances[one]["State"]["Name"] == "terminated"]
            if ended:
                return ec2._error("IncorrectInstanceState", f"The instance '{ended[0]}' is not in a state from which it "
                                  f"can be {done}.", 400)
            return action(params)
        return act

    for action, done in DONE_TO_INSTANCES.items():
        ec2._ACTION_MAP[action] = of_what_is_there(done, ec2._ACTION_MAP[action])


def with_known_ids(ec2, name, action):
    """Nothing is done where one id is no id, or of no instance; MiniStack says of what is no id that it is of none, and
    takes any number."""
    def act(params):
        ids = ec2._parse_member_list(params, "InstanceId")
        if name == "TerminateInstances" and len(ids) > ENDED_AT_ONCE:
            return ec2._error("InvalidRequest", f"{len(ids)} exceeds the maximum number of instance IDs that can be "
                              f"specified ({ENDED_AT_ONCE}).", 400)
        return refused_ids(ec2, ids) or action(params)
    return act


def refused_ids(ec2, ids):
    """What EC2 says where these are not ids of instances:
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html. How it words several is in
    https://github.com/getmoto/moto/issues/4903."""
    if not ids:
        return ec2._error("InvalidParameterCombination", "No instances specified", 400)
    malformed = [one for one in ids if not ec2._INSTANCE_ID_RE.match(one)]
    if malformed:
        return ec2._error("InvalidInstanceID.Malformed", f'Invalid id: "{ec2._esc(malformed[0])}"', 400)
    unknown = [one for one in ids if one not in ec2._instances]
    if len(unknown) > 1:
        return ec2._error("InvalidInstanceID.NotFound", f"The instance IDs '{', '.join(unknown)}' do not exist", 400)
    if unknown:
        return ec2._error("InvalidInstanceID.NotFound", f"The instance ID '{unknown[0]}' does not exist", 400)
    return None
