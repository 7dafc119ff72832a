"""What EC2, RDS and S3 refuse on AWS, in their words, and MiniStack 1.5.33 takes.

Part of the one program that `launch.py` is (local/src/ministack.rs).
"""

import re

# What EC2 takes as the description of a group or a rule, in the words of its own refusal.
DESCRIPTIONS = "a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
DESCRIPTION = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")
# Versions of PostgreSQL that can still be run but not be created any more since October 2026:
# https://docs.aws.amazon.com/AmazonRDS/latest/PostgreSQLReleaseNotes/postgresql-release-calendar.html
LAST_TOO_OLD = {"13": 22, "14": 19, "15": 14, "16": 10, "17": 6}


def refuse_what_else_is_refused(logs, ec2, rds, s3, handlers):
    refuse_descriptions_of_rules(ec2, handlers)
    refuse_versions_that_are_too_old(rds, handlers)
    make_the_logs_of_databases(logs, handlers)
    refuse_buckets_of_others(s3)


def refusal(message, code):
    """As CloudFormation gives a service's words in an event."""
    return ValueError(f'Resource handler returned message: "{message} (Service: Ec2, Status Code: 400, '
                      f'Error Code: {code})" (HandlerErrorCode: GeneralServiceException)')


def refuse_descriptions_of_rules(ec2, handlers):
    """EC2 takes few characters in the descriptions of security groups and of their rules, e.g. no
    apostrophe (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html). MiniStack takes any."""
    group = handlers["AWS::EC2::SecurityGroup"]
    create, update = group["create"], group["update"]

    def words(what):
        return (f"Invalid {what} description. Valid descriptions are strings less than 256 characters from the "
                f"following set: {DESCRIPTIONS}")

    def check(props):
        rules = [*(props.get("SecurityGroupIngress") or []), *(props.get("SecurityGroupEgress") or [])]
        for what, text in [("security group", props.get("GroupDescription")),
                           *(("rule", rule.get("Description")) for rule in rules)]:
            if not DESCRIPTION.fullmatch(str(text or "")):
                raise refusal(words(what), "InvalidParameterValue")

    def new_group(logical_id, props, stack_name):
        check(props)
        return create(logical_id, props, stack_name)

    def changed_group(physical_id, old_props, new_props, stack_name, logical_id=None):
        check(new_props)
        return update(physical_id, old_props, new_props, stack_name, logical_id)

    def by_call(action):
        def call(params):
            for name, value in params.items():
                text = value[0] if isinstance(value, list) else value
                if re.fullmatch(r"IpPermissions\..*\.Description", name) and not DESCRIPTION.fullmatch(text):
                    return ec2._error("InvalidParameterValue", words("rule"), 400)
            return action(params)
        return call

    group["create"], group["update"] = new_group, changed_group
    for name in ("AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress"):
        ec2._ACTION_MAP[name] = by_call(ec2._ACTION_MAP[name])


def refuse_versions_that_are_too_old(rds, handlers):
    """RDS makes no database of a minor version that is past its end; it takes a major version for the
    newest of its minor ones. MiniStack takes any."""
    database = handlers["AWS::RDS::DBInstance"]
    create, create_by_call = database["create"], rds._ACTION_MAP["CreateDBInstance"]

    def refused(engine, version):
        major, _, minor = str(version or "").partition(".")
        if engine == "postgres" and minor and int(minor.split("-")[0]) <= LAST_TOO_OLD.get(major, 0):
            return f"Cannot find version {version} for postgres"
        return None

    def new_database(logical_id, props, stack_name):
        reason = refused(props.get("Engine"), props.get("EngineVersion"))
        if reason:
            raise ValueError(f'Resource handler returned message: "{reason} (Service: Rds, Status Code: 400, '
                             'Error Code: InvalidParameterCombination)" (HandlerErrorCode: InvalidRequest)')
        return create(logical_id, props, stack_name)

    def new_database_by_call(params):
        reason = refused(rds._p(params, "Engine"), rds._p(params, "EngineVersion"))
        return rds._error("InvalidParameterCombination", reason, 400) if reason else create_by_call(params)

    database["create"] = new_database
    rds._ACTION_MAP["CreateDBInstance"] = new_database_by_call


def make_the_logs_of_databases(logs, handlers):
    """RDS makes the log group of what a database exports, where there is none, without tags and for ever, and
    leaves it when the database goes:
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Procedural.UploadtoCloudWatch.html."""
    database = handlers["AWS::RDS::DBInstance"]
    create = database["create"]

    def new_database(logical_id, props, stack_name):
        name, attributes = create(logical_id, props, stack_name)
        for export in props.get("EnableCloudwatchLogsExports") or []:
            group = f"/aws/rds/instance/{name}/{export}"
            if group not in logs._log_groups:
                logs._create_log_group({"logGroupName": group})
        return name, attributes

    database["create"] = new_database


def refuse_buckets_of_others(s3):
    """A request that says whose the bucket is (x-amz-expected-bucket-owner) is denied if it is not:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html. Here all are one account's."""
    from ministack.core.responses import get_account_id

    original = s3.handle_request

    async def of_the_owner(method, path, headers, body, query_params, *args, **kwargs):
        given = {name.lower(): value for name, value in headers.items()}
        if given.get("x-amz-expected-bucket-owner", get_account_id()) == get_account_id():
            return await original(method, path, headers, body, query_params, *args, **kwargs)
        text = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        return 403, {"Content-Type": "application/xml"}, b"" if method == "HEAD" else text

    s3.handle_request = of_the_owner
