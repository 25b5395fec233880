"""One resource as a controller sees it: the informer's copy, with our own writes already in it.

An informer lags behind by one round trip. A controller that counts what exists right after it has
created something would create it twice; so each write is laid over the copy until the informer has
caught up with it.
"""

import asyncio
import copy

from towpath.client.protocols import Client, Propagation
from towpath.machinery.conditions import now
from towpath.machinery.errors import Conflict, NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import Key, RawObject, key_of, uid_of
from towpath.runtime.informer import Handler, Informer

OWN_WRITES_S = 5.0


class Collection:
    """Objects handed out are shared: copy before you change one."""

    def __init__(self, client: Client, resource: Resource) -> None:
        self.resource = resource
        self.informer = Informer(client, resource)
        self._client = client
        self._ours: dict[Key, tuple[RawObject, float]] = {}
        self.informer.subscribe(self._catch_up)

    def subscribe(self, handler: Handler) -> None:
        self.informer.subscribe(handler)

    def get(self, key: Key) -> RawObject | None:
        self._forget_old()
        ours = self._ours.get(key)
        return ours[0] if ours else self.informer.get(key)

    def all(self, namespace: str = "") -> list[RawObject]:
        self._forget_old()
        known = {key_of(obj): obj for obj in self.informer.list(namespace)}
        for key, (obj, _) in self._ours.items():
            if not namespace or key.namespace == namespace:
                known[key] = obj
        return list(known.values())

    def owned_by(self, owner: RawObject) -> list[RawObject]:
        """Objects in the owner's namespace whose controller it is."""
        uid = uid_of(owner)
        return [
            obj
            for obj in self.all(owner["metadata"].get("namespace", ""))
            if controller_uid(obj) == uid
        ]

    async def create(self, obj: RawObject) -> RawObject:
        return self._remember(await self._client.create(self.resource, obj))

    async def patch(self, obj: RawObject, patch: RawObject, subresource: str = "") -> RawObject:
        key = key_of(obj)
        return self._remember(
            await self._client.patch(
                self.resource, key.name, key.namespace, patch, subresource=subresource
            )
        )

    async def set_status(self, obj: RawObject, status: RawObject) -> RawObject:
        """Write what differs in the status; nothing when nothing does.

        Without a resourceVersion: each status here has one writer, and other people's writes to the
        rest of the object must not make it fail.
        """
        difference = merge_difference(obj.get("status") or {}, status)
        if not difference:
            return obj
        return await self.patch(obj, {"status": difference}, "status")

    async def delete(self, obj: RawObject, *, grace_period_s: int | None = None) -> None:
        key = key_of(obj)
        try:
            await self._client.delete(
                self.resource,
                key.name,
                key.namespace,
                uid=uid_of(obj),
                propagation=Propagation.BACKGROUND,
                grace_period_s=grace_period_s,
            )
        except NotFound:
            return
        except Conflict:
            return  # another object has the name now: ours is gone
        if self.informer.get(key) is not None:
            leaving = copy.deepcopy(obj)
            leaving["metadata"].setdefault("deletionTimestamp", now())
            self._lay_over(leaving)

    def _remember(self, obj: RawObject) -> RawObject:
        known = self.informer.get(key_of(obj))
        if known is None or _version(known) < _version(obj):
            self._lay_over(obj)
        return obj

    def _lay_over(self, obj: RawObject) -> None:
        self._ours[key_of(obj)] = (obj, asyncio.get_running_loop().time() + OWN_WRITES_S)

    def _forget_old(self) -> None:
        if self._ours:
            now_s = asyncio.get_running_loop().time()
            for key in [key for key, (_, until_s) in self._ours.items() if until_s < now_s]:
                del self._ours[key]

    def _catch_up(self, seen: RawObject) -> None:
        key = key_of(seen)
        ours = self._ours.get(key)
        if ours is None:
            return
        if self.informer.get(key) is None or _version(seen) >= _version(ours[0]):
            del self._ours[key]


def controller_uid(obj: RawObject) -> str:
    """The uid of the object's managing owner, "" when it has none."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return str(reference["uid"])
    return ""


def merge_difference(old: RawObject, new: RawObject) -> RawObject:
    """The JSON merge patch that makes `new` of `old`."""
    patch: RawObject = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old:
            patch[key] = value
        elif old[key] != value:
            both = isinstance(old[key], dict) and isinstance(value, dict)
            patch[key] = merge_difference(old[key], value) if both else value
    return patch


def _version(obj: RawObject) -> int:
    return int(obj["metadata"]["resourceVersion"])
