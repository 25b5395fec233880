"""What pages of several capabilities need alike: what the visitor may do, an object as it is.

Only an answer of the API says what somebody may do; a page that offers more than that is refused
there, and says so.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from towpath.client.protocols import Client
from towpath.hooks.pages import Visit
from towpath.machinery.documents import dump_document
from towpath.machinery.errors import StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM
from towpath.records.contract import AuditFilter

_REVIEW = Resource(
    "authorization.k8s.io",
    "v1",
    "SelfSubjectAccessReview",
    "selfsubjectaccessreviews",
    namespaced=False,
)


@dataclass(frozen=True, slots=True)
class ShownObject:
    """One object for the YAML tab: what it is, where it is, and how to get it elsewhere."""

    kind: str
    name: str
    yaml: str
    path: str
    kubectl: str
    towpath: str


async def may(api: Client, verb: str, resource: Resource, namespace: str = "") -> bool:
    """Whether the client's user may do that."""
    attributes = {
        "verb": verb,
        "group": resource.group,
        "resource": resource.plural,
        "namespace": namespace,
    }
    review = _REVIEW.object("", spec={"resourceAttributes": attributes})
    try:
        answered = await api.create(_REVIEW, review)
    except StatusError:
        return False
    return bool((answered.get("status") or {}).get("allowed"))


def show_object(resource: Resource, obj: RawObject) -> ShownObject:
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    name, namespace = metadata["name"], metadata.get("namespace", "")
    full = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
    where = f" --namespace {namespace}" if namespace else ""
    return ShownObject(
        kind=resource.kind,
        name=name,
        yaml=dump_document({**obj, "metadata": metadata}),
        path=resource.path(namespace, name),
        kubectl=f"kubectl get {full} {name}{where} --output yaml",
        towpath=f"towpath get {resource.kind.lower()} {name}{where} --output yaml",
    )


def person(user: str) -> str:
    """Who that is, for people: `the platform`, `pipeline of demo`, `alice`."""
    if user == PLATFORM.name:
        return "the platform"
    account = user.removeprefix("system:serviceaccount:")
    if account != user:
        namespace, _, name = account.partition(":")
        return f"{name} of {namespace}"
    return user


async def in_projects(
    api: Client,
    resource: Resource,
    projects: Sequence[str] | None,
    *,
    fields: str = "",
    limit: int = 0,
) -> list[RawObject]:
    """The objects of all these projects; None asks for all that there are, at once."""
    if projects is None:
        return (await api.list(resource, fields=fields, limit=limit)).items
    lists = await asyncio.gather(
        *(_readable(api, resource, project, fields, limit) for project in projects)
    )
    return [obj for found in lists for obj in found]


async def _readable(
    api: Client, resource: Resource, project: str, fields: str, limit: int
) -> list[RawObject]:
    try:
        return (await api.list(resource, project, fields=fields, limit=limit)).items
    except StatusError:
        return []  # a project that has gone meanwhile, or a right that was taken


async def lately_created(visit: Visit, resource: Resource, limit: int) -> list[RawObject]:
    """The newest objects of a kind that the visitor may see, by the audit trail.

    A list of the API is in the order of names and would have to be read whole.
    """
    kind = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
    where = AuditFilter(cluster="", verb="create", resource=kind)
    page = await visit.records.audit.query(visit.viewer, where, limit=limit)
    keys = dict.fromkeys((one.namespace, one.name) for one in page.entries if one.code < 400)
    found = await asyncio.gather(
        *(get_if_there(visit.api, resource, name, namespace) for namespace, name in keys)
    )
    return [obj for obj in found if obj is not None]


async def get_if_there(
    api: Client, resource: Resource, name: str, namespace: str
) -> RawObject | None:
    """None for what has gone, and for what the visitor may not see."""
    try:
        return await api.get(resource, name, namespace)
    except StatusError:
        return None
