"""The templates, read, and with values in the place of what CloudFormation puts in."""

import pathlib
import re

from cfnlint.decode import cfn_yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
PIPELINE, TARGET = "infra/pipeline.yaml", "infra/target.yaml"
TEMPLATES = [PIPELINE, TARGET]
VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")

# An account's number has 12 digits, and no region's name is longer than this one's.
PSEUDO = {"AWS::AccountId": "111111111111", "AWS::Partition": "aws", "AWS::Region": "us-isof-south-1",
          "AWS::URLSuffix": "amazonaws.com", "AWS::StackName": "stack", "AWS::StackId": "stack"}


def read(template):
    return cfn_yaml.load(str(ROOT / template))


def exceptions(template, key):
    """What the template's own Metadata says is left as it is, and why."""
    return read(template).get("Metadata", {}).get(key, {})


class Unknown(str):
    """A text that only AWS knows, such as an ARN; nothing can be said of its form."""


class Values:
    """A template with these parameters; all its conditions hold, or none does."""

    def __init__(self, template, parameters, conditions):
        self.template, self.conditions = template, conditions
        declared = template.get("Parameters", {})
        defaults = {name: one["Default"] for name, one in declared.items() if "Default" in one}
        self.known = {**PSEUDO, **defaults, **parameters}

    def resources(self):
        """(logical id, type, properties) of each."""
        for logical_id, resource in self.template["Resources"].items():
            yield logical_id, resource["Type"], self.of(resource.get("Properties", {}))

    def of(self, node):
        if isinstance(node, list):
            return [one for one in map(self.of, node) if one is not None]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            name, value = next(iter(node.items()))
            put_in = {"Ref": self.ref, "Fn::Sub": self.sub, "Fn::If": self.chosen, "Fn::Join": self.joined}.get(name)
            if put_in:
                return put_in(value)
            if name.startswith("Fn::"):
                return Unknown(name)
        found = {key: self.of(value) for key, value in node.items()}
        return {key: value for key, value in found.items() if value is not None}

    def ref(self, name):
        return None if name == "AWS::NoValue" else self.known.get(name, Unknown(name))

    def sub(self, value):
        text, given = (value, {}) if isinstance(value, str) else value
        names = VARIABLE.findall(text)
        filled = VARIABLE.sub(lambda one: str(given.get(one[1], self.known.get(one[1], one[1]))), text)
        whole = all(name in given or name in self.known for name in names)
        return filled if whole else Unknown(filled)

    def chosen(self, value):
        _, yes, no = value
        return self.of(yes if self.conditions else no)

    def joined(self, value):
        separator, parts = value
        parts = self.of(parts)
        return Unknown("Fn::Join") if not isinstance(parts, list) else separator.join(map(str, parts))
