"""`object`: an object of the API is made, changed or deleted, with the requester's rights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.portal.actions.backends.order import NothingToUndo, Order, Refused, Result
from towpath.capabilities.portal.actions.kinds import RUN_ANNOTATION, RUN_LABEL
from towpath.client.protocols import Client
from towpath.hooks.platform import Platform
from towpath.hooks.showing import object_page
from towpath.machinery.errors import (
    AlreadyExists,
    BadRequest,
    Forbidden,
    Invalid,
    MethodNotAllowed,
    NotFound,
)
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, annotations_of

_FINAL = (BadRequest, Forbidden, Invalid, MethodNotAllowed)
"""Answers of the API that stay the same however often it is asked."""


@dataclass(frozen=True, slots=True)
class _Place:
    resource: Resource
    name: str
    namespace: str

    @property
    def words(self) -> str:
        return f"{self.resource.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class ObjectBackend:
    platform: Platform
    can_undo: bool = True

    async def prepare(self, order: Order) -> RawObject:
        client, place = self._client(order), await self._place(order)
        if order.plan["operation"] == "create":
            return {}
        try:
            found = await client.get(place.resource, place.name, place.namespace)
        except NotFound:
            raise Refused(f"there is no {place.words}") from None
        except _FINAL as error:
            raise Refused(error.message) from error
        made: RawObject = {"uid": found["metadata"]["uid"]}
        if order.plan["operation"] == "patch":
            made["before"] = _counterpart(order.plan["patch"], found)
        return made

    async def act(self, order: Order) -> Result:
        place = await self._place(order)
        try:
            match order.plan["operation"]:
                case "create":
                    return await self._create(order, place)
                case "patch":
                    return await self._patch(order, place, order.plan["patch"])
                case _:
                    return await self._delete(order, place)
        except _FINAL as error:
            raise Refused(error.message) from error

    async def cancel(self, order: Order) -> None:
        """It takes no time."""

    async def undo(self, order: Order) -> Result:
        place = await self._place(order)
        try:
            match order.plan["operation"]:
                case "create":
                    return await self._undo_create(order, place)
                case "patch":
                    return await self._undo_patch(order, place)
        except _FINAL as error:
            raise Refused(error.message) from error
        raise NothingToUndo("What was deleted does not come back.")

    async def _create(self, order: Order, place: _Place) -> Result:
        wanted = _marked(order, place)
        try:
            await self._client(order).create(place.resource, wanted)
        except AlreadyExists:
            found = await self._client(order).get(place.resource, place.name, place.namespace)
            if annotations_of(found).get(RUN_ANNOTATION) != order.uid:
                raise Refused(f"there is a {place.words} already") from None
        except NotFound as error:
            raise Refused(error.message) from error
        return _told(f"{place.words} is made.", place)

    async def _patch(self, order: Order, place: _Place, patch: RawObject) -> Result:
        try:
            found = await self._client(order).get(place.resource, place.name, place.namespace)
            if found["metadata"]["uid"] != order.made["uid"]:
                raise Refused(f"{place.words} is another one than before")
            await self._client(order).patch(place.resource, place.name, place.namespace, patch)
        except NotFound:
            raise Refused(f"{place.words} has gone") from None
        return _told(f"{place.words} is changed.", place)

    async def _delete(self, order: Order, place: _Place) -> Result:
        try:
            await self._client(order).delete(
                place.resource, place.name, place.namespace, uid=order.made["uid"]
            )
        except NotFound:
            return Result(f"{place.words} is gone.")
        return _told(f"{place.words} is being deleted.", place)

    async def _undo_create(self, order: Order, place: _Place) -> Result:
        client = self._client(order)
        try:
            found = await client.get(place.resource, place.name, place.namespace)
            # Whatever has the name now: only what this run made is taken back.
            ours = str(order.run["metadata"]["uid"])
            if annotations_of(found).get(RUN_ANNOTATION) != ours:
                raise Refused(f"{place.words} is not what this run made")
            uid = found["metadata"]["uid"]
            await client.delete(place.resource, place.name, place.namespace, uid=uid)
        except NotFound:
            return Result(f"{place.words} is gone.")
        return Result(f"{place.words} is being deleted.")

    async def _undo_patch(self, order: Order, place: _Place) -> Result:
        client, before = self._client(order), order.made["before"]
        try:
            found = await client.get(place.resource, place.name, place.namespace)
        except NotFound:
            raise Refused(f"{place.words} has gone") from None
        now = _counterpart(order.plan["patch"], found)
        if now != _plain(before) and now != _plain(order.plan["patch"]):
            raise Refused(f"{place.words} was changed since; look at it and change it by hand")
        await self._patch(order, place, before)
        return _told(f"{place.words} is as it was.", place)

    def _client(self, order: Order) -> Client:
        return self.platform.api.acting_as(order.requester.name, order.requester.groups)

    async def _place(self, order: Order) -> _Place:
        manifest = order.plan.get("manifest") or order.run["spec"].get("target") or {}
        metadata = manifest.get("metadata") or {}
        api_version, kind = manifest.get("apiVersion", ""), manifest.get("kind", "")
        name = metadata.get("name") or manifest.get("name", "")
        if not (api_version and kind and name and isinstance(name, str)):
            raise Refused("the manifest needs apiVersion, kind and metadata.name")
        try:
            resource = await self.platform.api.resolve(api_version, kind)
        except NotFound as error:
            raise Refused(f"the API has no {kind} of {api_version}") from error
        namespace = metadata.get("namespace") or order.project
        return _Place(resource, name, namespace if resource.namespaced else "")


def _marked(order: Order, place: _Place) -> RawObject:
    manifest: RawObject = order.plan["manifest"]
    metadata = manifest.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), **order.lease, RUN_ANNOTATION: order.uid}
    labels = {**(metadata.get("labels") or {}), RUN_LABEL: order.name[:63].strip("-.")}
    marked = {**metadata, "name": place.name, "annotations": annotations, "labels": labels}
    if place.namespace:
        marked["namespace"] = place.namespace
    return {**manifest, "metadata": marked}


def _counterpart(patch: Mapping[str, Any], obj: Any) -> RawObject:
    """The merge patch that brings back what the fields of a patch are now."""
    now = obj if isinstance(obj, Mapping) else {}
    return {
        key: _counterpart(value, now.get(key))
        if isinstance(value, Mapping) and isinstance(now.get(key), Mapping)
        else now.get(key)
        for key, value in patch.items()
    }


def _plain(patch: Mapping[str, Any]) -> RawObject:
    return {
        key: _plain(value) if isinstance(value, Mapping) else value for key, value in patch.items()
    }


def _told(message: str, place: _Place) -> Result:
    page = object_page(place.resource, place.name, place.namespace)
    return Result(message, ((place.words, page),), {"name": place.name})
