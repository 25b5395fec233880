"""The built-in resources as they are served: machinery's tables and the behaviours of `kinds/`.

Authentication and authorisation reviews are virtual: they are created and never stored, so they
are here for discovery and answered by the wire's authn and authz.
"""

from towpath.apiserver.kinds import behaviour_of
from towpath.apiserver.registry import KnownShape, ScalePaths, Served
from towpath.machinery import builtins
from towpath.machinery.builtins import BuiltinKind

_SCALE = ScalePaths("spec.replicas", "status.replicas", "spec.selector")


def _served(kind: BuiltinKind) -> Served:
    return Served(
        resource=kind.resource,
        singular=kind.singular,
        list_kind=f"{kind.resource.kind}List",
        short_names=kind.short_names,
        categories=kind.categories,
        subresources=kind.subresources,
        verbs=kind.verbs,
        shape=KnownShape(builtins.topology(kind), builtins.schema(kind)),
        behaviour=behaviour_of(kind.resource.kind),
        scale=_SCALE if "scale" in kind.subresources else None,
    )


def builtin_resources() -> list[Served]:
    return [_served(kind) for kind in builtins.BUILTINS]
