"""What can be done with a thing, and in a project: brought by capabilities, shown on all pages.

What is offered is a courtesy; what is allowed is asked again when an action is run.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from towpath.machinery.objects import RawObject

if TYPE_CHECKING:
    from towpath.hooks.pages import Visit

TARGET_FIELD = "_target"
"""In the query of an action's form: the name of what it is to be done to."""


@dataclass(frozen=True, slots=True)
class Thing:
    """What somebody looks at, an object of the API or an entity of the catalogue."""

    api_version: str
    kind: str
    name: str
    object: RawObject = field(default_factory=dict)
    entity: RawObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OfferedAction:
    name: str
    namespace: str
    project: str
    title: str
    description: str
    operation: str
    """`CREATE`, `DAY-2` or `DELETE`."""
    target: str
    """The kind that it is for, "" for none."""
    form: str
    """The path of its form."""
    on: str = ""
    """The name of the thing that it is offered on."""
    approvals: int = 0
    icon: str = ""

    @property
    def href(self) -> str:
        return self.href_on(self.on)

    def href_on(self, name: str) -> str:
        """Of its form, for the thing of that name."""
        return f"{self.form}?{urlencode({TARGET_FIELD: name})}" if name else self.form

    @property
    def makes_new(self) -> bool:
        return self.operation == "CREATE"

    @property
    def is_dangerous(self) -> bool:
        return self.operation == "DELETE"


ActionSource = Callable[["Visit", str, Thing | None], Awaitable[Sequence[OfferedAction]]]
"""What a project offers to this visitor: on a thing, or all of it."""


async def offered(visit: "Visit", project: str, thing: Thing | None = None) -> list[OfferedAction]:
    lists = await asyncio.gather(*(source(visit, project, thing) for source in visit.actions))
    return [one for found in lists for one in found]
