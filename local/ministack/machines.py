"""What EC2 does with launch templates and tokens and MiniStack 1.5.33 does not.

`launch.py` calls `apply_what_launches_meet`; all files of this folder are one program
(local/src/ministack.rs). Each patch says what AWS does.
"""

import os
import pathlib
import re
import threading


def apply_what_launches_meet():
    from ministack.core import iam_actions, iam_evaluator
    from ministack.services import cloudformation, ec2, iam, tagging
    from ministack.services.cloudformation import handlers

    # Each wraps the one before, so the last is asked first.
    put_instances_where_their_subnets_are(ec2)
    protect_from_ending(ec2)
    launch_from_templates(ec2)
    know_new_versions_late(ec2)
    take_tokens_at_their_word(ec2)
    ask_for_all_that_a_launch_takes(ec2, iam, tagging, iam_actions, iam_evaluator)
    number_versions_for_good(ec2)
    list_versions_in_pages(ec2)
    apply_every_filter_of_instances(ec2)
    announce_retirements(ec2)
    list_as_ec2_does(ec2)
    end_as_ec2_does(ec2)
    update_transforms_always(cloudformation, handlers)


def template_of(ec2, params, prefix=""):
    """The launch template that a request names, if there is one."""
    wanted = ec2._p(params, f"{prefix}LaunchTemplateId")
    name = ec2._p(params, f"{prefix}LaunchTemplateName")
    return next((one for one in ec2._launch_templates.values()
                 if wanted == one["LaunchTemplateId"] or (name and name == one["LaunchTemplateName"])), None)


def version_of(template, asked):
    """A version by its number or by $Default or $Latest."""
    named = {"": template["DefaultVersionNumber"], "$Default": template["DefaultVersionNumber"],
             "$Latest": template["LatestVersionNumber"]}
    number = str(named.get(asked or "", asked))
    return next((one for one in template["Versions"] if str(one["VersionNumber"]) == number), None)


def no_version(ec2, asked):
    return ec2._error("InvalidLaunchTemplateId.VersionNotFound",
                      f"Could not find the specified version {asked} for the launch template.", 400)


def no_template(ec2):
    return ec2._error("InvalidLaunchTemplateId.NotFound", "The specified launch template does not exist.", 400)


def zone_of_subnet(ec2, subnet):
    """The Availability Zone of a subnet, or nothing."""
    return (ec2._subnets.get(subnet) or {}).get("AvailabilityZone", "")


def put_instances_where_their_subnets_are(ec2):
    """An instance and its volume are in the Availability Zone of its subnet, and there is none in a subnet that is not
    there: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-regions-availability-zones.html. MiniStack puts all
    in the first zone, and takes any subnet."""
    launch, run = ec2._launch_instances_internal, ec2._ACTION_MAP["RunInstances"]

    def in_the_zone(*args, **kwargs):
        made = launch(*args, **kwargs)
        for one in made:
            zone = zone_of_subnet(ec2, one["SubnetId"]) or one["Placement"]["AvailabilityZone"]
            one["Placement"]["AvailabilityZone"] = zone
            for device in one["BlockDeviceMappings"]:
                ec2._volumes[device["Ebs"]["VolumeId"]]["AvailabilityZone"] = zone
        return made

    def in_a_subnet(params):
        subnet = ec2._p(params, "SubnetId")
        if subnet and subnet not in ec2._subnets:
            return ec2._error("InvalidSubnetID.NotFound", f"The subnet ID '{ec2._esc(subnet)}' does not exist", 400)
        return run(params)

    ec2._launch_instances_internal = in_the_zone
    ec2._ACTION_MAP["RunInstances"] = in_a_subnet


def launch_from_templates(ec2):
    """What the request does not say is as the launch template's version says:
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html. MiniStack ignores it, and whether there
    is such a template."""
    run = ec2._ACTION_MAP["RunInstances"]

    def from_template(params):
        asked = ec2._p(params, "LaunchTemplate.Version")
        template = template_of(ec2, params, "LaunchTemplate.")
        if not template:
            return no_template(ec2) if any(one.startswith("LaunchTemplate.") for one in params) else run(params)
        version = version_of(template, asked)
        if not version:
            return no_version(ec2, asked)
        data, merged = version.get("LaunchTemplateData") or {}, dict(params)
        for name in ("ImageId", "InstanceType"):
            if data.get(name) and not ec2._p(params, name):
                merged[name] = str(data[name])
        if str(data.get("DisableApiTermination")).lower() == "true":
            merged.setdefault("DisableApiTermination", "true")
        for number, group in enumerate(data.get("SecurityGroupIds") or [], 1):
            merged.setdefault(f"SecurityGroupId.{number}", str(group))
        return run(merged)

    ec2._ACTION_MAP["RunInstances"] = from_template


def know_new_versions_late(ec2):
    """EC2 is eventually consistent: a version made a moment ago may not be found
    (https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html). Here that is so for
    every fourth version, at the first launch from it."""
    run = ec2._ACTION_MAP["RunInstances"]
    missed = set()

    def late(params):
        template, asked = template_of(ec2, params, "LaunchTemplate."), ec2._p(params, "LaunchTemplate.Version")
        known = (template or {}).get("LaunchTemplateId"), asked
        if template and asked.isdigit() and int(asked) % 4 == 0 and known not in missed \
                and ec2._p(params, "DryRun") != "true":
            missed.add(known)
            return no_version(ec2, asked)
        return run(params)

    ec2._ACTION_MAP["RunInstances"] = late


def take_tokens_at_their_word(ec2):
    """The same ClientToken with the same request is answered as the first time, with another request it
    is refused, and when what it launched has ended that is said. Where a launch says its subnet, a token is one of the
    subnet's Availability Zone, and launches in each other one too:
    https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html. MiniStack ignores it."""
    lock, kept = threading.Lock(), {}

    def asked(params):
        # Whoever asks again signs anew; what is asked for stays.
        return {name: value for name, value in params.items() if not name.startswith(("X-Amz", "Signature", "AWSAccess"))}

    def with_token(action, original):
        def act(params):
            token = ec2._p(params, "ClientToken")
            if not token or ec2._p(params, "DryRun") == "true":
                return original(params)
            with lock:
                of = action, token, zone_of_subnet(ec2, ec2._p(params, "SubnetId"))
                before = kept.get(of)
                if before and before[0] != asked(params):
                    return ec2._error("IdempotentParameterMismatch", "Arguments on this idempotent request are "
                                      "inconsistent with arguments used in previous request(s).", 400)
                if before:
                    return again(action, before)
                known = set(ec2._instances.keys())
                answer = original(params)
                if answer[0] == 200:
                    kept[of] = asked(params), answer, set(ec2._instances.keys()) - known
                return answer
        return act

    def again(action, before):
        _, answer, instances = before
        states = [(ec2._instances.get(one) or {"State": {"Name": "terminated"}})["State"]["Name"] for one in instances]
        if action == "RunInstances" and all(state == "terminated" for state in states):
            return ec2._error("IdempotentInstanceTerminated", "The client token you have provided is associated "
                              "with a terminated instance. Please use a different client token.", 400)
        return answer

    for action in ("RunInstances", "CreateLaunchTemplateVersion"):
        ec2._ACTION_MAP[action] = with_token(action, ec2._ACTION_MAP[action])


def ask_for_all_that_a_launch_takes(ec2, iam, tagging, iam_actions, iam_evaluator):
    """RunInstances needs a permission for each resource that it uses or makes, each with its own condition keys; the tags
    that it gives need ec2:CreateTags, and the role of its instances iam:PassRole, also if it is only tried:
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html,
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html. MiniStack asks for the
    subnet."""
    run = ec2._ACTION_MAP["RunInstances"]

    def permitted(params):
        caller = iam_evaluator.caller_arn()
        if ":assumed-role/" not in caller:
            return run(params)
        account, role = caller.split(":")[4], caller.split("/")[1]
        policies = iam_evaluator._gather_role_policies(role, account)
        for action, arn, keys in asked_of_a_launch(ec2, iam, params):
            tags = tagging.resource_tags(arn) or {}
            keys = keys | {f"aws:resourcetag/{name}".lower(): value for name, value in tags.items()}
            asked = iam_evaluator.EvalContext(
                principal_arn=caller, principal_type="AssumedRole", principal_account=account, action=action,
                resource_arn=arn, region=ec2.get_region(), service_context=keys)
            decision = iam_evaluator.evaluate(asked, policies).decision
            if decision != "Allow":
                why = iam_actions.identity_denial_message(action, caller, arn, decision == "Deny")
                return iam_actions.access_denied_response(
                    "ec2", action, caller, "", message=f"You are not authorized to perform this operation. {why}")
        return run(params)

    ec2._ACTION_MAP["RunInstances"] = permitted


def asked_of_a_launch(ec2, iam, params):
    """(action, resource, condition keys) of each permission that a launch needs, by the request and its template."""
    template = template_of(ec2, params, "LaunchTemplate.")
    version = version_of(template, ec2._p(params, "LaunchTemplate.Version")) if template else None
    data, region = (version or {}).get("LaunchTemplateData") or {}, ec2.get_region()
    here = f"arn:aws:ec2:{region}:{ec2.get_account_id()}:"
    used = [f"arn:aws:ec2:{region}::image/{ec2._p(params, 'ImageId') or data.get('ImageId')}",
            f"{here}subnet/{ec2._p(params, 'SubnetId')}"]
    groups = ec2._parse_member_list(params, "SecurityGroupId") or data.get("SecurityGroupIds") or []
    used += [f"{here}security-group/{group}" for group in groups]
    of_template = {}
    if template:
        used.append(f"{here}launch-template/{template['LaunchTemplateId']}")
        of_template = {"ec2:launchtemplate": used[-1]}
    for arn in used:
        yield "ec2:RunInstances", arn, of_template
    for kind in ("instance", "network-interface", "volume"):
        tags = tags_of_a_launch(ec2, params, data, kind)
        keys = {f"aws:requesttag/{name}".lower(): value for name, value in tags.items()}
        keys |= {"aws:tagkeys": list(tags)} if tags else {}
        yield "ec2:RunInstances", f"{here}{kind}/*", of_template | keys
        if tags:
            yield "ec2:CreateTags", f"{here}{kind}/*", {"ec2:createaction": "RunInstances"} | keys
    profile = data.get("IamInstanceProfile") or {}
    arn, name = (ec2._p(params, f"IamInstanceProfile.{key}") or profile.get(key, "") for key in ("Arn", "Name"))
    for role in (iam._lookup_instance_profile(name=name, arn=arn) or {}).get("Roles", []):
        yield "iam:PassRole", iam._roles[role]["Arn"], {"iam:passedtoservice": "ec2.amazonaws.com"}


def tags_of_a_launch(ec2, params, data, kind):
    """What a launch makes of a kind has these tags: its template's, and the request's."""
    of_template = [one for one in data.get("TagSpecifications") or [] if one.get("ResourceType") == kind]
    tags = {tag["Key"]: tag["Value"] for one in of_template for tag in one.get("Tags") or []}
    numbers = re.compile(r"TagSpecification\.\d+\.ResourceType")
    for name in [name for name in params if numbers.fullmatch(name) and ec2._p(params, name) == kind]:
        first = name.removesuffix("ResourceType") + "Tag."
        keys = [one for one in params if one.startswith(first) and one.endswith(".Key")]
        tags |= {ec2._p(params, key): ec2._p(params, key.removesuffix("Key") + "Value") for key in keys}
    return tags


def number_versions_for_good(ec2):
    """A version is made of one that is there; a deleted one's number is not used again, and the default
    cannot be deleted: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteLaunchTemplateVersions.html.
    MiniStack takes any source, and knows no deletion."""
    create = ec2._ACTION_MAP["CreateLaunchTemplateVersion"]

    def from_a_source(params):
        template, source = template_of(ec2, params), ec2._p(params, "SourceVersion")
        if not template:
            return no_template(ec2)
        if source and not version_of(template, source):
            return no_version(ec2, source)
        return create(params)

    def delete(params):
        template = template_of(ec2, params)
        if not template:
            return no_template(ec2)
        numbers = ec2._parse_member_list(params, "LaunchTemplateVersion")
        if len(numbers) > 200:
            return ec2._error("InvalidParameterValue", "You can specify up to 200 launch template version numbers.", 400)
        gone, kept = [], []
        for number in numbers:
            version = version_of(template, number)
            if version and version["VersionNumber"] != template["DefaultVersionNumber"]:
                template["Versions"].remove(version)
                gone.append(item(template, number))
            else:
                code = "launchTemplateVersionDoesNotExist" if not version else "unexpectedError"
                kept.append(item(template, number, f"<responseError><code>{code}</code></responseError>"))
        return ec2._xml(200, "DeleteLaunchTemplateVersionsResponse",
                        f"<successfullyDeletedLaunchTemplateVersionSet>{''.join(gone)}"
                        "</successfullyDeletedLaunchTemplateVersionSet><unsuccessfullyDeletedLaunchTemplateVersionSet>"
                        f"{''.join(kept)}</unsuccessfullyDeletedLaunchTemplateVersionSet>")

    def item(template, number, more=""):
        return (f"<item><launchTemplateId>{template['LaunchTemplateId']}</launchTemplateId>"
                f"<versionNumber>{ec2._esc(number)}</versionNumber>{more}</item>")

    ec2._ACTION_MAP["CreateLaunchTemplateVersion"] = from_a_source
    ec2._ACTION_MAP["DeleteLaunchTemplateVersions"] = delete


def list_versions_in_pages(ec2):
    """A page has at most 200 versions, and no more than MaxResults:
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplateVersions.html. MiniStack
    gives all of them, and an unknown one by its number is no error."""
    def describe(params):
        template = template_of(ec2, params)
        if not template:
            return no_template(ec2)
        asked = ec2._parse_member_list(params, "LaunchTemplateVersion")
        found = [version_of(template, one) for one in asked] if asked else \
            sorted(template["Versions"], key=lambda one: one["VersionNumber"], reverse=True)
        if None in found:
            return no_version(ec2, asked[found.index(None)])
        start, size = int(ec2._p(params, "NextToken") or 0), int(ec2._p(params, "MaxResults") or 200)
        if not 1 <= size <= 200:
            return no_such_page(ec2, size, 1, 200)
        rest = f"<nextToken>{start + size}</nextToken>" if start + size < len(found) else ""
        items = "".join(ec2._lt_version_xml(one) for one in found[start:start + size])
        return ec2._xml(200, "DescribeLaunchTemplateVersionsResponse",
                        f"<launchTemplateVersionSet>{items}</launchTemplateVersionSet>{rest}")

    ec2._ACTION_MAP["DescribeLaunchTemplateVersions"] = describe


def apply_every_filter_of_instances(ec2):
    """A filter leaves out what it does not match: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html.
    MiniStack ignores filters that it does not know, and so gives all instances. `instance-id` is added; any other
    unknown one is refused, so that nobody takes the wrong instances for an answer."""
    known = {"instance-id", "instance-state-name", "instance-type", "image-id", "tag-key"}
    matches, describe = ec2._matches_filters, ec2._ACTION_MAP["DescribeInstances"]

    def also_by_id(instance, filters):
        return instance["InstanceId"] in filters.get("instance-id", [instance["InstanceId"]]) and matches(instance, filters)

    def with_known_filters(params):
        unknown = [name for name in ec2._parse_filters(params) if name not in known and not name.startswith("tag:")]
        if unknown:
            return ec2._error("InvalidParameterValue", f"The filter '{unknown[0]}' is invalid", 400)
        return describe(params)

    ec2._matches_filters = also_by_id
    ec2._ACTION_MAP["DescribeInstances"] = with_known_filters


def announce_retirements(ec2):
    """EC2 announces the end of an instance, days before, as an event of its status, and finds it by the event's code:
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html. MiniStack has no events and
    ignores the filter. Here an instance retires whose file `<id>.retires` is in the folder `FAULTS`; any other filter
    is refused."""
    describe, folder = ec2._ACTION_MAP["DescribeInstanceStatus"], pathlib.Path(os.environ["FAULTS"])
    instance = re.compile(r"<item>\s*<instanceId>(i-[0-9a-f]+)</instanceId>.*?</instanceStatus>\s*</item>", re.DOTALL)
    event = ("<eventsSet><item><code>instance-retirement</code><description>The instance is running on degraded "
             "hardware</description><notBefore>2100-01-01T00:00:00.000Z</notBefore></item></eventsSet></item>")

    def with_events(params):
        filters = ec2._parse_filters(params)
        unknown = [name for name in filters if name != "event.code"]
        if unknown:
            return ec2._error("InvalidParameterValue", f"The filter '{unknown[0]}' is invalid", 400)
        status, headers, body = describe(params)
        codes = filters.get("event.code")

        def shown(found):
            retires = (folder / f"{found[1]}.retires").exists()
            if codes and not (retires and "instance-retirement" in codes):
                return ""
            return found[0].removesuffix("</item>") + event if retires else found[0]

        text = body.decode() if isinstance(body, bytes) else body
        text = instance.sub(shown, text)
        return status, headers, text.encode() if isinstance(body, bytes) else text

    ec2._ACTION_MAP["DescribeInstanceStatus"] = with_events


def update_transforms_always(cloudformation, handlers):
    """CloudFormation compares templates before it applies their transforms, and cannot tell then: an update
    of a template with a Transform is always begun (measured by LocalStack against AWS:
    https://github.com/localstack/localstack/issues/10782)."""
    same = handlers._stack_has_no_updates

    def differs(stack, *args, **kwargs):
        return "Transform" not in (stack.get("_template_body") or "") and same(stack, *args, **kwargs)

    handlers._stack_has_no_updates = differs
