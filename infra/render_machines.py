"""statemachine/*.asl.json, made of statemachine/*.yaml; statemachine/rules.yaml says how."""

import json
import pathlib
import re

import yaml

from render_pipeline import INLINE, PARTS, ROOT, Fault

FOLDER = ROOT / "statemachine"
# So that the function's own end is seen, not Step Functions' giving up.
LONGER = 10


class Machine:
    """One statemachine/<name>.yaml."""

    def __init__(self, path, rules, functions):
        self.name, self.where = path.stem, path.relative_to(ROOT)
        self.rules, self.functions = rules, functions
        source = load(path)
        source.pop("Shapes", None)
        self.effects = source.pop("Effects", None)
        if not self.effects:
            raise Fault(f"{self.where}: Effects: is missing: what do its causes say of users?")
        self.texts = {**rules["Texts"], **source.pop("Texts", {})}
        # Function by state, in the states' order; and what is shown of a state, with what function runs in it.
        self.calls = {}
        self.shown = {}
        # Those of its Tasks that call no function.
        self.kinds = {}
        self.definition = self.machine(source)

    @property
    def text(self):
        return json.dumps(self.definition, indent=2, ensure_ascii=False) + "\n"

    def machine(self, source):
        """Also one inside a Map or Parallel state."""
        return {key: {name: self.state(name, one) for name, one in value.items()} if key == "States" else value
                for key, value in source.items()}

    def state(self, name, source):
        found, runs = {}, source.get("Function")
        if "Shown" in source:
            inner = source.get("ItemProcessor", {}).get("States", {}).values()
            self.shown[name] = (runs or next((one["Function"] for one in inner if "Function" in one), None), shown(source["Shown"]))
        elif runs:
            self.shown[name] = (runs, None)
        for key, value in source.items():
            if key == "Shown":
                continue
            if key == "Function":
                found.update(self.task(name, value))
            elif key == "Retry":
                found["Retry"] = self.longer(name, value, found.get("Retry"))
            elif key == "Container":
                found.update(self.container(value))
            elif key in self.rules["Kinds"]:
                found.update(self.kind(key, value))
            elif key == "Catch":
                found[key] = [{"ErrorEquals": errors, **self.strings(value, name)}
                              for errors in (self.rules["NotInAll"], ["States.ALL"])]
            elif key == "ItemProcessor":
                found[key] = {"ProcessorConfig": {"Mode": "INLINE"}, **self.machine(value)}
            elif key == "Branches":
                found[key] = [self.machine(one) for one in value]
            else:
                found[key] = self.strings(value, name)
        return found

    def task(self, state, name):
        if name not in self.functions:
            raise Fault(f"{self.where}: `{state}`: there is no functions/{name}/function.yaml")
        self.calls[state] = name
        function = self.functions[name]
        after_crash = [] if function.command else self.rules["RetryCrash"]
        return {"Type": "Task", "Resource": f"${{{function.resource}Arn}}",
                "TimeoutSeconds": function.timeout + LONGER, "Retry": [*self.rules["Retry"], *after_crash]}

    def longer(self, state, value, rules):
        """The same names and the other rules as everywhere: only how long what passes by itself is waited for differs."""
        if value != "longer" or state not in self.calls:
            raise Fault(f"{self.where}: `{state}`: Retry: must be `longer`, below a Function")
        return [self.rules["RetryLonger"], *rules[1:]]

    def container(self, texts):
        """A Parallel state of one branch, so that the three states inside are seen as one."""
        outside, self.texts = self.texts, {**self.texts, **texts}
        branch = self.machine(self.named(self.rules["Container"]))
        self.texts = outside
        return {"Type": "Parallel", "Branches": [branch]}

    def named(self, machine):
        """With the texts in the states' names too."""
        text = json.dumps(machine)
        for name in ("command", "job"):
            text = text.replace(f"{{{{{name}}}}}", self.texts[name])
        return json.loads(text)

    def kind(self, name, seconds):
        kind = self.kinds[name] = self.rules["Kinds"][name]
        statements = PARTS / f"{kind['Statements']}.yaml"
        if not statements.exists():
            raise Fault(f"statemachine/rules.yaml: {name}: there is no {statements.relative_to(ROOT)}")
        return {"Type": "Task", "Resource": f"${{{name}Arn}}", "TimeoutSeconds": seconds, "Retry": kind["Retry"]}

    def strings(self, value, state):
        if isinstance(value, dict):
            return {key: self.strings(one, state) for key, one in value.items()}
        if isinstance(value, list):
            return [self.strings(one, state) for one in value]
        return self.filled(value, {**self.texts, "state": state}) if isinstance(value, str) else value

    def filled(self, text, texts):
        def put_in(found):
            if found[1] not in texts:
                raise Fault(f"{self.where}: there is no text {{{{{found[1]}}}}}")
            # Without itself, so that no two can lead to each other for ever.
            rest = {key: one for key, one in texts.items() if key != found[1]}
            return self.filled(texts[found[1]], rest)

        return INLINE.sub(put_in, text)


def shown(value):
    """`below`, or the three words of a column's heading."""
    if value == "below":
        return value
    try:
        lines, short = value["column"], value["short"]
        if value.keys() == {"column", "short"} and len(lines) == 2 and all(isinstance(one, str) for one in [*lines, short]):
            return [*lines, short]
    except (KeyError, TypeError):
        pass
    raise Fault(f"Shown: must be `below` or {{column: [Unit, tests], short: Unit}}, not {value}")


def machines(functions):
    """By name."""
    rules = load(FOLDER / "rules.yaml")
    paths = sorted(path for path in FOLDER.glob("*.yaml") if path.stem != "rules")
    return {path.stem: Machine(path, rules, functions) for path in paths}


class Loader(yaml.SafeLoader):
    """YAML lets the last of two equal keys win, silently: a state defined twice."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"`{twice[0]}` stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def load(path):
    try:
        return yaml.load(path.read_text(), Loader)
    except yaml.YAMLError as error:
        raise Fault(f"{path.relative_to(ROOT)}: {error}") from None
