"""The error codes that the Rust code asks for, and whether a service that it calls can answer them."""

import re

from decode import model
from documented import CODES

# Services that the code has clients of.
SERVICES = ["cloudformation", "dynamodb", "ec2", "logs", "resourcegroupstaggingapi", "route53", "s3",
            "secretsmanager", "stepfunctions"]
ASKED = re.compile(r'\.is\("([\w.]+)"\)')
# Lists of codes: `const TRANSIENT: &[&str] = &["Throttling", ...];`, also as arms of a match on one.
LISTS = re.compile(r"const [A-Z_]*(?:DENIED|TRANSIENT|CODES)[A-Z_]*: &\[&str\] = &\[(.*?)\];", re.DOTALL)
# A list that an error is held to: `ELSEWHERE.iter().any(|code| error.is(code))`, and where it stands in the same file.
HELD_TO = re.compile(r"(\w+)\.iter\(\)\.any\(\|(\w+)\| \w+\.is\(\2\)\)")
DEFINED = r"(?:const|let) {}\b[^=;]*(?:; \d+\])? = &?\[(.*?)\];"
MATCHES = re.compile(r"match [^{]*\bcode\b[^{]*\{(.*?)\n    \}", re.DOTALL)
LITERAL = re.compile(r'"([A-Z][A-Za-z0-9]+(?:\.[A-Za-z]+)*)"')
# Whatever looks like one must have been found by the rules above: else these rules are blind.
LOOKS_LIKE_ONE = re.compile(r'"((?:NoSuch|Invalid|Throttl|Requests?Limit)\w+(?:\.\w+)*|\w+(?:Exception|\.NotFound))"')


def sources(root):
    for folder in ("crates", "functions", "cli"):
        for path in sorted((root / folder).glob("**/src/**/*.rs")):
            here = path.relative_to(root)
            # The model asks a world of its own, and `house` only holds the rest to rules.
            if path.stem.endswith("tests") or {"model", "house", "tests"} & set(here.parts):
                continue
            yield here, path.read_text().split("#[cfg(test)]")[0]


def asked_for(root):
    """Each code with the files that ask for it."""
    found = {}
    for path, text in sources(root):
        codes = set(ASKED.findall(text))
        lists = [part for name in held_to(text) for part in defined(name, text)]
        for part in LISTS.findall(text) + lists + MATCHES.findall(text):
            codes.update(LITERAL.findall(part) if "is(" not in part else [])
        for code in codes:
            found.setdefault(code, []).append(str(path))
    return found


def held_to(text):
    """The lists that errors are held to."""
    return [name for name, _ in HELD_TO.findall(text)]


def defined(name, text):
    return re.findall(DEFINED.format(name), text, re.DOTALL)


def of_the_models():
    """Each code with the service whose model has it."""
    known = {}
    for service in SERVICES:
        for shape in model(service).error_shapes:
            known.setdefault(shape.metadata.get("error", {}).get("code", shape.name), service)
            known.setdefault(shape.name, service)
    return known


def unexplained(root):
    """Codes that nobody can answer, as far as is known here; and texts that the search has missed."""
    asked, known = asked_for(root), of_the_models()
    lost = [f"{code}: asked for in {', '.join(files)}, in no model and not in local/requests/documented.py with its source"
            for code, files in sorted(asked.items()) if code not in known and code not in CODES]
    for path, text in sources(root):
        lost += [f"{name} in {path}: errors are held to it, and local/requests/codes.py does not find it there"
                 for name in held_to(text) if not defined(name, text)]
        for code in set(LOOKS_LIKE_ONE.findall(text)) - set(asked):
            lost.append(f"{code}: looks like an error code in {path}, and local/requests/codes.py does not find where it is asked for")
    return lost
