"""What a client of the API can do, split by use: ask for the smallest one you need.

Errors are the StatusError family of machinery.errors, whichever server answers.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject


class PatchType(StrEnum):
    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"


class Propagation(StrEnum):
    BACKGROUND = "Background"
    FOREGROUND = "Foreground"
    ORPHAN = "Orphan"


class EventType(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


@dataclass(frozen=True, slots=True)
class WatchEvent:
    type: EventType
    object: RawObject


@dataclass(frozen=True, slots=True)
class ObjectList:
    """A page of objects, and the resourceVersion from which a watch continues."""

    items: list[RawObject]
    resource_version: str
    continue_token: str = ""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """`priority` above 0 is shown only when more is asked for, as with `kubectl get -o wide`."""

    name: str
    type: str = "string"
    priority: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True)
class TableRow:
    cells: list[Any]
    object: RawObject
    """Its metadata and nothing else in a list; all of it where one object was named."""


@dataclass(frozen=True, slots=True)
class ObjectTable:
    """Objects as the server itself shows them to people."""

    columns: list[TableColumn]
    rows: list[TableRow]
    continue_token: str = ""


class Reader(Protocol):
    async def get(self, resource: Resource, name: str, namespace: str = "") -> RawObject:
        """One object. Raises NotFound."""
        ...

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        limit: int = 0,
        continue_token: str = "",
    ) -> ObjectList:
        """Objects by label and field selector; namespace "" means all namespaces."""
        ...


class TableReader(Protocol):
    async def table(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        name: str = "",
        labels: str = "",
        fields: str = "",
        limit: int = 0,
        continue_token: str = "",
    ) -> ObjectTable:
        """A page of a collection, or with `name` that one object, as the server's own Table.

        Raises NotFound for a named object that is not there.
        """
        ...


class Watcher(Protocol):
    def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        since: str,
        labels: str = "",
        fields: str = "",
    ) -> AsyncGenerator[WatchEvent, None]:
        """Every change after resourceVersion `since`. Raises Gone when it is no longer kept.

        The generator ends when the server closes the watch; close it with `aclose()`.
        """
        ...


class Writer(Protocol):
    async def create(
        self, resource: Resource, obj: RawObject, *, dry_run: bool = False
    ) -> RawObject:
        """Raises AlreadyExists, Invalid. The namespace is taken from the object."""
        ...

    async def update(
        self, resource: Resource, obj: RawObject, *, subresource: str = ""
    ) -> RawObject:
        """Replace. Raises Conflict when metadata.resourceVersion is given and not current."""
        ...

    async def patch(
        self,
        resource: Resource,
        name: str,
        namespace: str,
        patch: RawObject | list[RawObject],
        *,
        patch_type: PatchType = PatchType.MERGE,
        subresource: str = "",
    ) -> RawObject: ...

    async def apply(
        self,
        resource: Resource,
        obj: RawObject,
        *,
        manager: str,
        force: bool = False,
        dry_run: bool = False,
        subresource: str = "",
        strict: bool = False,
    ) -> RawObject:
        """Server-side apply. Raises Conflict when another manager owns a field and not `force`.

        `strict` refuses fields that the kind does not have, as BadRequest.
        """
        ...

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        propagation: Propagation = Propagation.BACKGROUND,
        grace_period_s: int | None = None,
    ) -> None:
        """Raises NotFound; Conflict when `uid` is given and another object has the name now.

        `grace_period_s` 0 removes a Pod at once, which is for whoever runs it; None is its own.
        """
        ...


class Discovery(Protocol):
    async def resolve(self, api_version: str, kind: str) -> Resource:
        """Where objects of that kind live. Raises NotFound when the server does not serve it."""
        ...

    async def resources(self) -> list[Resource]:
        """Every served resource, preferred versions first; subresources left out."""
        ...


class Client(Reader, TableReader, Watcher, Writer, Discovery, Protocol):
    def acting_as(self, username: str, groups: tuple[str, ...] = ()) -> "Client":
        """The same server with another user's rights (impersonation)."""
        ...


class LogReader(Protocol):
    """What a client over the wire can do besides: read what a pod writes."""

    def pod_log(
        self,
        name: str,
        namespace: str,
        *,
        container: str = "",
        follow: bool = False,
        previous: bool = False,
        since: str = "",
        tail_lines: int = 0,
        timestamps: bool = False,
    ) -> AsyncGenerator[bytes, None]:
        """Lines without their ends, the last `tail_lines` first; all of them for 0.

        `previous`: of the container's life before this one. `since`: an RFC 3339 time. With
        `timestamps` each line begins with its time and a space.
        """
        ...
