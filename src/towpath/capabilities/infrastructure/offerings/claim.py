"""The page of one claim: how it is, what it is composed of, who uses it, what happens to its data.

Of what opens it, the page says where it is and under which keys, never what.
"""

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from towpath.capabilities.infrastructure.offerings.kinds import GROUP
from towpath.capabilities.infrastructure.offerings.offered import Offering, offering_of
from towpath.hooks.pages import Answer, LiveWatch, Page, Redirect, Visit
from towpath.hooks.showing import get_if_there, may, object_page, show_object
from towpath.hooks.telling import conditions_of, state_of
from towpath.machinery.core_kinds import EVENT, SECRET
from towpath.machinery.errors import Conflict, Forbidden, NotFound, StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, annotations_of, labels_of, uid_of

PATH = "/infrastructure/{project}/{plural}/{name}"
ENVIRONMENT_LABEL = "towpath.dev/environment"
WORKLOAD_LABEL = "towpath.dev/workload"
WELL = ("Ready", "Available")
EVENTS_SHOWN = 10
CONNECTION_SUFFIX = "-connection"
KEYS = ("host", "port", "name", "username", "password")
_TRACKING = "argocd.argoproj.io/tracking-id"
_POLICIES = {
    "Delete": "deleted with its data",
    "Orphan": "the claim goes, the data stays in the server",
}


def address(project: str, plural: str, name: str) -> str:
    return f"/infrastructure/{project}/{plural}/{name}"


async def show(visit: Visit) -> Page:
    offering, claim = await _read(visit)
    project, name = visit.parameters["project"], visit.parameters["name"]
    resource = offering.resource
    composed, events, may_delete, connection = await asyncio.gather(
        _composed(visit, claim),
        _events(visit, claim),
        may(visit.api, "delete", resource, project, name),
        _connection(visit, project, name),
    )
    labels, state = labels_of(claim), state_of(claim)
    spec = claim.get("spec") or {}
    data = {
        "project": project,
        "name": name,
        "title_shown": name,
        "kind": offering.title,
        "base": address(project, resource.plural, name),
        "state": state.word or "Pending",
        "sentence": state.sentence or _silence(state.word),
        "facts": _facts(offering, spec),
        "workload": labels.get(WORKLOAD_LABEL, ""),
        "environment": labels.get(ENVIRONMENT_LABEL, ""),
        "created": claim["metadata"].get("creationTimestamp", ""),
        "policy": _POLICIES.get(spec.get("deletionPolicy", ""), ""),
        "composition": ((spec.get("crossplane") or {}).get("compositionRef") or {}).get("name", ""),
        "composed": composed,
        "conditions": conditions_of(claim),
        "events": events,
        "connection": connection,
        "from_git": annotations_of(claim).get(_TRACKING, "").partition(":")[0],
        "may_delete": may_delete and not claim["metadata"].get("deletionTimestamp"),
        "shown": show_object(resource, claim),
    }
    return Page("offerings/claim.html", data, title=name)


def _silence(word: str) -> str:
    return "It can be used." if word in WELL else "It waits for its composition."


async def _read(visit: Visit) -> tuple[Offering, RawObject]:
    """Raises NotFound for what the visitor may not see, as for what is not there."""
    project, name = visit.parameters["project"], visit.parameters["name"]
    if not visit.viewer.may_see(project):
        raise NotFound(f"there is no claim {name} in {project}, or you are not a member")
    offering = await offering_of(visit.api, visit.parameters["plural"])
    return offering, await visit.api.get(offering.resource, name, project)


def _facts(offering: Offering, spec: RawObject) -> list[tuple[str, str]]:
    """What was asked for, by the names that the offering gives its fields."""
    fields = offering.schema.get("properties") or {}
    return [
        (field.get("title") or _spaced(key), str(spec[key]))
        for key, field in fields.items()
        if key in spec and not isinstance(spec[key], dict | list) and key != "deletionPolicy"
    ]


def _spaced(key: str) -> str:
    text = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in key)
    return text[:1].upper() + text[1:]


async def _composed(visit: Visit, claim: RawObject) -> list[dict[str, Any]]:
    """The objects that it is made of, each with how it is."""
    spec = claim.get("spec") or {}
    references = (spec.get("crossplane") or {}).get("resourceRefs") or ()
    namespace = claim["metadata"]["namespace"]
    return list(await asyncio.gather(*(_node(visit, one, namespace) for one in references)))


async def _node(visit: Visit, reference: RawObject, namespace: str) -> dict[str, Any]:
    kind, name = reference["kind"], reference.get("name", "")
    node: dict[str, Any] = {"kind": kind, "name": name, "status": "", "href": "", "detail": ""}
    try:
        resource = await visit.api.resolve(reference["apiVersion"], kind)
    except StatusError:
        return node
    found = await get_if_there(visit.api, resource, name, reference.get("namespace") or namespace)
    if found is None:
        return {**node, "detail": "not there, or not yours to see"}
    state = state_of(found)
    return {
        **node,
        "status": state.word,
        "detail": "" if state.word in WELL else state.sentence,
        "href": object_page(resource, name, found["metadata"].get("namespace", "")),
    }


async def _events(visit: Visit, claim: RawObject) -> list[dict[str, Any]]:
    selector = f"involvedObject.uid={uid_of(claim)}"
    try:
        found = await visit.api.list(
            EVENT, claim["metadata"]["namespace"], fields=selector, limit=100
        )
    except StatusError:
        return []
    told = [
        {
            "title": one.get("reason", ""),
            "text": one.get("message", ""),
            "time": one.get("lastTimestamp") or one["metadata"].get("creationTimestamp", ""),
            "status": "Degraded" if one.get("type") == "Warning" else "",
        }
        for one in found.items
    ]
    return sorted(told, key=lambda one: str(one["time"]), reverse=True)[:EVENTS_SHOWN]


async def _connection(visit: Visit, project: str, name: str) -> dict[str, Any]:
    """Where it says how to connect: the Secret, its keys, and whether the visitor may look."""
    secret = f"{name}{CONNECTION_SUFFIX}"
    found = await get_if_there(visit.api, SECRET, secret, project)
    keys: Sequence[str] = sorted(found.get("data") or {}) if found else KEYS
    href = object_page(SECRET, secret, project) if found else ""
    return {"secret": secret, "keys": keys, "href": href}


async def ask_delete(visit: Visit) -> Page:
    return await _delete_form(visit)


async def delete(visit: Visit) -> Answer:
    """Only when the name was typed; what is deleted is what was shown."""
    project, name = visit.parameters["project"], visit.parameters["name"]
    if visit.form.get("confirm", "").strip() != name:
        return await _delete_form(visit, f"Type {name} to delete it.", status=422)
    offering = await offering_of(visit.api, visit.parameters["plural"])
    try:
        await visit.api.delete(offering.resource, name, project, uid=visit.form.get("uid", ""))
    except (Forbidden, Conflict) as error:
        return await _delete_form(visit, error.message, status=error.code)
    query = urlencode({"project": project})
    return Redirect(f"/infrastructure?{query}", f"{name} is being deleted.")


async def _delete_form(visit: Visit, problem: str = "", *, status: int = 200) -> Page:
    offering, claim = await _read(visit)
    name = claim["metadata"]["name"]
    data = {
        "name": name,
        "kind": offering.title,
        "base": address(claim["metadata"]["namespace"], offering.resource.plural, name),
        "problem": problem,
        "uid": uid_of(claim),
        "consequences": _consequences(claim),
    }
    return Page("offerings/delete.html", data, status, title=f"Delete {name}")


def _consequences(claim: RawObject) -> list[str]:
    labels, spec = labels_of(claim), claim.get("spec") or {}
    told = []
    if workload := labels.get(WORKLOAD_LABEL):
        stage = labels.get(ENVIRONMENT_LABEL, "its environment")
        told.append(f"{workload} in {stage} uses it and stops working without it.")
    if spec.get("deletionPolicy") == "Orphan":
        told.append("Its data stays in the server; an administrator can hand it out again.")
    else:
        told.append("Its data is deleted with it, and cannot be brought back.")
    if application := annotations_of(claim).get(_TRACKING, "").partition(":")[0]:
        told.append(
            f"Git says that it should be there: {application} makes a new and empty one. To be "
            "rid of it, take the resource out of score.yaml."
        )
    return told


def live(visit: Visit) -> Sequence[LiveWatch]:
    # Which version serves it is known by the API alone; offerings of ours have one.
    kind = Resource(GROUP, "v1alpha1", "", visit.parameters["plural"])
    return (LiveWatch(kind, visit.parameters["project"], visit.parameters["name"]),)
