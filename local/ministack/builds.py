"""Builds of CodeBuild that really run, where MiniStack 1.5.33 only notes them or asks Docker; and Step Functions that
waits for them.

`launch.py` calls `run_builds`; the files are one program (local/src/ministack.rs). A build gets the processes and the
folders of nobody else: namespaces of its own for processes and mounts, with the local cloud and `/tmp` hidden. It is
not a container: the machine's other files, its network and its users are as they are.
"""

import contextlib
import contextvars
import functools as builds_functools
import itertools
import json as builds_json
import os as builds_os
import pathlib
import secrets as builds_secrets
import shutil as builds_shutil
import signal as builds_signal
import subprocess
import tempfile as builds_tempfile
import threading as builds_threads
import time as builds_time
import zipfile

# A network of its own has a loopback that is switched off.
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
LOOPBACK = f"import fcntl, socket, struct; fcntl.ioctl(socket.socket(), {SIOCSIFFLAGS}, struct.pack('16sh', b'lo', {IFF_UP}))"
# $0 is the local cloud's root, $1 the build's folder; what follows is run there. `/mnt` is on every Linux.
INSIDE = """mount --bind "$1" /mnt
mount -t tmpfs none "$0/.local"
mount -t tmpfs none /tmp
cd /mnt/src
shift
exec "$@"
"""
SERVICE_ROLE_CALLS = {"s3:GetObject", "s3:PutObject"}
# https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html
SHORTEST, LONGEST = 5, 2160
TOKEN_SECONDS = 300
LOOK = 0.05
# Of its output this many lines are in its log; AWS keeps all.
LOGGED = 20_000
running_execution = contextvars.ContextVar("running_execution", default=None)


class Refused(Exception):
    """An error of CodeBuild's: its code and its message."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def find_streams_by_prefix(cloudwatch_logs):
    """logStreamNamePrefix, which MiniStack reads over, and each event's own id, which it does not give:
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html."""
    original, append, numbers = cloudwatch_logs._filter_log_events, cloudwatch_logs._append_log_events, itertools.count()

    def numbered(stream, events):
        append(stream, [{"eventId": f"{next(numbers):056}", **event} for event in events])

    def filtered(data):
        prefix, names = data.get("logStreamNamePrefix"), data.get("logStreamNames")
        if prefix is None:
            return original(data)
        if names:
            return cloudwatch_logs.error_response_json(
                "InvalidParameterException", "logStreamNames and logStreamNamePrefix cannot be used together", 400)
        group = cloudwatch_logs._log_groups.get(cloudwatch_logs._resolve_log_group_name(data)) or {"streams": {}}
        found = [name for name in list(group["streams"]) if name.startswith(prefix)]
        # No name at all would mean all streams.
        return original({**data, "logStreamNames": found or ["\n"]})

    cloudwatch_logs._filter_log_events, cloudwatch_logs._append_log_events = filtered, numbered


def run_builds(codebuild, sfn, sts, iam_evaluator):
    from ministack.services.cloudformation import provisioners

    builds = Builds(codebuild, sts)
    keep_networks(codebuild, provisioners)
    codebuild._start_build = builds.start
    codebuild._stop_build = builds.stop
    wait_for_builds(codebuild, sfn, iam_evaluator)


def keep_networks(codebuild, provisioners):
    """A project's `VpcConfig`, which MiniStack's CloudFormation leaves out."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::CodeBuild::Project"]

    def keeping(act, given):
        def kept(*arguments):
            done = act(*arguments)
            properties = arguments[given]
            codebuild._projects[done[0]]["vpcConfig"] = camel(properties.get("VpcConfig") or {})
            return done

        return kept

    handlers["create"] = keeping(handlers["create"], 1)
    handlers["update"] = keeping(handlers["update"], 2)


class Builds:
    """Those that run, by their id."""

    def __init__(self, codebuild, sts):
        self.codebuild, self.sts = codebuild, sts
        self.running, self.lock = {}, builds_threads.Lock()
        # What was asked by each token, when, and which build that began.
        self.tokens = {}

    def start(self, data):
        """Asked again with the same token within 5 minutes, it answers with the same build:
        https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html."""
        token, now = data.get("idempotencyToken"), builds_time.monotonic()
        before, asked, begun = self.tokens.get(token, (None, now, None))
        try:
            if before and now - asked < TOKEN_SECONDS:
                if before != data:
                    raise Refused("InvalidInputException", "The parameters differ from those of the same idempotency token")
                return self.codebuild.json_response({"build": dict(self.codebuild._builds[begun])})
            build, project = self.record(data)
        except Refused as refused:
            return self.codebuild.error_response_json(refused.code, str(refused), 400)
        places = self.places_for(data, project)
        if not places.has_room():
            return self.codebuild.error_response_json(
                "AccountLimitExceededException",
                f"Cannot have more than {QUEUED * places.at_once} builds in queue for the account", 400)
        self.codebuild._builds[build["id"]] = build
        if token:
            self.tokens[token] = data, now, build["id"]
        work = builds_threads.Thread(target=contextvars.copy_context().run, args=(self.wait_and_run, build, project, places), daemon=True)
        work.start()
        return self.codebuild.json_response({"build": dict(build)})

    def record(self, data):
        """The build as it begins: its project's settings, and above them what the request overrides."""
        refuse_what_the_model_refuses("StartBuild", data)
        project = self.codebuild._projects.get(data["projectName"])
        if not project:
            raise Refused("ResourceNotFoundException", f"Project cannot be found: {data['projectName']}")
        minutes = data.get("timeoutInMinutesOverride", project.get("timeoutInMinutes", 60))
        if not SHORTEST <= minutes <= LONGEST:
            raise Refused("InvalidInputException", f"Invalid timeout: {minutes} minutes")
        build = self.codebuild._make_build_record(project, self.codebuild._build_id(project["name"]))
        for key in ("endTime",):
            build.pop(key, None)
        source = {**project.get("source", {}), "type": data.get("sourceTypeOverride", project["source"].get("type")),
                  "location": data.get("sourceLocationOverride", project["source"].get("location"))}
        source["buildspec"] = data.get("buildspecOverride", source.get("buildspec", ""))
        build.update(buildStatus="IN_PROGRESS", currentPhase="SUBMITTED", phases=[], buildComplete=False,
                     timeoutInMinutes=minutes, queuedTimeoutInMinutes=data.get(
                         "queuedTimeoutInMinutesOverride", project.get("queuedTimeoutInMinutes", 480)), serviceRole=project["serviceRole"], source=source,
                     artifacts=data.get("artifactsOverride", project.get("artifacts", {"type": "NO_ARTIFACTS"})))
        logs = (data.get("logsConfigOverride") or project.get("logsConfig") or {}).get("cloudWatchLogs", {})
        # https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CloudWatchLogsConfig.html: streamName is a prefix.
        own = build["id"].rpartition(":")[2]
        build["logs"]["streamName"] = "/".join([*filter(None, [logs.get("streamName")]), own])
        build["logs"]["cloudWatchLogs"] = logs
        build["logs"]["groupName"] = logs.get("groupName") or build["logs"]["groupName"]
        return build, project

    def stop(self, data):
        build = self.codebuild._builds.get(data.get("id", ""))
        if not build:
            return self.codebuild.error_response_json("ResourceNotFoundException", f"Build not found: {data.get('id')}", 400)
        self.end(build, "STOPPED")
        return self.codebuild.json_response({"build": dict(build)})

    def end(self, build, status):
        """Kills all that the build runs; how it ended is then `status`, unless it had ended before."""
        with self.lock:
            process = self.running.get(build["id"])
            if build["buildStatus"] == "IN_PROGRESS":
                build["ends_as"] = status
                for places in PLACES.values():
                    places.look()
            if process:
                with contextlib.suppress(ProcessLookupError):
                    builds_os.killpg(process.pid, builds_signal.SIGKILL)

    def places_for(self, data, project):
        environment = project.get("environment", {})
        return places_of(data.get("environmentTypeOverride", environment.get("type")),
                         data.get("computeTypeOverride", environment.get("computeType")))

    def wait_and_run(self, build, project, places):
        """In the queue until a build of its size may run, or for as long as it may wait."""
        build["currentPhase"] = "QUEUED"
        if not places.take(build["queuedTimeoutInMinutes"] * 60, lambda: "ends_as" in build):
            status = build.pop("ends_as", "TIMED_OUT")
            build.update(buildStatus=status, buildComplete=True, endTime=int(builds_time.time()))
            return
        try:
            self.run(build, project)
        finally:
            places.give_back()

    def run(self, build, project):
        folder = builds_tempfile.mkdtemp(prefix="build-")
        timer = builds_threads.Timer(build["timeoutInMinutes"] * 60, self.end, (build, "TIMED_OUT"))
        timer.daemon = True
        timer.start()
        try:
            status = self.phases(build, project, folder)
        except Exception as error:  # whatever it is, the build has ended
            self.codebuild.logger.warning("build %s: %s", build["id"], error)
            status = "FAULT"
        finally:
            timer.cancel()
            remove_folder(folder)
        build.update(buildStatus=build.pop("ends_as", status), currentPhase="COMPLETED", buildComplete=True,
                     endTime=int(builds_time.time()))

    def phases(self, build, project, folder):
        role = Role(self.sts, build["serviceRole"], build["id"].rpartition(":")[2])
        for name in ("src", "home"):
            builds_os.mkdir(builds_os.path.join(folder, name))
        source = build["source"]
        if source["type"] == "S3":
            build["currentPhase"] = "DOWNLOAD_SOURCE"
            archive = builds_os.path.join(folder, "source.zip")
            role.download(source["location"], archive)
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(builds_os.path.join(folder, "src"))
            builds_os.remove(archive)
        spec = specification(source["buildspec"])
        build["currentPhase"] = "BUILD"
        status = self.commands(build, project, folder, role, spec["phases"]["build"]["commands"])
        build["currentPhase"] = "UPLOAD_ARTIFACTS"
        # https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html: always attempted.
        if build.get("ends_as") is None and build["artifacts"].get("type") == "S3":
            upload(role, build["artifacts"], pathlib.Path(folder, "src", spec["artifacts"]["base-directory"]))
        return status

    def commands(self, build, project, folder, role, commands):
        """One after the other, until one fails."""
        emit = self.codebuild._log_sink(build)
        for command in commands:
            if self.command(build, project, folder, role, emit, command) != 0:
                return "FAILED"
        return "SUCCEEDED"

    def command(self, build, project, folder, role, emit, command):
        root = builds_os.environ["CUTOVER_LOCAL_ROOT"]
        # In a VPC a container has no public address, and no target has a NAT for it: nothing answers there.
        # https://docs.aws.amazon.com/codebuild/latest/userguide/vpc-support.html
        is_in_a_vpc = bool((project.get("vpcConfig") or {}).get("vpcId"))
        network, begin = (["--net"], f'python3 -c "{LOOPBACK}"') if is_in_a_vpc else ([], "true")
        words = ["setpriv", "--pdeathsig", "KILL", "unshare", "--user", "--map-root-user", "--mount", "--pid", *network, "--fork",
                 "--kill-child=KILL", "--mount-proc", "sh", "-c", f"set -e\n{begin}\n{INSIDE}", root, folder, "sh", "-c", command]
        with self.lock:
            if "ends_as" in build:
                return 1
            # A session of its own: a command that signals its group reaches nobody else.
            process = subprocess.Popen(words, env=environment(build, project, folder, role), cwd=folder,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       start_new_session=True)
            self.running[build["id"]] = process
        try:
            for count, line in enumerate(process.stdout):
                if count < LOGGED:
                    emit(line[:8192].decode("utf-8", "replace").rstrip("\n"))
            return process.wait()
        finally:
            with self.lock:
                del self.running[build["id"]]
            process.stdout.close()


def specification(text):
    import yaml

    spec = yaml.safe_load(text)
    if str(spec.get("version")) != "0.2":
        raise ValueError("the build specification's version is not 0.2")
    return spec


def environment(build, project, folder, role):
    """What the container's first process has. AWS gives the role by an address that is in the environment too."""
    own = {one["name"]: one["value"] for one in project.get("environment", {}).get("environmentVariables") or []}
    return {"PATH": builds_os.environ["COMMAND_PATH"], "HOME": builds_os.path.join(folder, "home"),
            "CODEBUILD_BUILD_ID": build["id"], "CODEBUILD_BUILD_ARN": build["arn"], "CODEBUILD_CI": "true",
            "AWS_ENDPOINT_URL": builds_os.environ["AWS_ENDPOINT_URL"], **role.variables, **own}


class Role:
    """A session of the project's service role: what the build asks of S3 it asks by the front door, IAM enforced."""

    def __init__(self, sts, arn, session):
        account, name = arn.split(":")[4], arn.rpartition("/")[2]
        self.key, secret = "ASIA" + builds_secrets.token_hex(8).upper(), builds_secrets.token_urlsafe(30)
        token, called = builds_secrets.token_urlsafe(60), f"AWSCodeBuild-{session}"
        sts.register_session(self.key, {"Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{called}",
                                        "UserId": f"{name}:{called}", "SecretAccessKey": secret, "SessionToken": token})
        self.variables = {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token,
                          "AWS_REGION": region_here(), "AWS_DEFAULT_REGION": region_here()}

    def client(self):
        from botocore.config import Config

        return session_of_models().create_client(
            "s3", region_name=region_here(), endpoint_url=builds_os.environ["AWS_ENDPOINT_URL"],
            aws_access_key_id=self.key, aws_secret_access_key=self.variables["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=self.variables["AWS_SESSION_TOKEN"],
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}))

    def download(self, location, to):
        bucket, _, key = location.partition("/")
        with open(to, "wb") as file:
            builds_shutil.copyfileobj(self.client().get_object(Bucket=bucket, Key=key)["Body"], file)


@builds_functools.cache
def models():
    from botocore.loaders import Loader

    return Loader()


def session_of_models():
    """A session of its own; what it reads of AWS's models and endpoints, a tenth of this process's time, is read once."""
    import botocore.session

    session = botocore.session.Session()
    session.register_component("data_loader", models())
    return session


def region_here():
    return builds_os.environ.get("MINISTACK_REGION") or builds_os.environ.get("AWS_REGION") or "us-east-1"


def upload(role, artifacts, base):
    """Each regular file below the base, not packed: path/name/<file>."""
    if artifacts.get("packaging", "NONE") != "NONE" or artifacts.get("namespaceType", "NONE") != "NONE":
        raise ValueError("only artifacts without packaging and namespace are known here")
    client = role.client()
    files = sorted(path for path in base.rglob("*") if path.is_file() and not path.is_symlink())
    if not files:
        raise FileNotFoundError("no matching artifact paths found")
    for path in files:
        key = "/".join([artifacts["path"].strip("/"), artifacts["name"].strip("/"), str(path.relative_to(base))])
        with open(path, "rb") as file:
            client.put_object(Bucket=artifacts["location"], Key=key, Body=file)


def refuse_what_the_model_refuses(operation, data):
    """Members, types and enumerations, by botocore's model: Step Functions asks without an SDK that would look."""
    from botocore.validate import ParamValidator

    model = session_of_models().get_service_model("codebuild")
    shape = model.operation_model(operation).input_shape
    report = ParamValidator().validate(data, shape)
    if report.has_errors():
        raise Refused("InvalidInputException", report.generate_report())
    for name, member in shape.members.items():
        if name in data and getattr(member, "enum", None) and data[name] not in member.enum:
            raise Refused("InvalidInputException", f"{name}: {data[name]} is none of {', '.join(member.enum)}")


def wait_for_builds(codebuild, sfn, iam_evaluator):
    """startBuild.sync: the task ends when the build does, and the build when the execution does
    (https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync). The state machine's
    role is asked for what https://docs.aws.amazon.com/step-functions/latest/dg/codebuild-iam.html names."""
    execute = sfn._execute_task

    def in_its_execution(state, raw_input, execution, ctx):
        token = running_execution.set(execution)
        try:
            return execute(state, raw_input, execution, ctx)
        finally:
            running_execution.reset(token)

    def start_and_wait(resource, given):
        if not resource.endswith(":startBuild.sync"):
            raise sfn._ExecutionError("States.Runtime", f"{resource} is not known here")
        execution = running_execution.get()
        asked = camel(given)
        project = codebuild._projects.get(asked.get("projectName", "")) or {"arn": "*"}
        for action, arn in needed(project["arn"]):
            if not may(execution, action, arn):
                raise sfn._ExecutionError("CodeBuild.AccessDeniedException", f"The state machine's role may not {action} on {arn}")
        status, _, body = codebuild._start_build(asked)
        answer = builds_json.loads(body)
        if status >= 300:
            code = answer.get("__type", "").rpartition("#")[2]
            raise sfn._ExecutionError(f"CodeBuild.{code}", answer.get("message", ""))
        build = codebuild._builds[answer["build"]["id"]]
        while build["buildStatus"] == "IN_PROGRESS":
            if execution["status"] != "RUNNING":
                codebuild._stop_build({"id": build["id"]})
            builds_time.sleep(LOOK)
        told = {"Build": {"Id": build["id"], "Arn": build["arn"], "BuildStatus": build["buildStatus"],
                          "CurrentPhase": build["currentPhase"], "ProjectName": build["projectName"]}}
        if build["buildStatus"] != "SUCCEEDED":
            raise sfn._ExecutionError("States.TaskFailed", builds_json.dumps(told))
        return told

    def needed(project):
        rule = project.replace(":codebuild:", ":events:").partition(":project/")[0] + ":rule/"
        rule += "StepFunctionsGetEventForCodeBuildStartBuildRule"
        return [(f"codebuild:{action}", project) for action in ("StartBuild", "StopBuild", "BatchGetBuilds")] + \
            [(f"events:{action}", rule) for action in ("PutTargets", "PutRule", "DescribeRule")]

    def may(execution, action, arn):
        role = sfn._state_machines[execution["stateMachineArn"]]["roleArn"]
        account, name = role.split(":")[4], role.rpartition("/")[2]
        asked = iam_evaluator.EvalContext(
            principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/states", principal_type="AssumedRole",
            principal_account=account, action=action, resource_arn=arn, region=region_here(), service_context={})
        return iam_evaluator.evaluate(asked, iam_evaluator._gather_role_policies(name, account)).decision == "Allow"

    sfn._execute_task = in_its_execution
    sfn._SERVICE_DISPATCH["arn:aws:states:::codebuild:startBuild"] = start_and_wait


def camel(value):
    """Step Functions writes a service's members with a capital."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: camel(one) for name, one in value.items()}
    return [camel(one) for one in value] if isinstance(value, list) else value
