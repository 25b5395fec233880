"""CustomResourceDefinitions: what the server fills in, what it refuses, and what they then serve.

The status conditions are written with the object itself: names are checked against the registry
when the definition is admitted (admission/definitions.py), so a definition that was accepted is
established the moment it is stored.
"""

from collections.abc import Callable
from dataclasses import replace
from sys import intern

from towpath.apiserver.registry import Behaviour, ScalePaths, Served, Shape
from towpath.machinery.causes import forbidden, invalid_value, required
from towpath.machinery.errors import Cause
from towpath.machinery.kinds import Column, Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas import structural_errors

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
    names.setdefault("singular", kind.lower())
    names.setdefault("listKind", f"{kind}List")
    spec.setdefault("conversion", {"strategy": "None"})
    for version in spec.get("versions") or ():
        for column in version.get("additionalPrinterColumns") or ():
            if column.get("priority") == 0:
                del column["priority"]


def _validate(obj: RawObject, old: RawObject | None) -> list[Cause]:
    spec = obj.get("spec") or {}
    names = spec.get("names") or {}
    causes = [
        required(f"spec.{field}")
        for field, value in (
            ("group", spec.get("group")),
            ("names.plural", names.get("plural")),
            ("names.kind", names.get("kind")),
            ("versions", spec.get("versions")),
        )
        if not value
    ]
    if spec.get("scope") not in ("Namespaced", "Cluster"):
        causes.append(required("spec.scope", "must be Namespaced or Cluster"))
    if causes:
        return causes
    expected = f"{names['plural']}.{spec['group']}"
    if obj["metadata"].get("name") != expected:
        why = 'must be spec.names.plural+"."+spec.group'
        causes.append(invalid_value("metadata.name", obj["metadata"].get("name"), why))
    if "." not in spec["group"]:
        why = "should be a domain with at least one dot"
        causes.append(invalid_value("spec.group", spec["group"], why))
    causes += _validate_versions(spec["versions"])
    if (spec.get("conversion") or {}).get("strategy", "None") != "None":
        why = "conversion webhooks are not implemented here; use strategy None"
        causes.append(forbidden("spec.conversion.strategy", why))
    return causes + (_validate_change(spec, old["spec"]) if old is not None else [])


def _validate_versions(versions: list[RawObject]) -> list[Cause]:
    causes = []
    if sum(bool(version.get("storage")) for version in versions) != 1:
        why = "must have exactly one version marked as storage version"
        causes.append(invalid_value("spec.versions", [v.get("name") for v in versions], why))
    for index, version in enumerate(versions):
        field = f"spec.versions[{index}]"
        if not version.get("name"):
            causes.append(required(f"{field}.name"))
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if not schema:
            causes.append(required(f"{field}.schema.openAPIV3Schema", "schemas are required"))
        else:
            # A kube-apiserver keeps the schema of an only version at an older place.
            place = f"{field}.schema" if len(versions) > 1 else "spec.validation"
            causes += structural_errors(schema, f"{place}.openAPIV3Schema")
    return causes


def _validate_change(spec: RawObject, old: RawObject) -> list[Cause]:
    """What other objects depend on never changes."""
    kept = (
        ("spec.group", spec["group"], old["group"]),
        ("spec.scope", spec["scope"], old["scope"]),
        ("spec.names.plural", spec["names"]["plural"], old["names"]["plural"]),
        ("spec.names.kind", spec["names"]["kind"], old["names"]["kind"]),
    )
    return [
        invalid_value(field, value, "field is immutable")
        for field, value, before in kept
        if value != before
    ]


CUSTOM_RESOURCE_DEFINITION = Behaviour(
    default=_default, validate=_validate, counts_generations=True
)


_OF_CUSTOM_KINDS = Behaviour(counts_generations=True)


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
        scale=_scale_paths(subresources.get("scale")),
        selectable_fields=tuple(
            field["jsonPath"].lstrip(".") for field in version.get("selectableFields") or ()
        ),
    )


def _scale_paths(scale: RawObject | None) -> ScalePaths | None:
    if scale is None:
        return None
    return ScalePaths(
        scale["specReplicasPath"].lstrip("."),
        scale["statusReplicasPath"].lstrip("."),
        (scale.get("labelSelectorPath") or "").lstrip("."),
    )
