"""Resources: how an apiVersion and kind become a collection with an address; how we declare ours.

Our kinds are declared as CustomResourceDefinitions and nothing else, so that the embedded API
server and a real one learn them the same way.
"""

from collections.abc import Sequence

from msgspec import Struct

from towpath.machinery.objects import RawObject

GROUP = "towpath.dev"
VERSION = "v1alpha1"


class Resource(Struct, frozen=True):
    """One collection of the API. `group` is "" for the core group."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of the collection, an object in it, or one of its subresources."""
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if namespace and self.namespaced:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/" + "/".join(parts)

    def object(self, name: str, namespace: str = "", **fields: object) -> RawObject:
        """A new object of this kind: `RESOURCE.object("a", "ns", spec={...})`."""
        metadata: RawObject = {"name": name}
        if namespace and self.namespaced:
            metadata["namespace"] = namespace
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": metadata,
            **fields,
        }


class Column(Struct, frozen=True):
    """A printer column of `kubectl get`; `priority` above 0 shows it only with `-o wide`."""

    name: str
    json_path: str
    type: str = "string"
    priority: int = 0
    description: str = ""


AGE = Column("Age", ".metadata.creationTimestamp", "date")


def towpath_resource(kind: str, plural: str, *, namespaced: bool = True) -> Resource:
    return Resource(GROUP, VERSION, kind, plural, namespaced)


def custom_resource_definition(
    resource: Resource,
    *,
    spec: RawObject,
    status: RawObject | None = None,
    columns: Sequence[Column] = (),
    short_names: Sequence[str] = (),
    categories: Sequence[str] = (),
    rules: Sequence[RawObject] = (),
    selectable: Sequence[str] = (),
) -> RawObject:
    """The CRD of one kind with one served version.

    `spec` and `status` are structural OpenAPI v3 schemas; `rules` are x-kubernetes-validations of
    the whole object; `selectable` are paths that a field selector may name. A status schema makes
    the status subresource.
    """
    properties: RawObject = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": {"description": "What is wanted.", **spec},
    }
    schema: RawObject = {"type": "object", "required": ["spec"], "properties": properties}
    if rules:
        schema["x-kubernetes-validations"] = list(rules)
    version: RawObject = {
        "name": resource.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "additionalPrinterColumns": [_printer_column(column) for column in columns],
    }
    if selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in selectable]
    if status is not None:
        properties["status"] = {"description": "What has been found. The platform's.", **status}
        version["subresources"] = {"status": {}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{resource.group}"},
        "spec": {
            "group": resource.group,
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "names": {
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
                "plural": resource.plural,
                "singular": resource.kind.lower(),
                "shortNames": list(short_names),
                "categories": list(categories),
            },
            "versions": [version],
        },
    }


CONDITIONS_SCHEMA: RawObject = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
    "items": {
        "type": "object",
        "required": ["type", "status", "reason", "lastTransitionTime"],
        "properties": {
            "type": {"type": "string"},
            "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
            "reason": {"type": "string"},
            "message": {"type": "string"},
            "lastTransitionTime": {"type": "string", "format": "date-time"},
            "observedGeneration": {"type": "integer"},
        },
    },
}


def _printer_column(column: Column) -> RawObject:
    return {
        "name": column.name,
        "jsonPath": column.json_path,
        "type": column.type,
        "priority": column.priority,
    }
