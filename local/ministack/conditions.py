"""What conditions of policies ask of a request, and MiniStack 1.5.33 does not tell them.

`launch.py` calls `tell_conditions_what_is_asked`; the files are one program (local/src/ministack.rs). A condition with
ForAllValues on a key that is missing holds on AWS too, so what MiniStack does not tell is permitted:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html.
"""

import json as conditions_json
import re

# A character of a record's name: as it is, or written as its number.
CHARACTER = re.compile(r"\\([0-3][0-7]{2})|(.)", re.DOTALL)
UNESCAPED = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


def tell_conditions_what_is_asked(iam_actions, ec2, route53, tagging):
    tell_keys(iam_actions, ec2, route53)
    tell_resources(iam_actions, ec2)
    tell_tags_of_ec2(ec2, tagging)


def tell_keys(iam_actions, ec2, route53):
    known = iam_actions.request_tag_context
    more = {
        "ec2:RunInstances": lambda _body, params: keys_of_a_launch(ec2, params),
        "events:PutEvents": lambda body, _params: keys_of_events(body),
        "route53:ChangeResourceRecordSets": lambda body, _params: keys_of_changes(changes_in(route53, body)),
    }

    def with_more(service, action, body, params):
        context = known(service, action, body, params)
        return {**context, **more[action](body, params)} if action in more else context

    iam_actions.request_tag_context = with_more


def tell_resources(iam_actions, ec2):
    """A launch template has an ARN, and so has a change of Route 53; EC2's Describe actions know no resource; each of
    several instances is asked for, and where one is denied none is touched:
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html,
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html."""
    known, others, value = (iam_actions.extract_resource_arn, iam_actions.verified_access_resource_arns,
                            iam_actions._query_param)

    def resource(service, method, path, headers, body, params, region, account):
        action, change = value(params, "Action"), re.fullmatch(r"/[0-9-]+/change/([^/]+)/?", path)
        if service == "route53" and change:
            return f"arn:aws:route53:::change/{change[1]}"
        if service == "ec2" and action.startswith("Describe"):
            return "*"
        if service == "ec2" and action.endswith(("LaunchTemplate", "LaunchTemplateVersion", "LaunchTemplateVersions")):
            template = "" if action == "CreateLaunchTemplate" else id_of_template(ec2, params)
            return f"arn:aws:ec2:{region}:{account}:launch-template/{template or '*'}"
        return known(service, method, path, headers, body, params, region, account)

    def all_resources(params, region, account):
        names = sorted((name for name in params if re.fullmatch(r"InstanceId\.\d+", name)),
                       key=lambda name: int(name.rpartition(".")[2]))
        if not names or value(params, "Action").startswith("Describe"):
            return others(params, region, account)
        return [f"arn:aws:ec2:{region}:{account}:instance/{value(params, name)}" for name in names]

    iam_actions.extract_resource_arn, iam_actions.verified_access_resource_arns = resource, all_resources


def id_of_template(ec2, params, prefix=""):
    """Of the launch template that a request names, by its id or by its name."""
    template = template_of(ec2, params, prefix) or {}
    return ec2._p(params, f"{prefix}LaunchTemplateId") or template.get("LaunchTemplateId", "")


def tell_tags_of_ec2(ec2, tagging):
    """What EC2 has made has its tags: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/control-access-with-tags.html.
    What is not there, or no longer, has none: so who may end what has a tag is denied, and not told that there is no such
    instance (https://github.com/aws/karpenter-provider-aws/issues/2100). MiniStack keeps them, also of what is gone, and
    tells no condition."""
    known = tagging.resource_tags
    there = {"instance": ec2._instances, "volume": ec2._volumes, "subnet": ec2._subnets, "vpc": ec2._vpcs,
             "security-group": ec2._security_groups, "launch-template": ec2._launch_templates}

    def tags_of(arn):
        _, _, service, _, _, named = (arn.split(":", 5) + [""] * 5)[:6]
        if service != "ec2":
            return known(arn)
        kind, _, name = named.partition("/")
        if name not in there.get(kind, ec2._tags):
            return None
        return {tag["Key"]: tag["Value"] for tag in ec2._tags.get(name) or []} or None

    tagging.resource_tags = tags_of


def keys_of_a_launch(ec2, params):
    """The launch template that it is launched from."""
    template = id_of_template(ec2, params, "LaunchTemplate.")
    here = f"arn:aws:ec2:{ec2.get_region()}:{ec2.get_account_id()}"
    return {"ec2:launchtemplate": f"{here}:launch-template/{template}"} if template else {}


def keys_of_events(body):
    """Source and detail type of each event:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/policy-keys-eventbridge.html."""
    entries = conditions_json.loads(body or b"{}").get("Entries") or []
    return {"events:source": [entry.get("Source", "") for entry in entries],
            "events:detail-type": [entry.get("DetailType", "") for entry in entries]}


def keys_of_changes(changes):
    """Action, type and name of each change in a batch:
    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html."""
    changes = list(changes)
    keys = {"actions": [action for action, _kind, _name in changes],
            "recordtypes": [kind for _action, kind, _name in changes],
            "normalizedrecordnames": [as_conditions_write_it(name) for _action, _kind, name in changes]}
    return {f"route53:changeresourcerecordsets{key}": values for key, values in keys.items()}


def changes_in(route53, body):
    """(action, type, name) of each change, as they were sent; none where that cannot be read, which the service
    itself refuses."""
    node = route53._parse_body(body)
    for part in ("ChangeBatch", "Changes"):
        node = None if node is None else route53._find(node, part)
    for change in [] if node is None else route53._findall(node, "Change"):
        record = route53._find(change, "ResourceRecordSet")
        if record is not None:
            yield route53._text(change, "Action"), route53._text(record, "Type"), route53._text(record, "Name")


def as_conditions_write_it(name):
    """In lower case and without the final dot; what is no letter, digit, hyphen or underscore, and no dot between two
    labels, is its number: `*.API.myproj.com.` is `\\052.api.myproj.com`."""
    def written(found):
        number, plain = found.groups()
        if plain == ".":
            return plain
        characters = [int(number, 8)] if number else plain.encode()
        return "".join(chr(one).lower() if chr(one).lower() in UNESCAPED else f"\\{one:03o}" for one in characters)
    return CHARACTER.sub(written, name).removesuffix(".")
