"""CustomResourceDefinitions: what the server fills in, what it refuses, and what they then serve.

The status conditions are written with the object itself: names are checked against the registry
when the definition is admitted (admission/definitions.py), so a definition that was accepted is
established the moment it is stored.
"""

from collections.abc import Callable
from sys import intern

from msgspec.structs import replace

from towpath.apiserver.kinds.definition_rules import (
    REVIEW_VERSIONS,
    approval_causes,
    change_causes,
    definition_causes,
    stored_version_causes,
)
from towpath.apiserver.registry import (
    Behaviour,
    Conversion,
    ScalePaths,
    Served,
    Shape,
    version_order,
)
from towpath.machinery.causes import invalid_value
from towpath.machinery.conditions import is_true
from towpath.machinery.errors import Cause
from towpath.machinery.kinds import Column, Resource
from towpath.machinery.objects import RawObject

GROUP = "apiextensions.k8s.io"
CLEANUP_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"

ShapeOf = Callable[[str], Shape]
"""What objects of a version look like, by its name."""


def _default(obj: RawObject) -> None:
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    names = spec.setdefault("names", {})
    kind = names.get("kind") or ""
    if kind:
        names.setdefault("singular", kind.lower())
        names.setdefault("listKind", f"{kind}List")
    spec.setdefault("conversion", {"strategy": "None"})
    webhook = spec["conversion"].get("webhook") or {}
    service = (webhook.get("clientConfig") or {}).get("service")
    if isinstance(service, dict):
        service.setdefault("port", 443)
    for version in spec.get("versions") or ():
        for column in version.get("additionalPrinterColumns") or ():
            if column.get("priority") == 0:
                del column["priority"]


def _validate(obj: RawObject, old: RawObject | None) -> list[Cause]:
    spec = obj.get("spec") or {}
    names = spec.get("names") or {}
    causes: list[Cause] = []
    if obj["metadata"].get("name") != f"{names.get('plural') or ''}.{spec.get('group') or ''}":
        why = 'must be spec.names.plural+"."+spec.group'
        causes.append(invalid_value("metadata.name", obj["metadata"].get("name"), why))
    causes += definition_causes(spec, old and old["spec"])
    if old is not None:
        causes += change_causes(spec, old["spec"], established=is_true(old, "Established"))
        stored = (obj.get("status") or {}).get("storedVersions") or ()
        causes += stored_version_causes(stored, spec.get("versions") or ())
    if old is None or not [*approval_causes(old)]:
        causes += approval_causes(obj)
    return causes


CUSTOM_RESOURCE_DEFINITION = Behaviour(
    default=_default, validate=_validate, counts_generations=True
)


_OF_CUSTOM_KINDS = Behaviour(counts_generations=True, metadata_checks=1)


def served_versions(definition: RawObject, shape_of: ShapeOf) -> list[Served]:
    """What an accepted definition serves; while it is being deleted, nothing new."""
    spec = definition["spec"]
    versions = [version for version in spec["versions"] if version.get("served", True)]
    several = len(spec["versions"]) > 1
    storage = next(version["name"] for version in spec["versions"] if version.get("storage"))
    stored_api_version = f"{spec['group']}/{storage}" if several else ""
    terminating = "deletionTimestamp" in definition["metadata"]
    return [
        replace(
            _served(spec, version, stored_api_version, shape_of(version["name"])),
            terminating=terminating,
        )
        for version in versions
    ]


def _served(spec: RawObject, version: RawObject, stored_api_version: str, shape: Shape) -> Served:
    names = spec["names"]
    subresources = version.get("subresources") or {}
    return Served(
        resource=Resource(
            intern(spec["group"]),
            intern(version["name"]),
            names["kind"],
            names["plural"],
            spec["scope"] == "Namespaced",
        ),
        singular=names.get("singular") or names["kind"].lower(),
        list_kind=names.get("listKind") or f"{names['kind']}List",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=tuple(name for name in ("status", "scale") if name in subresources),
        columns=tuple(
            Column(
                column["name"],
                column["jsonPath"],
                column.get("type", "string"),
                column.get("priority", 0),
                column.get("description") or "",
            )
            for column in version.get("additionalPrinterColumns") or ()
        ),
        shape=shape,
        behaviour=_OF_CUSTOM_KINDS,
        custom=True,
        stored_api_version=stored_api_version,
        conversion=_conversion(spec.get("conversion") or {}),
        scale=_scale_paths(subresources.get("scale")),
        deprecation=_deprecation(spec, version),
        selectable_fields=tuple(
            field["jsonPath"].lstrip(".") for field in version.get("selectableFields") or ()
        ),
    )


def _conversion(raw: RawObject) -> Conversion | None:
    if raw.get("strategy") != "Webhook":
        return None
    webhook = raw["webhook"]
    known = (one for one in webhook["conversionReviewVersions"] if one in REVIEW_VERSIONS)
    return Conversion(webhook["clientConfig"], next(known))


def _deprecation(spec: RawObject, version: RawObject) -> str:
    if not version.get("deprecated"):
        return ""
    if words := version.get("deprecationWarning"):
        return str(words)
    kind, order = spec["names"]["kind"], version_order(version["name"])
    better = [
        other["name"]
        for other in spec["versions"]
        if other["served"] and not other.get("deprecated") and version_order(other["name"]) < order
    ]
    words = f"{spec['group']}/{version['name']} {kind} is deprecated"
    if better:
        words += f"; use {spec['group']}/{min(better, key=version_order)} {kind}"
    return words


def _scale_paths(scale: RawObject | None) -> ScalePaths | None:
    if scale is None:
        return None
    return ScalePaths(
        scale["specReplicasPath"].lstrip("."),
        scale["statusReplicasPath"].lstrip("."),
        (scale.get("labelSelectorPath") or "").lstrip("."),
    )
