"""Which objects of a collection a read means: namespace, name, labels, fields.

Selectors look at stored bytes. Most objects are refused by a search for the wanted text in them,
which costs a tenth of decoding; only those that pass are decoded.
"""

from collections.abc import Callable

import orjson
from msgspec import Struct

from towpath.apiserver.core import key_for, prefix_for
from towpath.apiserver.encoding import loads
from towpath.apiserver.indexes import Attribute, Wanted
from towpath.apiserver.registry import Served
from towpath.machinery.causes import quote
from towpath.machinery.errors import BadRequest
from towpath.machinery.objects import labels_of
from towpath.machinery.selectors import FieldSelector, LabelSelector, parse_fields, parse_labels

Matches = Callable[[bytes], bool]

METADATA_FIELDS = ("metadata.name", "metadata.namespace")
SELECTABLE: dict[str, tuple[str, ...]] = {
    "core/pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "core/events": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "core/namespaces": ("status.phase",),
    "core/nodes": ("spec.unschedulable",),
    "core/secrets": ("type",),
    "core/services": ("spec.clusterIP", "spec.type"),
    "core/replicationcontrollers": ("status.replicas",),
    "batch/jobs": ("status.successful",),
}


class Selection(Struct, frozen=True):
    prefix: str
    """Keys that may match begin with it."""
    key: str = ""
    """The one key that may match, if the selectors say so."""
    matches: Matches | None = None
    """Of the value; None: every value matches."""
    wanted: Wanted = ()
    """All that it asks for beside the namespace, if indexes can tell it."""

    def takes(self, key: str, value: bytes) -> bool:
        if self.key and key != self.key:
            return False
        return self.matches is None or self.matches(value)


def select(served: Served, namespace: str, labels: str, fields: str) -> Selection:
    """Raises BadRequest for a selector that cannot be read or asks for unknown fields."""
    label_selector, field_selector = parse_labels(labels), parse_fields(fields)
    _check_fields(served, field_selector)
    name = field_selector.exact("metadata.name")
    namespace = namespace or field_selector.exact("metadata.namespace") or ""
    key = ""
    if name and (namespace or not served.resource.namespaced):
        key = key_for(served, namespace, name)
    prefix = prefix_for(served, namespace)
    if key and label_selector.everything and len(field_selector.terms) == 1:
        return Selection(prefix, key)
    matches = _matching(label_selector, field_selector)
    return Selection(prefix, key, matches, _wanted(label_selector, field_selector))


def _check_fields(served: Served, selector: FieldSelector) -> None:
    particular = SELECTABLE.get(served.collection, ())
    allowed = (*METADATA_FIELDS, *particular, *served.selectable_fields)
    for term in selector.terms:
        if term.path in allowed:
            continue
        if particular or served.custom:
            raise BadRequest(f"field label not supported: {term.path}")
        known = ", ".join(quote(path) for path in METADATA_FIELDS)
        raise BadRequest(f"{quote(term.path)} is not a known field selector: only {known}")


def _matching(labels: LabelSelector, fields: FieldSelector) -> Matches | None:
    if labels.everything and fields.everything:
        return None
    needles = _needles(labels, fields)

    def matches(value: bytes) -> bool:
        for needle in needles:
            if needle not in value:
                return False
        obj = loads(value)
        return labels.matches(labels_of(obj)) and fields.matches(obj)

    return matches


def _wanted(labels: LabelSelector, fields: FieldSelector) -> Wanted:
    """Every term, if each says that something has a value; an absent field is an empty one."""
    wanted = []
    for requirement in labels.requirements:
        if requirement.operator != "in" or len(requirement.values) != 1:
            return ()
        attribute = Attribute(is_label=True, path=requirement.key)
        wanted.append((attribute, next(iter(requirement.values))))
    for term in fields.terms:
        if not term.equal or term.path in METADATA_FIELDS:
            return ()
        wanted.append((Attribute(is_label=False, path=term.path), term.value))
    return tuple(wanted) if all(value for _, value in wanted) else ()


def _needles(labels: LabelSelector, fields: FieldSelector) -> list[bytes]:
    """Text that every matching object contains."""
    pairs = [
        (requirement.key, next(iter(requirement.values)))
        for requirement in labels.requirements
        if requirement.operator == "in" and len(requirement.values) == 1
    ]
    needles = [orjson.dumps(key) + b":" + orjson.dumps(value) for key, value in pairs]
    needles += [
        orjson.dumps(requirement.key) + b":"
        for requirement in labels.requirements
        if requirement.operator == "exists"
    ]
    # Fields may be numbers, booleans, or absent: only a text that is not empty can be searched for.
    needles += [
        term.value.encode()
        for term in fields.terms
        if term.equal and orjson.dumps(term.value) == f'"{term.value}"'.encode()
    ]
    return needles
