"""What can be asked of the catalogue's facts, and what is answered: ready-made JSON, not objects.

An entity as a catalogue gives it out (with uid, etag and the relations of both directions) is
flattened to facts: `spec.type` is `service`, `metadata.tags` is `java`, `relations.ownedby` is
`group:default/a`. Keys and values are compared in lower case. Nested lists add no part to a key; a
text in a list is a fact of its own too: `metadata.tags.java` is `true`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType

Uid = NewType("Uid", str)


@dataclass(frozen=True, slots=True)
class Has:
    """There is such a key, whatever its value: null too."""

    key: str


@dataclass(frozen=True, slots=True)
class Is:
    """The key has one of these values."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Begins:
    """The key has a value that begins so."""

    key: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Every:
    """All of them; of none at all, everything."""

    of: "tuple[Condition, ...]" = ()


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of them; of none at all, nothing."""

    of: "tuple[Condition, ...]" = ()


@dataclass(frozen=True, slots=True)
class Never:
    """Not that."""

    of: "Condition"


Condition = Has | Is | Begins | Every | Some | Never

EVERYTHING = Every()

REF = "\x00ref"
"""To order by: the reference itself, which is no fact; no key of an entity has such a letter."""


@dataclass(frozen=True, slots=True)
class By:
    """An order: by the values of a key, entities without it last."""

    key: str
    downwards: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entity stands: its value of the first key (None: it has none), and its number."""

    value: str | None
    number: int


@dataclass(frozen=True, slots=True)
class Question:
    """Which entities, and which few of them to answer with."""

    where: Condition = EVERYTHING
    text: str = ""
    """What a value of one of `text_keys` contains; `%` and `_` stand for any characters there."""
    text_keys: tuple[str, ...] = ()
    order: tuple[By, ...] = ()
    """Without any, in the order in which they came. By several keys, nothing begins at a place."""
    only_sorted: bool = False
    """Leave out, and do not count, what has no value of the first key to sort by."""
    limit: int | None = None
    offset: int = 0
    after: Place | None = None
    before: Place | None = None
    """The last ones before it, in their order."""


@dataclass(frozen=True, slots=True)
class Answer:
    entities: list[bytes]
    """Each as JSON, ready to send."""
    total: int
    first: Place | None
    last: Place | None
    more: bool
    """Whether there are further ones in the direction of the question."""


@dataclass(frozen=True, slots=True)
class EntityChange:
    """One change of an entity, as its history keeps it."""

    ref: str
    time_s: float
    source: str
    version: str
    """Of the source: a commit, or whatever it counts by."""
    who: str
    why: str
    before: bytes | None
    """The descriptor and relations as JSON; None: it was not there."""
    after: bytes | None
    """None: it is no more."""


@dataclass(frozen=True, slots=True)
class Loss:
    """An ingest that was refused, for it would have removed too much of its source."""

    source: str
    version: str
    removed: int
    of: int
    examples: Sequence[str]
    """Some of the references that would have gone."""

    def __str__(self) -> str:
        return (
            f"{self.removed} of {self.of} entities would have gone, such as "
            f"{', '.join(self.examples)}; the catalogue keeps them until the loss is allowed"
        )
