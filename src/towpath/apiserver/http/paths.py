"""URL paths of resources, taken apart: `/apis/<g>/<v>/[namespaces/<ns>/]<plural>/...`. Pure."""

from urllib.parse import parse_qs

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
    method: str = scope["method"]
    if path is None:
        return Question(method.lower(), scope["path"])
    verb = OBJECT_VERBS.get(method, "")
    if not path.name:
        is_watch = method == "GET" and boolean(parse_query(scope["query_string"]), "watch")
        verb = "watch" if is_watch else COLLECTION_VERBS.get(verb, verb)
    kind = f"{path.plural}/{path.subresource}" if path.subresource else path.plural
    return Question(verb, "", path.group, kind, path.namespace)


def asked_of(scope: Scope, user: UserInfo, path: ResourcePath | None) -> Asked:
    """A request, as audit policies look at it."""
    method = scope["method"]
    if path is None:
        return Asked(user, method.lower(), scope["path"])
    verb, name = OBJECT_VERBS.get(method, method.lower()), path.name
    if not path.name:
        verb = COLLECTION_VERBS.get(verb, verb)
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if verb == "list" and query.get("watch", [""])[-1].lower() in ("1", "t", "true"):
            verb = "watch"
        name = selected_name(query.get("fieldSelector", [""])[-1])
    return Asked(
        user,
        verb,
        scope["path"],
        path.group,
        path.plural,
        path.subresource,
        path.namespace,
        name,
    )


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
