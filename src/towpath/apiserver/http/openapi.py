"""OpenAPI: version 3 for each group version, from the schemas of the registry; version 2 from
those.

Clients keep a document as long as its hash stays, so the hash is of the schemas alone. Paths are
there for what clients look up in them: the kind behind a path, and that writes know
`fieldValidation`. Built-in kinds have their schemas in machinery; they are loaded on first use.
"""

import hashlib
from collections.abc import Iterable

import orjson

from towpath.apiserver.http.discovery import Document
from towpath.apiserver.http.fixed import towpath_version
from towpath.apiserver.http.operations import GVK, META_PREFIX, REFERENCE, paths_of
from towpath.apiserver.http.swagger import swagger
from towpath.apiserver.registry import Registry, Served
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject

GNOSTIC_ACCEPT = "proto-openapi.spec.v2@v1.0+protobuf"
GNOSTIC_TYPE = b"application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

V2, V2_GNOSTIC = "v2", "v2 in protobuf"
HASH_LENGTH = 32


class OpenApi:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._generation = -1
        self._documents: dict[str, Document] = {}
        self._hashes: dict[str, str] = {}

    def v2(self, accept: str) -> Document:
        self._forget_what_is_old()
        if GNOSTIC_ACCEPT in accept:
            if V2_GNOSTIC not in self._documents:
                # Loaded for clients that ask for it, which are few.
                from towpath.apiserver.http.gnostic import document

                self._documents[V2_GNOSTIC] = Document(document(self._swagger()), GNOSTIC_TYPE)
            return self._documents[V2_GNOSTIC]
        if V2 not in self._documents:
            self._documents[V2] = Document(orjson.dumps(self._swagger()))
        return self._documents[V2]

    def _swagger(self) -> RawObject:
        info = {"title": "Towpath", "version": towpath_version()}
        documents = [self._document(served) for served in self._group_versions().values()]
        return swagger(documents, info)

    def v3(self, path: str) -> Document:
        """The index at `/openapi/v3`, and the documents that it names. Raises NotFound."""
        self._forget_what_is_old()
        name = path.removeprefix("/openapi/v3").strip("/")
        document = self._documents.get(name)
        if document is None:
            document = self._documents[name] = self._index() if not name else self._make(name)
        return document

    def _forget_what_is_old(self) -> None:
        if self._generation != self._registry.generation:
            self._documents.clear()
            self._hashes.clear()
            self._generation = self._registry.generation

    def _index(self) -> Document:
        paths = {
            name: {"serverRelativeURL": f"/openapi/v3/{name}?hash={self._hash(name, served)}"}
            for name, served in self._group_versions().items()
        }
        return Document(orjson.dumps({"paths": paths}))

    def _make(self, name: str) -> Document:
        served = self._group_versions().get(name)
        if served is None:
            raise NotFound(f"there is no OpenAPI document {name}; see /openapi/v3")
        return Document(orjson.dumps(self._document(served)))

    def _group_versions(self) -> dict[str, list[Served]]:
        found: dict[str, list[Served]] = {}
        for served in self._registry.all():
            resource = served.resource
            root = "apis" if resource.group else "api"
            found.setdefault(f"{root}/{resource.api_version}", []).append(served)
        return found

    def _hash(self, name: str, served: Iterable[Served]) -> str:
        if name not in self._hashes:
            digest = hashlib.sha256(towpath_version().encode())
            for one in sorted(served, key=lambda each: each.resource.plural):
                digest.update(repr((one.resource, one.subresources)).encode())
                digest.update(orjson.dumps(one.openapi))
            self._hashes[name] = digest.hexdigest()[:HASH_LENGTH].upper()
        return self._hashes[name]

    def _document(self, served: list[Served]) -> RawObject:
        from towpath.machinery.builtins import (
            definition_of,
            meta_schemas,
            openapi_schemas,
            scale_schemas,
        )

        resource = served[0].resource
        schemas: dict[str, RawObject] = dict(meta_schemas())
        if any(not one.custom for one in served):
            schemas |= openapi_schemas(resource.group, resource.version)
        paths: RawObject = {}
        for one in served:
            if one.custom:
                schemas |= _custom_schemas(one)
            if "scale" in one.subresources:
                schemas |= scale_schemas()
            paths |= paths_of(one, schema_name(one) if one.custom else definition_of(one.resource))
        return {
            "openapi": "3.0.0",
            "info": {"title": "Towpath", "version": towpath_version()},
            "paths": paths,
            "components": {"schemas": schemas},
        }


def schema_name(served: Served) -> str:
    """`dev.towpath.v1alpha1.Workload`, as Kubernetes names the schema of a custom kind."""
    resource = served.resource
    reversed_group = ".".join(reversed(resource.group.split(".")))
    return f"{reversed_group}.{resource.version}.{resource.kind}"


def _custom_schemas(served: Served) -> dict[str, RawObject]:
    resource = served.resource
    name = schema_name(served)
    declared = served.openapi or {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    own = dict(declared)
    own["properties"] = {
        **(declared.get("properties") or {}),
        "apiVersion": _text("The version of the schema of this object."),
        "kind": _text("The kind of this object."),
        "metadata": {"allOf": [{"$ref": f"{REFERENCE}{META_PREFIX}ObjectMeta"}]},
    }
    own[GVK] = [kind]
    listed = {
        "type": "object",
        "description": f"{served.list_kind} is a list of {resource.kind}.",
        "required": ["items"],
        "properties": {
            "apiVersion": _text("The version of the schema of this object."),
            "kind": _text("The kind of this object."),
            "metadata": {"$ref": f"{REFERENCE}{META_PREFIX}ListMeta"},
            "items": {"type": "array", "items": {"$ref": REFERENCE + name}},
        },
        GVK: [{**kind, "kind": served.list_kind}],
    }
    return {name: own, f"{name}List": listed}


def _text(description: str) -> RawObject:
    return {"type": "string", "description": description}
