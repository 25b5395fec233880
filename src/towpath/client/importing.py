"""Objects brought into a cluster by server-side apply, in order; again as often as one likes.

Definitions come first and are waited for, then namespaces, then what others stand on, and last
what could refuse the rest. One that fails keeps no other from being brought; a second run does
only what is left to do, because what is already as it should be stays untouched.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from towpath.client.exporting import OWNERS, portable, rank
from towpath.client.protocols import Client
from towpath.machinery.conditions import get_condition
from towpath.machinery.errors import Conflict, Forbidden, NotFound, StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

AT_ONCE = 8
ESTABLISHED_S_MAX = 30.0
POLL_S = 0.1
VALUE_CHARS_MAX = 60

CREATED, CHANGED, UNCHANGED = "created", "changed", "unchanged"
CONFLICT, FAILED = "conflict", "failed"


@dataclass(frozen=True, slots=True)
class Options:
    manager: str
    force: bool = False
    dry_run: bool = False
    status: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one object, or would."""

    obj: RawObject
    result: str
    lines: Sequence[str] = ()
    """What differs, or what is wrong."""

    @property
    def name(self) -> str:
        metadata = self.obj["metadata"]
        place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
        return f"{self.obj['kind']} {place}{metadata['name']}"


@dataclass(slots=True)
class _Import:
    client: Client
    options: Options
    objects: list[RawObject]
    coming: set[str] = field(default_factory=set)
    """Kinds and namespaces that a dry run has not made."""
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))


async def bring(client: Client, objects: Iterable[RawObject], options: Options) -> list[Outcome]:
    """What became of each, in the order in which they were brought."""
    work = _Import(client, options, sorted(objects, key=rank))
    outcomes: list[Outcome] = []
    for _, wave in groupby(work.objects, key=_wave):
        owned: list[RawObject] = []
        free: list[RawObject] = []
        for obj in wave:
            (owned if _owners(obj) else free).append(obj)
        outcomes += await asyncio.gather(*(_bring(work, obj) for obj in free))
        for obj in owned:
            # One after the other: an owner may itself be owned.
            outcomes.append(await _bring(work, obj))
    return outcomes


def _wave(obj: RawObject) -> int:
    return rank(obj)[0]


async def _bring(work: _Import, obj: RawObject) -> Outcome:
    async with work.gate:
        try:
            return await _applied(work, obj)
        except Conflict as error:
            causes = [f"{cause.field}: {cause.message}" for cause in error.causes]
            return Outcome(obj, CONFLICT, causes or [error.message])
        except (StatusError, TimeoutError) as error:
            return Outcome(obj, FAILED, [getattr(error, "message", "") or str(error)])


async def _applied(work: _Import, obj: RawObject) -> Outcome:
    options = work.options
    if options.dry_run and (missing := _comes_with_it(work, obj)):
        return Outcome(obj, CREATED, [missing])
    resource = await work.client.resolve(obj["apiVersion"], obj["kind"])
    metadata = obj["metadata"]
    before = await _found(work.client, resource, metadata["name"], metadata.get("namespace", ""))
    wanted, notes = await _with_owners(work, obj)
    status = wanted.pop("status", None)
    after = await work.client.apply(
        resource,
        wanted,
        manager=options.manager,
        force=options.force,
        dry_run=options.dry_run,
        strict=True,
    )
    if options.status and status and not options.dry_run:
        await work.client.apply(
            resource,
            {
                "apiVersion": wanted["apiVersion"],
                "kind": wanted["kind"],
                "metadata": _named(wanted),
                "status": status,
            },
            manager=options.manager,
            force=options.force,
            subresource="status",
        )
    if obj["kind"] == "CustomResourceDefinition" and not options.dry_run:
        await _until_established(work.client, resource, metadata["name"])
    if before is None:
        if options.dry_run:
            _remember_coming(work, obj)
        return Outcome(obj, CREATED, notes)
    lines = list(differences(portable(before), portable(after), secret=obj["kind"] == "Secret"))
    return Outcome(obj, CHANGED if lines else UNCHANGED, [*lines, *notes])


def _named(obj: RawObject) -> RawObject:
    return {key: obj["metadata"][key] for key in ("name", "namespace") if key in obj["metadata"]}


def _comes_with_it(work: _Import, obj: RawObject) -> str:
    """A dry run leaves nothing that what comes later could be tried on."""
    if _kind_key(obj["apiVersion"].rpartition("/")[0], obj["kind"]) in work.coming:
        return "its kind comes with it"
    namespace = obj["metadata"].get("namespace", "")
    return "its namespace comes with it" if f"namespace {namespace}" in work.coming else ""


def _remember_coming(work: _Import, obj: RawObject) -> None:
    if obj["kind"] == "Namespace":
        work.coming.add(f"namespace {obj['metadata']['name']}")
    elif obj["kind"] == "CustomResourceDefinition":
        work.coming.add(_kind_key(obj["spec"]["group"], obj["spec"]["names"]["kind"]))


def _kind_key(group: str, kind: str) -> str:
    return f"kind {kind}.{group}"


async def _found(client: Client, resource: Resource, name: str, namespace: str) -> RawObject | None:
    try:
        return await client.get(resource, name, namespace)
    except NotFound:
        return None


def _owners(obj: RawObject) -> list[dict[str, Any]]:
    text = (obj["metadata"].get("annotations") or {}).get(OWNERS)
    try:
        owners = json.loads(text) if text else []
    except ValueError:
        return []
    return [one for one in owners if isinstance(one, dict)] if isinstance(owners, list) else []


async def _with_owners(work: _Import, obj: RawObject) -> tuple[RawObject, list[str]]:
    """The object with references to its owners as they are here; who is not here is dropped."""
    metadata = dict(obj["metadata"])
    annotations = {
        key: text for key, text in (metadata.get("annotations") or {}).items() if key != OWNERS
    }
    references, notes = [], []
    for owner in _owners(obj):
        try:
            resource = await work.client.resolve(owner["apiVersion"], owner["kind"])
            namespace = metadata.get("namespace", "") if resource.namespaced else ""
            found = await work.client.get(resource, owner["name"], namespace)
        except (NotFound, Forbidden, KeyError):
            if not (work.options.dry_run and _brings(work, owner)):
                notes.append(f"its owner {owner.get('kind')} {owner.get('name')} is not here")
            continue
        references.append({**owner, "uid": found["metadata"]["uid"]})
    metadata["annotations"] = annotations
    if not annotations:
        del metadata["annotations"]
    if references:
        metadata["ownerReferences"] = references
    return {**obj, "metadata": metadata}, notes


def _brings(work: _Import, owner: dict[str, Any]) -> bool:
    wanted = (owner.get("kind"), owner.get("name"))
    return any((one["kind"], one["metadata"]["name"]) == wanted for one in work.objects)


async def _until_established(client: Client, resource: Resource, name: str) -> None:
    """Raises TimeoutError."""
    try:
        async with asyncio.timeout(ESTABLISHED_S_MAX):
            while True:
                found = await client.get(resource, name)
                if (get_condition(found, "Established") or {}).get("status") == "True":
                    return
                await asyncio.sleep(POLL_S)
    except TimeoutError as error:
        raise TimeoutError(f"it was not established after {ESTABLISHED_S_MAX:.0f} s") from error


def differences(old: Any, new: Any, *, secret: bool = False, path: str = "") -> Iterator[str]:
    """One line for each value that differs: `~ spec.replicas: 1 -> 2`."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            below = f"{path}.{key}" if path else str(key)
            if key not in old:
                yield f"+ {below}: {_shown(new[key], secret)}"
            elif key not in new:
                yield f"- {below}: {_shown(old[key], secret)}"
            else:
                yield from differences(old[key], new[key], secret=secret, path=below)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (left, right) in enumerate(zip(old, new, strict=True)):
            yield from differences(left, right, secret=secret, path=f"{path}[{index}]")
    elif old != new:
        yield f"~ {path}: {_shown(old, secret)} -> {_shown(new, secret)}"


def _shown(value: Any, secret: bool) -> str:
    if secret:
        return "(secret)"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_CHARS_MAX else f"{text[:VALUE_CHARS_MAX]}..."


def without_secrets(objects: Iterable[RawObject]) -> tuple[list[RawObject], int]:
    """The others, and how many Secrets there were."""
    everything = list(objects)
    kept = [obj for obj in everything if (obj["apiVersion"], obj["kind"]) != ("v1", "Secret")]
    return kept, len(everything) - len(kept)
