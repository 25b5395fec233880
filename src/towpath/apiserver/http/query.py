"""Query strings, parsed into the options of calls.py. Pure; refuses what is malformed."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from towpath.apiserver.calls import DeleteOptions, ReadOptions, WatchOptions, WriteOptions
from towpath.machinery.causes import (
    forbidden,
    invalid,
    invalid_value,
    quote,
    required,
    too_long,
    unsupported,
)
from towpath.machinery.errors import BadRequest, Cause
from towpath.machinery.objects import RawObject
from towpath.machinery.remembering import remember_short
from towpath.machinery.selectors import parse_fields, parse_labels

Query = Mapping[str, str]

FIELD_VALIDATION = ("", "Ignore", "Strict", "Warn")
VERSION_MATCHES = ("Exact", "NotOlderThan", "")
PROPAGATION = ("Foreground", "Background", "Orphan", "nil")
MANAGER_LENGTH_MAX = 128
INT64_BITS = 63


@remember_short(1024)
def parse_query(query_string: bytes) -> Query:
    """The first value of each parameter. Cached: clients repeat themselves."""
    if not query_string:
        return {}
    values: dict[str, str] = {}
    for name, value in parse_qsl(query_string.decode("utf-8", "replace"), keep_blank_values=True):
        values.setdefault(name, value)
    return values


def boolean(query: Query, name: str) -> bool:
    """Whatever is not a no is a yes, as Kubernetes reads it."""
    value = query.get(name)
    return value is not None and value != "0" and value.lower() != "false"


def integer(query: Query, name: str) -> int | None:
    value = query.get(name)
    if value is None:
        return None
    shown = f"strconv.ParseInt: parsing {quote(value)}"
    digits = value.removeprefix("-").removeprefix("+")
    if not (digits.isascii() and digits.isdecimal() and len(value) - len(digits) < 2):
        raise BadRequest(f"{shown}: invalid syntax")
    number = int(value[: 2 * INT64_BITS])
    if not -(1 << INT64_BITS) <= number < 1 << INT64_BITS:
        raise BadRequest(f"{shown}: value out of range")
    return number


def read_options(query: Query) -> ReadOptions:
    limit = integer(query, "limit") or 0
    integer(query, "timeoutSeconds")
    _check_selectors(query)
    said = _version_match(query)
    if "sendInitialEvents" in query:
        said.append(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if said:
        raise invalid("meta.k8s.io", "ListOptions", "", said)
    return ReadOptions(
        resource_version=query.get("resourceVersion", ""),
        resource_version_match=query.get("resourceVersionMatch", ""),
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        limit=max(limit, 0),
        continue_token=query.get("continue", ""),
    )


def _check_selectors(query: Query) -> None:
    """Whether they can be read comes before whether the options go together."""
    if labels := query.get("labelSelector"):
        parse_labels(labels)
    if fields := query.get("fieldSelector"):
        parse_fields(fields)


def _version_match(query: Query) -> list[Cause]:
    match, version = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    if not match:
        return []
    said = []
    if not version:
        said.append(_forbidden("is forbidden unless resourceVersion is provided"))
    if query.get("continue"):
        said.append(_forbidden("is forbidden when continue is provided"))
    if match not in VERSION_MATCHES:
        said.append(unsupported("resourceVersionMatch", match, VERSION_MATCHES))
    if match == "Exact" and version == "0":
        said.append(_forbidden('"exact" is forbidden for resourceVersion "0"'))
    return said


def _forbidden(why: str) -> Cause:
    return forbidden("resourceVersionMatch", f"resourceVersionMatch {why}")


def watch_options(query: Query) -> WatchOptions:
    integer(query, "limit")
    timeout = integer(query, "timeoutSeconds")
    _check_selectors(query)
    match = query.get("resourceVersionMatch", "")
    said = []
    if "sendInitialEvents" in query and match != "NotOlderThan":
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        said.append(forbidden("resourceVersionMatch", why))
    if match and "sendInitialEvents" not in query:
        said.append(_forbidden("is forbidden for watch unless sendInitialEvents is provided"))
    if match and match != "NotOlderThan":
        said.append(unsupported("resourceVersionMatch", match, ("NotOlderThan",)))
    if match and query.get("continue"):
        said.append(_forbidden("is forbidden when continue is provided"))
    if said:
        raise invalid("meta.k8s.io", "ListOptions", "", said)
    return WatchOptions(
        resource_version=query.get("resourceVersion", ""),
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        timeout_s=float(timeout) if timeout else None,
        bookmarks=boolean(query, "allowWatchBookmarks"),
        send_initial_events=boolean(query, "sendInitialEvents"),
    )


def write_options(
    query: Query, user_agent: str, kind: str = "CreateOptions", *, applies: bool = False
) -> WriteOptions:
    """`kind` is what a refusal calls the options: CreateOptions, UpdateOptions, PatchOptions."""
    manager = query.get("fieldManager", "")
    said = []
    if applies and not manager:
        said.append(required("fieldManager", "is required for apply patch"))
    if kind == "PatchOptions" and not applies and "force" in query:
        said.append(forbidden("force", "may not be specified for non-apply patch"))
    if manager:
        said += _manager_causes(manager)
    if query.get("dryRun", "All") != "All":
        said.append(unsupported("dryRun", [query["dryRun"]], ("All",)))
    validation = query.get("fieldValidation", "")
    if validation not in FIELD_VALIDATION:
        said.append(unsupported("fieldValidation", validation, FIELD_VALIDATION))
    if said:
        raise invalid("meta.k8s.io", kind, "", said)
    # Who applies has to say who they are: a program's name is not enough.
    return WriteOptions(
        dry_run="dryRun" in query,
        field_manager=manager or user_agent.partition("/")[0][:MANAGER_LENGTH_MAX],
        field_validation=validation or "Warn",
        force=boolean(query, "force"),
    )


def _manager_causes(manager: str) -> list[Cause]:
    causes = []
    if len(manager.encode()) > MANAGER_LENGTH_MAX:
        causes.append(too_long("fieldManager", MANAGER_LENGTH_MAX))
    for position, character in enumerate(manager):
        if not character.isprintable():
            words = f"invalid character U+{ord(character):04X} (at position {position})"
            causes.append(invalid_value("fieldManager", manager, words))
    return causes


def delete_options(query: Query, body: RawObject | None) -> DeleteOptions:
    """From the body, when there is one, and otherwise from the query."""
    given = _delete_query(query) if body is None else body
    policy, orphan = given.get("propagationPolicy"), given.get("orphanDependents")
    said = []
    if orphan is not None and policy is not None:
        why = "orphanDependents and deletionPropagation cannot be both set"
        said.append(invalid_value("propagationPolicy", policy, why))
    if policy is not None and policy not in PROPAGATION[:-1]:
        said.append(unsupported("propagationPolicy", policy, PROPAGATION))
    dry_run = given.get("dryRun") or []
    if any(value != "All" for value in dry_run):
        said.append(unsupported("dryRun", dry_run, ("All",)))
    if said:
        raise invalid("meta.k8s.io", "DeleteOptions", "", said)
    if policy is None and orphan is not None:
        policy = "Orphan" if orphan else "Background"
    preconditions = given.get("preconditions") or {}
    return DeleteOptions(
        dry_run=bool(dry_run),
        propagation_policy=policy or "",
        grace_period_s=given.get("gracePeriodSeconds"),
        uid=preconditions.get("uid") or "",
        resource_version=preconditions.get("resourceVersion") or "",
    )


def _delete_query(query: Query) -> RawObject:
    orphan = boolean(query, "orphanDependents") if "orphanDependents" in query else None
    return {
        "propagationPolicy": query.get("propagationPolicy"),
        "orphanDependents": orphan,
        "dryRun": [query["dryRun"]] if "dryRun" in query else [],
        "gracePeriodSeconds": integer(query, "gracePeriodSeconds"),
    }
