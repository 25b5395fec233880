"""From a CompositeResourceDefinition to the CustomResourceDefinition of its composites.

Crossplane's own fields sit under `spec.crossplane` and `status`, beside what the author wrote.
Source: crossplane/crossplane internal/xcrd (v2 composites).
"""

import copy
from typing import Any

from towpath.capabilities.infrastructure.compositions.kinds import DEFINITION
from towpath.machinery.kinds import CONDITIONS_SCHEMA
from towpath.machinery.objects import RawObject, owner_reference

_NAME_REFERENCE: RawObject = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}},
}
_SELECTOR: RawObject = {
    "type": "object",
    "required": ["matchLabels"],
    "properties": {"matchLabels": {"type": "object", "additionalProperties": {"type": "string"}}},
}
_RESOURCE_REFERENCES: RawObject = {
    "type": "array",
    "x-kubernetes-list-type": "atomic",
    "items": {
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "name": {"type": "string"},
            "namespace": {"type": "string"},
        },
    },
}
_MACHINERY: RawObject = {
    "type": "object",
    "properties": {
        "compositionRef": _NAME_REFERENCE,
        "compositionSelector": _SELECTOR,
        "compositionRevisionRef": _NAME_REFERENCE,
        "compositionRevisionSelector": _SELECTOR,
        "compositionUpdatePolicy": {"type": "string", "enum": ["Automatic", "Manual"]},
        "resourceRefs": _RESOURCE_REFERENCES,
    },
}


def composite_crd(definition: RawObject) -> RawObject:
    """The CRD that serves the composites of one XRD, owned by it."""
    spec = definition["spec"]
    names = spec["names"]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{names['plural']}.{spec['group']}",
            "ownerReferences": [
                owner_reference({**definition, "apiVersion": DEFINITION.api_version})
            ],
        },
        "spec": {
            "group": spec["group"],
            "scope": spec.get("scope", "Namespaced"),
            "names": {
                "singular": names["kind"].lower(),
                "listKind": f"{names['kind']}List",
                **names,
                "categories": sorted({"composite", *names.get("categories", ())}),
            },
            "versions": [_version(version) for version in spec["versions"]],
        },
    }


def _version(version: RawObject) -> RawObject:
    return {
        "name": version["name"],
        "served": version["served"],
        "storage": version["referenceable"],
        "schema": {"openAPIV3Schema": _schema(version)},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            _condition_column("SYNCED", "Synced"),
            _condition_column("READY", "Ready"),
            {
                "name": "COMPOSITION",
                "type": "string",
                "jsonPath": ".spec.crossplane.compositionRef.name",
            },
            *version.get("additionalPrinterColumns", ()),
            {"name": "AGE", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ],
    }


def _condition_column(name: str, condition: str) -> RawObject:
    path = f".status.conditions[?(@.type=='{condition}')].status"
    return {"name": name, "type": "string", "jsonPath": path}


def _schema(version: RawObject) -> RawObject:
    schema: RawObject = copy.deepcopy(version.get("schema", {}).get("openAPIV3Schema") or {})
    schema["type"] = "object"
    schema.setdefault("required", ["spec"])
    properties = schema.setdefault("properties", {})
    properties["apiVersion"] = {"type": "string"}
    properties["kind"] = {"type": "string"}
    # The composite's name becomes a label value, which is at most 63 characters long.
    properties["metadata"] = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 63}},
    }
    _object(properties, "spec")["crossplane"] = _MACHINERY
    _object(properties, "status").update(
        conditions=CONDITIONS_SCHEMA,
        observedGeneration={"type": "integer"},
        crossplane={"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    )
    return schema


def _object(properties: RawObject, name: str) -> dict[str, Any]:
    """The `properties` of an object-typed property, made where the author left it out."""
    schema = properties.setdefault(name, {"type": "object"})
    schema["type"] = "object"
    inner: dict[str, Any] = schema.setdefault("properties", {})
    return inner
