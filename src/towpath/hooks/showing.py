"""What pages of several capabilities need alike: what the visitor may do, an object as it is.

Only an answer of the API says what somebody may do; a page that offers more than that is refused
there, and says so.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from towpath.client.protocols import Client
from towpath.machinery.documents import dump_document
from towpath.machinery.errors import StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM

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
    api: Client, resource: Resource, projects: Sequence[str] | None
) -> list[RawObject]:
    """The objects of all these projects; None asks for all that there are, at once."""
    if projects is None:
        return (await api.list(resource)).items
    lists = await asyncio.gather(*(_readable(api, resource, project) for project in projects))
    return [obj for found in lists for obj in found]


async def _readable(api: Client, resource: Resource, project: str) -> list[RawObject]:
    try:
        return (await api.list(resource, project)).items
    except StatusError:
        return []  # a project that has gone meanwhile, or a right that was taken
