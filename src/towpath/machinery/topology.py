"""The shape of objects as merging sees it: which lists are sets or maps, what is atomic.

Server-side apply and strategic merge patch both work on this tree. It comes from a schema's
x-kubernetes-* extensions; where no schema says anything the shape is deduced from the values:
objects are granular maps, lists are atomic.
"""

from typing import Any

from msgspec import Struct, field

from towpath.machinery.objects import RawObject


class Topology(Struct, eq=False):
    """One place in an object. `fields` beats `elements`; both empty means deduced."""

    fields: dict[str, "Topology"] = field(default_factory=dict)
    elements: "Topology | None" = None
    """What lies below a list's items, a map's values, or fields that no name is known for."""
    atomic: bool = False
    """A map or object that has one owner as a whole."""
    list_type: str = "atomic"
    keys: tuple[str, ...] = ()
    """Keys of a list_type `map`."""
    key_defaults: dict[str, Any] = field(default_factory=dict)
    merge_key: str = ""
    """Strategic merge patch: the field that identifies an item."""
    merges: bool = False
    """Strategic merge patch: patches of this list are merged into it instead of replacing it."""
    retain_keys: bool = False

    def below(self, name: str) -> "Topology":
        found = self.fields.get(name)
        if found is not None:
            return found
        return self.elements or DEDUCED

    @property
    def items(self) -> "Topology":
        return self.elements or DEDUCED


DEDUCED = Topology()


def topology_of(openapi: RawObject) -> Topology:
    """The topology of a custom resource, or of any inlined schema."""
    root = _topology(openapi, {})
    return Topology(
        # Every object's metadata has the same shape, whatever its own schema says about it.
        fields={**root.fields, "metadata": METADATA},
        elements=root.elements,
    )


EMPTY_KEYS = "empty-keys"
"""Beside the keys of a built-in list: those of which Go's decoder makes an empty text when an item
does not say them."""


def _topology(schema: RawObject, memory: dict[int, Any]) -> Topology:
    known = memory.get(id(schema))
    if known is None:
        known = memory[id(schema)] = (_node(schema, memory), schema)
    node: Topology = known[0]
    return node


def _node(schema: RawObject, memory: dict[int, Any]) -> Topology:
    items = schema.get("items")
    if isinstance(items, dict):
        return _list_node(schema, items, memory)
    node = Topology(atomic=schema.get("x-kubernetes-map-type") == "atomic")
    # Registered before its fields: a schema may contain itself.
    memory[id(schema)] = (node, schema)
    for name, below in schema.get("properties", {}).items():
        node.fields[name] = _topology(below, memory)
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        node.elements = _topology(extra, memory)
    if schema.get("x-kubernetes-embedded-resource"):
        node.fields["metadata"] = METADATA
    return node


def _list_node(schema: RawObject, items: RawObject, memory: dict[int, Any]) -> Topology:
    list_type = schema.get("x-kubernetes-list-type") or "atomic"
    keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
    if list_type == "map" and not keys:
        list_type = "atomic"
    properties = items.get("properties", {})
    strategy = (schema.get("x-kubernetes-patch-strategy") or "").split(",")
    return Topology(
        elements=_topology(items, memory),
        list_type=list_type,
        keys=keys if list_type == "map" else (),
        key_defaults={
            **dict.fromkeys(schema.get(EMPTY_KEYS) or (), ""),
            **{k: properties[k]["default"] for k in keys if "default" in properties.get(k, {})},
        },
        merge_key=schema.get("x-kubernetes-patch-merge-key") or "",
        merges="merge" in strategy,
        retain_keys="retainKeys" in strategy,
    )


METADATA = Topology(
    fields={
        "labels": Topology(),
        "annotations": Topology(),
        "finalizers": Topology(list_type="set", merges=True),
        "ownerReferences": Topology(
            list_type="map",
            keys=("uid",),
            merge_key="uid",
            merges=True,
            elements=Topology(atomic=True),
        ),
    },
)
