"""events.k8s.io: the Events of the core API in other words, over the same stored objects.

Rights are asked for in this group; everything else is done to the core Event.
"""

from collections.abc import AsyncGenerator, Coroutine
from typing import Any

from msgspec.structs import replace

from towpath.apiserver.calls import (
    Change,
    Deleted,
    DeleteOptions,
    Page,
    Patch,
    ReadOptions,
    Target,
    Verbs,
    WatchOptions,
    WriteOptions,
    Written,
)
from towpath.apiserver.core import allow_all
from towpath.apiserver.encoding import dumps, loads
from towpath.apiserver.server import ApiServer, CoreVerbs
from towpath.machinery.core_kinds import EVENT
from towpath.machinery.errors import BadRequest
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo

GROUP = "events.k8s.io"
API_VERSION = f"{GROUP}/v1"
CORE_NAMES = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
NEW_NAMES = {core: new for new, core in CORE_NAMES.items()}


class WithNewEvents:
    """Verbs in front of the verbs: what is asked of events.k8s.io is asked of `NewEvents`."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._new = NewEvents(api)

    def _of(self, target: Target) -> Verbs:
        return self._new if target.resource.group == GROUP else self._api

    def get(self, user: UserInfo, target: Target, version: str = "") -> Coroutine[Any, Any, bytes]:
        return self._of(target).get(user, target, version)

    def list(
        self, user: UserInfo, target: Target, options: ReadOptions
    ) -> Coroutine[Any, Any, Page]:
        return self._of(target).list(user, target, options)

    def watch(
        self, user: UserInfo, target: Target, options: WatchOptions
    ) -> AsyncGenerator[Change, None]:
        return self._of(target).watch(user, target, options)

    def create(
        self, user: UserInfo, target: Target, obj: RawObject, options: WriteOptions
    ) -> Coroutine[Any, Any, Written]:
        return self._of(target).create(user, target, obj, options)

    def update(
        self, user: UserInfo, target: Target, obj: RawObject, options: WriteOptions
    ) -> Coroutine[Any, Any, Written]:
        return self._of(target).update(user, target, obj, options)

    def patch(
        self, user: UserInfo, target: Target, patch: Patch, media_type: str, options: WriteOptions
    ) -> Coroutine[Any, Any, Written]:
        return self._of(target).patch(user, target, patch, media_type, options)

    def delete(
        self, user: UserInfo, target: Target, options: DeleteOptions
    ) -> Coroutine[Any, Any, Deleted]:
        return self._of(target).delete(user, target, options)

    def delete_collection(
        self, user: UserInfo, target: Target, selection: ReadOptions, options: DeleteOptions
    ) -> Coroutine[Any, Any, Page]:
        return self._of(target).delete_collection(user, target, selection, options)


class NewEvents:
    def __init__(self, api: ApiServer) -> None:
        self._core = api.core
        # What a user may is known when it comes to the core Event.
        self._verbs = CoreVerbs(replace(api.core, authorize=allow_all))

    async def get(self, user: UserInfo, target: Target, version: str = "") -> bytes:
        known = await self._as_core(user, "get", target)
        return _new_bytes(await self._verbs.get(user, known, version))

    async def list(self, user: UserInfo, target: Target, options: ReadOptions) -> Page:
        options = _core_selection(options)
        target = await self._as_core(user, "list", target, options.field_selector)
        return _new_page(await self._verbs.list(user, target, options))

    async def watch(
        self, user: UserInfo, target: Target, options: WatchOptions
    ) -> AsyncGenerator[Change, None]:
        options = replace(options, field_selector=_core_selector(options.field_selector))
        target = await self._as_core(user, "watch", target, options.field_selector)
        async for change in self._verbs.watch(user, target, options):
            yield replace(change, object=_new_bytes(change.object))

    async def create(
        self, user: UserInfo, target: Target, obj: RawObject, options: WriteOptions
    ) -> Written:
        target = await self._as_core(user, "create", target)
        return _new_written(
            await self._verbs.create(user, target, _core_object(obj, options), options)
        )

    async def update(
        self, user: UserInfo, target: Target, obj: RawObject, options: WriteOptions
    ) -> Written:
        target = await self._as_core(user, "update", target)
        return _new_written(
            await self._verbs.update(user, target, _core_object(obj, options), options)
        )

    async def patch(
        self, user: UserInfo, target: Target, patch: Patch, media_type: str, options: WriteOptions
    ) -> Written:
        target = await self._as_core(user, "patch", target)
        if isinstance(patch, list):
            patch = [_core_operation(operation) for operation in patch]
        else:
            patch = _core_object(patch, options)
        return _new_written(await self._verbs.patch(user, target, patch, media_type, options))

    async def delete(self, user: UserInfo, target: Target, options: DeleteOptions) -> Deleted:
        target = await self._as_core(user, "delete", target)
        deleted = await self._verbs.delete(user, target, options)
        details = {**deleted.details, "group": GROUP} if deleted.details else {}
        return replace(deleted, object=_new_bytes(deleted.object), details=details)

    async def delete_collection(
        self, user: UserInfo, target: Target, selection: ReadOptions, options: DeleteOptions
    ) -> Page:
        target = await self._as_core(user, "deletecollection", target)
        selection = _core_selection(selection)
        return _new_page(await self._verbs.delete_collection(user, target, selection, options))

    async def _as_core(
        self, user: UserInfo, verb: str, target: Target, field_selector: str = ""
    ) -> Target:
        """Raises Forbidden."""
        await self._core.require(user, verb, target, field_selector)
        return replace(target, resource=EVENT)


def _core_object(obj: RawObject, options: WriteOptions) -> RawObject:
    """Raises BadRequest for a name of the core API, if unknown fields are to be refused."""
    unknown = next((name for name in obj if name in NEW_NAMES), None)
    if unknown and options.field_validation == "Strict":
        raise BadRequest(
            'Event in version "v1" cannot be handled as a Event: strict decoding error: '
            f'unknown field "{unknown}"'
        )
    named = {CORE_NAMES.get(name, name): obj[name] for name in obj if name not in NEW_NAMES}
    if named.get("apiVersion") == API_VERSION:
        named["apiVersion"] = EVENT.api_version
    return named


def _core_operation(operation: Any) -> Any:
    """Of a JSON patch; what is malformed is told by who applies it."""
    if not isinstance(operation, dict):
        return operation
    moved = dict(operation)
    for member in ("path", "from"):
        if isinstance(path := operation.get(member), str) and path.startswith("/"):
            first, slash, rest = path[1:].partition("/")
            moved[member] = f"/{CORE_NAMES.get(first, first)}{slash}{rest}"
    return moved


def _core_selection(options: ReadOptions) -> ReadOptions:
    return replace(options, field_selector=_core_selector(options.field_selector))


def _core_selector(selector: str) -> str:
    named = []
    for requirement in selector.split(","):
        name = next((new for new in CORE_NAMES if requirement.startswith((f"{new}.", new))), "")
        named.append(CORE_NAMES[name] + requirement[len(name) :] if name else requirement)
    return ",".join(named)


def _new_bytes(value: bytes) -> bytes:
    obj = loads(value)
    named = {NEW_NAMES.get(name, name): obj[name] for name in obj}
    if "apiVersion" in named:
        named["apiVersion"] = API_VERSION
    return dumps(named)


def _new_written(written: Written) -> Written:
    return replace(written, object=_new_bytes(written.object))


def _new_page(page: Page) -> Page:
    return replace(page, items=[_new_bytes(item) for item in page.items])
