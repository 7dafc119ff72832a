"""Whether a request's parameters are what its service takes: by the model, and by what only the documentation says."""

import base64
import binascii
from functools import cache

import regex

from documented import VALUES, WHOLE

TYPES = {"structure": dict, "map": dict, "list": list, "string": str, "character": str, "boolean": bool,
         "integer": int, "long": int, "float": (int, float), "double": (int, float), "timestamp": (str, int, float),
         "blob": str}


def violations(service, operation, parameters):
    """Each as `path: what is wrong`. `service` is the model's name, `operation` a model of botocore's."""
    found = []
    if operation.input_shape is not None:
        hold(operation.input_shape, parameters, operation.name, service, found)
    for rule in WHOLE:
        if rule.service == service and rule.operation.fullmatch(operation.name):
            found.extend(f"{operation.name}: {what} ({rule.source})" for what in rule.check(parameters))
    return found


def hold(shape, value, path, service, found):
    kind, rules = shape.type_name, shape.metadata
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        found.append(f"{path}: {shown(value)} is no {kind}")
        return
    if kind == "structure":
        for name in shape.required_members:
            if value.get(name) is None:
                found.append(f"{path}.{name}: required, and not there")
        if rules.get("union") and len(value) != 1:
            found.append(f"{path}: exactly one member, not {sorted(value)}")
        for name, one in value.items():
            hold(shape.members[name], one, f"{path}.{name}", service, found)
    elif kind == "list":
        within(rules, len(value), f"{path}: {len(value)} items", found)
        for one in value:
            hold(shape.member, one, f"{path}[]", service, found)
    elif kind == "map":
        within(rules, len(value), f"{path}: {len(value)} entries", found)
        for key, one in value.items():
            hold(shape.key, key, f"{path}{{key}}", service, found)
            hold(shape.value, one, f"{path}{{}}", service, found)
    elif kind == "blob":
        within(rules, bytes_of(value), f"{path}: {bytes_of(value)} bytes", found)
    elif kind in ("integer", "long", "float", "double"):
        within(rules, value, f"{path}: {value}", found)
    elif kind == "string":
        text(shape, rules, value, path, found)
    for rule in VALUES:
        if rule.service == service and rule.path.fullmatch(path):
            found.extend(f"{path}: {what} ({rule.source})" for what in rule.check(value))


def text(shape, rules, value, path, found):
    within(rules, len(value), f"{path}: {len(value)} characters in {shown(value)}", found)
    known = rules.get("enum")
    if known and value not in known:
        found.append(f"{path}: {shown(value)} is none of {', '.join(known[:8])}{' ...' if len(known) > 8 else ''}")
    wanted = rules.get("pattern") and pattern(rules["pattern"])
    if wanted and not wanted.fullmatch(value):
        found.append(f"{path}: {shown(value)} does not match {rules['pattern']}")


def within(rules, size, what, found):
    if rules.get("min") is not None and size < rules["min"]:
        found.append(f"{what}, at least {rules['min']} are wanted")
    if rules.get("max") is not None and size > rules["max"]:
        found.append(f"{what}, at most {rules['max']} are taken")


@cache
def pattern(of_the_model):
    """The models write them for Java, whose classes of characters `regex` knows and `re` does not."""
    return regex.compile(of_the_model)


def bytes_of(value):
    try:
        return len(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return len(value)


def shown(value):
    shown_of_it = repr(value)
    return shown_of_it if len(shown_of_it) <= 80 else f"{shown_of_it[:77]}..."
