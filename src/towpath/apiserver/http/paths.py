"""URL paths of resources, taken apart: `/apis/<g>/<v>/[namespaces/<ns>/]<plural>/...`. Pure."""

from msgspec import Struct

from towpath.apiserver.auditing.asked import Asked
from towpath.apiserver.core import selected_name
from towpath.apiserver.flows.matching import Question
from towpath.apiserver.http.query import boolean, parse_query
from towpath.machinery.asgi import Scope
from towpath.machinery.users import UserInfo

NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})


class ResourcePath(Struct, frozen=True):
    """What a path names. `name` is "" for a collection, `subresource` "" for the object itself."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


OBJECT_VERBS = {"GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch"}
OBJECT_VERBS |= {"POST": "create", "DELETE": "delete"}
COLLECTION_VERBS = {"get": "list", "delete": "deletecollection"}


def question_of(scope: Scope, path: ResourcePath | None) -> Question:
    """A request, as FlowSchemas look at it."""
    if path is None:
        return Question(scope["method"].lower(), scope["path"])
    kind = f"{path.plural}/{path.subresource}" if path.subresource else path.plural
    return Question(_verb(scope, path), "", path.group, kind, path.namespace)


def asked_of(scope: Scope, user: UserInfo, path: ResourcePath | None) -> Asked:
    """A request, as audit policies look at it."""
    if path is None:
        return Asked(user, scope["method"].lower(), scope["path"])
    name = path.name
    if not name:
        name = selected_name(parse_query(scope["query_string"]).get("fieldSelector", ""))
    return Asked(
        user,
        _verb(scope, path),
        scope["path"],
        path.group,
        path.plural,
        path.subresource,
        path.namespace,
        name,
    )


def _verb(scope: Scope, path: ResourcePath) -> str:
    """What is going to be done, by the same words of the query that decide it."""
    method: str = scope["method"]
    verb = OBJECT_VERBS.get(method, method.lower())
    if path.name:
        return verb
    if method == "GET" and boolean(parse_query(scope["query_string"]), "watch"):
        return "watch"
    return COLLECTION_VERBS.get(verb, verb)


def parse_resource_path(path: str) -> ResourcePath | None:
    """None when the path is not of a resource: discovery, health, or nothing that we know.

    A namespace's own subresources and everything inside a namespace share a prefix; only `status`
    and `finalize` are the namespace's.
    """
    parts = path.split("/")[1:]
    if parts and parts[-1] == "":
        parts.pop()
    if len(parts) >= 3 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    if not all(rest):
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) >= 3 and rest[2] not in NAMESPACE_SUBRESOURCES:
        namespace, rest = rest[1], rest[2:]
    return ResourcePath(
        group=group,
        version=version,
        plural=rest[0],
        namespace=namespace,
        name=rest[1] if len(rest) > 1 else "",
        subresource="/".join(rest[2:]),
    )
