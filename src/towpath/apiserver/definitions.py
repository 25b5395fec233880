"""The registry follows the CustomResourceDefinitions in the store.

It is told inside the commit, before the writer is answered: when `create` of a definition returns,
its resource is served.
"""

import logging
from functools import lru_cache

import orjson

from towpath.apiserver.encoding import loads
from towpath.apiserver.kinds.definitions import served_versions
from towpath.apiserver.registry import Registry
from towpath.apiserver.schema import Schema
from towpath.machinery.conditions import is_true
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas import compile_schema
from towpath.store.contract import Event, Store

log = logging.getLogger(__name__)

COLLECTION = "apiextensions.k8s.io/customresourcedefinitions"
SCHEMAS_KEPT = 256


def serve_definitions(store: Store, registry: Registry) -> None:
    """Register what is stored now and whatever changes from now on."""
    for _, stored in store.scan(COLLECTION):
        _serve(registry, loads(stored.value))

    def follow(event: Event) -> None:
        definition = loads(event.value)
        if event.deleted and is_true(definition, "NamesAccepted"):
            spec = definition["spec"]
            registry.replace(spec["group"], spec["names"]["plural"], ())
        elif not event.deleted:
            _serve(registry, definition)

    store.observe(COLLECTION, follow)


def _serve(registry: Registry, definition: RawObject) -> None:
    spec = definition["spec"]
    if not is_true(definition, "NamesAccepted"):
        return
    served = served_versions(definition, compiled)
    registry.replace(spec["group"], spec["names"]["plural"], served)


def compiled(openapi: RawObject) -> Schema:
    """The schema compiled; most changes of a definition leave its schema alone."""
    return _compiled(orjson.dumps(openapi))


@lru_cache(maxsize=SCHEMAS_KEPT)
def _compiled(openapi: bytes) -> Schema:
    return compile_schema(orjson.loads(openapi))
