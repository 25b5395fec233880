"""Where the catalogue comes from: every source, how it is, and what is held back.

To accept a loss, to take back what was accepted, and to read again are writes to the CatalogSource
with the visitor's own rights: the audit trail says who did it.
"""

from collections.abc import Sequence
from typing import Any

from towpath.capabilities.portal.catalog.asked import CATALOG
from towpath.capabilities.portal.catalog.deciding import ACCEPT, REFRESH, UNDO, decide
from towpath.capabilities.portal.catalog.entity_page import entity_page
from towpath.capabilities.portal.catalog.kinds import (
    CATALOG_SOURCE,
    GIVE_PEOPLE,
    LDAP,
    ORGANISATION,
    PERIODIC,
    PLUGIN,
    QUARANTINED,
    SCIM,
)
from towpath.capabilities.portal.catalog.scim.api import PATH as SCIM_PATH
from towpath.capabilities.portal.catalog.sources.webhooks import PATH as HOOKS_PATH
from towpath.hooks.pages import Answer, LiveWatch, Page, Redirect, Visit
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.showing import get_if_there, in_projects, may, object_page, show_object
from towpath.machinery.conditions import get_condition
from towpath.machinery.errors import BadRequest, NotFound
from towpath.machinery.objects import RawObject

SOURCES = f"{CATALOG}/sources"
SOURCE = f"{SOURCES}/{{namespace}}/{{source}}"
SOURCES_SHOWN = 500
_CHANGES = ("added", "updated", "removed")
_DONE = {
    ACCEPT: "Accepted: the catalogue follows what the source says.",
    UNDO: "Undone: the catalogue has what was there before.",
    REFRESH: "The source is read again.",
}


async def sources(visit: Visit) -> Page:
    projects = visit.viewer.projects
    wanted = None if projects is None else sorted({*projects, SYSTEM_NAMESPACE})
    found = await in_projects(visit.api, CATALOG_SOURCE, wanted, limit=SOURCES_SHOWN)
    rows = sorted((_row(source) for source in found), key=lambda row: (row["well"], row["name"]))
    ill = sum(1 for row in rows if not row["well"])
    held = sum(1 for row in rows if row["held"])
    sentence = ""
    if rows:
        sentence = "All of them are well." if not ill else f"{ill} of {len(rows)} need a look."
        if held:
            sentence += f" {held} hold back what would take too much out of the catalogue."
    return Page("catalog/sources.html", {"rows": rows, "sentence": sentence})


def _row(source: RawObject) -> dict[str, Any]:
    metadata, status = source["metadata"], source.get("status") or {}
    ready = get_condition(source, "Ready") or {}
    held = (get_condition(source, QUARANTINED) or {}).get("status") == "True"
    return {
        "name": metadata["name"],
        "project": metadata["namespace"],
        "href": f"{SOURCES}/{metadata['namespace']}/{metadata['name']}",
        "type": source["spec"]["type"],
        "what": what_of(source),
        "state": state_of(source),
        "message": ready.get("message", "") if ready.get("status") != "True" else "",
        "count": status.get("count", len(status.get("entities") or ())),
        "errors": len(status.get("errors") or ()),
        "changed": status.get("lastChange", ""),
        "changes": changes_of(status),
        "well": ready.get("status") == "True" and not held,
        "held": held,
    }


def state_of(source: RawObject) -> str:
    if (get_condition(source, QUARANTINED) or {}).get("status") == "True":
        return QUARANTINED
    ready = get_condition(source, "Ready")
    if ready is None:
        return "Pending"
    return "Ready" if ready["status"] == "True" else str(ready["reason"])


def what_of(source: RawObject) -> str:
    """What it reads, in a few words."""
    spec = source["spec"]
    if spec["type"] == "git":
        return f"{spec.get('path', '')} in {spec['repository']}"
    if spec["type"] == "discovery":
        discovery = spec.get("discovery") or {}
        where = ", ".join(discovery.get("projects") or [source["metadata"]["namespace"]])
        which = ", ".join(discovery.get("repositories") or ["*"])
        return f"{spec.get('path', '')} in {which} of {where}"
    if spec["type"] == "url":
        targets = spec["url"]["targets"]
        more = f" and {len(targets) - 1} more" if len(targets) > 1 else ""
        return f"{targets[0]}{more}"
    if spec["type"] == "directory":
        return str(spec["directory"]["path"])
    if spec["type"] == ORGANISATION:
        there = spec[ORGANISATION]
        chosen = there.get("repositories") or ["**"]
        which = "all repositories" if chosen == ["**"] else ", ".join(chosen)
        return f"{spec.get('path', '')} in {which} of {there['owner']} on {_host_of(there)}"
    if spec["type"] == SCIM:
        return "people and groups that an identity provider pushes"
    if spec["type"] == LDAP:
        return f"people and groups of {spec[LDAP]['url']}"
    if spec["type"] == PLUGIN:
        return f"{spec[PLUGIN]['source']} of the plug-in {spec[PLUGIN]['plugin']}"
    labels = spec["kubernetes"].get("labels")
    return f"the cluster {spec['kubernetes']['cluster']}" + (f", {labels}" if labels else "")


def _host_of(there: RawObject) -> str:
    return str(there.get("url") or there["host"]).partition("://")[2] or str(there["host"])


def changes_of(status: RawObject) -> str:
    """What its last change was: `3 added, 1 removed`."""
    changes = status.get("changes") or {}
    return ", ".join(f"{changes[name]} {name}" for name in _CHANGES if changes.get(name))


def told_at(source: RawObject) -> str:
    """Where something outside tells of changes; "" where nothing does."""
    metadata, spec = source["metadata"], source["spec"]
    if spec["type"] == SCIM:
        return SCIM_PATH
    if spec["type"] == ORGANISATION and spec[ORGANISATION].get("secret"):
        return f"{HOOKS_PATH}/{metadata['namespace']}/{metadata['name']}"
    return ""


async def source(visit: Visit) -> Page:
    found = await _found(visit)
    metadata, spec, status = found["metadata"], found["spec"], found.get("status") or {}
    may_write = await may(
        visit.api, "patch", CATALOG_SOURCE, metadata["namespace"], metadata["name"]
    )
    refs: Sequence[str] = status.get("entities") or ()
    known = await visit.records.catalog.existing(visit.viewer, list(refs))
    data = {
        "name": metadata["name"],
        "project": metadata["namespace"],
        "is_of_platform": metadata["namespace"] == SYSTEM_NAMESPACE,
        "here": f"{SOURCES}/{metadata['namespace']}/{metadata['name']}",
        "state": state_of(found),
        "what": what_of(found),
        "message": (get_condition(found, "Ready") or {}).get("message", ""),
        "held": status.get("quarantine") or (),
        "quarantined": (get_condition(found, QUARANTINED) or {}).get("message", ""),
        "errors": status.get("errors") or (),
        "count": status.get("count", len(refs)),
        "entities": [(ref, entity_page(ref) if ref in known else "") for ref in refs],
        "status": status,
        "interval": spec.get("interval", "") if spec["type"] in PERIODIC else "",
        "changes": changes_of(status),
        "told_at": told_at(found),
        "rules": sorted({kind for rule in spec.get("rules") or () for kind in rule["allow"]})
        or (["Group", "User"] if spec["type"] in GIVE_PEOPLE else []),
        "may_write": may_write,
        "undoable": status.get("version")
        if status.get("version") not in (spec.get("undone") or ())
        else "",
        "undone": spec.get("undone") or (),
        "shown": show_object(CATALOG_SOURCE, found),
        "object": object_page(CATALOG_SOURCE, metadata["name"], metadata["namespace"]),
    }
    return Page("catalog/source.html", data, title=f"Source {metadata['name']}")


async def _found(visit: Visit) -> RawObject:
    namespace, name = visit.parameters["namespace"], visit.parameters["source"]
    found = await get_if_there(visit.api, CATALOG_SOURCE, name, namespace)
    if found is None:
        raise NotFound(f"there is no catalogue source {namespace}/{name} that you may see")
    return found


async def submit(visit: Visit) -> Answer:
    found = await _found(visit)
    what, version = visit.form.get("do", ""), visit.form.get("version", "")
    if what not in _DONE:
        raise BadRequest(f"do: {what!r} is none of {', '.join(_DONE)}")
    await decide(visit.api, found, what, version)
    metadata = found["metadata"]
    return Redirect(f"{SOURCES}/{metadata['namespace']}/{metadata['name']}", _DONE[what])


def live_sources(visit: Visit) -> Sequence[LiveWatch]:
    if visit.viewer.projects is None:
        return [LiveWatch(CATALOG_SOURCE)]
    return [LiveWatch(CATALOG_SOURCE, project) for project in sorted(visit.viewer.projects)[:20]]


def live_source(visit: Visit) -> Sequence[LiveWatch]:
    parameters = visit.parameters
    return [LiveWatch(CATALOG_SOURCE, parameters["namespace"], parameters["source"])]
