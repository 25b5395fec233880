"""Sources of the catalogue that plug-ins contribute, as whoever reads them sees them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from towpath.machinery.objects import RawObject


class PluginSourceUnread(Exception):
    """The plug-in could not read it now; `str()` is one sentence that names the plug-in."""


@dataclass(frozen=True, slots=True)
class PluginSource:
    title: str
    settings: RawObject
    """A JSON Schema of what a CatalogSource tells it."""
    read: Callable[[str, RawObject, Mapping[str, str]], Awaitable[Sequence[RawObject]]]
    """Given the CatalogSource as `<project>/<name>`, its settings and the texts of its secret; all
    descriptors there are now. Raises PluginSourceUnread."""


FindSource = Callable[[str, str], PluginSource | None]
"""By the name of the plug-in and the source's id."""
