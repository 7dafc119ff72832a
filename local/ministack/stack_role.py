"""What CloudFormation may do in the name of a stack's role, for MiniStack 1.5.33, which does it all as root.

Part of the one program that `launch.py` is (local/src/ministack.rs).
"""

import contextvars
import fnmatch

# Held to those schemas by infra/lint_roles.py. What a resource type's handler calls to make, change and delete one, as its schema lists it
# (`handlers`: https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html);
# with a property, only where that one is given.
TAGS_OF_EC2 = ("ec2:CreateTags", "Tags")
CALLS = {
    "AWS::EC2::VPC": {
        "create": ["ec2:CreateVpc", "ec2:DescribeVpcs", "ec2:ModifyVpcAttribute", TAGS_OF_EC2],
        "update": ["ec2:ModifyVpcAttribute", "ec2:CreateTags", "ec2:DeleteTags"],
        "delete": ["ec2:DeleteVpc", "ec2:DescribeVpcs"]},
    "AWS::EC2::InternetGateway": {
        "create": ["ec2:CreateInternetGateway", "ec2:DescribeInternetGateways", TAGS_OF_EC2],
        "update": ["ec2:CreateTags", "ec2:DeleteTags"],
        "delete": ["ec2:DeleteInternetGateway", "ec2:DescribeInternetGateways"]},
    "AWS::EC2::VPCGatewayAttachment": {
        "create": [("ec2:AttachInternetGateway", "InternetGatewayId"), ("ec2:AttachVpnGateway", "VpnGatewayId")],
        "delete": [("ec2:DetachInternetGateway", "InternetGatewayId"), ("ec2:DetachVpnGateway", "VpnGatewayId")]},
    "AWS::EC2::Subnet": {
        "create": ["ec2:CreateSubnet", "ec2:DescribeSubnets", ("ec2:ModifySubnetAttribute", "MapPublicIpOnLaunch"),
                   TAGS_OF_EC2],
        "update": ["ec2:ModifySubnetAttribute", "ec2:CreateTags", "ec2:DeleteTags"],
        "delete": ["ec2:DeleteSubnet", "ec2:DescribeSubnets"]},
    "AWS::EC2::RouteTable": {
        "create": ["ec2:CreateRouteTable", "ec2:DescribeRouteTables", TAGS_OF_EC2],
        "update": ["ec2:CreateTags", "ec2:DeleteTags"],
        "delete": ["ec2:DeleteRouteTable", "ec2:DescribeRouteTables"]},
    "AWS::EC2::Route": {
        "create": ["ec2:CreateRoute", "ec2:DescribeRouteTables"], "update": ["ec2:ReplaceRoute"],
        "delete": ["ec2:DeleteRoute", "ec2:DescribeRouteTables"]},
    "AWS::EC2::SubnetRouteTableAssociation": {
        "create": ["ec2:AssociateRouteTable", "ec2:DescribeRouteTables"],
        "delete": ["ec2:DisassociateRouteTable", "ec2:DescribeRouteTables"]},
    "AWS::EC2::VPCEndpoint": {
        "create": ["ec2:CreateVpcEndpoint", "ec2:DescribeVpcEndpoints", TAGS_OF_EC2],
        "update": ["ec2:ModifyVpcEndpoint", "ec2:CreateTags", "ec2:DeleteTags"],
        "delete": ["ec2:DeleteVpcEndpoints", "ec2:DescribeVpcEndpoints"]},
    "AWS::EC2::SecurityGroup": {
        "create": ["ec2:CreateSecurityGroup", "ec2:DescribeSecurityGroups", TAGS_OF_EC2,
                   ("ec2:AuthorizeSecurityGroupIngress", "SecurityGroupIngress"),
                   ("ec2:AuthorizeSecurityGroupEgress", "SecurityGroupEgress"),
                   ("ec2:RevokeSecurityGroupEgress", "SecurityGroupEgress")],
        "update": ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress", "ec2:CreateTags"],
        "delete": ["ec2:DeleteSecurityGroup", "ec2:DescribeSecurityGroups"]},
    "AWS::EC2::LaunchTemplate": {
        "create": ["ec2:CreateLaunchTemplate", ("ec2:CreateTags", "TagSpecifications")],
        "update": ["ec2:CreateLaunchTemplateVersion"],
        "delete": ["ec2:DeleteLaunchTemplate", "ec2:DescribeLaunchTemplates"]},
    "AWS::IAM::Role": {
        "create": ["iam:CreateRole", "iam:GetRole", ("iam:PutRolePolicy", "Policies"),
                   ("iam:AttachRolePolicy", "ManagedPolicyArns"), ("iam:TagRole", "Tags")],
        "update": ["iam:UpdateRole", "iam:UpdateAssumeRolePolicy", ("iam:PutRolePolicy", "Policies"),
                   ("iam:ListRoleTags", "Tags"), ("iam:TagRole", "Tags"), ("iam:UntagRole", "Tags")],
        "delete": ["iam:GetRole", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:DeleteRole",
                   ("iam:DeleteRolePolicy", "Policies")]},
    "AWS::IAM::InstanceProfile": {
        "create": ["iam:CreateInstanceProfile", ("iam:PassRole", "Roles"), "iam:AddRoleToInstanceProfile",
                   "iam:GetInstanceProfile"],
        "update": [("iam:PassRole", "Roles"), "iam:AddRoleToInstanceProfile", "iam:RemoveRoleFromInstanceProfile"],
        "delete": ["iam:GetInstanceProfile", "iam:RemoveRoleFromInstanceProfile", "iam:DeleteInstanceProfile"]},
    "AWS::S3::Bucket": {
        # A bucket is made with its tags, by one call:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-create-tag.html
        "create": ["s3:CreateBucket", ("s3:TagResource", "Tags"), ("s3:PutEncryptionConfiguration", "BucketEncryption"),
                   ("s3:PutBucketVersioning", "VersioningConfiguration"),
                   ("s3:PutBucketPublicAccessBlock", "PublicAccessBlockConfiguration"),
                   ("s3:PutBucketOwnershipControls", "OwnershipControls"),
                   ("s3:PutLifecycleConfiguration", "LifecycleConfiguration")],
        "update": [("s3:ListTagsForResource", "Tags"), ("s3:TagResource", "Tags"), ("s3:UntagResource", "Tags"),
                   ("s3:PutLifecycleConfiguration", "LifecycleConfiguration")],
        "delete": ["s3:DeleteBucket"]},
    "AWS::S3::BucketPolicy": {
        "create": ["s3:GetBucketPolicy", "s3:PutBucketPolicy"], "update": ["s3:GetBucketPolicy", "s3:PutBucketPolicy"],
        "delete": ["s3:GetBucketPolicy", "s3:DeleteBucketPolicy"]},
    "AWS::RDS::DBSubnetGroup": {
        "create": ["iam:CreateServiceLinkedRole", "rds:CreateDBSubnetGroup", "rds:DescribeDBSubnetGroups", ("rds:AddTagsToResource", "Tags")],
        "update": ["rds:ModifyDBSubnetGroup", "rds:AddTagsToResource", "rds:RemoveTagsFromResource"],
        "delete": ["rds:DeleteDBSubnetGroup", "rds:DescribeDBSubnetGroups"]},
    "AWS::RDS::DBInstance": {
        "create": ["rds:CreateDBInstance", "rds:DescribeDBInstances", "rds:DescribeEvents",
                   ("rds:AddTagsToResource", "Tags"), ("secretsmanager:CreateSecret", "ManageMasterUserPassword"),
                   ("secretsmanager:TagResource", "ManageMasterUserPassword"),
                   ("kms:DescribeKey", "ManageMasterUserPassword")],
        "update": ["rds:ModifyDBInstance", "rds:DescribeDBInstances", "rds:DescribeEvents", "rds:AddTagsToResource",
                   "rds:DescribeDBEngineVersions"],
        "snapshot": ["rds:CreateDBSnapshot"],
        "delete": ["rds:DeleteDBInstance", "rds:DescribeDBInstances"]},
    "AWS::Logs::LogGroup": {
        "create": ["logs:DescribeLogGroups", "logs:CreateLogGroup", ("logs:PutRetentionPolicy", "RetentionInDays"),
                   ("logs:TagResource", "Tags")],
        "update": ["logs:DescribeLogGroups", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource",
                   "logs:ListTagsForResource"],
        "delete": ["logs:DescribeLogGroups", "logs:DeleteLogGroup", "logs:DeleteDataProtectionPolicy"]},
    "AWS::Route53::HostedZone": {
        "create": ["route53:CreateHostedZone", "route53:GetChange", ("route53:ChangeTagsForResource", "HostedZoneTags")],
        "update": ["route53:UpdateHostedZoneComment", "route53:ChangeTagsForResource", "route53:ListTagsForResource"],
        "delete": ["route53:GetHostedZone", "route53:DeleteHostedZone", "route53:GetChange"]},
    "AWS::Route53::RecordSet": {
        "create": ["route53:ChangeResourceRecordSets", "route53:GetChange"],
        "update": ["route53:ChangeResourceRecordSets", "route53:GetChange"],
        "delete": ["route53:ChangeResourceRecordSets", "route53:GetChange"]},
}
# How a handler writes a record: https://docs.aws.amazon.com/Route53/latest/APIReference/API_Change.html
CHANGES = {"create": "CREATE", "update": "UPSERT", "delete": "DELETE"}
# What has no tags of its own changes what its properties name.
OF_OTHERS = {"AWS::EC2::VPCGatewayAttachment": ["InternetGatewayId", "VpcId"], "AWS::EC2::Route": ["RouteTableId"],
             "AWS::EC2::SubnetRouteTableAssociation": ["RouteTableId", "SubnetId"]}
# For whom a role is: RDS has one of its own, which the account's first database makes.
OF_IAM = {"iam:PassRole": {"iam:passedtoservice": "ec2.amazonaws.com"},
          "iam:CreateServiceLinkedRole": {"iam:awsservicename": "rds.amazonaws.com"}}
# Listings and what has no resource of its own are asked for on `*`.
ON_EVERYTHING = ["ec2:Describe*", "rds:Describe*", "logs:Describe*", "route53:CreateHostedZone"]


def look_at_the_role_of_a_stack(cloudformation, helpers, provisioners, stacks, iam_evaluator):
    """CloudFormation calls the services in the name of the role that the operation, or an earlier one of
    the stack, was given, and of nobody else:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html."""
    role_of_operation = contextvars.ContextVar("role_of_operation", default=None)
    roles = {}  # of stacks, by name: an operation without a role has the last one's

    def with_role(action):
        def act(params):
            name = (helpers._p(params, "StackName") or "").rpartition(":stack/")[2].split("/")[0]
            given = helpers._p(params, "RoleARN")
            if given or helpers._p(params, "Action") == "CreateStack":
                roles[name] = given
            token = role_of_operation.set(given or roles.get(name))
            try:
                return action(params)
            finally:
                role_of_operation.reset(token)
        return act

    def check(handler, kind, name, props):
        role = role_of_operation.get()
        if not role:
            return
        for call in CALLS.get(kind, {}).get(handler, []):
            action, only_with = call if isinstance(call, tuple) else (call, None)
            if only_with is None or props.get(only_with) not in (None, "", [], {}):
                for tags in tags_of(handler, kind, action, name, props):
                    ask(role, action, arn_of(kind, action, name, props), keys_of(handler, kind, action, props) | tags)

    def ask(role, action, arn, keys):
        account, name = role.split(":")[4], role.rpartition("/")[2]
        session = f"arn:aws:sts::{account}:assumed-role/{name}/AWSCloudFormation"
        asked = iam_evaluator.EvalContext(
            principal_arn=session, principal_type="AssumedRole", principal_account=account, action=action,
            resource_arn=arn, region=provisioners.get_region(), service_context=keys)
        if iam_evaluator.evaluate(asked, iam_evaluator._gather_role_policies(name, account)).decision != "Allow":
            service = action.partition(":")[0].capitalize()
            raise ValueError(
                f'Resource handler returned message: "User: {session} is not authorized to perform: {action} on '
                f"resource: {arn} because no identity-based policy allows the {action} action (Service: {service}, "
                'Status Code: 403, Error Code: AccessDenied)" (HandlerErrorCode: AccessDenied)')

    def keys_of(handler, kind, action, props):
        if action in OF_IAM:
            return OF_IAM[action]
        if kind != "AWS::Route53::RecordSet":
            return {}
        return keys_of_changes([(CHANGES[handler], str(props.get("Type", "")), str(props.get("Name", "")))])

    def tags_of(handler, kind, action, name, props):
        """The tags of each resource of EC2 that is asked for; what is yet to be made has none."""
        tags = provisioners._ec2._tags
        if kind in OF_OTHERS:
            each = [tags.get(props.get(key)) for key in OF_OTHERS[kind]]
        elif handler == "create":
            each = [props.get("Tags") if kind.startswith("AWS::EC2::") and not action.startswith("ec2:Create") else None]
        else:
            each = [tags.get(name)]
        return [{f"aws:resourcetag/{tag['Key']}".lower(): str(tag["Value"]) for tag in one or []} for one in each]

    def arn_of(kind, action, name, props):
        region, account = provisioners.get_region(), provisioners.get_account_id()
        if any(fnmatch.fnmatchcase(action, one) for one in ON_EVERYTHING):
            return "*"
        service = action.partition(":")[0]
        own = {
            "AWS::S3::Bucket": f"arn:aws:s3:::{props.get('BucketName') or name}",
            "AWS::S3::BucketPolicy": f"arn:aws:s3:::{props.get('Bucket')}",
            "AWS::IAM::Role": f"arn:aws:iam::{account}:role{props.get('Path') or '/'}{props.get('RoleName') or name}",
            "AWS::IAM::InstanceProfile": f"arn:aws:iam::{account}:instance-profile{props.get('Path') or '/'}{name}",
            "AWS::RDS::DBSubnetGroup": f"arn:aws:rds:{region}:{account}:subgrp:{name.lower()}",
            "AWS::RDS::DBInstance":
                f"arn:aws:rds:{region}:{account}:db:{(props.get('DBInstanceIdentifier') or name).lower()}",
            "AWS::Logs::LogGroup": f"arn:aws:logs:{region}:{account}:log-group:{props.get('LogGroupName')}",
            "AWS::Route53::HostedZone": f"arn:aws:route53:::hostedzone/{name}",
            "AWS::Route53::RecordSet": f"arn:aws:route53:::hostedzone/{props.get('HostedZoneId')}",
            "AWS::EC2::SecurityGroup": f"arn:aws:ec2:{region}:{account}:security-group/{name}",
        }
        passed = provisioners._iam._roles.get((props.get("Roles") or [""])[0]) or {}
        elsewhere = {
            "iam:PassRole": passed.get("Arn"),
            "iam:CreateServiceLinkedRole":
                f"arn:aws:iam::{account}:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS",
            "route53:GetChange": "arn:aws:route53:::change/C0", "kms": f"arn:aws:kms:{region}:{account}:key/default",
            "secretsmanager": f"arn:aws:secretsmanager:{region}:{account}:secret:rds!db-{name}",
        }
        return elsewhere.get(action) or elsewhere.get(service) or own.get(kind) or f"arn:aws:ec2:{region}:{account}:any/{name}"

    provision, update, delete = stacks._provision_resource, stacks._update_resource, stacks._delete_resource
    snapshot = stacks._snapshot_resource

    def provision_as(kind, logical_id, props, stack_name, *more, **others):
        # The name that an own one would begin with: the stack's and the logical one.
        generated = f"{stack_name}-{logical_id}-new"
        check("create", kind, generated.lower() if kind == "AWS::S3::Bucket" else generated, props)
        return provision(kind, logical_id, props, stack_name, *more, **others)

    def update_as(kind, physical_id, old_props, new_props, *more, **others):
        if old_props != new_props:
            check("update", kind, physical_id, new_props)
        return update(kind, physical_id, old_props, new_props, *more, **others)

    def delete_as(kind, physical_id, props, *more, **others):
        check("delete", kind, physical_id, props)
        return delete(kind, physical_id, props, *more, **others)

    def snapshot_as(kind, physical_id, props, *more, **others):
        check("snapshot", kind, physical_id, props)
        return snapshot(kind, physical_id, props, *more, **others)

    stacks._provision_resource, stacks._update_resource, stacks._delete_resource = provision_as, update_as, delete_as
    stacks._snapshot_resource = snapshot_as
    actions = cloudformation._ACTION_HANDLERS
    for name in ("CreateStack", "UpdateStack", "DeleteStack", "ExecuteChangeSet", "ContinueUpdateRollback"):
        actions[name] = with_role(actions[name])
