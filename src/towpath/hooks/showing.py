"""What pages of several capabilities need alike: what the visitor may do, an object as it is, and
the address of its page.

Only an answer of the API says what somebody may do; a page that offers more than that is refused
there, and says so.
"""

import asyncio
import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from towpath.client.protocols import Client
from towpath.hooks.pages import Visit
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.documents import dump_document
from towpath.machinery.errors import StatusError
from towpath.machinery.kinds import GROUP, Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.references import group_ref, person_ref
from towpath.machinery.users import PLATFORM, UserInfo

_REVIEW = Resource(
    "authorization.k8s.io",
    "v1",
    "SelfSubjectAccessReview",
    "selfsubjectaccessreviews",
    namespaced=False,
)


OBJECTS = "/objects"
"""Below it, every object of every API has its page."""

DOCS = "/docs"
"""Below it, what people write about an entity."""

DOCS_FILES = "/api/techdocs/static/docs"
"""Below it, what lies beside the pages: pictures."""

APIS = "/apis"
"""Below it, what APIs of the catalogue offer."""

PLATFORM_PLACE = "platform"
"""What the platform's own API is called in addresses, where a cluster has its name."""

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class ShownObject:
    """One object for the YAML, API and CLI part of a page; see `ui.as_object`."""

    kind: str
    name: str
    yaml: str
    path: str
    """In its API."""
    kubectl: str
    towpath: str
    page: str
    """The address of the page that shows everything about it."""


async def may(
    api: Client, verb: str, resource: Resource, namespace: str = "", name: str = ""
) -> bool:
    """Whether the client's user may do that."""
    attributes = {
        "verb": verb,
        "group": resource.group,
        "resource": resource.plural,
        "namespace": namespace,
        "name": name,
    }
    review = _REVIEW.object("", spec={"resourceAttributes": attributes})
    try:
        answered = await api.create(_REVIEW, review)
    except StatusError:
        return False
    return bool((answered.get("status") or {}).get("allowed"))


def own_references(user: UserInfo) -> tuple[str, ...]:
    """As what a person owns things: themselves and their groups."""
    groups = (group for group in user.groups if not group.startswith("system:"))
    return (person_ref(user.name), *map(group_ref, groups))


def docs_page(kind: str, namespace: str, name: str) -> str:
    """The address of an entity's docs."""
    return "/".join((DOCS, *(quote(part, safe="") for part in (namespace, kind.lower(), name))))


def api_page(namespace: str, name: str) -> str:
    """The address of what an API offers."""
    return "/".join((APIS, *(quote(part, safe="") for part in (namespace, name))))


def list_page(resource: Resource, cluster: str = "") -> str:
    """The address of the page that lists a kind; `cluster` "" is the platform's API."""
    parts = (cluster or PLATFORM_PLACE, resource.group or "core", resource.version, resource.plural)
    return "/".join((OBJECTS, *parts))


def object_page(resource: Resource, name: str, namespace: str = "", cluster: str = "") -> str:
    """`/objects/<cluster>/<group>/<version>/<plural>/<namespace>/<name>`.

    The platform's API is the cluster `platform`, the core group `core`, no namespace is `-`.
    """
    where = namespace if namespace and resource.namespaced else "-"
    return f"{list_page(resource, cluster)}/{where}/{quote(name, safe=':')}"


def without_secrets(resource: Resource, obj: RawObject) -> RawObject:
    """The object as pages may show it: of a Secret, which keys it has and how long their values
    are. Of others, all."""
    if (resource.group, resource.plural) != (SECRET.group, SECRET.plural):
        return obj
    metadata = dict(obj["metadata"])
    annotations = dict(metadata.get("annotations") or {})
    # It holds the values once more, as whoever applied them wrote them.
    if annotations.pop(_APPLIED, None) is not None:
        metadata["annotations"] = annotations
    shown = {**obj, "metadata": metadata}
    shown.pop("stringData", None)
    if obj.get("data"):
        shown["data"] = {key: f"<{secret_size(value)}>" for key, value in obj["data"].items()}
    return shown


def secret_size(encoded: str) -> str:
    """`12 bytes`: all that is told of a value."""
    try:
        count = len(base64.b64decode(encoded))
    except (binascii.Error, ValueError):
        count = len(encoded)
    return "1 byte" if count == 1 else f"{count} bytes"


def show_object(resource: Resource, obj: RawObject, cluster: str = "") -> ShownObject:
    """An object for `ui.as_object`; `cluster` "" is the platform's API."""
    shown = without_secrets(resource, obj)
    metadata = {key: value for key, value in shown["metadata"].items() if key != "managedFields"}
    name, namespace = metadata["name"], metadata.get("namespace", "")
    full = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
    kind = resource.kind or obj["kind"]
    word = kind.lower() if resource.group in ("", GROUP) else full
    where = f" --namespace {namespace}" if namespace else ""
    context = f" --context {cluster}" if cluster else ""
    on_cluster = f" --cluster {cluster}" if cluster else ""
    return ShownObject(
        kind=kind,
        name=name,
        yaml=dump_document({**shown, "metadata": metadata}),
        path=resource.path(namespace, name),
        kubectl=f"kubectl get {full} {name}{where}{context} --output yaml",
        towpath=f"towpath get {word} {name}{where}{on_cluster} --output yaml",
        page=object_page(resource, name, namespace, cluster),
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
    keys = await visit.records.audit.lately(visit.viewer, kind, limit=limit)
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
