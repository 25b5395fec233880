"""What an API offers, whichever language its definition is written in. Pure.

An operation is a request of OpenAPI, a channel's message of AsyncAPI, a field of GraphQL's roots, a
method of gRPC, a tool of MCP. What goes in and what comes out are fields, which hold fields.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

FIELDS_DEEP_MAX = 6
"""Fields within fields that are shown; deeper ones are told by their type."""
FIELDS_MAX = 3000
"""Of one operation: what somebody wrote must not make a page without end."""
DEFINITION_FIELDS_MAX = 60_000


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: str
    required: bool = False
    description: str = ""
    place: str = ""
    """Where it is sent: path, query, header, cookie; "" within a body."""
    values: tuple[str, ...] = ()
    """The only ones that it may have; none are said to be any."""
    fields: tuple["Field", ...] = ()
    number: int = 0
    """What it is called on the wire, where that is no name."""
    deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent or comes back, of one media type."""

    media: str
    type: str
    fields: tuple[Field, ...] = ()
    example: str = ""
    description: str = ""
    code: str = ""
    """Of an answer: `200`."""


@dataclass(frozen=True, slots=True)
class Operation:
    key: str
    """What makes it the same operation in another version: `GET /orders/{id}`."""
    verb: str
    name: str
    group: str = ""
    summary: str = ""
    description: str = ""
    deprecated: bool = False
    inputs: tuple[Field, ...] = ()
    bodies: tuple[Body, ...] = ()
    answers: tuple[Body, ...] = ()
    example: str = ""
    """A command to copy."""

    @property
    def id(self) -> str:
        return "op-" + (re.sub(r"[^a-z0-9]+", "-", self.key.lower()).strip("-") or "x")


@dataclass(frozen=True, slots=True)
class Shape:
    """A named type."""

    name: str
    type: str
    description: str = ""
    fields: tuple[Field, ...] = ()
    values: tuple[str, ...] = ()
    is_input: bool = False
    """It is sent to the API, and never comes from it."""

    @property
    def id(self) -> str:
        return "type-" + (re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-") or "x")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a definition, or a part of it, cannot be read."""

    message: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Definition:
    language: str
    """`OpenAPI 3.1`, or "" for one that is shown as its text alone."""
    title: str = ""
    version: str = ""
    description: str = ""
    servers: tuple[tuple[str, str], ...] = ()
    """Each with what is said of it."""
    operations: tuple[Operation, ...] = ()
    shapes: tuple[Shape, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def groups(self) -> dict[str, list[Operation]]:
        groups: dict[str, list[Operation]] = {}
        for one in self.operations:
            groups.setdefault(one.group, []).append(one)
        return groups


def flat(fields: Sequence[Field], above: str = "") -> Iterator[tuple[str, Field]]:
    """Every field by its path: `customer.address.street`."""
    for one in fields:
        path = f"{above}.{one.name}" if above else one.name
        yield path, one
        yield from flat(one.fields, path)


@dataclass(slots=True)
class Budget:
    """How many more fields there may be."""

    left: int = field(default=FIELDS_MAX)
    of: "Budget | None" = None
    """The whole definition's, of which this is a part."""

    def spend(self) -> bool:
        self.left -= 1
        return self.left >= 0 and (self.of is None or self.of.spend())
