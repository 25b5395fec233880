"""What a source says now: its descriptor files, and those that its Location entities lead to.

Three answers are never confused: a file says so, a file is not there any more, and a file could not
be read now. Whatever came of the last stays as it was.
"""

import hashlib
import zlib
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from towpath.capabilities.portal.catalog.descriptors import (
    EntityError,
    Parsed,
    parse_entities,
    with_annotations,
)
from towpath.capabilities.portal.catalog.entity_kinds import OF_PEOPLE, STANDARD, Model
from towpath.capabilities.portal.catalog.facts import LOCATION, ORIGIN, ORPHAN
from towpath.capabilities.portal.catalog.kinds import GIVE_PEOPLE
from towpath.capabilities.portal.catalog.placeholders import PlaceholderError, fill_in
from towpath.capabilities.portal.catalog.sources.place import Missing, Place, PlaceError, Unread
from towpath.capabilities.portal.catalog.sources.web import links_of
from towpath.machinery.documents import DocumentError, load_documents
from towpath.machinery.objects import RawObject
from towpath.machinery.references import DEFAULT_NAMESPACE
from towpath.records.contract import Entity

DOCUMENTS_MAX = 5000
"""In one file."""
FILES_MAX = 20_000
DEPTH_MAX = 10
"""Of Location entities that lead to Location entities."""
REMEMBERED_MAX = 50_000
FAST = 1
"""Of zlib's levels."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a source may say: which kinds, of which namespaces."""

    kinds: frozenset[str] | None = None
    """None: all but people and groups."""
    namespaces: frozenset[str] | None = None
    """None: all."""
    of_project: str = ""
    """The project that the source is in; "" for a source of the platform's engineers."""

    def refusal(self, entity: Entity) -> tuple[str, str] | None:
        """Field and sentence."""
        if self.of_project and entity.kind in OF_PEOPLE:
            return "kind", (
                f"a {entity.kind} comes from the platform's people and the members of projects, or "
                "from a source of the platform's engineers, not from a project"
            )
        if entity.kind in OF_PEOPLE if self.kinds is None else entity.kind not in self.kinds:
            return "kind", f"spec.rules of the source does not allow the kind {entity.kind}"
        if self.namespaces is not None and entity.namespace not in self.namespaces:
            return "metadata.namespace", (
                f"{entity.namespace!r} belongs to another project; use {self.of_project!r}"
            )
        return None


def terms_of(source: RawObject, *, is_of_platform: bool) -> Terms:
    rules = source["spec"].get("rules")
    kinds = None if rules is None else frozenset(k for rule in rules for k in rule["allow"])
    if rules is None and source["spec"]["type"] in GIVE_PEOPLE:
        kinds = OF_PEOPLE
    if is_of_platform:
        return Terms(kinds)
    project = source["metadata"]["namespace"]
    return Terms(kinds, frozenset((project, DEFAULT_NAMESPACE)), project)


@dataclass(frozen=True, slots=True)
class Gathered:
    entities: tuple[Entity, ...] = ()
    errors: tuple[EntityError, ...] = ()
    read: frozenset[str] = frozenset()
    """The addresses that were read, and understood."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Addresses that are there and say nothing that can be understood, with the reason."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """Addresses that could not be read now, with the reason."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Addresses that were asked for and are not there."""
    unlisted: Mapping[str, str] = field(default_factory=dict)
    """Beginnings of addresses of which it is not known now which there are, with the reason."""
    retry_after_s: float = 0.0

    @property
    def is_whole(self) -> bool:
        return not self.unread and not self.broken and not self.unlisted


@dataclass(frozen=True, slots=True)
class _File:
    address: str
    origin: str
    depth: int = 0
    is_optional: bool = False
    """It may as well not be there."""


@dataclass(slots=True)
class Memory:
    """Files as they were understood last, by address: the same bytes are not parsed again.

    As JSON, compressed: it is read in no time and takes a hundredth of the room of the objects.
    """

    files: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)

    def documents(self, address: str, content: bytes) -> Sequence[Any]:
        """Raises DocumentError."""
        digest = hashlib.sha256(content).digest()
        known = self.files.get(address)
        if known is not None and known[0] == digest:
            return tuple(orjson.loads(zlib.decompress(known[1])))
        documents = tuple(load_documents(content, of_backstage=True))
        if len(documents) > DOCUMENTS_MAX:
            raise DocumentError(
                f"it has {len(documents)} entities; at most {DOCUMENTS_MAX} are read"
            )
        if len(self.files) >= REMEMBERED_MAX:
            self.files.clear()
        with suppress(TypeError):  # a number that no JSON has is parsed again then
            self.files[address] = (digest, zlib.compress(orjson.dumps(documents), FAST))
        return documents


@dataclass(slots=True)
class _Gathering:
    place: Place
    terms: Terms
    model: Model
    memory: Memory
    entities: dict[str, Entity] = field(default_factory=dict)
    errors: list[EntityError] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    broken: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    retry_after_s: float = 0.0
    files: deque[_File] = field(default_factory=deque)
    known: set[str] = field(default_factory=set)

    def ask(self, file: _File) -> None:
        if file.address in self.known:
            return
        if len(self.known) >= FILES_MAX or file.depth > DEPTH_MAX:
            limit = f"{FILES_MAX} files are read, {DEPTH_MAX} Locations deep"
            self.unread.setdefault(file.address, f"{file.address}: at most {limit}")
            return
        self.known.add(file.address)
        self.files.append(file)

    async def take(self, file: _File) -> None:
        try:
            content = await self.place.read(file.address)
            documents = self.memory.documents(file.address, content)
            parsed = await self._parsed(file, documents)
        except Missing as error:
            if not file.is_optional:
                self.missing[file.address] = str(error)
        except Unread as error:
            self.unread[file.address] = str(error)
            self.retry_after_s = max(self.retry_after_s, error.retry_after_s)
        except PlaceError as error:
            self.broken[file.address] = str(error)
        except DocumentError as error:
            self.broken[file.address] = f"{_short(file.address)}: {error}"
        else:
            self.read.add(file.address)
            self.errors += parsed.errors
            for entity in parsed.entities:
                await self._keep(entity, file)

    async def _parsed(self, file: _File, documents: Sequence[Any]) -> Parsed:
        filled, errors = [], []
        for index, document in enumerate(documents):
            try:
                filled.append(await fill_in(document, self.place, file.address))
            except PlaceholderError as error:
                # Left as it is, it is still known by its name, and what it was is kept.
                found = parse_entities([document], self.model)
                name = next((one.ref for one in found.entities), f"document {index + 1}")
                errors.append(EntityError(name, "", str(error)))
        known_by = {LOCATION: file.address, ORIGIN: file.origin}
        links = links_of(file.address)
        read = (_as_read(document, links) for document in filled)
        parsed = parse_entities(read, self.model, known_by)
        return replace(parsed, errors=(*parsed.errors, *errors))

    async def _keep(self, entity: Entity, file: _File) -> None:
        refusal = self.terms.refusal(entity)
        if refusal is not None:
            self.errors.append(EntityError(entity.ref, *refusal))
            return
        if entity.ref in self.entities:
            where = _location(self.entities[entity.ref])
            message = f"is in {_short(where)} too"
            self.errors.append(EntityError(entity.ref, "metadata.name", message))
            return
        self.entities[entity.ref] = entity
        if entity.kind == "Location":
            await self._follow(entity, file)

    async def _follow(self, entity: Entity, file: _File) -> None:
        spec = entity.descriptor["spec"]
        kind = str(spec.get("type") or "")
        targets = [spec.get("target"), *(spec.get("targets") or ())]
        is_optional = spec.get("presence") == "optional"
        for target in targets:
            if not isinstance(target, str) or not target:
                continue
            try:
                address = self.place.resolve(file.address, target, kind)
                addresses = await self.place.expand(address)
            except Unread as error:
                self.unread[target] = str(error)
                self.retry_after_s = max(self.retry_after_s, error.retry_after_s)
            except PlaceError as error:
                self.errors.append(EntityError(entity.ref, "spec.targets", f"{target}: {error}"))
            else:
                for one in addresses:
                    self.ask(_File(one, file.origin, file.depth + 1, is_optional))


async def gather(
    place: Place,
    roots: Sequence[str],
    terms: Terms,
    *,
    model: Model = STANDARD,
    memory: Memory | None = None,
) -> Gathered:
    """Everything that the roots say, and what they lead to."""
    gathering = _Gathering(place, terms, model, memory or Memory())
    for root in roots:
        gathering.ask(_File(root, root))
    while gathering.files:
        await gathering.take(gathering.files.popleft())
    return Gathered(
        tuple(gathering.entities.values()),
        tuple(gathering.errors),
        frozenset(gathering.read),
        gathering.broken,
        gathering.unread,
        gathering.missing,
        retry_after_s=gathering.retry_after_s,
    )


def told_at_once(
    documents: Iterable[Any], address: str, terms: Terms, model: Model = STANDARD
) -> Gathered:
    """What a place tells without any files: all of it is from its address."""
    parsed = parse_entities(documents, model)
    entities, errors = [], list(parsed.errors)
    for entity in parsed.entities:
        refusal = terms.refusal(entity)
        if refusal is None:
            entities.append(with_annotations(entity, {LOCATION: address, ORIGIN: address}))
        else:
            errors.append(EntityError(entity.ref, *refusal))
    return Gathered(tuple(entities), tuple(errors), frozenset((address,)))


def kept(gathered: Gathered, previous: Mapping[str, Entity], *, orphans: bool) -> list[Entity]:
    """The entities to have: as they are said now; else as they were, while that is not known.

    What an entity was stays when its new form is wrong, and when its file could not be read. When
    its file has gone it stays as an orphan, unless the source says otherwise.
    """
    entities = {entity.ref: entity for entity in gathered.entities}
    wrong = {error.entity for error in gathered.errors}
    unlisted = tuple(beginning.lower() for beginning in gathered.unlisted)
    for ref, entity in previous.items():
        if ref in entities or not is_described(entity):
            continue
        location = _location(entity)
        if ref in wrong or location in gathered.unread or location in gathered.broken:
            entities[ref] = entity
        elif location not in gathered.read:
            origin = origin_of(entity)
            # Whether its file is there, or a Location still leads to it, is not known now.
            is_open = not gathered.is_whole and location != origin
            if is_open or any(one.lower().startswith(unlisted) for one in (location, origin)):
                entities[ref] = entity
            elif orphans:
                entities[ref] = _orphaned(entity)
    return list(entities.values())


def is_described(entity: Entity) -> bool:
    """Whether a descriptor told of it, and not the platform's own objects."""
    location = _location(entity)
    return bool(location) and not location.startswith("towpath:")


def _location(entity: Entity) -> str:
    annotations = entity.descriptor["metadata"].get("annotations") or {}
    return str(annotations.get(LOCATION, ""))


def origin_of(entity: Entity) -> str:
    """The address that its source asked for, which led to it."""
    annotations = entity.descriptor["metadata"].get("annotations") or {}
    return str(annotations.get(ORIGIN, ""))


def _orphaned(entity: Entity) -> Entity:
    return with_annotations(entity, {ORPHAN: "true"})


def _as_read(document: Any, links: Mapping[str, str]) -> Any:
    """Whether it is an orphan is found here, and not written; links are where none are written."""
    metadata = document.get("metadata") if isinstance(document, dict) else None
    if not isinstance(metadata, dict):
        return document
    annotations = metadata.get("annotations") or {}
    if not isinstance(annotations, dict):
        return document
    rest = {key: value for key, value in annotations.items() if key != ORPHAN}
    return {**document, "metadata": {**metadata, "annotations": {**links, **rest}}}


def _short(address: str) -> str:
    return address.partition(":")[2] or address
