"""The tables in the documents that are made of functions/*/function.yaml, and those of the errors, made of
crates/pipeline/src/errors.rs.

A document has one between `<!-- rendered: NAME -->` and `<!-- end -->`, wherever it stands.
"""

import re

import yaml

import render_pipeline
from render_pipeline import ROOT, Fault

ERRORS = ROOT / "crates" / "pipeline" / "src" / "errors.rs"
PLACE = re.compile(r"(<!-- rendered: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def documents(functions, machines):
    """Each document's text, with its tables."""
    calls = {name: list(machine.calls) for name, machine in machines.items()}
    tables = {"permissions": permissions(functions),
              "stages": stages(functions, calls["release"], "so that it may run twice", "its undo"),
              "target_stages": stages(functions, calls["target"], "so that it may be stopped anywhere and run again"),
              **errors()}
    placed = set()

    def table(found):
        if found[2] not in tables:
            raise Fault(f"{path.relative_to(ROOT)}: no table is called {found[2]}")
        placed.add(found[2])
        return found[1] + tables[found[2]] + found[3]

    texts = {}
    for path in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("**/*.md"))]:
        texts[path] = PLACE.sub(table, path.read_text())
    for name in tables.keys() - placed:
        raise Fault(f"no document has a place for the table: <!-- rendered: {name} -->")
    return texts


def stages(functions, states, twice, undo=None):
    """What each function changes that one of these states is named for."""
    titles = ["stage", "changes", twice, *([undo] if undo else [])]
    keys = ["Changes", "Twice", *(["Undo"] if undo else [])]
    rows = [[one.state, *(text(one, key) for key in keys)] for one in functions if one.state in states]
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def text(function, key):
    return yaml.safe_load(function.values.get(key, "''"))


def permissions(functions):
    """What each function may do, beside writing its log and its traces."""
    shared = render_pipeline.shared_statements()
    rows = [f"| {one.name} | {allowed(one, shared)} |\n" for one in functions]
    return "| function | may, beside writing its log and its traces |\n|---|---|\n" + "".join(rows)


def allowed(function, shared):
    """`read sources: s3:GetObject`, and so on; what has the same actions together."""
    found = {}
    for one in yaml.load(render_pipeline.statements(function, shared), Loader) or []:
        words = re.sub(r"(?<!^)([A-Z])", r" \1", one["Sid"]).lower()
        found.setdefault(actions(one), []).append(words)
    return "; ".join(f"{', '.join(words)}: {what}" for what, words in found.items())


def actions(statement):
    """With what of the bucket, or which types and changes of records, they are confined to."""
    listed = [re.sub("^dynamodb:", "", action) for action in statement["Action"]]
    confined = statement.get("Condition", {}).get("ForAllValues:StringEquals", {})
    within = [", ".join(values) for key, values in confined.items() if key.startswith("route53:")]
    keys = re.findall(r"\$\{Bucket\.Arn\}/([^'\"\]]+)", str(statement["Resource"]))
    within += [", ".join(f"`{key}`" for key in keys)] if keys else []
    text = ", ".join(f"`{action}`" for action in listed)
    return f"{text} ({'; '.join(within)})" if within else text


def errors():
    """A table for each heading: the names below a comment `// Heading`, with what is said of them."""
    found, heading, said = {}, None, []
    block = re.search(r"^names! {\n(.*?)^}\n", ERRORS.read_text(), re.DOTALL | re.MULTILINE)
    for line in map(str.strip, block[1].splitlines()):
        if line.startswith("// "):
            heading = line[3:]
        elif line.startswith("///"):
            said.append(line[3:].strip())
        elif name := re.fullmatch(r"(\w+),", line):
            meaning, to_do, *more = " ".join(said).replace("  ", "\n").splitlines() + [""]
            if not heading or not to_do.startswith("To do: ") or any(more):
                raise Fault(f"{ERRORS.relative_to(ROOT)}: {name[1]} needs a heading (`// Cutover`), a sentence, and after an empty "
                            "line `To do: ` with another")
            rows = found.setdefault("errors_" + re.sub(r"\W+", "_", heading.lower()), [])
            rows.append(f"| `{name[1]}` | {meaning} | {to_do[7].upper()}{to_do[8:]} |\n")
            said = []
    head = "| error | what it means | what to do |\n|---|---|---|\n"
    return {name: head + "".join(rows) for name, rows in found.items()}


class Loader(yaml.SafeLoader):
    """CloudFormation's own tags: an `!If` is what it is if its condition holds, of the rest only the text matters."""


def intrinsic(loader, suffix, node):
    if suffix == "If":
        return loader.construct_sequence(node, deep=True)[1]
    return str(getattr(node, "value", suffix))


Loader.add_multi_constructor("!", intrinsic)
