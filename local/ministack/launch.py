"""Starts MiniStack as one part of the local cloud.

The supervisor starts this with a clean environment, writes one line of JSON with the
administrator's credentials to its standard input and keeps that pipe open: when the pipe
closes, the supervisor is gone, and this process goes too with all functions it started.
Credentials come that way because a process's first environment can be read from outside.

The patches bring MiniStack 1.5.33 closer to AWS, never away from it. Each says what AWS does.
"""

import contextvars
import copy
import gc
import json
import logging
import os
import secrets
import signal
import socket
import socketserver
import sys
import threading

# What a function process inherits. On AWS it would see PATH, LANG and the AWS_* names only;
# the rest keeps its files and its processes inside the local cloud.
INHERITED = {"PATH", "LANG", "HOME", "TMPDIR", "AWS_ENDPOINT_URL", "COMMAND_PATH", "CUTOVER_LOCAL_ROOT"}


def main():
    gc.disable()
    # Before the credentials are there: a function has its role's under the same names.
    settings = set(os.environ) - INHERITED
    read_credentials()
    threading.Thread(target=leave_with_the_supervisor, daemon=True).start()
    quieten_logs()

    from ministack import app
    from ministack.core import iam_actions, iam_evaluator, lambda_runtime, router
    from ministack.services import cloudwatch_logs, codebuild, dynamodb, ec2, eventbridge, lambda_svc
    from ministack.services.cloudformation import provisioners
    from ministack.services import route53, s3, stepfunctions, sts, tagging

    give_functions_a_clean_environment(lambda_svc, settings)
    separate_environments(lambda_svc, lambda_runtime)
    run_as_lambda_does(lambda_runtime, os.environ["FUNCTION_LAUNCHER"])
    register_one_session_at_a_time(sts)
    make_function_credentials_unguessable(lambda_runtime, lambda_svc, sts)
    check_the_signatures_of_root(app, iam_evaluator)
    name_what_route53_denies(iam_actions)
    tell_conditions_what_is_asked(iam_actions, ec2, route53, tagging)
    hide_missing_keys_from_who_may_not_list(s3, iam_actions, iam_evaluator)
    record_every_state(stepfunctions)
    apply_parallel_arguments_and_output(stepfunctions)
    end_executions_on_time(stepfunctions)
    tell_of_executions_late(stepfunctions)
    find_streams_by_prefix(cloudwatch_logs)
    answer_logs_in_pages(cloudwatch_logs)
    run_builds(codebuild, stepfunctions, sts, iam_evaluator)
    ask_for_builds_as_codebuild_does(codebuild, iam_actions)
    apply_quotas(app, router, iam_actions)
    apply_what_stacks_meet()
    apply_what_launches_meet()
    follow_states(ec2, eventbridge)
    apply_limits()
    refuse_what_route53_refuses(route53)
    copy_as_s3_does(s3)
    answer_in_the_time_of_the_answer(dynamodb)
    let_rows_expire(dynamodb, provisioners)
    keep_places(lambda_svc, provisioners)
    tell_of_changes(ec2, route53)
    let_idle_functions_sleep()
    close_the_back_door(app)
    record_requests(app, sts)
    inject_faults(app, lambda_runtime, os.environ["FAULTS"])
    collect_garbage_seldom()
    app.main()


def collect_garbage_seldom():
    """What is loaded stays, and what is kept of the cloud mostly grows: to go through it again and again, as Python
    does, was an eighth of this process's time."""
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    gc.enable()


def read_credentials():
    credentials = json.loads(sys.stdin.readline())
    os.environ["AWS_ACCESS_KEY_ID"] = credentials["access_key_id"]
    os.environ["AWS_SECRET_ACCESS_KEY"] = credentials["secret_access_key"]


def leave_with_the_supervisor():
    while sys.stdin.read(4096):
        pass
    # Functions are in this process's group; a user's command is ended by whoever cleans up.
    os.killpg(0, signal.SIGKILL)


def quieten_logs():
    """The instance host asks several times a second; a line for each would bury the rest."""
    logging.getLogger("hypercorn.access").addFilter(lambda _record: False)


def give_functions_a_clean_environment(lambda_svc, settings):
    """AWS gives a function its own variables, not those of the service that starts it."""
    original = lambda_svc._provided_worker_env

    def clean(config, code_dir, port):
        own = set((config.get("Environment") or {}).get("Variables") or {})
        given = original(config, code_dir, port)
        return {name: value for name, value in given.items() if name not in settings or name in own}

    lambda_svc._provided_worker_env = clean


def make_function_credentials_unguessable(lambda_runtime, lambda_svc, sts):
    """MiniStack derives them from the function's ARN, so any process could compute another's."""
    original = lambda_runtime.execution_credentials
    lock = threading.Lock()

    def unguessable(config):
        with lock:
            derived = original(config)
            session = sts._sessions.pop(derived["AWS_ACCESS_KEY_ID"])
        issued = {
            "AWS_ACCESS_KEY_ID": "ASIA" + secrets.token_hex(8).upper(),
            "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
            "AWS_SESSION_TOKEN": secrets.token_urlsafe(60),
        }
        session["SecretAccessKey"] = issued["AWS_SECRET_ACCESS_KEY"]
        session["SessionToken"] = issued["AWS_SESSION_TOKEN"]
        sts.register_session(issued["AWS_ACCESS_KEY_ID"], session)
        return issued

    lambda_runtime.execution_credentials = unguessable
    lambda_svc.execution_credentials = unguessable


def check_the_signatures_of_root(app, iam_evaluator):
    """AWS checks every signature. MiniStack takes the key "test" and any account number for
    root unchecked, which would let a build script do as it likes."""
    is_root, pin = iam_evaluator._is_root_key, app.pin_signed_request
    pinning = contextvars.ContextVar("pinning", default=False)

    def pin_all(*args, **kwargs):
        token = pinning.set(True)
        try:
            return pin(*args, **kwargs)
        finally:
            pinning.reset(token)

    iam_evaluator._is_root_key = lambda key: is_root(key) and not pinning.get()
    iam_evaluator.pin_signed_request = pin_all
    app.pin_signed_request = pin_all


def name_what_route53_denies(iam_actions):
    """Route 53 wraps an error in ErrorResponse, as the Query protocol does; MiniStack sends it
    bare, as S3 does, and an SDK finds no code in it."""
    original = iam_actions.access_denied_response

    def wrapped(service, *args, **kwargs):
        status, headers, body = original(service, *args, **kwargs)
        start = body.find(b"<Error>")
        if service == "route53" and start >= 0 and b"<ErrorResponse" not in body:
            body = body[:start] + b"<ErrorResponse>" + body[start:] + b"</ErrorResponse>"
        return status, headers, body

    iam_actions.access_denied_response = wrapped


def hide_missing_keys_from_who_may_not_list(s3, iam_actions, iam_evaluator):
    """S3 says that a key is missing (404) only to who may list the bucket, to others that they
    are denied (403): https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html."""
    from ministack.core.router import extract_access_key_id, extract_region

    original = s3.handle_request

    async def hiding(method, path, headers, body, query_params, *args, **kwargs):
        answer = await original(method, path, headers, body, query_params, *args, **kwargs)
        bucket, _, key = path.lstrip("/").partition("/")
        asked = method in ("GET", "HEAD") and key and answer[0] == 404
        if not asked or kwargs.get("internal") or s3._buckets.get(bucket) is None:
            return answer
        credentials, region = extract_access_key_id(headers, query_params), extract_region(headers, query_params)
        denied = iam_evaluator.enforce(credentials, "s3:ListBucket", "s3", region, f"arn:aws:s3:::{bucket}")
        if not denied:
            return answer
        status, named, text = iam_actions.access_denied_response(
            "s3", "s3:ListBucket", getattr(denied, "principal_arn", ""), "", headers=headers)
        return status, named, b"" if method == "HEAD" else text

    s3.handle_request = hiding


def record_every_state(sfn):
    """AWS writes StateEntered and StateExited for states inside Map and Parallel too, gives
    each event its own id, and stops branches when the execution is stopped."""
    add_event = sfn._add_event
    lock = threading.Lock()

    def add_one_at_a_time(execution, event_type, details=None):
        with lock:
            return add_event(execution, event_type, details)

    def entered(execution, kind, name, data):
        add_one_at_a_time(execution, f"{kind}StateEntered",
                          {"stateEnteredEventDetails": {"name": name, "input": json.dumps(data)}})

    def left(execution, kind, name, data):
        add_one_at_a_time(execution, f"{kind}StateExited",
                          {"stateExitedEventDetails": {"name": name, "output": json.dumps(data)}})

    def step(state, data, execution, ctx):
        kind = state.get("Type")
        if kind == "Succeed":
            data = sfn._apply_input_path(state, data, ctx)
            return sfn._apply_output_path(state, data, ctx), None
        if kind == "Fail":
            raise sfn._ExecutionError(*sfn._fail_state_error(state, data, ctx))
        if kind in ("Task", "Parallel", "Map"):
            return getattr(sfn, f"_execute_{kind.lower()}")(state, data, execution, ctx)
        if kind in ("Pass", "Choice", "Wait"):
            return getattr(sfn, f"_execute_{kind.lower()}")(state, data, ctx)
        raise sfn._ExecutionError("States.Runtime", f"Unknown state type: {kind}")

    def run(states, start_at, input_data, execution, ctx):
        # A branch has its own current state and its own scope of variables: it sees those of
        # its parent and cannot change them.
        ctx = {**ctx, "variables": dict(ctx.get("variables") or {})}
        name, data = start_at, copy.deepcopy(input_data)
        while name:
            if execution["status"] != "RUNNING":
                raise sfn._ExecutionError("States.Runtime", "the execution was stopped")
            if name not in states:
                raise sfn._ExecutionError("States.Runtime", f"State '{name}' not found")
            kind, this = states[name].get("Type"), name
            ctx["State"] = {"Name": name, "EnteredTime": sfn.now_iso(), "RetryCount": 0}
            entered(execution, kind, name, data)
            data, name = step(states[name], data, execution, ctx)
            left(execution, kind, this, data)
        return data

    sfn._add_event = add_one_at_a_time
    sfn._run_sub_machine = run


def apply_parallel_arguments_and_output(sfn):
    """AWS applies Arguments, Output and Assign of a JSONata Parallel state."""
    original = sfn._run_parallel_branches

    def run(state, raw_input, execution, ctx):
        if sfn._state_query_language(state, ctx) != "JSONata":
            return original(state, raw_input, execution, ctx)
        arguments = sfn._apply_jsonata_arguments(state, raw_input, ctx)
        results, following = original(state, arguments, execution, ctx)
        output = sfn._apply_jsonata_output(state, raw_input, ctx, result=results, default=results)
        sfn._apply_state_assign(state, raw_input, ctx, result=results)
        return output, following

    sfn._run_parallel_branches = run


def end_executions_on_time(sfn):
    """AWS ends an execution at its state machine's TimeoutSeconds, and an execution that has
    ended keeps its outcome whatever its branches still do."""
    run_execution, fail_execution = sfn._run_execution, sfn._fail_execution

    def time_out(execution):
        if execution["status"] != "RUNNING":
            return
        execution["status"] = "TIMED_OUT"
        execution["error"] = "States.Timeout"
        execution["stopDate"] = sfn.now_iso()
        sfn._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {"error": "States.Timeout"}})
        sfn._emit_execution_status_event(execution)

    def limit_of(execution):
        machine = sfn._state_machines.get(execution["stateMachineArn"])
        try:
            return json.loads(machine["definition"]).get("TimeoutSeconds")
        except (TypeError, ValueError):
            return None

    def run(exec_arn):
        execution = sfn._executions.get(exec_arn)
        limit = limit_of(execution) if execution else None
        if not limit:
            return run_execution(exec_arn)
        timer = threading.Timer(limit, contextvars.copy_context().run, (time_out, execution))
        timer.daemon = True
        timer.start()
        try:
            return run_execution(exec_arn)
        finally:
            timer.cancel()

    def fail(execution, error, cause):
        if execution["status"] == "RUNNING":
            fail_execution(execution, error, cause)

    sfn._run_execution = run
    sfn._fail_execution = fail


def tell_of_changes(ec2, route53):
    """Nothing of AWS's: the instance host and the DNS server read this file's length instead of
    asking over and over. It grows after each change and before that change's answer."""
    file = os.open(os.environ["CHANGES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def telling(action):
        def tell(*args, **kwargs):
            try:
                return action(*args, **kwargs)
            finally:
                os.write(file, b".")
        return tell

    for name, action in list(ec2._ACTION_MAP.items()):
        if not name.startswith(("Describe", "Get", "Search")):
            ec2._ACTION_MAP[name] = telling(action)
    for name in ("_create_hosted_zone", "_delete_hosted_zone", "_change_resource_record_sets"):
        setattr(route53, name, telling(getattr(route53, name)))


def let_idle_functions_sleep():
    """Nothing of AWS's: the server of each warm environment wakes ten times a second to see
    whether it should end, and with a hundred of them that is most of an idle emulator's work."""
    server = socketserver.ThreadingTCPServer
    serve_forever, shutdown = server.serve_forever, server.shutdown

    def wake(address):
        try:
            socket.create_connection(address, timeout=1).close()
        except OSError:
            pass  # it has ended meanwhile

    def end(self):
        threading.Timer(0.02, wake, (self.server_address,)).start()
        shutdown(self)

    server.serve_forever = lambda self, poll_interval=None: serve_forever(self, poll_interval=5)
    server.shutdown = end


def close_the_back_door(app):
    """AWS has no unsigned addresses that reset it, read a function's code or its queues.
    What stays open only tells its health, or needs a token as AWS's presigned URLs do."""
    original = app.app
    still_open = ("/_ministack/health", "/_ministack/ready", "/_ministack/cfn-signal/", "/_ministack/cfn-response/")

    async def guarded(scope, receive, send):
        path = scope.get("path", "")
        if path.startswith("/_ministack/") and not path.startswith(still_open):
            await send({"type": "http.response.start", "status": 403, "headers": []})
            await send({"type": "http.response.body", "body": b"closed on the local cloud\n"})
            return
        await original(scope, receive, send)

    app.app = guarded


main()
