"""What AWS documents and its service models do not say: limits of values and of whole requests, error codes.

Each with the page that it is from. A rule is for one service (by its model's name).
"""

import base64
import re
from collections import Counter
from dataclasses import dataclass
from typing import Callable


@dataclass(frozen=True)
class Value:
    """A rule for the values at a path such as `StartExecution.name`."""

    service: str
    path: re.Pattern
    check: Callable
    source: str


@dataclass(frozen=True)
class Whole:
    """A rule for all parameters of an operation together."""

    service: str
    operation: re.Pattern
    check: Callable
    source: str


def value(service, path, check, source):
    return Value(service, re.compile(path), check, source)


def whole(service, operation, check, source):
    return Whole(service, re.compile(operation), check, source)


def at_most_bytes(limit):
    def check(text):
        size = len(text.encode())
        return [f"{size} bytes, at most {limit} are taken"] if size > limit else []
    return check


def matching(pattern, what):
    pattern = re.compile(pattern)
    return lambda text: [] if pattern.fullmatch(text) else [f"{text[:80]!r} is not {what}"]


def at_most(limit, what):
    return lambda items: [f"{len(items)} {what}, at most {limit} are taken"] if len(items) > limit else []


# --- Step Functions ---------------------------------------------------------------------------------------

STEPS = "https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html"
EXECUTION_NAME = r"""[^\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]+"""

# --- S3 ---------------------------------------------------------------------------------------------------

KEYS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"
BUCKETS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"
# A CLI or a console takes such segments for folders and goes elsewhere.
NO_DOTS = r"(?!(.*/)?\.\.?(/.*)?$)[\s\S]*"

# --- EC2 --------------------------------------------------------------------------------------------------

TAGS = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html"
FILTERS = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html"
TOKENS = "https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html"
USER_DATA = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html"


def values_of_filters(parameters):
    """EC2 counts those of all filters of a call together: https://github.com/ansible/ansible/pull/16184."""
    count = sum(len(one.get("Values", [])) for one in parameters.get("Filters", []))
    return [f"{count} values of filters in a call, at most 200 are taken"] if count > 200 else []


def user_data(text):
    size = len(base64.b64decode(text))
    return [f"{size} bytes of user data, at most 16384 are taken"] if size > 16384 else []


# --- Route 53 ---------------------------------------------------------------------------------------------

BATCHES = "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html"
NAMES = "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html"


def batch(parameters):
    changes = parameters.get("ChangeBatch", {}).get("Changes", [])
    # An UPSERT counts twice.
    counted = [(2 if change.get("Action") == "UPSERT" else 1, record.get("Value", "")) for change in changes
               for record in change.get("ResourceRecordSet", {}).get("ResourceRecords", [])]
    records, characters = sum(times for times, _ in counted), sum(times * len(text) for times, text in counted)
    if records > 1000:
        yield f"{records} records in a batch, at most 1000 are taken"
    if characters > 32000:
        yield f"{characters} characters of values in a batch, at most 32000 are taken"
    sets = [change.get("ResourceRecordSet", {}) for change in changes if change.get("Action") == "DELETE"]
    deleted = Counter((one.get("Name"), one.get("Type"), one.get("SetIdentifier")) for one in sets)
    for (name, kind, _), times in deleted.items():
        if times > 1:
            yield f"{kind} {name} is deleted {times} times in a batch, once is taken"


def domain(name):
    labels = name.rstrip(".").split(".")
    if len(name) > 255 or any(not 1 <= len(label) <= 63 for label in labels):
        return [f"{name[:80]!r} is no domain name: labels have 1 to 63 characters, all together at most 255"]
    return []


# --- DynamoDB ---------------------------------------------------------------------------------------------

ROWS = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"
TRANSACTION = "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"


def key_of(row):
    for name, limit in (("pk", 2048), ("sk", 1024)):
        text = row.get(name, {}).get("S")
        if text is not None and not 1 <= len(text.encode()) <= limit:
            yield f"{name} has {len(text.encode())} bytes, 1 to {limit} are taken"


def once_each(parameters):
    """Two actions of a transaction on one row are refused."""
    keys = Counter()
    for action in parameters.get("TransactItems", []):
        for one in action.values():
            row = one.get("Key") or one.get("Item") or {}
            keys[(one.get("TableName"), row.get("pk", {}).get("S"), row.get("sk", {}).get("S"))] += 1
    return [f"{times} actions on the row {key[1:]}, one is taken" for key, times in keys.items() if times > 1]


# --- CloudFormation, EventBridge, tagging ------------------------------------------------------------------

STACKS = "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html"
EVENTS = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html"

VALUES = [
    value("stepfunctions", r"StartExecution\.name", matching(EXECUTION_NAME, "a name of an execution"), STEPS),
    value("stepfunctions", r"StartExecution\.input", at_most_bytes(262_144), STEPS),
    value("s3", r"\w+\.(Key|Delete\.Objects\[\]\.Key)", at_most_bytes(1024), KEYS),
    value("s3", r"\w+\.(Key|Delete\.Objects\[\]\.Key)", matching(NO_DOTS, "a key without `.` or `..` as a segment"), KEYS),
    value("s3", r"\w+\.Bucket", matching(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "a bucket's name"), BUCKETS),
    value("ec2", r".*\.Tags\[\]\.Key", matching(r"(?!aws:)[\s\S]{1,128}", "a tag's key of 1 to 128 characters"), TAGS),
    value("ec2", r".*\.Tags\[\]\.Value", matching(r"[\s\S]{0,256}", "a tag's value of at most 256 characters"), TAGS),
    value("ec2", r".*\.Tags", at_most(50, "tags"), TAGS),
    value("ec2", r"\w+\.Filters", at_most(50, "filters"), FILTERS),
    value("ec2", r"\w+\.Filters\[\]\.Values", at_most(200, "values of a filter"), FILTERS),
    value("ec2", r"\w+\.ClientToken", matching(r"[\x21-\x7e]{1,64}", "a token of 1 to 64 ASCII characters"), TOKENS),
    value("ec2", r".*\.UserData", user_data, USER_DATA),
    value("route53", r".*\.ResourceRecordSet\.Name", domain, NAMES),
    value("dynamodb", r".*\.(Key|Item)|.*\.Keys\[\]", key_of, ROWS),
    value("dynamodb", r".*Expression", at_most_bytes(4096), ROWS),
    value("cloudformation", r"\w+\.StackName",
          matching(r"[a-zA-Z][-a-zA-Z0-9]{0,127}|arn:.*", "a stack's name or ARN"), STACKS),
    value("cloudformation", r"\w+\.Tags", at_most(50, "tags"), STACKS),
    value("events", r"PutEvents\.Entries\[\]\.Detail", at_most_bytes(262_144), EVENTS),
]

WHOLE = [
    whole("ec2", r"Describe\w+", values_of_filters, FILTERS),
    whole("route53", "ChangeResourceRecordSets", batch, BATCHES),
    whole("dynamodb", "TransactWriteItems", once_each, TRANSACTION),
]

COMMON = "https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
EC2_CODES = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"
ALL_SERVICES = "https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html"
RETRIES = "https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html"

# Why DynamoDB cancels a transaction: codes in the error's message, one for each of its items.
TRANSACTIONS = "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"

# Error codes that the code asks for and no model of a service that it calls has.
CODES = {
    "AccessDenied": COMMON,
    "AccessDeniedException": ALL_SERVICES,
    "AuthFailure": EC2_CODES,
    "AuthorizationError": "https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html",
    "BandwidthLimitExceeded": RETRIES,
    "ConditionalRequestConflict": COMMON,
    "DryRunOperation": EC2_CODES,
    "EC2ThrottledException": RETRIES,
    "ExpiredToken": COMMON,
    "ExpiredTokenException": ALL_SERVICES,
    "IdempotentInstanceTerminated": EC2_CODES,
    "IdempotentParameterMismatch": EC2_CODES,
    "InsufficientAddressCapacity": EC2_CODES,
    "InsufficientCapacity": EC2_CODES,
    "InsufficientFreeAddressesInSubnet": EC2_CODES,
    "InsufficientInstanceCapacity": EC2_CODES,
    "InsufficientVolumeCapacity": EC2_CODES,
    "InternalError": COMMON,
    "InternalFailure": ALL_SERVICES,
    "InvalidAccessKeyId": COMMON,
    "InvalidClientTokenId": ALL_SERVICES,
    "InternalServiceException": ALL_SERVICES,
    "InvalidInstanceID.NotFound": EC2_CODES,
    "InvalidLaunchTemplateId.VersionNotFound": EC2_CODES,
    "OperationNotPermitted": EC2_CODES,
    "PreconditionFailed": COMMON,
    "RequestLimitExceeded": EC2_CODES,
    "RequestThrottled": RETRIES,
    "RequestThrottledException": RETRIES,
    "RequestTimeout": COMMON,
    "RequestTimeoutException": RETRIES,
    "ServiceUnavailable": COMMON,
    "ServiceUnavailableException": RETRIES,
    "SignatureDoesNotMatch": COMMON,
    "SlowDown": COMMON,
    "ThrottledException": RETRIES,
    "Throttling": ALL_SERVICES,
    "TooManyRequestsException": RETRIES,
    "UnauthorizedOperation": EC2_CODES,
    "Unavailable": EC2_CODES,
    "Unsupported": EC2_CODES,
    "UnrecognizedClientException": ALL_SERVICES,
    "ProvisionedThroughputExceeded": TRANSACTIONS,
    "ThrottlingError": TRANSACTIONS,
    "TransactionConflict": TRANSACTIONS,
    # A stack that is not there is one to CloudFormation, and so is an update that changes nothing.
    "ValidationError": ALL_SERVICES,
}
