"""Discovery: which resources there are, in the old form and the aggregated ones.

Documents are made from the registry and kept until its generation changes. The aggregated forms
are found by their media type, whose parameters the answer must repeat; their ETag saves sending
them again, and an error never carries one.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import orjson

from towpath.apiserver.http.media import parse_accept
from towpath.apiserver.registry import Registry, Served
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject

CUSTOM_VERBS = (
    *("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"),
)
AGGREGATED_GROUP = "apidiscovery.k8s.io"
AGGREGATED_VERSIONS = ("v2", "v2beta1")
AGGREGATED_KIND = "APIGroupDiscoveryList"

Subresource = tuple[tuple[str, str, str], tuple[str, ...]]
"""Group, version and kind of what it takes or gives, and its verbs."""

SUBRESOURCES: dict[str, Subresource] = {
    "scale": (("autoscaling", "v1", "Scale"), ("get", "patch", "update")),
    "token": (("authentication.k8s.io", "v1", "TokenRequest"), ("create",)),
    "eviction": (("policy", "v1", "Eviction"), ("create",)),
    "binding": (("", "v1", "Binding"), ("create",)),
    "exec": (("", "v1", "PodExecOptions"), ("create", "get")),
    "attach": (("", "v1", "PodAttachOptions"), ("create", "get")),
    "portforward": (("", "v1", "PodPortForwardOptions"), ("create", "get")),
}
"""Those that speak of another kind than their parent."""
OWN_KIND: dict[str, tuple[str, ...]] = {
    "approval": ("get", "patch", "update"),
    "status": ("get", "patch", "update"),
    "finalize": ("update",),
    "log": ("get",),
    "ephemeralcontainers": ("get", "patch", "update"),
    "resize": ("get", "patch", "update"),
}


@dataclass(frozen=True)
class Document:
    """A prepared answer."""

    body: bytes
    content_type: bytes = b"application/json"

    @cached_property
    def etag(self) -> bytes:
        return b'"' + hashlib.sha256(self.body).hexdigest().upper().encode() + b'"'


def aggregated_version(accept: str) -> str:
    """Which aggregated form is asked for before plain JSON; "" for the old form."""
    for entry in parse_accept(accept):
        if entry.type not in ("application/json", "application/*", "*/*"):
            continue
        parameters = entry.parameters
        if not parameters:
            return ""
        if parameters.get("g") == AGGREGATED_GROUP and parameters.get("as") == AGGREGATED_KIND:
            version = parameters.get("v", "")
            if version in AGGREGATED_VERSIONS:
                return version
    return ""


class Discovery:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._documents: dict[tuple[str, str], Document] = {}
        self._generation = -1

    def find(self, path: str, accept: str, host: str = "") -> Document:
        """The document at `/api`, `/apis` or below, for who came to `host`. Raises NotFound."""
        if self._generation != self._registry.generation:
            self._documents.clear()
            self._generation = self._registry.generation
        parts = [part for part in path.split("/") if part]
        version = aggregated_version(accept) if len(parts) == 1 else ""
        if parts == ["api"] and not version:
            return Document(orjson.dumps(_api_versions(self._registry.group_versions()[""], host)))
        key = ("/".join(parts), version)
        document = self._documents.get(key)
        if document is None:
            document = self._documents[key] = self._make(parts, version)
        return document

    def _make(self, parts: list[str], version: str) -> Document:
        groups = self._registry.group_versions()
        if version:
            return self._aggregated(parts[0], version)
        match parts:
            case ["apis"]:
                named = {group: groups[group] for group in groups if group}
                return Document(orjson.dumps(_group_list(named)))
            case ["apis", group] if group in groups and group:
                group_object = {
                    "kind": "APIGroup",
                    "apiVersion": "v1",
                    **_group(group, groups[group]),
                }
                return Document(orjson.dumps(group_object))
            case ["api", group_version] if group_version in groups[""]:
                return Document(orjson.dumps(self._resources("", group_version)))
            case ["apis", group, group_version] if group and group_version in groups.get(group, ()):
                return Document(orjson.dumps(self._resources(group, group_version)))
        raise NotFound("the server could not find the requested resource")

    def _served(self, group: str, version: str) -> list[Served]:
        found = [
            served
            for served in self._registry.all()
            if (served.resource.group, served.resource.version) == (group, version)
        ]
        return sorted(found, key=lambda served: served.resource.plural)

    def _resources(self, group: str, version: str) -> RawObject:
        return {
            "kind": "APIResourceList",
            # Of the oldest group it is left out, and old clients know it so.
            **({"apiVersion": "v1"} if group else {}),
            "groupVersion": f"{group}/{version}" if group else version,
            "resources": [
                entry
                for served in self._served(group, version)
                for entry in (_resource(served), *_subresources(served, _sub_resource))
            ],
        }

    def _aggregated(self, root: str, version: str) -> Document:
        groups = {
            group: versions
            for group, versions in self._registry.group_versions().items()
            if bool(group) == (root == "apis")
        }
        items = [
            {
                "metadata": {"name": group} if group else {},
                "versions": [
                    {
                        "version": group_version,
                        "resources": [
                            _aggregated_resource(served)
                            for served in self._served(group, group_version)
                        ],
                        "freshness": "Current",
                    }
                    for group_version in versions
                ],
            }
            for group, versions in groups.items()
        ]
        document = {
            "kind": AGGREGATED_KIND,
            "apiVersion": f"{AGGREGATED_GROUP}/{version}",
            "metadata": {},
            "items": items,
        }
        content_type = (
            f"application/json;g={AGGREGATED_GROUP};v={version};as={AGGREGATED_KIND}".encode()
        )
        return Document(orjson.dumps(document), content_type)


def _api_versions(versions: list[str], host: str) -> RawObject:
    address = {"clientCIDR": "0.0.0.0/0", "serverAddress": host}
    return {"kind": "APIVersions", "versions": versions, "serverAddressByClientCIDRs": [address]}


def _group_list(groups: dict[str, list[str]]) -> RawObject:
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(group, versions) for group, versions in groups.items()],
    }


def _group(group: str, versions: list[str]) -> RawObject:
    entries = [{"groupVersion": f"{group}/{name}", "version": name} for name in versions]
    return {"name": group, "versions": entries, "preferredVersion": entries[0]}


def _verbs(served: Served) -> list[str]:
    """In Kubernetes' order, which for kinds of our own is another one."""
    if not served.custom:
        return list(served.verbs)
    return [verb for verb in CUSTOM_VERBS if verb in served.verbs]


def _resource(served: Served) -> RawObject:
    resource = served.resource
    entry: RawObject = {
        "name": resource.plural,
        "singularName": served.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _verbs(served),
    }
    if served.short_names:
        entry["shortNames"] = list(served.short_names)
    if served.categories:
        entry["categories"] = list(served.categories)
    if "get" in served.verbs:
        entry["storageVersionHash"] = _storage_version_hash(served)
    return entry


def _storage_version_hash(served: Served) -> str:
    """Tells clients that move stored objects whether the version they are stored in has changed."""
    resource = served.resource
    version = served.stored_api_version.rpartition("/")[2] or resource.version
    text = f"{resource.group}/{version}/{resource.kind}"
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()


def _subresources(
    served: Served, make: Callable[[Served, str, Subresource], RawObject]
) -> list[RawObject]:
    resource = served.resource
    own = (resource.group, resource.version, resource.kind)
    return [
        make(served, name, SUBRESOURCES.get(name) or (own, OWN_KIND.get(name, ("get",))))
        for name in (served.subresources if served.custom else sorted(served.subresources))
    ]


def _sub_resource(served: Served, name: str, subresource: Subresource) -> RawObject:
    (group, version, kind), verbs = subresource
    resource = served.resource
    entry: RawObject = {
        "name": f"{resource.plural}/{name}",
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": kind,
        "verbs": list(verbs),
    }
    if (group, version) != (resource.group, resource.version):
        entry |= {"group": group, "version": version}
    return entry


def _aggregated_resource(served: Served) -> RawObject:
    resource = served.resource
    entry: RawObject = {
        "resource": resource.plural,
        "responseKind": _kind(served, resource.group, resource.version, resource.kind),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": served.singular,
        "verbs": _verbs(served),
    }
    if served.short_names:
        entry["shortNames"] = list(served.short_names)
    if served.categories:
        entry["categories"] = list(served.categories)
    if served.subresources:
        entry["subresources"] = _subresources(served, _aggregated_subresource)
    return entry


def _aggregated_subresource(served: Served, name: str, subresource: Subresource) -> RawObject:
    kind, verbs = subresource
    return {"subresource": name, "responseKind": _kind(served, *kind), "verbs": list(verbs)}


def _kind(served: Served, group: str, version: str, kind: str) -> RawObject:
    """Of a built-in kind, group and version are only told where they are others."""
    resource = served.resource
    if not served.custom and (group, version) == (resource.group, resource.version):
        group = version = ""
    return {"group": group, "version": version, "kind": kind}
