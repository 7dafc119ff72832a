"""What has the run's name: nothing before it, nothing after it.

Looked for by tag and by name, each by its own call, so that what one of them misses is still found.
"""

from world import Failed

TARGET = "accept"


def found(world, grace=0):
    """One line for each thing of this project's name."""
    project, lines = world.project, []
    for stack in (f"{project}-cutover", f"{project}-{TARGET}"):
        seen = world.aws_or_nothing("cloudformation", "describe-stacks", "--stack-name", stack, grace=grace)
        lines += [f"stack {stack} ({one['StackStatus']})" for one in (seen or {}).get("Stacks", [])]
    if world.aws_or_nothing("dynamodb", "describe-table", "--table-name", table(world), grace=grace):
        lines.append(f"table {table(world)}")
    lines += [f"bucket {name}" for name in buckets(world, grace)]
    for prefix in (f"/aws/lambda/{project}-", f"/aws/vendedlogs/states/{project}-"):
        groups = world.aws("logs", "describe-log-groups", "--log-group-name-prefix", prefix, grace=grace)
        lines += [f"log group {one['logGroupName']}" for one in groups.get("logGroups", [])]
    zone = f"{TARGET}.{world.options.domain}."
    zones = world.aws("route53", "list-hosted-zones-by-name", "--dns-name", zone, "--max-items", "1", grace=grace)
    lines += [f"hosted zone {one['Name']}" for one in zones.get("HostedZones", []) if one["Name"] == zone]
    return lines + tagged(world, grace)


def tagged(world, grace=0):
    """By tag, here and where services without a region are listed; ended instances keep their tags for an hour."""
    arns = set()
    for region in {world.region, "us-east-1"}:
        answer = world.aws("resourcegroupstaggingapi", "get-resources", "--region", region, "--tag-filters",
                           f"Key=cutover:project,Values={world.project}", grace=grace)
        arns |= {one["ResourceARN"] for one in answer.get("ResourceTagMappingList", [])}
    alive = running(world, grace)
    return [f"tagged {arn}" for arn in sorted(arns)
            if ":instance/" not in arn or arn.rpartition("/")[2] in alive]


def running(world, grace=0):
    """Instances of this project that have not ended."""
    answer = world.aws("ec2", "describe-instances", "--filters", f"Name=tag:cutover:project,Values={world.project}",
                       "Name=instance-state-name,Values=pending,running,shutting-down,stopping,stopped", grace=grace)
    return {one["InstanceId"] for group in answer.get("Reservations", []) for one in group["Instances"]}


def refuse_what_is_there(world):
    there = found(world)
    if there:
        listed = "\n  ".join(there)
        raise Failed(f"nothing was touched: something of the name {world.project} is there already, and this run removes "
                     f"whatever has that name at its end. Choose another PROJECT.\n  {listed}")


def table(world):
    return f"{world.project}-cutover"


def buckets(world, grace=0):
    """The pipeline's own, that of its packages, and the target's."""
    own = (f"{world.project}-cutover-", f"{world.project}-{TARGET}-")
    every = world.aws("s3api", "list-buckets", grace=grace).get("Buckets", [])
    return [one["Name"] for one in every if one["Name"].startswith(own)]
