"""What a target's stack needs of MiniStack 1.5.33 to be as hard to create and to delete as on AWS.

`launch.py` calls `apply_what_stacks_meet`; both files are one program (local/src/ministack.rs).
Each patch says what AWS does.
"""

import contextvars
import ipaddress
import secrets as randomness
import urllib.parse

# An account may have 5 VPCs in a region and can ask for more:
# https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html. This one has asked, so that tests
# can have their own targets side by side; it is still a number that one can run into.
VPCS = 20


def apply_what_stacks_meet():
    from ministack.core import iam_actions, iam_evaluator, lambda_runtime
    from ministack.services import cloudformation, cloudwatch_logs, ec2, lambda_svc, rds, route53, s3
    from ministack.services import secretsmanager, tagging
    from ministack.services.cloudformation import helpers, provisioners, stacks

    handlers = provisioners._RESOURCE_HANDLERS
    answer_dry_runs(ec2)
    refuse_what_ec2_refuses(ec2, handlers)
    refuse_what_else_is_refused(cloudwatch_logs, ec2, rds, s3, handlers)
    refuse_to_delete_what_is_in_use(ec2, route53, s3, handlers)
    give_each_zone_its_name_servers(route53, handlers)
    keep_tags(route53, s3, handlers)
    manage_passwords_of_databases(rds, secretsmanager, provisioners, stacks, handlers)
    find_all_services_by_tag(cloudwatch_logs, ec2, rds, route53, tagging)
    let_invocations_finish(lambda_runtime, lambda_svc)
    ask_what_the_caller_of_a_stack_may(cloudformation, helpers, iam_actions, iam_evaluator)
    look_at_the_role_of_a_stack(cloudformation, helpers, provisioners, stacks, iam_evaluator)


def answer_dry_runs(ec2):
    """AWS answers DryRun with an error that says what would have happened; MiniStack does it."""
    original = ec2._ACTION_MAP["RunInstances"]

    def run(params):
        if ec2._p(params, "DryRun") == "true":
            return ec2._error("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
        return original(params)

    ec2._ACTION_MAP["RunInstances"] = run


def refuse_what_ec2_refuses(ec2, handlers):
    """A VPC has a /16 to /28 block of valid numbers, an account has a quota of them, a launch
    template's name is its own. MiniStack's stacks make anything."""
    vpc, template = handlers["AWS::EC2::VPC"], handlers["AWS::EC2::LaunchTemplate"]
    create_vpc, create_template, create_by_call = vpc["create"], template["create"], ec2._ACTION_MAP["CreateVpc"]

    def check_quota():
        if len(list(ec2._vpcs.values())) >= VPCS:
            raise refusal("The maximum number of VPCs has been reached.", "VpcLimitExceeded")

    def new_vpc(logical_id, props, stack_name):
        block = str(props.get("CidrBlock", ""))
        try:
            size = ipaddress.ip_network(block, strict=False).prefixlen
        except ValueError:
            raise refusal(f"Value ({block}) for parameter cidrBlock is invalid. "
                          "This is not a valid CIDR block.", "InvalidParameterValue") from None
        if not 16 <= size <= 28:
            raise refusal(f"The CIDR '{block}' is invalid.", "InvalidVpc.Range")
        check_quota()
        return create_vpc(logical_id, props, stack_name)

    def new_vpc_by_call(params):
        try:
            check_quota()
        except ValueError:
            return ec2._error("VpcLimitExceeded", "The maximum number of VPCs has been reached.", 400)
        return create_by_call(params)

    def new_template(logical_id, props, stack_name):
        name = props.get("LaunchTemplateName")
        if name and any(one.get("LaunchTemplateName") == name for one in ec2._launch_templates.values()):
            raise refusal("Launch template name already in use.", "InvalidLaunchTemplateName.AlreadyExistsException")
        return create_template(logical_id, props, stack_name)

    vpc["create"], template["create"] = new_vpc, new_template
    ec2._ACTION_MAP["CreateVpc"] = new_vpc_by_call


def refuse_to_delete_what_is_in_use(ec2, route53, s3, handlers):
    """AWS refuses, through a stack too, to delete a subnet with instances, to detach a gateway that
    public addresses go through, a zone with records and a bucket with objects."""
    subnet, gateway = handlers["AWS::EC2::Subnet"], handlers["AWS::EC2::VPCGatewayAttachment"]
    zone, bucket = handlers["AWS::Route53::HostedZone"], handlers["AWS::S3::Bucket"]
    delete_subnet, detach, delete_zone, delete_bucket = (one["delete"] for one in (subnet, gateway, zone, bucket))

    def instances(key, value):
        return [one for one in ec2._instances.values()
                if one.get(key) == value and one["State"]["Name"] != "terminated"]

    def no_subnet(physical_id, props):
        if instances("SubnetId", physical_id):
            raise refusal(f"The subnet '{physical_id}' has dependencies and cannot be deleted.", "DependencyViolation")
        return delete_subnet(physical_id, props)

    def no_attachment(physical_id, props):
        vpc = props.get("VpcId")
        if instances("VpcId", vpc):
            raise refusal(f"Network {vpc} has some mapped public address(es). Please unmap those public "
                          "address(es) before detaching the gateway.", "DependencyViolation")
        return detach(physical_id, props)

    def no_zone(physical_id, props):
        found = route53._zones.get(physical_id)
        if found and any(one["Type"] not in ("SOA", "NS") or one["Name"] != found["name"]
                         for one in route53._records.get(physical_id, [])):
            raise ValueError("The hosted zone contains resource record sets other than the default SOA and NS "
                             "records. (Service: Route53, Status Code: 400, Error Code: HostedZoneNotEmpty)")
        route53._tags.pop(("hostedzone", physical_id), None)
        return delete_zone(physical_id, props)

    def no_bucket(physical_id, props):
        found = s3._buckets.get(physical_id)
        if found and (found["objects"] or s3._bucket_has_versions(physical_id)):
            raise ValueError("The bucket you tried to delete is not empty. You must delete all versions in the "
                             "bucket. (Service: S3, Status Code: 409, Error Code: BucketNotEmpty)")
        return delete_bucket(physical_id, props)

    subnet["delete"], gateway["delete"] = no_subnet, no_attachment
    zone["delete"], bucket["delete"] = no_zone, no_bucket


def give_each_zone_its_name_servers(route53, handlers):
    """Route 53 gives each zone four name servers of its own, and CloudFormation says which:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-route53-hostedzone.html.
    MiniStack gives all zones the same, and says that they have others."""
    zone = handlers["AWS::Route53::HostedZone"]
    create, update = zone["create"], zone["update"]

    def new_zone(logical_id, props, stack_name):
        zone_id, attributes = create(logical_id, props, stack_name)
        servers = [f"ns-{number + randomness.randbelow(512)}.awsdns-{randomness.randbelow(64):02}.{domain}"
                   for number, domain in ((0, "com"), (512, "net"), (1024, "org"), (1536, "co.uk"))]
        for record in route53._records.get(zone_id, []):
            if record["Type"] == "NS" and record["Name"] == route53._zones[zone_id]["name"]:
                record["ResourceRecords"] = [f"{server}." for server in servers]
            if record["Type"] == "SOA":
                record["ResourceRecords"] = [
                    " ".join([f"{servers[0]}.", *value.split()[1:]]) for value in record["ResourceRecords"]]
        return zone_id, attributes | {"NameServers": servers}

    def changed_zone(physical_id, *args, **kwargs):
        zone_id, attributes = update(physical_id, *args, **kwargs)
        own = [record for record in route53._records.get(zone_id, [])
               if record["Type"] == "NS" and record["Name"] == route53._zones[zone_id]["name"]]
        return zone_id, attributes | {"NameServers": [one.rstrip(".") for record in own
                                                      for one in record["ResourceRecords"]]}

    zone["create"], zone["update"] = new_zone, changed_zone


def keep_tags(route53, s3, handlers):
    """CloudFormation gives a zone its HostedZoneTags and a bucket its Tags; MiniStack drops them."""
    zone, bucket = handlers["AWS::Route53::HostedZone"], handlers["AWS::S3::Bucket"]
    create_zone, create_bucket, delete_bucket = zone["create"], bucket["create"], bucket["delete"]

    def tags(props, name):
        return {one["Key"]: one["Value"] for one in props.get(name) or []}

    def new_zone(logical_id, props, stack_name):
        zone_id, attributes = create_zone(logical_id, props, stack_name)
        route53._tags[("hostedzone", zone_id)] = tags(props, "HostedZoneTags")
        return zone_id, attributes

    def new_bucket(logical_id, props, stack_name):
        name, attributes = create_bucket(logical_id, props, stack_name)
        s3._bucket_tags[name] = tags(props, "Tags")
        return name, attributes

    def no_bucket(physical_id, props):
        gone = delete_bucket(physical_id, props)
        s3._bucket_tags.pop(physical_id, None)
        return gone

    zone["create"] = new_zone
    bucket["create"], bucket["delete"] = new_bucket, no_bucket


def manage_passwords_of_databases(rds, secretsmanager, provisioners, stacks, handlers):
    """With ManageMasterUserPassword, RDS makes the password in Secrets Manager and deletes it with the
    instance. A last snapshot has a name of its own and, with CopyTagsToSnapshot, the instance's tags."""
    database = handlers["AWS::RDS::DBInstance"]
    create, delete, snapshot = database["create"], database["delete"], database["snapshot"]

    def new_database(logical_id, props, stack_name):
        name, attributes = create(logical_id, props, stack_name)
        if str(props.get("ManageMasterUserPassword", "")).lower() == "true":
            password = randomness.token_urlsafe(24)
            secret = f"rds!db-{randomness.token_hex(16)}"
            arn, _version = secretsmanager._store_new_secret(
                secret, secret_string=f'{{"username": "{props.get("MasterUsername")}", "password": "{password}"}}',
                secret_binary=None, description="The secret associated with the primary RDS DB instance",
                tags=None, kms_key_id=None, rotation_lambda_arn=None, rotation_rules=None)
            rds._instances[name]["_MasterUserPassword"] = password
            rds._instances[name]["_MasterUserSecret"] = secret
            attributes["MasterUserSecret.SecretArn"] = arn
        return name, attributes

    def no_database(physical_id, props):
        found = rds._instances.get(physical_id) or {}
        secretsmanager._secrets.pop(found.get("_MasterUserSecret", ""), None)
        return delete(physical_id, props)

    def last_snapshot(physical_id, props):
        before = set(rds._snapshots.keys())
        snapshot(physical_id, props)
        if str(props.get("CopyTagsToSnapshot", "")).lower() == "true":
            for name in set(rds._snapshots.keys()) - before:
                rds._snapshots[name]["TagList"] = list(props.get("Tags") or [])

    provisioners._snapshot_id = lambda physical_id: f"{physical_id[:40]}-snapshot-{randomness.token_hex(6)}"
    database["create"], database["delete"], database["snapshot"] = new_database, no_database, last_snapshot


def find_all_services_by_tag(logs, ec2, rds, route53, tagging):
    """The tagging API knows log groups, EC2, RDS and Route 53, whose tags MiniStack keeps and does not list."""
    kinds = {"i": "instance", "vpc": "vpc", "subnet": "subnet", "sg": "security-group", "igw": "internet-gateway",
             "rtb": "route-table", "vpce": "vpc-endpoint", "lt": "launch-template", "vol": "volume",
             "eni": "network-interface"}

    def tags_of_ec2():
        for name, tags in list(ec2._tags.items()):
            kind = kinds.get(name.rsplit("-", 1)[0])
            if kind:
                yield f"arn:aws:ec2:{tagging.get_region()}:{tagging._account()}:{kind}/{name}", tags

    def tags_of_rds():
        for arn, one in [*((one["DBInstanceArn"], one) for one in rds._instances.values()),
                         *((one["DBSnapshotArn"], one) for one in rds._snapshots.values())]:
            yield arn, one.get("TagList") or []
        for one in rds._subnet_groups.values():
            arn = one.get("DBSubnetGroupArn", "")
            yield arn, rds._tags.get(arn) or []

    def tags_of_logs():
        for name, one in list(logs._log_groups.items()):
            yield (f"arn:aws:logs:{tagging.get_region()}:{tagging._account()}:log-group:{name}",
                   tagging._normalise_flat(one.get("tags") or {}))

    def tags_of_route53():
        for (kind, name), tags in list(route53._tags.items()):
            if kind == "hostedzone" and name in route53._zones:
                yield f"arn:aws:route53:::hostedzone/{name}", tagging._normalise_flat(tags)

    tagging._COLLECTORS.update({"ec2": tags_of_ec2, "logs": tags_of_logs, "rds": tags_of_rds,
                                "route53": tags_of_route53})


def let_invocations_finish(runtime, lambda_svc):
    """When a function is updated, AWS serves what comes next in new environments and lets what runs
    finish in its own; MiniStack ends it in the middle."""
    updating = contextvars.ContextVar("updating", default=False)
    invalidate, release = lambda_svc.invalidate_worker, lambda_svc.release_worker

    def during_update(original):
        def update(*args, **kwargs):
            token = updating.set(True)
            try:
                return original(*args, **kwargs)
            finally:
                updating.reset(token)
        return update

    def retire(name, qualifier=None, **scope):
        if not updating.get():
            return invalidate(name, qualifier=qualifier, **scope)
        with runtime._lock:
            keys = [key for key in runtime._workers if key.split(":")[-2] == name]
            workers = [worker for key in keys for worker in runtime._workers.pop(key) or []]
            busy = [worker for worker in workers if worker.in_use]
            for worker in busy:
                worker.retired = True
        runtime.kill_workers([worker for worker in workers if worker not in busy])

    def give_back(worker):
        release(worker)
        if getattr(worker, "retired", False):
            runtime.kill_workers([worker])

    lambda_svc._update_code = during_update(lambda_svc._update_code)
    lambda_svc._update_config = during_update(lambda_svc._update_config)
    lambda_svc.invalidate_worker, lambda_svc.release_worker = retire, give_back


def ask_what_the_caller_of_a_stack_may(cloudformation, helpers, iam_actions, iam_evaluator):
    """CloudFormation reads a template's address with the permissions of who calls it, and takes a
    role only from who may pass it:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html."""
    from ministack.core.router import extract_access_key_id, extract_region

    caller = contextvars.ContextVar("caller", default=None)
    handle, resolve = cloudformation.handle_request, helpers._resolve_document

    def denied(action, service, arn, **keys):
        credentials, region = caller.get()
        return iam_evaluator.enforce(credentials, action, service, region, arn, keys)

    def resolve_with_permission(params, body_key, url_key, label):
        url = helpers._p(params, url_key)
        path = urllib.parse.urlparse(url or "").path.lstrip("/")
        if path and not helpers._p(params, body_key) and denied("s3:GetObject", "cloudformation", f"arn:aws:s3:::{path}"):
            return None, helpers._error("ValidationError", "S3 error: Access Denied\nFor more information check "
                                        "http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html")
        return resolve(params, body_key, url_key, label)

    def passing(action):
        def act(params):
            role = helpers._p(params, "RoleARN")
            by = denied("iam:PassRole", "iam", role, **{"iam:PassedToService": "cloudformation.amazonaws.com"}) \
                if role else None
            if by:
                return iam_actions.access_denied_response(
                    "cloudformation", "iam:PassRole", getattr(by, "principal_arn", ""), "", resource_arn=role)
            return action(params)
        return act

    async def handle_as_the_caller(method, path, headers, body, query_params):
        token = caller.set((extract_access_key_id(headers, query_params), extract_region(headers, query_params)))
        try:
            return await handle(method, path, headers, body, query_params)
        finally:
            caller.reset(token)

    actions = cloudformation._ACTION_HANDLERS
    for name in ("CreateStack", "UpdateStack", "DeleteStack", "CreateChangeSet"):
        actions[name] = passing(actions[name])
    helpers._resolve_document = resolve_with_permission
    cloudformation.handle_request = handle_as_the_caller
