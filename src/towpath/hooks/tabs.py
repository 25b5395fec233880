"""Tabs of the service page: blocks that are read when somebody opens the tab.

A tab is given the visit, hence the visitor's rights and no others. Its address is the service's
with the tab's key at the end; it is a page like any other, without JavaScript too.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.hooks.blocks import Block
from towpath.machinery.objects import RawObject

if TYPE_CHECKING:
    from towpath.hooks.pages import Visit


@dataclass(frozen=True, slots=True)
class Service:
    """The service that a tab or a check is about."""

    project: str
    name: str
    object: RawObject
    """The Workload."""


@dataclass(frozen=True, slots=True)
class ServiceTab:
    key: str
    """The last part of its address. A plug-in's holds a dot, a built-in's never does."""
    label: str
    show: Callable[["Visit", Service], Awaitable[Sequence[Block]]]
    plugin: str = ""
    """Which plug-in brings it; "" for a built-in one."""
