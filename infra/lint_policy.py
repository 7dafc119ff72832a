"""Holds the templates to checkov's policies. Each exception stands in the template's own Metadata,
PolicyExceptions, with the resources (or types) that it is for and its reason; an exception that
nothing needs any more is a fault too.

usage: lint_policy.py PATH-OF-CHECKOV
"""

import json
import pathlib
import subprocess
import sys

from cfnlint.decode import cfn_yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEMPLATES = ["infra/pipeline.yaml", "infra/target.yaml"]


def main():
    checkov = sys.argv[1]
    found = {template: failures(checkov, template) for template in TEMPLATES}
    faults = [fault for template, failed in found.items() for fault in judged(template, failed)]
    for fault in faults:
        print(fault)
    if faults:
        sys.exit(f"lint: {len(faults)} faults in the templates' policies")
    print(f"lint: {', '.join(TEMPLATES)}: accepted by checkov, with exceptions that they explain")


def failures(checkov, template):
    """(check, what it wants, type, logical id) of each; an answer without a list is no pass."""
    done = subprocess.run([checkov, "--framework", "cloudformation", "--file", template, "--compact", "--quiet",
                           "--skip-download", "--output", "json"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    try:
        answer = json.loads(done.stdout)
        answer = answer[0] if isinstance(answer, list) else answer
        summary, results = answer["summary"], answer["results"]["failed_checks"]
    except (ValueError, KeyError, IndexError):
        sys.exit(f"lint: checkov did not judge {template}: {(done.stderr or done.stdout).strip()[-2000:]}")
    if summary["parsing_errors"] or summary["resource_count"] < 15:
        sys.exit(f"lint: checkov could not read {template}: {summary}")
    return [(one["check_id"], one["check_name"], *one["resource"].rsplit(".", 1)) for one in results]


def judged(template, failed):
    exceptions = cfn_yaml.load(str(ROOT / template)).get("Metadata", {}).get("PolicyExceptions", {})
    needed = set()
    for check, name, kind, logical_id in failed:
        allowed = exceptions.get(check, {})
        on = {kind, logical_id} & set(allowed.get("For", []))
        if on and str(allowed.get("Because", "")).strip():
            needed |= {(check, one) for one in on}
        else:
            yield f"{template}: {logical_id} ({kind}): {check}: {name}"
    for check, allowed in exceptions.items():
        for one in allowed.get("For", []):
            if (check, one) not in needed:
                yield f"{template}: PolicyExceptions: {check} on {one} is not needed any more"


if __name__ == "__main__":
    main()
