#!/usr/bin/env python3
"""Holds what the pipeline asked of the local cloud to AWS's own service models.

    report.py            every request since the local cloud was started, or since --since
    report.py --begin    from here on: what was asked before is left out of the next report
    report.py --full     after all tests: a function that asked nothing is a failure too

The report is in .local/requests.md: operation, who asked, how often, verdict; and what roles allow that was
never asked. Exit code 1 for a request that AWS would refuse.
"""

import argparse
import json
import shutil
import struct
import sys
from collections import defaultdict
from pathlib import Path

import codes
import coverage
import documented
from coverage import ROOT
from decode import Undecodable, decode, model
from hold import violations

# Of one request; the rest of a list would say the same.
SAID = 3


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--begin", action="store_true")
    options.add_argument("--full", action="store_true")
    options.add_argument("--root", type=Path, default=ROOT, help="whose .local is looked at")
    options = options.parse_args()
    record, before = options.root / ".local/tmp/requests", options.root / ".local/requests-before"
    if not (record / "times").exists():
        sys.exit("requests: the local cloud has recorded nothing here: run `make up` first")
    if options.begin:
        shutil.copyfile(record / "times", before)
        return
    lost, kinds = read(record, before)
    asked = judge(kinds)
    wrong = [line for one in asked.values() for line in one.wrong]
    silent = coverage.silent(ROOT, asked) if options.full else []
    if lost:
        wrong.append(f"{lost} requests found no room in the record, and nobody has looked at them: `make down up` begins a new one")
    (options.root / ".local/requests.md").write_text(report(asked, wrong + silent))
    tell(asked, wrong + silent)


def read(record, before):
    """How many were not kept, and the kinds of requests since the beginning with their times."""
    times = numbers(record / "times")
    earlier = numbers(before) if before.exists() and newer_than(before, record / "kinds") else []
    lines = (record / "kinds").read_bytes().splitlines()
    since = [count - (earlier[at] if at < len(earlier) else 0) for at, count in enumerate(times)]
    return since[0], [(json.loads(line), count) for line, count in zip(lines, since[1:]) if count > 0]


def newer_than(before, kinds):
    """A local cloud that was started since has a record of its own."""
    return len(numbers(before)) <= len(kinds.read_bytes().splitlines()) + 1


def numbers(path):
    data = path.read_bytes()
    return struct.unpack(f"<{len(data) // 8}Q", data[:len(data) // 8 * 8])


class Asked:
    """What one sender asked of one operation."""

    def __init__(self):
        self.times, self.refused, self.wrong, self.actions = 0, defaultdict(int), [], set()


def judge(kinds):
    """By service, operation and sender."""
    asked = defaultdict(Asked)
    for request, times in kinds:
        sender = coverage.sender(request["sender"])
        try:
            decoded = decode(request)
        except Undecodable as error:
            one = asked[(request["service"], "?", sender)]
            one.times += times
            one.wrong.append(f"{sender}: {error}")
            continue
        service = model(request["service"])
        one = asked[(service.service_name, decoded.operation, sender)]
        one.times += times
        one.actions |= coverage.actions(request["service"], decoded)
        if request["status"] >= 300:
            one.refused[f"{request['status']} {error_code(request['answer'])}".strip()] += times
        found = [f"{decoded.operation}.{name}: no such member" for name in decoded.unknown]
        found += violations(service.service_name, service.operation_model(decoded.operation), decoded.parameters)
        one.wrong.extend(f"{sender}: {what}" for what in found[:SAID])
    return asked


def error_code(answer):
    """The code in an error's body, whatever its protocol."""
    if "<Code>" in answer:
        return answer.partition("<Code>")[2].partition("</Code>")[0]
    try:
        told = json.loads(answer)
        return str(told.get("__type") or told.get("code") or "").rpartition("#")[2]
    except (ValueError, AttributeError):
        return ""


def report(asked, wrong):
    lines = ["# What the pipeline asked of AWS", "",
             "Recorded by the local cloud, held to botocore's service models and to `local/requests/documented.py`.", "",
             "| service | operation | who | times | answered otherwise than with 2xx | verdict |", "|---|---|---|---|---|---|"]
    for (service, operation, sender), one in sorted(asked.items()):
        refused = ", ".join(f"{code} ({times})" for code, times in sorted(one.refused.items()))
        verdict = "as AWS takes it" if not one.wrong else f"**{len(one.wrong)} violations**"
        lines.append(f"| {service} | {operation} | {sender} | {one.times} | {refused} | {verdict} |")
    lines += ["", "## Violations", ""] + ([f"- {line}" for line in sorted(set(wrong))] or ["none"])
    lines += ["", "## Never asked", ""] + [f"- {line}" for line in coverage.never(ROOT, asked)]
    known = codes.of_the_models()
    lines += ["", "## Error codes that the code asks for", ""]
    lines += [f"- {code}: {known.get(code) or documented.CODES.get(code, '**nobody answers it**')}"
              for code in sorted(codes.asked_for(ROOT))]
    return "\n".join(lines) + "\n"


def tell(asked, wrong):
    times = sum(one.times for one in asked.values())
    operations = {key[:2] for key in asked}
    print(f"requests: {times} of {len({key[2] for key in asked})} senders, {len(operations)} operations; see .local/requests.md")
    for line in sorted(set(wrong)):
        print(f"requests: {line}", file=sys.stderr)
    if wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()
