"""The page of one object: how it is, what it says, what it belongs to, who set what in it."""

import asyncio
from typing import Any
from urllib.parse import urlencode

from towpath.capabilities.portal.objects.homes import delete_page_of, home_of
from towpath.capabilities.portal.objects.places import CORE, Place, place_of
from towpath.capabilities.portal.objects.relations import events_of, owned_by, owners_of
from towpath.client.protocols import ObjectTable
from towpath.hooks.offered_actions import OfferedAction, Thing, offered
from towpath.hooks.pages import Answer, Page, Redirect, Visit
from towpath.hooks.showing import (
    list_page,
    may,
    object_page,
    person,
    secret_size,
    show_object,
    without_secrets,
)
from towpath.hooks.telling import conditions_of, state_of
from towpath.machinery.core_kinds import CONFIG_MAP, SECRET
from towpath.machinery.errors import Conflict, Forbidden, NotFound
from towpath.machinery.fieldsets import paths
from towpath.machinery.kinds import GROUP, Resource
from towpath.machinery.objects import RawObject, annotations_of, labels_of, uid_of
from towpath.records.contract import AuditFilter

TABS = (("", "Overview"), ("yaml", "YAML, API, CLI"), ("fields", "Who set what"))
CHANGES_SHOWN = 15
FIELDS_SHOWN = 60
VALUE_CHARACTERS_MAX = 4000
_TRACKING = "argocd.argoproj.io/tracking-id"
_OFTEN_LONG = ("kubectl.kubernetes.io/last-applied-configuration",)


async def show(visit: Visit) -> Page:
    place = await place_of(visit)
    table = await place.api.table(place.resource, place.namespace, name=place.name)
    tab = visit.parameters.get("tab", "")
    if tab not in dict(TABS):
        raise NotFound(f"an object's page has no part {tab!r}")
    obj = without_secrets(place.resource, table.rows[0].object)
    frame = await _frame(visit, place, obj, tab)
    if tab == "yaml":
        data: dict[str, Any] = {"shown": show_object(place.resource, obj, place.cluster)}
    elif tab == "fields":
        data = {"managers": managers_of(obj), "changes": await _changes(visit, place)}
    else:
        data = await _overview(place, obj, table)
    title = f"{place.name}: {place.resource.kind}"
    return Page("objects/object.html", {**frame, **data}, title=title)


async def _frame(visit: Visit, place: Place, obj: RawObject, tab: str) -> dict[str, Any]:
    """What stands above every part of the page."""
    resource = place.resource
    may_delete, may_edit, offered = await asyncio.gather(
        may(place.api, "delete", resource, place.namespace, place.name),
        may(place.api, "patch", resource, place.namespace, place.name),
        _offered(visit, place, obj),
    )
    base = object_page(resource, place.name, place.namespace, place.cluster)
    state = state_of(obj)
    deleting = bool(obj["metadata"].get("deletionTimestamp"))
    return {
        "name": place.name,
        "kind": resource.kind,
        "crumbs": crumbs(place),
        "state": state.word,
        "sentence": state.sentence or ("" if state.word else silence(resource, obj)),
        "base": base,
        "tab": tab,
        "tabs": [
            {
                "label": label,
                "href": f"{base}?{urlencode({'tab': key})}" if key else base,
                "current": key == tab,
            }
            for key, label in TABS
        ],
        "home": home_of(resource, obj, place.cluster),
        "offered_actions": [] if deleting else offered,
        "may_edit": may_edit and not deleting and not is_secret(resource),
        "delete_href": (delete_page_of(resource, obj, place.cluster) or f"{base}/delete")
        if may_delete and not deleting
        else "",
    }


async def _offered(visit: Visit, place: Place, obj: RawObject) -> list[OfferedAction]:
    """What can be done with an object of a project."""
    project = place.name if place.resource.kind == "Project" else place.namespace
    if place.cluster or not visit.viewer.may_see(project):
        return []
    resource = place.resource
    itself = Thing(resource.api_version, resource.kind, place.name, object=obj)
    return await offered(visit, project, itself)


def crumbs(place: Place) -> list[tuple[str, str]]:
    resource, cluster = place.resource, place.cluster
    found = [("Objects", "/objects")]
    if cluster:
        found.append((f"cluster {cluster}", f"/objects/{cluster}"))
    kinds = list_page(resource, cluster)
    found.append((resource.plural, kinds))
    if place.namespace:
        found.append((place.namespace, f"{kinds}?{urlencode({'namespace': place.namespace})}"))
    return found


def is_secret(resource: Resource) -> bool:
    return (resource.group, resource.plural) == (SECRET.group, SECRET.plural)


def silence(resource: Resource, obj: RawObject) -> str:
    """What to say of what reports nothing about itself."""
    holds = obj.get("data")
    if isinstance(holds, dict):
        keys = "1 key" if len(holds) == 1 else f"{len(holds)} keys"
        return f"It holds {keys}; others read it."
    if resource.group.startswith("rbac."):
        return "It says who may do what; nothing has to be done for it."
    return "It reports no state of its own."


async def _overview(place: Place, obj: RawObject, table: ObjectTable) -> dict[str, Any]:
    metadata = obj["metadata"]
    owners, owned, events = await asyncio.gather(
        owners_of(place, obj), owned_by(place, obj), events_of(place.api, obj)
    )
    labels = labels_of(obj)
    return {
        "facts": _facts(table),
        "conditions": conditions_of(obj),
        "owners": owners,
        "owned": owned,
        "events": events,
        "data": _data(place.resource, obj),
        "is_secret": is_secret(place.resource),
        "namespace": place.namespace,
        "cluster": place.cluster,
        "api_version": f"{place.resource.group or CORE}/{place.resource.version}",
        "created": metadata.get("creationTimestamp", ""),
        "generation": metadata.get("generation", ""),
        "finalizers": metadata.get("finalizers") or [],
        "uid": metadata.get("uid", ""),
        "labels": sorted(labels.items()),
        "annotations": sorted(
            (key, value) for key, value in annotations_of(obj).items() if key not in _OFTEN_LONG
        ),
        "project": labels.get(f"{GROUP}/project", ""),
        "workload": labels.get(f"{GROUP}/workload", ""),
        "from_git": annotations_of(obj).get(_TRACKING, "").partition(":")[0],
    }


def _facts(table: ObjectTable) -> list[tuple[str, str]]:
    """What the API's own table says, but for what the page says anyhow."""
    cells = zip(table.columns, table.rows[0].cells, strict=False)
    return [
        (column_label(column.name), cell_text(cell))
        for column, cell in cells
        if column.name not in ("Name", "Age", "AGE", "Created At") and cell_text(cell)
    ]


def column_label(name: str) -> str:
    """`SYNCED` and `CLUSTER-IP` are shouted by some kinds; a page says `Synced`."""
    return name.capitalize() if name.isupper() and len(name) > 3 else name


def cell_text(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return "" if text in ("<none>", "<nil>", "<unknown>", "<unset>") else text


def _data(resource: Resource, obj: RawObject) -> list[tuple[str, str]]:
    """What a ConfigMap holds; of a Secret, which keys and how long they are."""
    of_these = (CONFIG_MAP.plural, SECRET.plural)
    if resource.group or resource.plural not in of_these:
        return []
    plain = [(key, str(value)[:VALUE_CHARACTERS_MAX]) for key, value in _items(obj, "data")]
    binary = [(key, f"<{secret_size(value)}>") for key, value in _items(obj, "binaryData")]
    return sorted([*plain, *binary])


def _items(obj: RawObject, field: str) -> list[tuple[str, str]]:
    return list((obj.get(field) or {}).items())


def managers_of(obj: RawObject) -> list[dict[str, Any]]:
    """Who set which fields when, as the API keeps account of it; the newest first."""
    told = []
    for entry in obj["metadata"].get("managedFields") or ():
        fields = [path.removeprefix(".") for path in paths(entry.get("fieldsV1") or {})]
        told.append(
            {
                "manager": entry.get("manager", ""),
                "how": "applied" if entry.get("operation") == "Apply" else "wrote",
                "subresource": entry.get("subresource", ""),
                "at": entry.get("time", ""),
                "fields": fields[:FIELDS_SHOWN],
                "more": max(0, len(fields) - FIELDS_SHOWN),
                "count": len(fields),
            }
        )
    return sorted(told, key=lambda one: str(one["at"]), reverse=True)


async def _changes(visit: Visit, place: Place) -> list[dict[str, Any]]:
    """Who wrote it, by the audit trail, which knows people where the API knows programs."""
    resource = place.resource
    kind = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
    where = AuditFilter(
        cluster=place.cluster, resource=kind, namespace=place.namespace, name=place.name
    )
    page = await visit.records.audit.query(visit.viewer, where, limit=CHANGES_SHOWN)
    return [
        {
            "title": one.verb + (f" {one.subresource}" if one.subresource else ""),
            "who": person(one.user),
            "time": one.time_s,
            "text": one.user_agent,
            "status": "Failed" if one.code >= 400 else "Succeeded",
        }
        for one in page.entries
    ]


async def ask_delete(visit: Visit) -> Answer:
    place = await place_of(visit)
    obj = await place.api.get(place.resource, place.name, place.namespace)
    if elsewhere := delete_page_of(place.resource, obj, place.cluster):
        return Redirect(elsewhere)
    return await _delete_form(place, obj)


async def delete(visit: Visit) -> Answer:
    """Only when the name was typed; what is deleted is what was shown."""
    place = await place_of(visit)
    typed = visit.form.get("confirm", "").strip()
    if typed != place.name:
        obj = await place.api.get(place.resource, place.name, place.namespace)
        return await _delete_form(place, obj, f"Type {place.name} to delete it.", status=422)
    try:
        await place.api.delete(
            place.resource, place.name, place.namespace, uid=visit.form.get("uid", "")
        )
    except (Forbidden, Conflict) as error:
        obj = await place.api.get(place.resource, place.name, place.namespace)
        return await _delete_form(place, obj, error.message, status=error.code)
    back = list_page(place.resource, place.cluster)
    query = f"?{urlencode({'namespace': place.namespace})}" if place.namespace else ""
    return Redirect(f"{back}{query}", f"{place.resource.kind} {place.name} is being deleted.")


async def _delete_form(
    place: Place, obj: RawObject, problem: str = "", *, status: int = 200
) -> Page:
    data = {
        "name": place.name,
        "kind": place.resource.kind,
        "crumbs": [
            *crumbs(place),
            (
                place.name,
                object_page(place.resource, place.name, place.namespace, place.cluster),
            ),
        ],
        "base": object_page(place.resource, place.name, place.namespace, place.cluster),
        "uid": uid_of(obj),
        "problem": problem,
        "consequences": await _consequences(place, obj),
    }
    return Page("objects/delete.html", data, status, title=f"Delete {place.name}")


async def _consequences(place: Place, obj: RawObject) -> list[str]:
    told = []
    owned = await owned_by(place, obj)
    if owned:
        names = ", ".join(f"{one.kind} {one.name}" for one in owned[:6])
        more = f" and {len(owned) - 6} more" if len(owned) > 6 else ""
        told.append(f"What was made for it goes along: {names}{more}.")
    if finalizers := obj["metadata"].get("finalizers"):
        told.append(f"It stays until {', '.join(finalizers)} has cleaned up after it.")
    if application := annotations_of(obj).get(_TRACKING, "").partition(":")[0]:
        told.append(
            f"Git says that it should be there: {application} makes it again. "
            "To be rid of it, take it out of the repository."
        )
    elif obj["metadata"].get("ownerReferences"):
        told.append("It was made for another object, which may make it again.")
    told.append("This cannot be undone.")
    return told
