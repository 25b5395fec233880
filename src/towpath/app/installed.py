"""What the platform has brought along before, so that a start need not bring it again.

    installed = Installed(client, folder / "installed.json")
    await apply_objects(installed, objects)
    installed.save()

Of each object two digests are noted: of what was wanted, and of what was there afterwards. Where
both are as they were, there is nothing to do; whatever else has happened, it is applied again.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import orjson

from towpath.client.protocols import Client, ObjectList
from towpath.files import write_private
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, key_of


class Installed:
    """Takes the place of the client for `apply_kinds` and `apply_objects`."""

    def __init__(self, client: Client, path: Path) -> None:
        self._client = client
        self._path = path
        self._before = _read(path)
        self._now: dict[str, list[str]] = {}

    async def apply(
        self, resource: Resource, obj: RawObject, *, manager: str, force: bool
    ) -> RawObject:
        key, wanted = key_of(obj), _digest(obj)
        place = "/".join((resource.api_version, resource.plural, key.namespace, key.name))
        before = self._before.get(place)
        if before is not None and before[0] == wanted:
            try:
                found = await self._client.get(resource, key.name, key.namespace)
            except NotFound:
                found = None
            if found is not None and _digest(found) == before[1]:
                self._now[place] = before
                return found
        applied = await self._client.apply(resource, obj, manager=manager, force=force)
        self._now[place] = [wanted, _digest(applied)]
        return applied

    async def resolve(self, api_version: str, kind: str) -> Resource:
        return await self._client.resolve(api_version, kind)

    async def list(self, resource: Resource, *, limit: int) -> ObjectList:
        return await self._client.list(resource, limit=limit)

    def save(self) -> None:
        if self._now != self._before:
            write_private(self._path, json.dumps(self._now).encode())


def _read(path: Path) -> Mapping[str, list[str]]:
    try:
        noted: Mapping[str, list[str]] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}  # no more than another look at each object
    return noted if isinstance(noted, dict) else {}


def _digest(obj: RawObject) -> str:
    return hashlib.sha256(orjson.dumps(obj, option=orjson.OPT_SORT_KEYS)).hexdigest()
