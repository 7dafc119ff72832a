"""infra/pipeline.yaml, made of infra/pipeline/frame.yaml, each functions/*/function.yaml and the state machines.

The text is put together as text, so that the comments, which are reasons, come with it. A function.yaml has:

    State          the state that the function is named for; none where no state machine calls it
    Description    one line
    Changes        what it changes, for the documents
    Twice          why it may run twice, and late
    Command        which command of a user's it runs; then a crash is not tried again (statemachine/rules.yaml)
    Log            whose log it leaves in the bucket beside its own, where that is not a command's
    Undo           what undoes it, where a release that does not go live must
    MemorySize     MiB, or a parameter; 256 where nothing is said
    Timeout        seconds; the states that call it wait ten seconds longer
    EphemeralStorage, Layers, ReservedConcurrentExecutions       as in CloudFormation, where they differ from the default
    Environment    variables beside those that every function has
    Table          what it does with the table: DynamoDB's actions, without their prefix
    Statements     what else it may do: IAM statements, each with its reason, or the Sid of one in
                   infra/pipeline/statements.yaml, where several functions have the same
"""

import pathlib
import re
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
PARTS = ROOT / "infra" / "pipeline"
REQUIRED = {"Description", "Changes", "Timeout"}
# As they are.
PROPERTIES = ("EphemeralStorage", "Layers", "ReservedConcurrentExecutions")
OPTIONAL = {"State", "Twice", "Command", "Log", "Undo", "MemorySize", "Environment", "Table", "Statements", *PROPERTIES}
HEADER = """\
# Rendered by `make render` from infra/pipeline/ and functions/*/function.yaml: edit those, not this file.
"""
BLOCK = re.compile(r"( *)\{\{(\w+)\}\}\n")
INLINE = re.compile(r"\{\{(\w+)\}\}")
# A list's item, with the comment lines above it.
ITEM = re.compile(r"(?:^#.*\n)*^- .*\n(?:^[ ].*\n)*", re.MULTILINE)


class Fault(Exception):
    """A sentence for whoever wrote the source."""


class Function:
    """One functions/<name>/function.yaml, its values as text."""

    def __init__(self, path):
        self.name, self.where = path.parent.name, path.relative_to(ROOT)
        self.values = sections(path.read_text(), self.where)
        missing, unknown = REQUIRED - self.values.keys(), self.values.keys() - REQUIRED - OPTIONAL
        if missing or unknown:
            raise Fault(f"{self.where}: missing: {sorted(missing)}, not known: {sorted(unknown)}")
        if not re.fullmatch(r"\d+", self.values["Timeout"]):
            raise Fault(f"{self.where}: Timeout: seconds, not {self.values['Timeout']}")

    @property
    def resource(self):
        """Its logical id."""
        return "".join(part.capitalize() for part in self.name.split("-"))

    @property
    def state(self):
        return self.values.get("State")

    @property
    def command(self):
        return self.values.get("Command")

    @property
    def leaves_a_log(self):
        return bool(self.command or self.values.get("Log"))

    @property
    def timeout(self):
        return int(self.values["Timeout"])


def functions():
    """By name."""
    found = [Function(path) for path in sorted((ROOT / "functions").glob("*/function.yaml"))]
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/Cargo.toml")}
    for name in sorted(folders - {one.name for one in found}):
        raise Fault(f"functions/{name}/function.yaml is missing: it says what the function needs and may do")
    return {one.name: one for one in found}


def sections(text, where):
    """The text of each key at the left margin: what follows it on its line, or the lines below it."""
    found, key = {}, None
    for line in text.splitlines():
        start = re.match(r"([A-Za-z]+):(?: +(.*))?$", line)
        if start and start[1] in found:
            raise Fault(f"{where}: `{start[1]}` stands twice")
        if start:
            key = start[1]
            found[key] = start[2] or ""
        elif line.startswith(" ") and key:
            found[key] += line + "\n"
        elif line and not line.startswith("#"):
            raise Fault(f"{where}: neither a key nor below one: {line}")
    return {key: textwrap.dedent(value).rstrip("\n") for key, value in found.items()}


def pipeline(ordered, machines):
    """The whole template."""
    shared = shared_statements()
    of_functions = [function_section(one, shared) for one in ordered]
    used = {item[2:].strip() for one in ordered for item in statement_items(one)}
    for sid in sorted(shared.keys() - used):
        raise Fault(f"infra/pipeline/statements.yaml: no function names {sid}")
    of_machines = [machine_section(machine, [one for one in ordered if one.name in machine.calls.values()])
                   for machine in machines.values()]
    return HEADER + filled(part("frame"), {"functions": "\n".join(of_functions), "machines": "\n".join(of_machines)})


def in_order(functions, machines):
    """First what no machine calls, then as the states come that they are named for."""
    calls = {state: name for machine in machines.values() for state, name in machine.calls.items()}
    for one in functions.values():
        if one.state and calls.get(one.state) != one.name:
            raise Fault(f"{one.where}: no state machine has a state `{one.state}` that calls it")
        if not one.state and one.name in calls.values():
            raise Fault(f"{one.where}: which State is it named for? A state machine calls it")
    states = list(calls)
    return sorted(functions.values(), key=lambda one: states.index(one.state) if one.state else -1)


def function_section(function, shared):
    values = function.values
    more = [f"{key}: {values[key]}" for key in PROPERTIES if key in values]
    return filled(part("function"), {
        "title": title(function.name),
        "name": function.name,
        "Name": function.resource,
        "Description": values["Description"],
        "MemorySize": values.get("MemorySize", "256"),
        "Timeout": values["Timeout"],
        "more": "\n".join(more),
        "Environment": values.get("Environment", ""),
        "statements": statements(function, shared),
    })


def machine_section(machine, called):
    arns = [f"{one.resource}Arn: !GetAtt {one.resource}.Arn" for one in called]
    arns += [f"{name}Arn: !Sub {kind['Resource']}" for name, kind in machine.kinds.items()]
    return filled(part("machine"), {
        "title": title(f"The {machine.name}"),
        "name": machine.name,
        "Name": machine.name.capitalize(),
        "arns": "\n".join(arns),
        "kinds": "\n".join(part(kind["Statements"]).rstrip("\n") for kind in machine.kinds.values()),
        "functions": "\n".join(f"- !GetAtt {one.resource}.Arn" for one in called),
    })


def statements(function, shared):
    found = [table_statement(function.values["Table"])] if "Table" in function.values else []
    for item in statement_items(function):
        named = re.fullmatch(r"- (\w+)", item)
        if named and named[1] not in shared:
            raise Fault(f"{function.where}: infra/pipeline/statements.yaml has no {named[1]}")
        found.append(shared[named[1]] if named else item)
    return "\n".join(found)


def table_statement(listed):
    actions = "".join(f"    - dynamodb:{action.strip()}\n" for action in listed.strip("[]").split(","))
    return f"- Sid: Table\n  Effect: Allow\n  Action:\n{actions}  Resource: !GetAtt Table.Arn"


def statement_items(function):
    return items(function.values.get("Statements", ""), function.where)


def shared_statements():
    where = PARTS / "statements.yaml"
    text = re.sub(r"\A(#.*\n)+\n", "", where.read_text())
    found = items(re.sub(r"\n\n+", "\n", text), where.relative_to(ROOT))
    return {re.search(r"^- Sid: (\w+)", one, re.MULTILINE)[1]: one for one in found}


def items(text, where):
    """A list's items as text, each with the comment above it."""
    text = text and text.rstrip("\n") + "\n"
    found = ITEM.findall(text)
    if "".join(found) != text:
        raise Fault(f"{where}: not a list of statements: {text[:200]}")
    return [one.rstrip("\n") for one in found]


def part(name):
    """A template's text, below the comment that says what it is."""
    return (PARTS / f"{name}.yaml").read_text().split("\n---\n", 1)[1]


def title(text):
    return f"# --- {text} ".ljust(97, "-")


def filled(template, values):
    """A line of a name alone becomes that value's lines, or none; elsewhere the name becomes the value."""
    def block(found):
        text = textwrap.indent(values[found[2]], found[1])
        return text and text + "\n"

    # By lines, so that what is put in is not searched for names.
    lines = template.splitlines(keepends=True)
    return "".join(block(found) if (found := BLOCK.fullmatch(line)) else INLINE.sub(lambda one: values[one[1]], line)
                   for line in lines)
