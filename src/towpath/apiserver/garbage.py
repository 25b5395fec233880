"""Garbage collection: what an owner's deletion means for the objects that it owns.

    Background   the owner goes at once; objects whose last owner is gone follow
    Foreground   objects that block go first; then the owner's finalizer `foregroundDeletion`
    Orphan       references to the owner are removed; then its finalizer `orphan`

The graph (who owns whom) is kept by observing commits; at start it is built from the state, and
every owned object is checked once, because an owner may have gone while nobody looked.
"""

import asyncio
from collections.abc import Callable, Iterable

from msgspec import Struct

from towpath.apiserver.calls import DeleteOptions, Target, WriteOptions
from towpath.apiserver.core import Core, key_for
from towpath.apiserver.encoding import loads
from towpath.apiserver.registry import Served
from towpath.apiserver.verbs.delete import FOREGROUND, ORPHAN, delete_object
from towpath.apiserver.verbs.update import change
from towpath.apiserver.work import WorkSet
from towpath.machinery.errors import Conflict, NotFound
from towpath.machinery.objects import RawObject
from towpath.machinery.users import AUTHENTICATED, MASTERS, UserInfo
from towpath.store.contract import Event

COLLECTOR = UserInfo(
    "system:serviceaccount:kube-system:generic-garbage-collector", (MASTERS, AUTHENTICATED)
)
WORKERS = 8
_OWNED_MARK = b'"ownerReferences":['
_DELETING_MARK = b'"deletionTimestamp":'
_HOLDING_MARKS = (b'"foregroundDeletion"', b'"orphan"')


class Slot(Struct, frozen=True):
    collection: str
    key: str


class GarbageCollector:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._owners: dict[Slot, frozenset[str]] = {}
        self._owned: dict[str, set[Slot]] = {}
        self._holding: dict[str, Slot] = {}
        self._orphans = WorkSet("garbage", self._check_owned)
        self._ending = WorkSet("owners", self._end_owner)
        for collection in core.store.collections():
            for key, stored in core.store.scan(collection):
                self._note(Slot(collection, key), stored.value, created=True)
        core.store.observe("", self._observe)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._orphans.run(WORKERS))
            tasks.create_task(self._ending.run(WORKERS))

    # The graph

    def _observe(self, event: Event) -> None:
        slot = Slot(event.collection, event.key)
        if event.deleted:
            self._forget(slot, event.value)
        else:
            self._note(slot, event.value, created=event.previous is None)

    def _note(self, slot: Slot, value: bytes, *, created: bool) -> None:
        owned = _OWNED_MARK in value
        if not owned and slot in self._owners:
            self._unlink(slot)
        holding = _DELETING_MARK in value and any(mark in value for mark in _HOLDING_MARKS)
        if not owned and not holding:
            return
        metadata = loads(value)["metadata"]
        if owned:
            self._link(slot, metadata.get("ownerReferences") or (), created=created)
        if holding and "deletionTimestamp" in metadata:
            self._holding[metadata["uid"]] = slot
            self._ending.add(slot)

    def _link(self, slot: Slot, references: Iterable[RawObject], *, created: bool) -> None:
        owners = frozenset(reference["uid"] for reference in references)
        known = self._owners.get(slot)
        if owners == known:
            return
        if known is not None:
            self._unlink(slot)
        self._owners[slot] = owners
        for uid in owners:
            self._owned.setdefault(uid, set()).add(slot)
            if uid in self._holding:
                self._ending.add(self._holding[uid])
        if created or known is not None:
            self._orphans.add(slot)

    def _unlink(self, slot: Slot) -> None:
        for uid in self._owners.pop(slot, ()):
            owned = self._owned.get(uid)
            if owned is not None:
                owned.discard(slot)
                if not owned:
                    del self._owned[uid]
            if uid in self._holding:
                self._ending.add(self._holding[uid])

    def _forget(self, slot: Slot, value: bytes) -> None:
        self._unlink(slot)
        uid = loads(value)["metadata"].get("uid", "")
        self._holding.pop(uid, None)
        for owned in self._owned.get(uid, ()):
            self._orphans.add(owned)

    # Owned objects

    async def _check_owned(self, slot: Slot) -> None:
        """Delete an object whose owners are all gone; drop references to those that are."""
        stored = self._core.store.get(slot.collection, slot.key)
        served = self._core.registry.of_collection(slot.collection)
        if stored is None or served is None:
            return
        obj = loads(stored.value)
        metadata = obj["metadata"]
        references = metadata.get("ownerReferences") or []
        gone = {reference["uid"] for reference in references if self._is_gone(obj, reference)}
        if not gone:
            return
        if len(gone) < len({reference["uid"] for reference in references}):
            await self._drop_references(served, obj, gone)
        elif "deletionTimestamp" not in metadata:
            await self._delete(served, obj, "Background")

    def _is_gone(self, obj: RawObject, reference: RawObject) -> bool:
        """An owner of a kind that is not served, or out of reach, is nobody's business here."""
        served = self._core.registry.of_kind(reference["apiVersion"], reference["kind"])
        namespace = obj["metadata"].get("namespace", "")
        if served is None or (served.resource.namespaced and not namespace):
            return False
        key = key_for(served, namespace, reference["name"])
        owner = self._core.store.get(served.collection, key)
        return owner is None or bool(loads(owner.value)["metadata"]["uid"] != reference["uid"])

    async def _drop_references(self, served: Served, obj: RawObject, uids: set[str]) -> None:
        def without(current: RawObject) -> RawObject:
            references = current["metadata"].get("ownerReferences") or ()
            kept = [reference for reference in references if reference["uid"] not in uids]
            current["metadata"]["ownerReferences"] = kept
            return current

        await self._change(served, obj, without)

    async def _delete(self, served: Served, obj: RawObject, policy: str) -> None:
        metadata = obj["metadata"]
        target = Target(served.resource, metadata.get("namespace", ""), metadata["name"])
        options = DeleteOptions(propagation_policy=policy, uid=metadata["uid"])
        try:
            await delete_object(self._core, COLLECTOR, target, options)
        except (NotFound, Conflict):
            # Gone, or another object with its name: either way this one needs no deleting.
            return

    # Owners that wait

    async def _end_owner(self, slot: Slot) -> None:
        stored = self._core.store.get(slot.collection, slot.key)
        served = self._core.registry.of_collection(slot.collection)
        if stored is None or served is None:
            return
        owner = loads(stored.value)
        finalizers = owner["metadata"].get("finalizers") or ()
        if "deletionTimestamp" not in owner["metadata"]:
            return
        if ORPHAN in finalizers:
            await self._orphan_all(owner["metadata"]["uid"])
            await self._drop_finalizer(served, owner, ORPHAN)
        elif FOREGROUND in finalizers and not await self._delete_blocking(owner):
            await self._drop_finalizer(served, owner, FOREGROUND)

    async def _orphan_all(self, uid: str) -> None:
        for served, owned in self._owned_by(uid):
            await self._drop_references(served, owned, {uid})

    async def _delete_blocking(self, owner: RawObject) -> bool:
        """Delete what the owner owns; whether anything is left that it must wait for."""
        uid = owner["metadata"]["uid"]
        blocked = False
        for served, owned in self._owned_by(uid):
            blocked = blocked or any(
                reference["uid"] == uid and reference.get("blockOwnerDeletion")
                for reference in owned["metadata"]["ownerReferences"]
            )
            if "deletionTimestamp" not in owned["metadata"]:
                await self._delete(served, owned, "Foreground")
        return blocked and any(True for _ in self._owned_by(uid))

    def _owned_by(self, uid: str) -> list[tuple[Served, RawObject]]:
        found = []
        for slot in sorted(self._owned.get(uid, ()), key=lambda slot: (slot.collection, slot.key)):
            stored = self._core.store.get(slot.collection, slot.key)
            served = self._core.registry.of_collection(slot.collection)
            if stored is not None and served is not None:
                found.append((served, loads(stored.value)))
        return found

    async def _drop_finalizer(self, served: Served, obj: RawObject, finalizer: str) -> None:
        def without(current: RawObject) -> RawObject:
            finalizers = current["metadata"].get("finalizers") or ()
            current["metadata"]["finalizers"] = [f for f in finalizers if f != finalizer]
            return current

        await self._change(served, obj, without)

    async def _change(
        self, served: Served, obj: RawObject, make_new: Callable[[RawObject], RawObject]
    ) -> None:
        metadata = obj["metadata"]
        target = Target(served.resource, metadata.get("namespace", ""), metadata["name"])
        uid = metadata["uid"]

        def same_object_only(current: RawObject) -> RawObject:
            if current["metadata"]["uid"] != uid:
                raise NotFound("another object has the name now")
            return make_new(current)

        try:
            await change(self._core, COLLECTOR, target, WriteOptions(), "update", same_object_only)
        except NotFound:
            return
