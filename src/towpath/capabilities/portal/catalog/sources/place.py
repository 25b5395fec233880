"""What a place must offer for descriptors to be read from it.

An address is Backstage's `type:target`, split at the first colon: `url:https://...`,
`file:/srv/org/teams.yaml`, and for a hosted repository `towpath-git:demo/orders/docs/a.yaml`.
What is not there and what could not be read are two different answers, always.
"""

from dataclasses import dataclass
from typing import Protocol


class PlaceError(Exception):
    """Base; `str()` is one sentence for the author of the descriptor."""


class Missing(PlaceError):
    """It was looked for, and it is not there."""


class Refused(PlaceError):
    """It will not be read from here: another project's, another type, outside the root."""


class Unread(PlaceError):
    """It could not be read now. Never to be taken for empty."""

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Place(Protocol):
    async def read(self, address: str) -> bytes:
        """Raises Missing, Refused, Unread."""
        ...

    async def expand(self, address: str) -> list[str]:
        """The addresses that a pattern stands for, by name; of one without a pattern, itself."""
        ...

    def resolve(self, base: str, target: str, kind: str = "") -> str:
        """The address of a target that stands in `base`. Raises Refused."""
        ...


@dataclass(frozen=True, slots=True)
class Places:
    """Several places, each for its own types of address."""

    by_type: dict[str, Place]

    async def read(self, address: str) -> bytes:
        return await self._place(address).read(address)

    async def expand(self, address: str) -> list[str]:
        return await self._place(address).expand(address)

    def resolve(self, base: str, target: str, kind: str = "") -> str:
        if target.startswith(("https://", "http://")) and "url" in self.by_type:
            return self.by_type["url"].resolve(f"url:{target}", target)
        if kind and kind != type_of(base) and (kind, type_of(base)) != ("url", "towpath-git"):
            return f"{kind}:{target}"
        return self._place(base).resolve(base, target)

    def _place(self, address: str) -> Place:
        kind = type_of(address)
        if kind not in self.by_type:
            known = ", ".join(sorted(self.by_type))
            raise Refused(f"{address} cannot be read from here; what can is {known}")
        return self.by_type[kind]


def type_of(address: str) -> str:
    return address.partition(":")[0]


def target_of(address: str) -> str:
    return address.partition(":")[2]


def is_pattern(text: str) -> bool:
    return any(character in text for character in "*?{")
