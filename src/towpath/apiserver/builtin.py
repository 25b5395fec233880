"""The built-in resources as they are served: machinery's tables and the behaviours of `kinds/`.

Authentication and authorisation reviews are virtual: they are created and never stored, so they
are here for discovery and answered by the wire's authn and authz.
"""

from typing import Any

from msgspec import Struct

from towpath.apiserver.kinds import behaviour_of
from towpath.apiserver.kinds.workloads import autoscalers
from towpath.apiserver.registry import OwnConversion, ScalePaths, Served
from towpath.machinery import builtins
from towpath.machinery.builtins import BuiltinKind, BuiltinSchema
from towpath.machinery.topology import Topology

_SCALE = ScalePaths("spec.replicas", "status.replicas", "spec.selector")


class _Shape(Struct, frozen=True):
    """Worked out of the tables with the first object of the kind: a start needs few of them."""

    kind: BuiltinKind
    openapi: None = None

    @property
    def topology(self) -> Topology:
        return builtins.topology(self.kind)

    @property
    def schema(self) -> BuiltinSchema:
        return builtins.schema(self.kind)


def _served(kind: BuiltinKind) -> Served:
    return Served(
        resource=kind.resource,
        singular=kind.singular,
        list_kind=f"{kind.resource.kind}List",
        short_names=kind.short_names,
        categories=kind.categories,
        subresources=kind.subresources,
        verbs=kind.verbs,
        deprecation=kind.deprecation,
        shape=_Shape(kind),
        behaviour=behaviour_of(kind.resource.kind),
        scale=_SCALE if "scale" in kind.subresources else None,
        **_versions(kind),
    )


def _versions(kind: BuiltinKind) -> dict[str, Any]:
    if kind.resource.kind != "HorizontalPodAutoscaler":
        return {}
    return {
        "stored_api_version": autoscalers.NEW,
        "conversion": OwnConversion(autoscalers.convert),
    }


def builtin_resources() -> list[Served]:
    return [_served(kind) for kind in builtins.BUILTINS]
