"""How many instances EC2 lists, and by how much, where MiniStack 1.5.33 lists all of them at once.

`machines.py` calls `list_as_ec2_does`; the files are one program (local/src/ministack.rs).
"""

import re

# Of one call: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html. That page counts the values of
# each filter; EC2 itself counts those of all: "The maximum number of filter values specified on a single call is 200" is
# what it says to 200 ids and a type (https://github.com/ansible/ansible/pull/16184).
FILTERS, FILTER_VALUES = 50, 200
# Characters of a value: https://github.com/ansible/ansible/issues/84327
FILTER_VALUE = 255
# Instances of a page: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html#api-pagination
PAGE_OF_INSTANCES = 5, 1000


def list_as_ec2_does(ec2):
    list_instances_in_pages(ec2)
    for action in ("DescribeInstances", "DescribeInstanceStatus"):
        ec2._ACTION_MAP[action] = with_few_filters(ec2, ec2._ACTION_MAP[action])


def with_few_filters(ec2, describe):
    """A call has so many filters, values and characters at the most. MiniStack takes any number."""
    def few(params):
        values = [ec2._p(params, name) for name in params if re.fullmatch(r"Filter\.\d+\.Value\.\d+", name)]
        names = [name for name in params if re.fullmatch(r"Filter\.\d+\.Name", name)]
        for said, is_too_much in (
                (f"number of filters specified on a single call is {FILTERS}", len(names) > FILTERS),
                (f"number of filter values specified on a single call is {FILTER_VALUES}", len(values) > FILTER_VALUES),
                (f"length for a filter value is {FILTER_VALUE} characters", any(len(one) > FILTER_VALUE for one in values))):
            if is_too_much:
                return ec2._error("FilterLimitExceeded", f"The maximum {said}", 400)
        return describe(params)

    return few


def no_such_page(ec2, size, least, most):
    return ec2._error("InvalidParameterValue", f"Value ( {size} ) for parameter maxResults is invalid. Expecting a value "
                      f"from {least} to {most}.", 400)


def list_instances_in_pages(ec2):
    """A page has as many instances as MaxResults says, which goes with no ids:
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html. MiniStack ignores it."""
    describe = ec2._ACTION_MAP["DescribeInstances"]

    def page(params):
        size, (least, most) = ec2._p(params, "MaxResults"), PAGE_OF_INSTANCES
        if not size:
            return describe(params)
        if ec2._p(params, "InstanceId.1"):
            return ec2._error("InvalidParameterCombination", "The parameter instancesSet cannot be used with the "
                              "parameter maxResults", 400)
        if not least <= int(size) <= most:
            return no_such_page(ec2, size, least, most)
        status, headers, body = describe(params)
        items = re.split(rb"(?=<item>\s*<reservationId>)", body.partition(b"</reservationSet>")[0])[1:]
        start = int(ec2._p(params, "NextToken") or 0)
        end = start + int(size)
        rest = f"<nextToken>{end}</nextToken>" if end < len(items) else ""
        shown = b"".join(items[start:end]).decode()
        return status, headers, ec2._xml(200, "DescribeInstancesResponse",
                                         f"<reservationSet>{shown}</reservationSet>{rest}")[2]

    ec2._ACTION_MAP["DescribeInstances"] = page
