"""What capabilities offer in the command palette: where to go and what to do, in a few words.

An offer is a link, a form that is posted, or a text to copy. Offer only what the visitor may do;
what happens is decided where it leads.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from towpath.hooks.pages import Visit


@dataclass(frozen=True, slots=True)
class PaletteItem:
    group: str
    """The heading that it stands under: `Go to`, `Do`, `Runs`."""
    label: str
    href: str = ""
    """Where it leads; of a form, where it is posted."""
    detail: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Not empty: it is a form, posted with these."""
    copy: str = ""
    """Not empty: it is copied, and nothing else happens."""


@dataclass(frozen=True, slots=True)
class PaletteQuestion:
    text: str
    """What has been typed; "" when the palette has just been opened."""
    page: str
    """The path of the page that it was opened on."""

    def fits(self, label: str) -> bool:
        """Whether every word that was typed is in the label."""
        return all(word in label.lower() for word in self.text.lower().split())


PaletteSource = Callable[[Visit, PaletteQuestion], Awaitable[Sequence[PaletteItem]]]
