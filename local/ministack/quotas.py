"""How many builds of CodeBuild run at once: what Service Quotas says of it, which MiniStack 1.5.33 does not know, and
that CodeBuild holds to it.

`launch.py` calls `apply_quotas`; the files are one program (local/src/ministack.rs). The account is like a new one that
has asked for small containers only.
"""

import json as quotas_json
import platform
import threading as quotas_threads

# By processor and size: AWS's code of the quota, and the value here.
# https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html
AT_ONCE = {
    "ARM/Small": ("L-5ED1D25B", 60),
    "ARM/Large": ("L-596BEAB4", 5),
    "Linux/Small": ("L-9D07B6EF", 60),
    "Linux/Medium": ("L-2DC20C30", 20),
    "Linux/Large": ("L-4DDC4A99", 5),
    "Linux/XLarge": ("L-04E5CA62", 1),
    "Linux/2XLarge": ("L-0397D009", 0),
}
# So that something can be said of a pipeline whose processor is not this machine's, and no build waits for it.
OTHER = "ARM/Small" if platform.machine() == "x86_64" else "Linux/Small"
AT_ONCE[OTHER] = (AT_ONCE[OTHER][0], 1)
SIZES = {"BUILD_GENERAL1_SMALL": "Small", "BUILD_GENERAL1_MEDIUM": "Medium", "BUILD_GENERAL1_LARGE": "Large",
         "BUILD_GENERAL1_XLARGE": "XLarge", "BUILD_GENERAL1_2XLARGE": "2XLarge"}
PROCESSORS = {"ARM_CONTAINER": "ARM", "LINUX_CONTAINER": "Linux"}
# Waiting builds for each that runs: https://docs.aws.amazon.com/codebuild/latest/userguide/builds-working.html
QUEUED = 5


class Places:
    """Of builds of one size."""

    def __init__(self, at_once):
        self.at_once, self.taken, self.waiting = at_once, 0, 0
        self.changed = quotas_threads.Condition()

    def has_room(self):
        with self.changed:
            return self.taken < self.at_once or self.waiting < QUEUED * self.at_once

    def take(self, seconds, ended):
        """Whether there was a place within that time, and the build had not ended meanwhile."""
        with self.changed:
            self.waiting += 1
            free = self.changed.wait_for(lambda: self.taken < self.at_once or ended(), seconds)
            self.waiting -= 1
            if not free or ended():
                return False
            self.taken += 1
            return True

    def give_back(self):
        with self.changed:
            self.taken -= 1
            self.changed.notify_all()

    def look(self):
        with self.changed:
            self.changed.notify_all()


PLACES = {size: Places(at_once) for size, (_, at_once) in AT_ONCE.items()}


def places_of(environment, compute):
    size = f"{PROCESSORS.get(environment, 'Linux')}/{SIZES.get(compute, 'Small')}"
    # What AWS does not tell of has room.
    return PLACES.get(size) or PLACES.setdefault(size, Places(60))


def quotas_of_codebuild():
    region, account = region_here(), "000000000000"
    for size, (code, at_once) in AT_ONCE.items():
        yield {"ServiceCode": "codebuild", "ServiceName": "AWS CodeBuild", "QuotaCode": code,
               "QuotaArn": f"arn:aws:servicequotas:{region}:{account}:codebuild/{code}",
               "QuotaName": f"Concurrently running builds for {size} environment", "Value": float(at_once),
               "Unit": "None", "Adjustable": True, "GlobalQuota": False, "QuotaAppliedAtLevel": "ACCOUNT"}


def list_service_quotas(asked):
    if asked.get("ServiceCode") != "codebuild":
        return 400, {"__type": "NoSuchResourceException", "message": f"The request failed because {asked.get('ServiceCode')} is not known here."}
    listed = list(quotas_of_codebuild())
    start, most = int(asked.get("NextToken", 0)), asked.get("MaxResults", 100)
    answer = {"Quotas": listed[start:start + most]}
    if start + most < len(listed):
        answer["NextToken"] = str(start + most)
    return 200, answer


async def answer_of_service_quotas(_method, _path, headers, body, _query):
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    known = {"ListServiceQuotas": list_service_quotas}
    if operation in known:
        status, answer = known[operation](quotas_json.loads(body or b"{}"))
    else:
        status, answer = 400, {"__type": "UnknownOperationException", "message": operation}
    return status, {"Content-Type": "application/x-amz-json-1.1"}, quotas_json.dumps(answer).encode()


def apply_quotas(app, router, iam_actions):
    """Under its own name in IAM, `servicequotas`, enforced as every other service."""
    router.SERVICE_PATTERNS["servicequotas"] = {
        "target_prefixes": ["ServiceQuotasV20190624"], "host_patterns": [r"servicequotas\."],
        "credential_scope": "servicequotas"}
    iam_actions.SERVICE_TO_IAM_NAMESPACE["servicequotas"] = "servicequotas"
    app.SERVICE_HANDLERS["servicequotas"] = answer_of_service_quotas
