"""A destination as an Application sees it: the kinds served, what is there, and what differs."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import orjson

from towpath.capabilities.delivery.environments.kinds import DEPLOYABLE
from towpath.capabilities.delivery.gitops.kinds import FIELD_MANAGER
from towpath.capabilities.delivery.gitops.state.destination import Destination
from towpath.capabilities.delivery.gitops.state.differences import (
    changed_paths,
    comparable,
    ignored_pointers,
)
from towpath.capabilities.delivery.gitops.state.live import CHILD_KINDS, LiveState
from towpath.capabilities.delivery.gitops.state.manifests import Manifest, ResourceId, resource_id
from towpath.capabilities.infrastructure.clusters.kinds import IN_CLUSTER
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, is_deleting

COMPARED_MAX = 20_000
COMPARE_TRIES = 5
OFFERINGS = "offerings.towpath.dev"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A manifest, and the collection it belongs to on its destination."""

    manifest: Manifest
    resource: Resource

    @property
    def id(self) -> ResourceId:
        return self.manifest.id


@dataclass(frozen=True, slots=True)
class Compared:
    """`live` is None when it has gone meanwhile."""

    live: RawObject | None
    differing: tuple[str, ...]


@dataclass(slots=True)
class Verdicts:
    """What comparisons said, by the digests of both sides: the same question has one answer."""

    known: dict[bytes, tuple[str, ...]] = field(default_factory=dict)

    def get(self, question: bytes) -> tuple[str, ...] | None:
        return self.known.get(question)

    def put(self, question: bytes, answer: tuple[str, ...]) -> None:
        if len(self.known) >= COMPARED_MAX:
            self.known.clear()
        self.known[question] = answer


@dataclass(frozen=True, slots=True)
class World:
    destination: Destination
    live: LiveState
    verdicts: Verdicts
    spec: RawObject
    """The Application's."""

    def as_platform(self) -> "World":
        """The same, changing things with the platform's rights."""
        return replace(
            self, destination=replace(self.destination, deployer=self.destination.client)
        )

    async def resolve(self, api_version: str, kind: str) -> Resource | None:
        """None: the destination does not serve it."""
        try:
            return await self.destination.client.resolve(api_version, kind)
        except NotFound:
            return None

    async def follow(self, wanted: Sequence[Wanted], synced_before: Iterable[RawObject]) -> None:
        """Watch everything that may carry our tracking annotation, or descend from what does."""
        resources = {entry.resource for entry in wanted}
        for entry in synced_before:
            group, version = entry.get("group", ""), entry["version"]
            api_version = f"{group}/{version}" if group else version
            if resource := await self.resolve(api_version, entry["kind"]):
                resources.add(resource)
        resources |= await self._usual_kinds()
        cluster, client = self.destination.cluster, self.destination.client
        await self.live.follow(cluster, client, sorted(resources, key=_sort_key))

    async def _usual_kinds(self) -> set[Resource]:
        if self.destination.cluster == IN_CLUSTER:
            served = await self.destination.client.resources()
            return {resource for resource in served if resource.group == OFFERINGS}
        found = set()
        for resource in (*DEPLOYABLE, *CHILD_KINDS):
            if served_as := await self.resolve(resource.api_version, resource.kind):
                found.add(served_as)
        return found

    async def look(self, wanted: Wanted) -> RawObject | None:
        try:
            return await self.destination.client.get(
                wanted.resource, wanted.id.name, wanted.id.namespace
            )
        except NotFound:
            return None

    async def compare(self, wanted: Wanted, live: RawObject) -> Compared:
        """What a sync would change of it; the answer is about the object as it is in the answer."""
        for _ in range(COMPARE_TRIES):
            differing = await self._differing(wanted, live)
            if not differing:
                break
            # A controller may have written between our look and the dry run: that is no drift.
            again = await self.look(wanted)
            if again is None:
                return Compared(None, ())
            unchanged = _version(again) == _version(live)
            live = again
            if unchanged:
                break
        return Compared(live, differing)

    async def _differing(self, wanted: Wanted, live: RawObject) -> tuple[str, ...]:
        """The paths at which `live` differs from what a sync would make of it; () when none."""
        identity = wanted.id
        ignored = ignored_pointers(self.spec, identity.group, identity.kind, identity.name)
        question = _digest([wanted.manifest.obj, comparable(live), ignored])
        if (known := self.verdicts.get(question)) is not None:
            return known
        predicted = await self.destination.deployer.apply(
            wanted.resource, wanted.manifest.obj, manager=FIELD_MANAGER, force=True, dry_run=True
        )
        answer = tuple(changed_paths(comparable(predicted, ignored), comparable(live, ignored)))
        if not answer:
            # Only agreement is remembered: a difference may be a race, and is looked at again.
            self.verdicts.put(question, answer)
        return answer

    def beyond_git(self, application: str, wanted: Sequence[Wanted]) -> list[RawObject]:
        """What the Application tracks and Git no longer has."""
        kept = {entry.id for entry in wanted}
        return [
            obj
            for obj in self.live.tracked(self.destination.cluster, application)
            if resource_id(obj) not in kept and not is_deleting(obj)
        ]


def _sort_key(resource: Resource) -> tuple[str, str]:
    return resource.group, resource.kind


def _digest(data: object) -> bytes:
    return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).digest()


def _version(obj: RawObject) -> str:
    version: str = obj["metadata"]["resourceVersion"]
    return version
