"""What MiniStack 1.5.33 lets pass or loses of executions and events, and AWS does not.

`launch.py` calls `apply_limits`; the files are one program (local/src/ministack.rs). Each patch says
what AWS does.
"""

import json as limits_json

# Bytes of a state's input, output or variable, and of an execution's input:
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
STATE_BYTES = 262_144


def apply_limits():
    from ministack.services import eventbridge, lambda_svc, stepfunctions

    refuse_large_states(stepfunctions)
    refuse_large_inputs(stepfunctions)
    try_events_again(eventbridge, lambda_svc)
    keep_only_what_may_be_kept(lambda_svc)
    reach_targets_as_they_permit(eventbridge)


def bytes_of(value):
    return len(limits_json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def refuse_large_states(sfn):
    """AWS ends an execution with States.DataLimitExceeded when a state's arguments, result, output or
    variables take more than 256 KiB. States.ALL catches neither that nor States.Runtime:
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html."""
    matches = sfn._error_matches

    def only_by_name(error_equals, error):
        if error in ("States.DataLimitExceeded", "States.Runtime"):
            return error in error_equals
        return matches(error_equals, error)

    def check(value, ctx):
        if bytes_of(value) > STATE_BYTES:
            name = ((ctx or {}).get("State") or {}).get("Name", "")
            raise sfn._ExecutionError(
                "States.DataLimitExceeded",
                f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes "
                "service limit.")
        return value

    def checked(original):
        def act(state, raw_input, ctx=None, *args, **kwargs):
            return check(original(state, raw_input, ctx, *args, **kwargs), ctx)
        return act

    items, assign, invoke = sfn._jsonata_state_field, sfn._apply_state_assign, sfn._invoke_resource

    def field(state, name, expected, raw_input, ctx):
        return check(items(state, name, expected, raw_input, ctx), ctx)

    def assigned(state, raw_input, ctx, *args, **kwargs):
        assign(state, raw_input, ctx, *args, **kwargs)
        names = state.get("Assign") if isinstance(state.get("Assign"), dict) else {}
        variables = (ctx or {}).get("variables") or {}
        check({name: variables[name] for name in names if name in variables}, ctx)

    def invoked(resource, input_data):
        return check(invoke(resource, input_data), None)

    sfn._error_matches = only_by_name
    sfn._apply_jsonata_arguments = checked(sfn._apply_jsonata_arguments)
    sfn._apply_jsonata_output = checked(sfn._apply_jsonata_output)
    sfn._jsonata_state_field = field
    sfn._apply_state_assign = assigned
    sfn._invoke_resource = invoked


def refuse_large_inputs(sfn):
    """StartExecution takes an input of at most 262,144 bytes:
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html."""
    start = sfn._start_execution

    def started(data):
        if len(str(data.get("input", "")).encode()) > STATE_BYTES:
            return sfn.error_response_json(
                "ValidationException",
                "1 validation error detected: Value at 'input' failed to satisfy constraint: "
                f"Member must have length less than or equal to {STATE_BYTES}", 400)
        return start(data)

    sfn._start_execution = started


def try_events_again(eventbridge, lambda_svc):
    """EventBridge invokes a function asynchronously: Lambda tries again what fails, at most twice, and
    then sends it to the function's on-failure destination:
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html. MiniStack does so
    for `invoke --invocation-type Event`, with 1 and 2 seconds between the tries where AWS waits 1 and 2
    minutes, but invokes a rule's target once and forgets it."""

    def dispatch(arn, payload):
        func, config, name = lambda_svc._get_func_record_for_ref(arn)
        if not func or not config:
            eventbridge.logger.warning("EventBridge → Lambda: function %s not found", name)
            return
        record = lambda_svc._execution_record_for_config(func, config)
        lambda_svc.invoke_async_with_retry(record, limits_json.loads(payload))

    eventbridge._dispatch_to_lambda = dispatch


def keep_only_what_may_be_kept(lambda_svc):
    """Lambda sends what failed to a queue in the name of the function's role, which needs sqs:SendMessage; without
    it the event is lost: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html.
    MiniStack asks nobody."""
    from ministack.core import iam_evaluator

    route = lambda_svc._route_async_failure

    def routed(target, name, *args, **kwargs):
        config = lambda_svc._functions.get(name, {}).get("config", {})
        if ":sqs:" in target and not may_send(config.get("Role", ""), target):
            lambda_svc.logger.warning("Lambda %s may not sqs:SendMessage to %s", name, target)
            return
        route(target, name, *args, **kwargs)

    def may_send(role, queue):
        account, name = role.split(":")[4], role.rpartition("/")[2]
        asked = iam_evaluator.EvalContext(
            principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/lambda", principal_type="AssumedRole",
            principal_account=account, action="sqs:SendMessage", resource_arn=queue, region=queue.split(":")[3],
            service_context={})
        return iam_evaluator.evaluate(asked, iam_evaluator._gather_role_policies(name, account)).decision == "Allow"

    lambda_svc._route_async_failure = routed


def reach_targets_as_they_permit(eventbridge):
    """EventBridge invokes a function whose own policy permits it for the rule, and starts a state machine in the name of
    the target's role, which needs states:StartExecution and a trust that permits the rule to assume it:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html,
    https://docs.aws.amazon.com/eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html. MiniStack
    asks nobody."""
    from ministack.core import iam_evaluator
    from ministack.services import iam, lambda_svc

    invoke = eventbridge._invoke_target

    def invoked(target, event, rule, view=None):
        arn, role = target.get("Arn", ""), target.get("RoleArn", "")
        missing = {"states": not_started, "lambda": not_invoked}.get("".join(arn.split(":")[2:3]), lambda *_: None)
        lacks = missing(arn, role, rule.get("Arn", ""))
        if lacks:
            eventbridge.logger.warning("EventBridge: %s may not %s of %s", rule.get("Name"), lacks, arn)
            return
        invoke(target, event, rule, view)

    def not_started(machine, role, rule):
        account, name = role.split(":")[4] if role else "", role.rpartition("/")[2]
        trust = (iam._roles.get_scoped(account, None, name) or {}).get("AssumeRolePolicyDocument")
        if not permits(trust, "sts:AssumeRole", role, rule):
            return "sts:AssumeRole"
        asked = iam_evaluator.EvalContext(
            principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/events", principal_type="AssumedRole",
            principal_account=account, action="states:StartExecution", resource_arn=machine,
            region=machine.split(":")[3], service_context={})
        decision = iam_evaluator.evaluate(asked, iam_evaluator._gather_role_policies(name, account)).decision
        return None if decision == "Allow" else "states:StartExecution"

    def not_invoked(function, _role, rule):
        found = lambda_svc.function_policy_for_arn(function)
        is_permitted = found is None or permits(found[0], "lambda:InvokeFunction", function, rule)
        return None if is_permitted else "lambda:InvokeFunction"

    def permits(policy, action, resource, rule):
        asked = iam_evaluator.EvalContext(
            principal_arn="", principal_type="Service", principal_account="", action=action, resource_arn=resource,
            region="", service_context={"aws:sourcearn": rule, "aws:sourceaccount": "".join(rule.split(":")[4:5])})
        decided = iam_evaluator.evaluate_resource_policy(policy, asked, service="events.amazonaws.com")
        return decided.decision == "Allow"

    eventbridge._invoke_target = invoked
