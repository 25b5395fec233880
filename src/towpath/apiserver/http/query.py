"""Query strings, parsed into the options of calls.py. Pure; refuses what is malformed."""

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import parse_qsl

from towpath.apiserver.calls import DeleteOptions, ReadOptions, WatchOptions, WriteOptions
from towpath.machinery.causes import forbidden, invalid, too_long, unsupported
from towpath.machinery.errors import BadRequest, Cause, Invalid
from towpath.machinery.objects import RawObject

Query = Mapping[str, str]

FIELD_VALIDATION = ("", "Ignore", "Strict", "Warn")
VERSION_MATCHES = ("Exact", "NotOlderThan")
PROPAGATION = ("Background", "Foreground", "Orphan")
MANAGER_LENGTH_MAX = 128
TRUE_WORDS = frozenset({"1", "t", "T", "true", "TRUE", "True"})
FALSE_WORDS = frozenset({"", "0", "f", "F", "false", "FALSE", "False"})


@lru_cache(maxsize=1024)
def parse_query(query_string: bytes) -> Query:
    """The first value of each parameter. Cached: clients repeat themselves."""
    if not query_string:
        return {}
    values: dict[str, str] = {}
    for name, value in parse_qsl(query_string.decode("utf-8", "replace"), keep_blank_values=True):
        values.setdefault(name, value)
    return values


def boolean(query: Query, name: str) -> bool:
    value = query.get(name, "")
    if value in TRUE_WORDS:
        return True
    if value in FALSE_WORDS:
        return False
    raise BadRequest(f'invalid query parameter {name}: "{value}" is not a boolean')


def integer(query: Query, name: str) -> int | None:
    value = query.get(name, "")
    if not value:
        return None
    try:
        return int(value)
    except ValueError:
        raise BadRequest(f'invalid query parameter {name}: "{value}" is not a number') from None


def read_options(query: Query) -> ReadOptions:
    _check_version_match(query)
    limit = integer(query, "limit") or 0
    if limit < 0:
        raise BadRequest(f'invalid query parameter limit: "{limit}" must not be negative')
    return ReadOptions(
        resource_version=query.get("resourceVersion", ""),
        resource_version_match=query.get("resourceVersionMatch", ""),
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        limit=limit,
        continue_token=query.get("continue", ""),
    )


def _check_version_match(query: Query) -> None:
    match, version = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    if not match:
        return
    said = []
    if not version:
        said.append(_forbidden("is forbidden unless resourceVersion is provided"))
    if query.get("continue"):
        said.append(_forbidden("is forbidden when continue is provided"))
    if match not in VERSION_MATCHES:
        said.append(unsupported("resourceVersionMatch", match, VERSION_MATCHES))
    if match == "Exact" and version == "0":
        said.append(_forbidden('"exact" is forbidden for resourceVersion "0"'))
    if said:
        raise invalid("meta.k8s.io", "ListOptions", "", said)


def _forbidden(why: str) -> Cause:
    return forbidden("resourceVersionMatch", f"resourceVersionMatch {why}")


def watch_options(query: Query) -> WatchOptions:
    initial = boolean(query, "sendInitialEvents")
    match = query.get("resourceVersionMatch", "")
    if "sendInitialEvents" in query and match != "NotOlderThan":
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        said = [forbidden("resourceVersionMatch", why)]
        if match:
            said.append(unsupported("resourceVersionMatch", match, ("NotOlderThan",)))
        raise invalid("meta.k8s.io", "ListOptions", "", said)
    if match and "sendInitialEvents" not in query:
        why = "is forbidden for watch unless sendInitialEvents is provided"
        raise invalid("meta.k8s.io", "ListOptions", "", [_forbidden(why)])
    timeout = integer(query, "timeoutSeconds")
    return WatchOptions(
        resource_version=query.get("resourceVersion", ""),
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        timeout_s=float(timeout) if timeout else None,
        bookmarks=boolean(query, "allowWatchBookmarks"),
        send_initial_events=initial,
    )


def write_options(query: Query, user_agent: str, kind: str = "CreateOptions") -> WriteOptions:
    """`kind` is what a refusal calls the options: CreateOptions, UpdateOptions, PatchOptions."""
    manager = query.get("fieldManager", "") or user_agent.partition("/")[0]
    if len(manager) > MANAGER_LENGTH_MAX:
        raise _invalid_option(kind, too_long("fieldManager", MANAGER_LENGTH_MAX))
    validation = query.get("fieldValidation", "")
    if validation not in FIELD_VALIDATION:
        raise _invalid_option(kind, unsupported("fieldValidation", validation, FIELD_VALIDATION))
    return WriteOptions(
        dry_run=_dry_run(query.get("dryRun", ""), kind),
        field_manager=manager,
        field_validation=validation or "Warn",
        force=boolean(query, "force"),
    )


def delete_options(query: Query, body: RawObject) -> DeleteOptions:
    """From the body, as DeleteOptions, and from the query, which stands in for a missing body."""
    preconditions = body.get("preconditions") or {}
    policy = body.get("propagationPolicy") or query.get("propagationPolicy", "")
    orphan = body.get("orphanDependents")
    if not policy and orphan is not None:
        policy = "Orphan" if orphan else "Background"
    if policy and policy not in PROPAGATION:
        raise _invalid_option(
            "DeleteOptions", unsupported("propagationPolicy", policy, PROPAGATION)
        )
    grace = body.get("gracePeriodSeconds")
    dry_run = body.get("dryRun") or []
    return DeleteOptions(
        dry_run=_dry_run(dry_run[0] if dry_run else query.get("dryRun", ""), "DeleteOptions"),
        propagation_policy=policy,
        grace_period_s=grace if grace is not None else integer(query, "gracePeriodSeconds"),
        uid=preconditions.get("uid") or "",
        resource_version=preconditions.get("resourceVersion") or "",
    )


def _dry_run(value: str, kind: str) -> bool:
    if value in ("", "All"):
        return value == "All"
    raise _invalid_option(kind, unsupported("dryRun", [value], ("All",)))


def _invalid_option(kind: str, cause: Cause) -> Invalid:
    return invalid("meta.k8s.io", kind, "", [cause])
