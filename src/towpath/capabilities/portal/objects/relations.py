"""What an object belongs to, and what was made for it.

Owners are in the object. What an object owns is nowhere listed, so it is looked for where makers of
its kind put it, by labels; nothing else of the namespace is read.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from towpath.capabilities.portal.objects.homes import home_of
from towpath.capabilities.portal.objects.places import Place
from towpath.client.protocols import Client
from towpath.hooks.showing import get_if_there, object_page
from towpath.hooks.telling import state_of
from towpath.machinery.core_kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    ENDPOINT_SLICE,
    EVENT,
    JOB,
    POD,
    REPLICA_SET,
    ROLE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
)
from towpath.machinery.errors import StatusError
from towpath.machinery.kinds import GROUP, Resource
from towpath.machinery.objects import RawObject

OWNED_SHOWN = 50
EVENTS_SHOWN = 20
DEFAULT_NAMESPACE = "default"

LabelsOf = Callable[[RawObject], str]


@dataclass(frozen=True, slots=True)
class Related:
    kind: str
    name: str
    href: str
    """"" when the visitor cannot go there."""
    status: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    type: str
    reason: str
    message: str
    count: int
    at: str
    source: str


async def owners_of(place: Place, obj: RawObject) -> list[Related]:
    references = obj["metadata"].get("ownerReferences") or ()
    return list(await asyncio.gather(*(_owner(place, one) for one in references)))


async def _owner(place: Place, reference: RawObject) -> Related:
    kind, name = reference["kind"], reference["name"]
    try:
        resource = await place.api.resolve(reference["apiVersion"], kind)
    except StatusError:
        return Related(kind, name, "")
    namespace = place.namespace if resource.namespaced else ""
    return Related(kind, name, object_page(resource, name, namespace, place.cluster))


def _selector(obj: RawObject) -> str:
    labels = ((obj.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in labels.items())


def _named(label: str) -> LabelsOf:
    return lambda obj: f"{label}={obj['metadata']['name']}"


_POD_MAKERS = {
    ("apps", "replicasets"): ((POD, _selector),),
    ("apps", "statefulsets"): ((POD, _selector),),
    ("apps", "daemonsets"): ((POD, _selector),),
    ("batch", "jobs"): ((POD, _selector),),
}
_OF_PROJECT = _named(f"{GROUP}/project")
_MADE: Mapping[tuple[str, str], Sequence[tuple[Resource, LabelsOf]]] = {
    **_POD_MAKERS,
    ("apps", "deployments"): ((REPLICA_SET, _selector),),
    ("batch", "cronjobs"): ((JOB, lambda _: ""),),
    ("", "services"): ((ENDPOINT_SLICE, _named("kubernetes.io/service-name")),),
    (GROUP, "projects"): (
        (CLUSTER_ROLE, _OF_PROJECT),
        (CLUSTER_ROLE_BINDING, _OF_PROJECT),
        (ROLE, _OF_PROJECT),
        (ROLE_BINDING, _OF_PROJECT),
        (SERVICE_ACCOUNT, _OF_PROJECT),
    ),
}


async def owned_by(place: Place, obj: RawObject) -> list[Related]:
    """What was made for it, as far as the visitor may see that."""
    made = _MADE.get((place.resource.group, place.resource.plural), ())
    lists = await asyncio.gather(*(_found(place, obj, kind, labels) for kind, labels in made))
    composed = await _composed(place, obj)
    return [one for found in (*lists, composed) for one in found][:OWNED_SHOWN]


async def _found(
    place: Place, obj: RawObject, kind: Resource, labels_of: LabelsOf
) -> list[Related]:
    namespace = place.namespace if kind.namespaced else ""
    if kind.namespaced and not namespace:
        namespace = obj["metadata"]["name"]  # what a Project has is in the namespace of its name
    try:
        listed = await place.api.list(kind, namespace, labels=labels_of(obj), limit=500)
    except StatusError:
        return []  # not served there, or not for this visitor
    uid = obj["metadata"].get("uid")
    return [
        related(place, kind, one)
        for one in listed.items
        if any(owner["uid"] == uid for owner in one["metadata"].get("ownerReferences") or ())
    ]


async def _composed(place: Place, obj: RawObject) -> list[Related]:
    """A composite says itself what it is composed of."""
    spec = obj.get("spec")
    crossplane = spec.get("crossplane") if isinstance(spec, dict) else None
    references = crossplane.get("resourceRefs") if isinstance(crossplane, dict) else None
    found = await asyncio.gather(*(_referred(place, one) for one in references or ()))
    return list(found)


async def _referred(place: Place, reference: RawObject) -> Related:
    kind, name = reference["kind"], reference.get("name", "")
    try:
        resource = await place.api.resolve(reference["apiVersion"], kind)
    except StatusError:
        return Related(kind, name, "")
    namespace = reference.get("namespace") or place.namespace
    one = await get_if_there(place.api, resource, name, namespace)
    return related(place, resource, one) if one else Related(kind, name, "")


def related(place: Place, resource: Resource, obj: RawObject) -> Related:
    metadata = obj["metadata"]
    name, namespace = metadata["name"], metadata.get("namespace", "")
    href = home_of(resource, obj, place.cluster)
    return Related(
        resource.kind,
        name,
        href or object_page(resource, name, namespace, place.cluster),
        state_of(obj).word,
    )


async def events_of(api: Client, obj: RawObject) -> list[Happening]:
    """What has happened to it, newest first; nothing where the visitor may not read events."""
    metadata = obj["metadata"]
    namespace = metadata.get("namespace") or DEFAULT_NAMESPACE
    selector = f"involvedObject.uid={metadata.get('uid', '')}"
    try:
        found = (await api.list(EVENT, namespace, fields=selector, limit=200)).items
    except StatusError:
        return []
    told = sorted((_happening(one) for one in found), key=lambda one: one.at, reverse=True)
    return told[:EVENTS_SHOWN]


def _happening(event: RawObject) -> Happening:
    at = event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp")
    source = event.get("source") or {}
    return Happening(
        type=event.get("type") or "Normal",
        reason=event.get("reason") or "",
        message=event.get("message") or "",
        count=int(event.get("count") or 1),
        at=str(at or event["metadata"].get("creationTimestamp") or ""),
        source=source.get("component") or event.get("reportingComponent") or "",
    )
