"""Holds the templates to cloudformation-validate, AWS's own engines and schemas, as a third judge beside
cfn-lint and checkov: with the defaults, and with the longest names that the parameters allow.
"""

import sys

from cloudformation_validate import CompositeEngine, ReportStatus, Severity, ValidateConfig

import lint_values
import template

# It follows both ways of a condition whatever the parameters are, and then finds no layer in ''.
LAYER = {"ToolsLayerArns": "arn:aws:lambda:eu-central-1:111111111111:layer:tools:3"}
EXCEPTIONS = {
    "W3002": "code and definitions are local paths on purpose: `aws cloudformation package` uploads them",
}


def main():
    engine = CompositeEngine()
    faults, needed = [], set()
    for name in template.TEMPLATES:
        for given in ({}, lint_values.longest(name)):
            for found in judged(engine, name, given | (LAYER if name == template.PIPELINE else {})):
                if found.rule_id in EXCEPTIONS:
                    needed.add(found.rule_id)
                    continue
                faults.append(f"{name}:{found.start_line}: {found.entity.logical_id}: {found.rule_id}: {found.message}")
    faults += [f"infra/lint_validate.py: the exception {rule} is not needed any more" for rule in set(EXCEPTIONS) - needed]
    for fault in sorted(set(faults)):
        print(fault)
    if faults:
        sys.exit(f"lint: {len(set(faults))} faults that cloudformation-validate finds in the templates")
    print(f"lint: {', '.join(template.TEMPLATES)}: accepted by cloudformation-validate")


def judged(engine, name, parameters):
    """What it warns of or refuses; of what it only tells (INFO) nothing is asked."""
    report = engine.validate_template(str(template.ROOT / name),
                                      ValidateConfig(severity_level=Severity.WARN, parameter_overrides=parameters))
    if report.status != ReportStatus.OK:
        sys.exit(f"lint: cloudformation-validate did not judge {name}: {report.status}")
    return report.diagnostics


if __name__ == "__main__":
    main()
