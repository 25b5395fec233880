"""What the platform asks of the catalogue's index. Import the names from `records.contract`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import orjson

from towpath.machinery.objects import RawObject
from towpath.records.properties import Computed, Properties
from towpath.records.questions import (
    EVERYTHING,
    Answer,
    Condition,
    EntityChange,
    Loss,
    Question,
    Uid,
)
from towpath.records.viewers import Viewer


@dataclass(frozen=True, slots=True, order=True)
class Relation:
    """One edge of the catalogue, as its origin tells it: `ownedBy` -> `group:default/team-a`."""

    type: str
    target: str


@dataclass(frozen=True, slots=True)
class Entity:
    """One Backstage entity as it is indexed. References are full and in lower case."""

    ref: str
    """`<kind>:<namespace>/<name>`, lower case."""
    kind: str
    name: str
    written: str
    """The descriptor as its source wrote it, as JSON: objects would take many times the room."""
    namespace: str = "default"
    title: str = ""
    description: str = ""
    type: str = ""
    owner: str = ""
    """Reference of the owning Group or User, "" when nobody."""
    system: str = ""
    lifecycle: str = ""
    tags: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()
    project: str = ""
    """The project whose viewers may see it; "" is for everybody. Set by the source."""
    source: str = ""
    workload: str = ""
    """The workload of its project that the component is, "" when the platform delivers none."""
    state: "WorkloadState | None" = None
    """What is known of that workload. Not part of what a source delivers."""
    uid: str = ""
    """The index's own name for it, the same as long as it is there. Not from a source either."""
    etag: str = ""
    """Another one with every change of it, or of what others say of it."""

    @property
    def descriptor(self) -> RawObject:
        """Read anew each time."""
        read: RawObject = orjson.loads(self.written)
        return read


def written(descriptor: RawObject) -> str:
    """As an entity holds it. Raises TypeError for what no JSON can say."""
    return orjson.dumps(descriptor).decode()


class Finding(NamedTuple):
    """What is shown of an entity that was found. A tuple, for dozens are made for each search."""

    ref: str
    kind: str
    namespace: str
    name: str
    title: str
    description: str
    type: str
    owner: str
    lifecycle: str
    project: str
    workload: str
    health: str
    """Of its workload; "" when nothing is known of it."""
    descriptor: str
    """As JSON."""


HEALTHS = (
    "Degraded",
    "Missing",
    "Unknown",
    "Progressing",
    "Suspended",
    "Healthy",
    "Terminating",
)
"""How a workload may be, the sickest first."""


@dataclass(frozen=True, slots=True)
class WorkloadState:
    """How a workload is, as it is told in a list."""

    health: str
    sentence: str = ""
    url: str = ""


PAIRS: tuple[tuple[str, str], ...] = (
    ("ownedBy", "ownerOf"),
    ("partOf", "hasPart"),
    ("providesApi", "apiProvidedBy"),
    ("consumesApi", "apiConsumedBy"),
    ("dependsOn", "dependencyOf"),
    ("childOf", "parentOf"),
    ("memberOf", "hasMember"),
)
INVERSE: Mapping[str, str] = {one: other for pair in PAIRS for one, other in (pair, pair[::-1])}
"""How a relation is called that is told from its other end."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a source's entities."""

    changed: bool
    """False: nothing is different now."""
    taken: tuple[str, ...] = ()
    """References that another source holds; those entities were left out."""
    added: int = 0
    updated: int = 0
    removed: int = 0
    refused: Loss | None = None
    """Why nothing was changed: too much would have gone. The version counts as not delivered."""
    project: str = ""
    """Of the source, when something changed."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Who changed a source, and why, for the history: the author and subject of a commit."""

    who: str = ""
    why: str = ""


UNTOLD = Cause()


@dataclass(frozen=True, slots=True)
class EntityFilter:
    """Entities whose named fields have one of the given values, with all the words of `text`.

    Fields: kind, namespace, name, type, owner, system, lifecycle, health, project, source, tag,
    ref, and `computed.<name>`; "" is a value too: an owner of "" is nobody.
    """

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    text: str = ""
    meets: Condition = EVERYTHING
    """Of what is known as its facts."""


@dataclass(frozen=True, slots=True)
class EntityPage:
    entities: list[Entity]
    total: int
    continue_token: str = ""
    """"" on the last page."""


@dataclass(frozen=True, slots=True)
class Edges:
    """The relations of one entity that the viewer may see."""

    outgoing: list[Relation]
    incoming: list[Relation]
    """`target` is the entity that tells it; `type` as told there."""


class CatalogIndex(Protocol):
    """The catalogue as rows: a source replaces its own entities, people search all they may see."""

    async def ingest(
        self,
        source: str,
        entities: Sequence[Entity],
        *,
        project: str,
        version: str,
        cause: Cause = UNTOLD,
        loss_allowed: bool = False,
    ) -> Ingested:
        """Make these the entities of `source`; nothing to do for a known version.

        Only what differs is written, one row of history for each; at once, or when it is a great
        deal in parts, between which others write, and the version counts when all is there.
        When more would go than `records.ingesting.LOSS_SHARE_MAX` of what the source has (and
        more than a few), nothing is changed, `refused` says what would have gone, and `losses`
        keeps it until an ingest of the source succeeds: pass `loss_allowed` when a person has
        agreed, or when what asked for the entities is itself deleted. To withdraw all on purpose
        is `forget`.
        """
        ...

    async def amend(
        self,
        source: str,
        *,
        put: Sequence[Entity] = (),
        remove: Sequence[str] = (),
        project: str,
        version: str,
        cause: Cause = UNTOLD,
        loss_allowed: bool = False,
    ) -> Ingested:
        """The same for a source that knows itself what has changed: the others stay as they are.

        Costs by what is put and removed, not by what the source has.
        """
        ...

    async def undo(self, source: str, *, cause: Cause = UNTOLD) -> Ingested:
        """Make the source's entities what they were before its last change, from the history.

        An undo is a change too: undone again, it is as before. The version is then unknown, so
        that the source's next reading counts.
        """
        ...

    async def losses(self) -> list[Loss]:
        """The ingests that were refused and have not been settled since."""
        ...

    async def history(self, viewer: Viewer, ref: str, *, limit: int = 50) -> list[EntityChange]:
        """The newest changes of one entity first; of one that is gone too, as far as is kept."""
        ...

    async def forget(self, source: str, *, cause: Cause = UNTOLD) -> None:
        """The source is no more, nor are its entities. Never refused."""
        ...

    async def remove(self, viewer: Viewer, uid: Uid, *, cause: Cause) -> bool:
        """Take one entity out; its source brings it again with its next reading, if it has it."""
        ...

    async def sources(self) -> dict[str, str]:
        """Every source and the version it delivered last."""
        ...

    async def held(self, source: str) -> list[str]:
        """The references of what a source has."""
        ...

    async def get(self, viewer: Viewer, ref: str) -> Entity | None: ...

    async def query(
        self,
        viewer: Viewer,
        where: EntityFilter,
        *,
        limit: int = 100,
        continue_token: str = "",
        sort: str = "",
    ) -> EntityPage:
        """In the order of `sort`: a field or `computed.<name>`, with a dash before it the other way
        round.

        "" is by name, and with a text the best match first. Raises BadRequest for a token that is
        not of such a query.
        """
        ...

    async def facets(
        self, viewer: Viewer, where: EntityFilter, fields: Sequence[str], *, empty: bool = False
    ) -> dict[str, dict[str, int]]:
        """For each field, how many have which value; with `empty` also how many have none."""
        ...

    async def compute(self, properties: Properties) -> None:
        """From now on these are computed of entities, and no others.

        Some time later they are facts, with keys like any other: to filter, sort and count by.
        """
        ...

    async def computed(self, viewer: Viewer, ref: str) -> Mapping[str, Computed]:
        """What is computed of an entity, by name, from what the viewer may see now."""
        ...

    async def computed_values(
        self, viewer: Viewer, refs: Sequence[str]
    ) -> dict[str, dict[str, list[str]]]:
        """By reference and key, as it is filtered and counted by."""
        ...

    async def find(
        self, viewer: Viewer, where: EntityFilter, *, limit: int = 10, skip: int = 0
    ) -> list[Finding]:
        """Some that are meant by these words, the best first; without any text, all by name.

        For search as one types: it costs nearly the same however many entities fit.
        """
        ...

    async def existing(self, viewer: Viewer, refs: Sequence[str]) -> set[str]:
        """Those of the references that are entities the viewer may see."""
        ...

    async def observe(self, project: str, name: str, state: "WorkloadState | None") -> None:
        """How a workload is now; None when it is no more."""
        ...

    async def observed(self) -> list[tuple[str, str]]:
        """Project and name of every workload whose state is known."""
        ...

    async def edges(self, viewer: Viewer, ref: str) -> Edges: ...

    async def around(
        self, viewer: Viewer, refs: Sequence[str], types: Sequence[str]
    ) -> list[tuple[str, Relation]]:
        """Relations of these types that one of the entities tells or is told of, with who tells it.

        A target that the viewer may not see is left out; one that is not there is told.
        """
        ...

    @property
    def revision(self) -> int:
        """Another one after every change that a reader could see."""
        ...

    async def ask(self, viewer: Viewer, question: Question) -> Answer:
        """The entities that the viewer may see and the question means, as JSON."""
        ...

    async def count(
        self, viewer: Viewer, where: Condition, keys: Sequence[str]
    ) -> dict[str, list[tuple[str, int]]]:
        """For each key, how many of the entities have which value, as it is spelled."""
        ...

    async def named(
        self, viewer: Viewer, refs: Sequence[str], where: Condition = EVERYTHING
    ) -> list[bytes | None]:
        """The entities of these references as JSON, None for what the viewer may not see."""
        ...

    async def identified(self, viewer: Viewer, uid: Uid) -> bytes | None: ...
