"""Pages of the portal: read parameters, call the API as the visitor, name a template.

A capability knows neither the web framework nor Jinja: it returns `Page(template, data)`. Templates
live in the capability's `templates/` folder and are named `<capability>/<file>`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from towpath.client.protocols import Client
from towpath.hooks.platform import Addresses
from towpath.machinery.users import UserInfo
from towpath.records.contract import Viewer


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to a page: who asks, what they may reach, and the parameters of the address."""

    user: UserInfo
    viewer: Viewer
    api: Client
    addresses: Addresses
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    template: str
    data: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class PageRoute:
    """`path` may hold `{name}` parts, which arrive in the visit's parameters with the query."""

    path: str
    answer: Callable[[Visit], Awaitable[Page]]
    name: str
    """What the page is called in the title and in lists of pages."""
