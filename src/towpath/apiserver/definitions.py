"""The registry follows the CustomResourceDefinitions in the store.

It is told inside the commit, before the writer is answered: when `create` of a definition returns,
its resource is served. What its objects look like is read from the stored definition when somebody
asks: of the thousands that may be there most are never used.
"""

from functools import lru_cache

import orjson

from towpath.apiserver.encoding import loads
from towpath.apiserver.kinds.definitions import served_versions
from towpath.apiserver.registry import Registry
from towpath.machinery.conditions import is_true
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas import StructuralSchema, compile_schema
from towpath.machinery.topology import Topology, topology_of
from towpath.store.contract import Event, Store

COLLECTION = "apiextensions.k8s.io/customresourcedefinitions"
SCHEMAS_KEPT = 256


class DeclaredShape:
    """What one version of a stored definition says about its objects. A registry.Shape."""

    __slots__ = ("_made", "_stored", "_version")

    def __init__(self, stored: bytes, version: str) -> None:
        self._stored = stored
        self._version = version
        self._made: tuple[StructuralSchema, Topology] | None = None

    @property
    def openapi(self) -> RawObject:
        return self._parts[0].openapi

    @property
    def schema(self) -> StructuralSchema:
        return self._parts[0]

    @property
    def topology(self) -> Topology:
        return self._parts[1]

    @property
    def _parts(self) -> tuple[StructuralSchema, Topology]:
        if self._made is None:
            versions = loads(self._stored)["spec"]["versions"]
            version = next(one for one in versions if one["name"] == self._version)
            self._made = _made(orjson.dumps(version["schema"]["openAPIV3Schema"]))
        return self._made


@lru_cache(maxsize=SCHEMAS_KEPT)
def _made(openapi: bytes) -> tuple[StructuralSchema, Topology]:
    """Most changes of a definition leave its schema alone."""
    schema = compile_schema(orjson.loads(openapi))
    return schema, topology_of(schema.openapi)


def serve_definitions(store: Store, registry: Registry) -> None:
    """Register what is stored now and whatever changes from now on."""
    for _, stored in store.scan(COLLECTION):
        _serve(registry, stored.value)

    def follow(event: Event) -> None:
        if not event.deleted:
            _serve(registry, event.value)
            return
        definition = loads(event.value)
        if is_true(definition, "NamesAccepted"):
            spec = definition["spec"]
            registry.replace(spec["group"], spec["names"]["plural"], ())

    store.observe(COLLECTION, follow)


def _serve(registry: Registry, stored: bytes) -> None:
    definition = loads(stored)
    if is_true(definition, "NamesAccepted"):
        spec = definition["spec"]
        served = served_versions(definition, lambda version: DeclaredShape(stored, version))
        registry.replace(spec["group"], spec["names"]["plural"], served)
