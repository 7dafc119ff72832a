"""What Route 53 refuses of a change batch and MiniStack 1.5.33 takes.

`launch.py` calls `refuse_what_route53_refuses`; the files are one program (local/src/ministack.rs). The sentences are
AWS's own, as people quote them: https://github.com/hashicorp/terraform/issues/9732,
https://github.com/ansible-collections/amazon.aws/issues/2694, https://github.com/chef-boneyard/route53/issues/100,
https://github.com/kubernetes-sigs/external-dns/issues/4345,
https://github.com/kubernetes-sigs/external-dns/issues/4241 (one record twice in a batch, which
https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html forbids to delete twice).
"""

import threading

# https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html; the sentence is from
# https://github.com/kubernetes-sigs/external-dns/issues/2537.
MOST_VALUES, MOST_CHARACTERS = 1000, 32_000


def refuse_what_route53_refuses(route53):
    """A CNAME shares its name with nothing (RFC 1034), a plain record not its name and type with one that has a
    routing policy, a zone holds its own names only; names are in lower case, and `*` is written `\\052`."""
    parse, change = route53._parse_record_set, route53._change_resource_record_sets
    turn = threading.Lock()

    def as_route53_writes_it(element):
        record = parse(element)
        record["Name"] = record["Name"].lower().replace("*", "\\052")
        return record

    def checked(zone_id, body):
        with turn:
            return refused(zone_id, body) or change(zone_id, body)

    def refused(zone_id, body):
        zone, changes = route53._zones.get(zone_id), changes_of(body)
        records = list(route53._records.get(zone_id, [])) if zone else []
        changes, deleted = list(changes), set()
        why = too_large(changes)
        if why:
            return route53._error_response("InvalidChangeBatch", f"[Number of {why} exceeded.]")
        for action, record in changes if zone else []:
            key = route53._rs_key(record)
            if action == "DELETE" and key in deleted:
                return route53._error_response(
                    "InvalidChangeBatch", "[The request contains an invalid set of changes for a resource record set "
                    f"'{record['Type']} {record['Name']}']")
            deleted |= {key} if action == "DELETE" else set()
            records = [one for one in records if route53._rs_key(one) != route53._rs_key(record)]
            if action != "DELETE":
                why = conflict(record, records, zone["name"])
                if why:
                    return route53._error_response("InvalidChangeBatch", f"[{why}]")
                records.append(record)
        return None

    def changes_of(body):
        root = route53._parse_body(body)
        batch = None if root is None else route53._find(root, "ChangeBatch")
        changes = None if batch is None else route53._find(batch, "Changes")
        for one in [] if changes is None else route53._findall(changes, "Change"):
            element = route53._find(one, "ResourceRecordSet")
            if element is not None:
                yield route53._text(one, "Action"), route53._parse_record_set(element)

    route53._parse_record_set, route53._change_resource_record_sets = as_route53_writes_it, checked


def too_large(changes):
    """Which limit a batch exceeds, or None; an UPSERT counts twice."""
    values = []
    for action, record in changes:
        values += (record.get("ResourceRecords") or []) * (2 if action == "UPSERT" else 1)
    if len(values) > MOST_VALUES:
        return f"records limit of {MOST_VALUES}"
    if sum(map(len, values)) > MOST_CHARACTERS:
        return f"characters limit of {MOST_CHARACTERS}"
    return None


def conflict(record, records, zone):
    """Why a record cannot be created beside these; None where it can. One of its own name, type and identifier is
    not among them: MiniStack refuses that itself."""
    name, kind, identifier = record["Name"], record["Type"], record.get("SetIdentifier")
    if name != zone and not name.endswith("." + zone):
        return f"RRSet with DNS name {name} is not permitted in zone {zone}"
    if kind == "CNAME" and name == zone:
        return f"RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {zone}"
    beside = [one for one in records if one["Name"] == name]
    if kind == "CNAME" and any(one["Type"] != kind for one in beside):
        return (f"RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records "
                f"with the same DNS name in zone {zone}")
    if kind != "CNAME" and any(one["Type"] == "CNAME" for one in beside):
        return (f"RRSet of type {kind} with DNS name {name} is not permitted because a conflicting RRSet of type "
                f" CNAME with the same DNS name already exists in zone {zone}")
    same = [one for one in beside if one["Type"] == kind]
    if identifier is None and any(one.get("SetIdentifier") for one in same):
        return f"RRSet with DNS name {name}, type {kind} cannot be created as other RRSets exist with the same name and type."
    if identifier is not None and any(not one.get("SetIdentifier") for one in same):
        return (f"RRSet with DNS name {name}, type {kind}, SetIdentifier {identifier} cannot be created as a non-weighted "
                "set exists with the same name and type.")
    return None
