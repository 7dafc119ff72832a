"""From a recorded HTTP request back to an operation and its parameters, by AWS's own service models.

The models are botocore's, which the AWS CLI brings: they say how each protocol writes each member. What
a request holds and its model does not know is a violation of its own, and is collected on the way.
"""

import base64
import json
import re
import urllib.parse
import xml.etree.ElementTree as xml
from functools import cache

import botocore.loaders
import botocore.model

# A service signs under one name and has its model under another.
MODELS = {"states": "stepfunctions", "tagging": "resourcegroupstaggingapi", "servicequotas": "service-quotas"}


class Undecodable(Exception):
    """What makes a request none of the service's."""


@cache
def model(service):
    name = MODELS.get(service, service)
    try:
        return botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model(name, "service-2"), name)
    except botocore.exceptions.UnknownServiceError:
        raise Undecodable(f"there is no service that signs as {service}") from None


class Decoded:
    """An operation's name, its parameters, and members that its model does not have."""

    def __init__(self, operation, parameters, unknown):
        self.operation, self.parameters, self.unknown = operation, parameters, unknown


def decode(request):
    """`request` is a recorded kind: service, method, path, query, headers, body."""
    service = model(request["service"])
    body = request["body"].encode() if request["encoding"] == "utf-8" else base64.b64decode(request["body"])
    protocol = service.metadata["protocol"]
    if protocol == "json":
        return of_json(service, request["headers"], body)
    if protocol in ("query", "ec2"):
        return of_form(service, body, protocol == "ec2")
    if protocol in ("rest-xml", "rest-json"):
        return of_rest(service, request, body)
    raise Undecodable(f"requests in the protocol {protocol} cannot be read here")


def operation(service, name):
    if name not in service.operation_names:
        raise Undecodable(f"{service.service_name} has no operation {name}")
    return service.operation_model(name)


# --- JSON -----------------------------------------------------------------------------------------------


def of_json(service, headers, body):
    found = operation(service, headers.get("x-amz-target", "").rpartition(".")[2])
    unknown = []
    try:
        value = json.loads(body or b"{}")
    except ValueError as error:
        raise Undecodable(f"{found.name}: its body is no JSON: {error}") from None
    return Decoded(found.name, from_json(found.input_shape, value, "", unknown), unknown)


def from_json(shape, value, path, unknown):
    if value is None or shape is None:
        return None
    if shape.type_name == "structure" and isinstance(value, dict) and not shape.metadata.get("document"):
        names = {member.serialization.get("name", name): name for name, member in shape.members.items()}
        unknown.extend(f"{path}.{key}".lstrip(".") for key in value if key not in names)
        return {names[key]: from_json(shape.members[names[key]], one, f"{path}.{names[key]}", unknown)
                for key, one in value.items() if key in names and one is not None}
    if shape.type_name == "list" and isinstance(value, list):
        return [from_json(shape.member, one, f"{path}[]", unknown) for one in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: from_json(shape.value, one, f"{path}{{}}", unknown) for key, one in value.items()}
    return value


# --- Query and EC2: one form, its structure in the names -------------------------------------------------


def of_form(service, body, ec2):
    fields = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
    found = operation(service, fields.pop("Action", ""))
    if fields.pop("Version", None) != service.api_version:
        raise Undecodable(f"{found.name}: Version is not {service.api_version}")
    unknown = []
    return Decoded(found.name, from_form(found.input_shape, tree(fields), "", unknown, ec2), unknown)


def tree(fields):
    """`{"Tags.member.1.Key": "a"}` as nested dictionaries; a leaf is text."""
    root = {}
    for name, value in fields.items():
        *parts, last = name.split(".")
        node = root
        for part in parts:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise Undecodable(f"{name} is a value and has members")
        node[last] = value
    return root


def from_form(shape, node, path, unknown, ec2):
    kind = shape.type_name
    if kind == "structure" and isinstance(node, dict):
        names = {form_name(name, member, ec2): name for name, member in shape.members.items()}
        unknown.extend(f"{path}.{key}".lstrip(".") for key in node if key not in names)
        return {names[key]: from_form(shape.members[names[key]], one, f"{path}.{names[key]}", unknown, ec2)
                for key, one in node.items() if key in names}
    if kind == "list":
        if node == "":
            return []
        flat = ec2 or shape.serialization.get("flattened")
        items = node if flat else node.get(shape.member.serialization.get("name", "member"), {})
        unknown.extend(f"{path}.{key}" for key in items if not key.isdigit())
        return [from_form(shape.member, items[key], f"{path}[]", unknown, ec2)
                for key in sorted((key for key in items if key.isdigit()), key=int)]
    if isinstance(node, dict):
        raise Undecodable(f"{path.lstrip('.')} is no {kind}")
    return scalar(shape, node)


def form_name(name, member, ec2):
    written = member.serialization.get("name", name)
    if not ec2:
        # A list without a level of its own is named after its members.
        flat = member.type_name == "list" and member.serialization.get("flattened")
        return member.member.serialization.get("name", written) if flat else written
    return member.serialization.get("queryName", written[:1].upper() + written[1:])


# --- REST: method, path, query, headers, and a body in XML or JSON ---------------------------------------


def of_rest(service, request, body):
    query = urllib.parse.parse_qs(request["query"], keep_blank_values=True)
    found, labels = route(service, request["method"], request["path"], query, request["headers"])
    parameters, unknown, seen = {}, [], set()
    for name, member in (found.input_shape.members if found.input_shape else {}).items():
        place, written = member.serialization.get("location"), member.serialization.get("name", name)
        if place == "uri" and written in labels:
            parameters[name] = scalar(member, labels[written])
        elif place == "querystring" and written in query:
            seen.add(written)
            values = [scalar(member, one) for one in query[written]]
            parameters[name] = values if member.type_name == "list" else values[0]
        elif place == "header" and written.lower() in request["headers"]:
            parameters[name] = scalar(member, request["headers"][written.lower()])
    unknown.extend(f"?{key}" for key in query
                   if key not in seen and key not in literals(found) and key != "x-id" and not key.startswith("X-Amz-"))
    if found.input_shape is not None and request.get("whole", True):
        take_body(found.input_shape, body, parameters, unknown, service.metadata["protocol"])
    return Decoded(found.name, parameters, unknown)


def literals(found):
    return dict(urllib.parse.parse_qsl(found.http["requestUri"].partition("?")[2], keep_blank_values=True))


@cache
def routes(service):
    """Of each operation: method, pattern of its path, what must be in the query and the headers."""
    all_of_them = []
    for name in service.operation_names:
        found = service.operation_model(name)
        path = found.http["requestUri"].partition("?")[0].rstrip("/")
        pattern = re.sub(r"\\{(\w+)(\\\+)?\\}", lambda label: f"(?P<{label[1]}>{'.+' if label[2] else '[^/]+'})",
                         re.escape(path))
        needed = {"querystring": [], "header": []}
        for member in (found.input_shape.required_members if found.input_shape else []):
            shape = found.input_shape.members[member]
            if shape.serialization.get("location") in needed:
                needed[shape.serialization["location"]].append(shape.serialization.get("name", member))
        all_of_them.append((found, re.compile(f"{pattern}/?"), literals(found), needed["querystring"], needed["header"]))
    return all_of_them


def route(service, method, path, query, headers):
    best = None
    for found, pattern, fixed, asked, headed in routes(service):
        match = pattern.fullmatch(path)
        if not match or found.http["method"] != method:
            continue
        if any(key not in query or (value and query[key] != [value]) for key, value in fixed.items()):
            continue
        if any(key not in query for key in asked) or any(key.lower() not in headers for key in headed):
            continue
        told = query.get("x-id") == [found.name]
        # The most particular one: what the client says, then what is fixed in its address, then what it must have.
        rank = (told, len(fixed), len(asked) + len(headed), len(pattern.pattern), not found.deprecated)
        if best is None or rank > best[0]:
            best = rank, found, {key: urllib.parse.unquote(text) for key, text in match.groupdict().items()}
    if best is None:
        raise Undecodable(f"{service.service_name} has no operation at {method} {path}")
    return best[1:]


def take_body(shape, body, parameters, unknown, protocol):
    payload = shape.serialization.get("payload")
    if payload and shape.members[payload].type_name in ("blob", "string"):
        parameters[payload] = body.decode("utf-8", "replace")
        return
    inner = {name: member for name, member in shape.members.items() if "location" not in member.serialization}
    if not inner or not body.strip():
        return
    if protocol == "rest-json":
        whole = shape.members[payload] if payload else shape
        value = from_json(whole, json.loads(body), "", unknown)
        parameters.update({payload: value} if payload else value)
        return
    try:
        root = xml.fromstring(body)
    except xml.ParseError as error:
        raise Undecodable(f"its body is no XML: {error}") from None
    if payload:
        parameters[payload] = from_xml(shape.members[payload], root, payload, unknown)
    else:
        parameters.update(members_of_xml(inner, root, "", unknown))


def local_name(tag):
    return tag.rpartition("}")[2]


def members_of_xml(members, node, path, unknown):
    names = {}
    for name, member in members.items():
        flat = member.type_name == "list" and member.serialization.get("flattened")
        written = member.serialization.get("name", name)
        names[member.member.serialization.get("name", written) if flat else written] = (name, member, flat)
    found = {}
    for child in node:
        key = local_name(child.tag)
        if key not in names:
            unknown.append(f"{path}.{key}".lstrip("."))
            continue
        name, member, flat = names[key]
        if flat:
            found.setdefault(name, []).append(from_xml(member.member, child, f"{path}.{name}[]", unknown))
        else:
            found[name] = from_xml(member, child, f"{path}.{name}", unknown)
    return found


def from_xml(shape, node, path, unknown):
    if shape.type_name == "structure":
        return members_of_xml(shape.members, node, path, unknown)
    if shape.type_name == "list":
        written = shape.member.serialization.get("name", "member")
        unknown.extend(f"{path}.{local_name(child.tag)}" for child in node if local_name(child.tag) != written)
        return [from_xml(shape.member, child, f"{path}[]", unknown) for child in node]
    return scalar(shape, node.text or "")


# --- Values that travel as text ---------------------------------------------------------------------------


def scalar(shape, text):
    """The value as its type wants it, or the text itself, which `hold` then refuses."""
    kind = shape.type_name
    try:
        if kind in ("integer", "long"):
            return int(text)
        if kind in ("float", "double"):
            return float(text)
    except ValueError:
        return text
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text
