"""Which resources exist: the built-in ones and those that CustomResourceDefinitions add.

Discovery, OpenAPI, tables and the verbs all read from here. `generation` grows with every change,
so that what is derived from the registry can be kept until then.
"""

import re
from collections.abc import Callable, Iterable
from typing import Protocol

from msgspec import Struct, field

from towpath.apiserver.schema import Schema
from towpath.machinery.errors import Cause, NotFound
from towpath.machinery.kinds import Column, Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.topology import DEDUCED, Topology

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")

Prepare = Callable[[RawObject, RawObject | None], None]
"""(new, old; None on create): completes an object in place."""
Validate = Callable[[RawObject, RawObject | None], list[Cause]]
Warn = Callable[[RawObject, RawObject | None], list[str]]
"""What is said to who writes an object that is taken; None: it is new."""


def nothing_to_prepare(_obj: RawObject, _old: RawObject | None) -> None:
    """The Prepare of kinds that need none."""


def nothing_to_validate(_obj: RawObject, _old: RawObject | None) -> list[Cause]:
    return []


def nothing_to_say(_obj: RawObject, _old: RawObject | None) -> list[str]:
    return []


class Behaviour(Struct, frozen=True):
    """What is particular to a kind, beyond its schema."""

    default: Callable[[RawObject], None] = lambda _obj: None
    prepare: Prepare = nothing_to_prepare
    validate: Validate = nothing_to_validate
    warn: Warn = nothing_to_say
    name_pattern: str = "subdomain"
    """subdomain, label, label1035 or path: which names Kubernetes accepts for the kind."""
    counts_generations: bool = False
    stays_first_generation: bool = False
    """Of a kind that begins to count generations and never goes on."""
    delete_returns_object: bool = False
    orphans_dependents: bool = False
    """Whether a deletion that does not say what is to become of them leaves dependents alone."""
    warning_on_delete: str = ""
    """Said to who does not say it."""
    created_by_update: bool = False
    """Whether an update of what does not exist makes it."""
    needs_version: bool = False
    """Whether an update has to name the version that it is for."""
    metadata_checks: int = 0
    """How often the kind's own rules look at the metadata of a change, beyond what all do: what is
    wrong is listed as often."""


class Shape(Protocol):
    """What the objects of one version look like."""

    @property
    def openapi(self) -> RawObject | None:
        """openAPIV3Schema, for CRDs."""
        ...

    @property
    def topology(self) -> Topology:
        """Which lists are maps: what merging and field ownership go by."""
        ...

    @property
    def schema(self) -> Schema | None:
        """Prunes, defaults and validates; None: fields are not known here and all are kept."""
        ...


class KnownShape(Struct, frozen=True):
    topology: Topology = field(default_factory=lambda: DEDUCED)
    schema: Schema | None = None
    openapi: RawObject | None = None


class ScalePaths(Struct, frozen=True):
    """Where a kind keeps its replica counts; dotted paths without the leading dot."""

    spec_replicas: str
    status_replicas: str
    label_selector: str = ""


class Conversion(Struct, frozen=True):
    """A webhook that knows how an object looks in another version."""

    client_config: RawObject
    review_version: str
    """Of the ConversionReviews that it reads."""


class OwnConversion(Struct, frozen=True):
    """Of a built-in kind with several versions."""

    convert: Callable[[RawObject, str], RawObject]
    """(an object, the wanted apiVersion): a converted copy."""


class Served(Struct, frozen=True):
    """One version of one resource, as it is served."""

    resource: Resource
    singular: str
    list_kind: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    """Names under the object: status, scale, log, exec..."""
    verbs: tuple[str, ...] = ALL_VERBS
    columns: tuple[Column, ...] = ()
    """Printer columns of a CRD; Age not included. Built-in kinds have theirs in http."""
    shape: Shape = KnownShape()
    behaviour: Behaviour = field(default_factory=Behaviour)
    custom: bool = False
    stored_api_version: str = ""
    """The apiVersion of stored bytes, when it may differ from this version's; "" otherwise."""
    conversion: Conversion | OwnConversion | None = None
    """None: versions differ in their apiVersion alone."""
    scale: ScalePaths | None = None
    selectable_fields: tuple[str, ...] = ()
    deprecation: str = ""
    """What everybody is told who asks for this version."""
    terminating: bool = False
    """The definition is being deleted: nothing new is taken."""

    @property
    def openapi(self) -> RawObject | None:
        return self.shape.openapi

    @property
    def topology(self) -> Topology:
        return self.shape.topology

    @property
    def schema(self) -> Schema | None:
        return self.shape.schema

    @property
    def collection(self) -> str:
        """The store's name for it. All versions of a resource share one collection."""
        return collection_of(self.resource.group, self.resource.plural)

    @property
    def needs_version(self) -> bool:
        return self.custom or self.behaviour.needs_version

    @property
    def has_status(self) -> bool:
        return "status" in self.subresources

    @property
    def qualified(self) -> str:
        """`deployments.apps`, as messages name it."""
        resource = self.resource
        return f"{resource.plural}.{resource.group}" if resource.group else resource.plural


def collection_of(group: str, plural: str) -> str:
    return f"{group or 'core'}/{plural}"


class Registry:
    def __init__(self, builtin: Iterable[Served]) -> None:
        self.generation = 0
        self._by_path: dict[tuple[str, str, str], Served] = {}
        self._by_kind: dict[tuple[str, str], Served] = {}
        self._by_collection: dict[str, tuple[Served, ...]] = {}
        """All versions of each resource, the most preferred first."""
        self._names: dict[tuple[str, str], str] = {}
        self._kinds: dict[tuple[str, str], str] = {}
        for served in builtin:
            self._add(served)
        self._built_in = frozenset(group for group, _, _ in self._by_path)

    def find(self, resource: Resource) -> Served:
        """The served resource that a Resource means. Raises NotFound."""
        served = self._by_path.get((resource.group, resource.version, resource.plural))
        if served is None:
            raise NotFound("the server could not find the requested resource")
        return served

    def at(self, group: str, version: str, plural: str) -> Served | None:
        """The resource at a URL path."""
        return self._by_path.get((group, version, plural))

    def has_built_in(self, group: str) -> bool:
        """Whether the group is one of Kubernetes' own."""
        return group in self._built_in

    def of_kind(self, api_version: str, kind: str) -> Served | None:
        return self._by_kind.get((api_version, kind))

    def of_collection(self, collection: str) -> Served | None:
        """What is stored in that collection: in the stored version if it is served, so that the
        server's own changes ask no webhook; else in the preferred one."""
        versions = self._by_collection.get(collection, ())
        for served in versions:
            if served.resource.api_version == served.stored_api_version:
                return served
        return versions[0] if versions else None

    def holder(self, group: str, name: str) -> str:
        """The plural of the resource that has the plural, singular or short name; "" for none."""
        return self._names.get((group, name), "")

    def holder_of_kind(self, group: str, kind: str) -> str:
        return self._kinds.get((group, kind), "")

    def all(self) -> list[Served]:
        return list(self._by_path.values())

    def group_versions(self) -> dict[str, list[str]]:
        """Every group with its versions, the preferred one first; the core group is ""."""
        groups: dict[str, set[str]] = {}
        for group, version, _ in self._by_path:
            groups.setdefault(group, set()).add(version)
        return {group: sorted(versions, key=version_order) for group, versions in groups.items()}

    def preferred(self) -> list[Served]:
        """Every resource once, in the most preferred version that has it."""
        return [versions[0] for versions in self._by_collection.values()]

    def replace(self, group: str, plural: str, versions: Iterable[Served]) -> None:
        """Serve exactly these versions of one custom resource; none: serve it no more."""
        for served in self._by_collection.pop(collection_of(group, plural), ()):
            resource = served.resource
            del self._by_path[(resource.group, resource.version, resource.plural)]
            self._by_kind.pop((resource.api_version, resource.kind), None)
            self._kinds.pop((resource.group, resource.kind), None)
            for name in _names_of(served):
                self._names.pop((resource.group, name), None)
        for served in versions:
            self._add(served)
        self.generation += 1

    def _add(self, served: Served) -> None:
        resource = served.resource
        self._by_path[(resource.group, resource.version, resource.plural)] = served
        self._by_kind[(resource.api_version, resource.kind)] = served
        self._kinds[(resource.group, resource.kind)] = resource.plural
        for name in _names_of(served):
            self._names[(resource.group, name)] = resource.plural
        versions = (*self._by_collection.get(served.collection, ()), served)
        if len(versions) > 1:
            versions = tuple(sorted(versions, key=lambda one: version_order(one.resource.version)))
        self._by_collection[served.collection] = versions


def _names_of(served: Served) -> tuple[str, ...]:
    return (served.resource.plural, served.singular, *served.short_names)


_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")
_STABILITY = {None: 0, "beta": 1, "alpha": 2}


def version_order(version: str) -> tuple[int, int, int, str]:
    """Kubernetes' order of versions: v2, v1, v1beta2, v1beta1, v1alpha1, then the rest by name."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return (3, 0, 0, version)
    major, stability, minor = match.groups()
    return (_STABILITY[stability], -int(major), -int(minor or 0), version)
