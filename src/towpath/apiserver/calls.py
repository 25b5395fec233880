"""The seam between the wire and the verbs: one call, its options, and what comes back.

Objects cross as stored JSON bytes wherever nobody needs to look inside.
"""

from collections.abc import AsyncGenerator
from typing import Protocol

from msgspec import Struct, field

from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo

Patch = RawObject | list[RawObject]
"""The body of a patch: a JSON patch is a list of operations, every other one an object."""


class Target(Struct, frozen=True):
    """What a call is about: `name` "" is a collection, `subresource` "" the object itself."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""


class ReadOptions(Struct, frozen=True):
    resource_version: str = ""
    resource_version_match: str = ""
    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0
    continue_token: str = ""


class WatchOptions(Struct, frozen=True):
    resource_version: str = ""
    label_selector: str = ""
    field_selector: str = ""
    timeout_s: float | None = None
    bookmarks: bool = False
    send_initial_events: bool = False


class WriteOptions(Struct, frozen=True):
    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = "Warn"
    """Strict, Warn or Ignore: what to do with unknown and duplicate fields."""
    force: bool = False


class DeleteOptions(Struct, frozen=True):
    dry_run: bool = False
    propagation_policy: str = ""
    grace_period_s: int | None = None
    uid: str = ""
    resource_version: str = ""


class Page(Struct, frozen=True):
    """Stored objects in key order, each ready to send."""

    items: list[bytes]
    resource_version: str
    continue_token: str = ""
    remaining: int | None = None
    warnings: tuple[str, ...] = ()


class Written(Struct, frozen=True):
    object: bytes
    created: bool = False
    warnings: tuple[str, ...] = ()


class Deleted(Struct, frozen=True):
    """Either the object as it was, or as it is now while finalizers hold it."""

    object: bytes
    finished: bool
    details: RawObject = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class Change(Struct, frozen=True):
    """One watch event: `type` is ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: bytes


class Verbs(Protocol):
    """Everything that the wire and the in-process client can ask for. Raises StatusError.

    Authentication has happened; authorisation, admission and audit happen in here.
    """

    async def get(self, user: UserInfo, target: Target, version: str = "") -> bytes: ...

    async def list(self, user: UserInfo, target: Target, options: ReadOptions) -> Page: ...

    def watch(
        self, user: UserInfo, target: Target, options: WatchOptions
    ) -> AsyncGenerator[Change, None]: ...

    async def create(
        self, user: UserInfo, target: Target, obj: RawObject, options: WriteOptions
    ) -> Written: ...

    async def update(
        self, user: UserInfo, target: Target, obj: RawObject, options: WriteOptions
    ) -> Written: ...

    async def patch(
        self,
        user: UserInfo,
        target: Target,
        patch: Patch,
        media_type: str,
        options: WriteOptions,
    ) -> Written:
        """`media_type` is one of the three patch types or application/apply-patch+yaml."""
        ...

    async def delete(self, user: UserInfo, target: Target, options: DeleteOptions) -> Deleted: ...

    async def delete_collection(
        self, user: UserInfo, target: Target, selection: ReadOptions, options: DeleteOptions
    ) -> Page: ...
