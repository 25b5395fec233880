"""`$text`, `$json`, `$yaml`, `$openapi` and `$asyncapi` in a descriptor: what another file says.

The two for APIs give a text in which every `$ref` to a further file has been replaced by what is
there. What is met a second time is a reference to where it was put first, so that a definition
that leads to itself stays finite.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from towpath.capabilities.portal.catalog.sources.place import Place, PlaceError, Refused, Unread
from towpath.machinery.documents import DocumentError, dump_document, load_document
from towpath.machinery.json_pointers import escape, walk

FILE_BYTES_MAX = 2 * 2**20
REFERRED_FILES_MAX = 200
REFERENCES_MAX = 20_000
_OF_APIS = ("$openapi", "$asyncapi")
_PLACEHOLDERS = ("$text", "$json", "$yaml", *_OF_APIS)


class PlaceholderError(Exception):
    """The placeholder cannot be replaced; `str()` is one sentence for the author."""


async def fill_in(value: Any, place: Place, base: str) -> Any:
    """The value with every placeholder replaced. `base` is the address of the descriptor.

    Raises PlaceholderError, and Unread where it is only now that it cannot be.
    """
    if isinstance(value, list):
        return [await fill_in(item, place, base) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (key,) = value
        if key in _PLACEHOLDERS:
            return await _filled(key, value[key], place, base)
    if any(isinstance(key, str) and key.startswith("$") for key in value):
        return value
    return {key: await fill_in(item, place, base) for key, item in value.items()}


async def _filled(key: str, location: Any, place: Place, base: str) -> Any:
    if not isinstance(location, str):
        raise PlaceholderError(f"{key}: must be an address or a path, not {location!r}")
    try:
        address = place.resolve(base, location)
        text = await _text(place, address)
        if key == "$text":
            return text
        loaded = json.loads(text) if key == "$json" else load_document(text, of_backstage=True)
        if key not in _OF_APIS:
            return loaded
        bundle = _Bundle(place, address)
        bundled = await bundle.of(loaded)
        # Nothing put in: it stays as its author wrote it, comments and all.
        return dump_document(bundled) if bundle.at else text
    except Unread:
        raise
    except (PlaceError, DocumentError, ValueError) as error:
        raise PlaceholderError(f"{key}: {location}: {error}") from error


async def _text(place: Place, address: str) -> str:
    content = await place.read(address)
    if len(content) > FILE_BYTES_MAX:
        raise Refused(f"it is larger than {FILE_BYTES_MAX} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Refused("it is not a text") from None


@dataclass(slots=True)
class _Bundle:
    """A definition that takes in the files that it refers to."""

    place: Place
    root: str
    documents: dict[str, Any] = field(default_factory=dict)
    at: dict[str, str] = field(default_factory=dict)
    """Where in the result each reference's target has been put, by its full address."""
    seen: int = 0

    async def of(self, document: Any) -> Any:
        self.documents[self.root] = document
        return await self._walk(document, self.root, "#")

    async def _walk(self, value: Any, base: str, here: str) -> Any:
        if isinstance(value, list):
            return [
                await self._walk(item, base, f"{here}/{index}") for index, item in enumerate(value)
            ]
        if not isinstance(value, dict):
            return value
        reference = value.get("$ref")
        if isinstance(reference, str):
            return await self._referred(value, reference, base, here)
        return {
            key: await self._walk(item, base, f"{here}/{escape(str(key))}")
            for key, item in value.items()
        }

    async def _referred(
        self, value: Mapping[str, Any], reference: str, base: str, here: str
    ) -> Any:
        self.seen += 1
        if self.seen > REFERENCES_MAX:
            raise Refused(f"it has more than {REFERENCES_MAX} references")
        target, _, pointer = reference.partition("#")
        address = self.place.resolve(base, target) if target else base
        if address == self.root:
            return {**value, "$ref": f"#{pointer}"}
        full = f"{address}#{pointer}"
        if full in self.at:
            return {"$ref": self.at[full]}
        self.at[full] = here
        if address not in self.documents:
            if len(self.documents) >= REFERRED_FILES_MAX:
                raise Refused(f"it refers to more than {REFERRED_FILES_MAX} files")
            self.documents[address] = load_document(
                await _text(self.place, address), of_backstage=True
            )
        try:
            found = walk(self.documents[address], pointer)
        except LookupError:
            raise Refused(f"{reference} leads to nothing") from None
        return await self._walk(found, address, here)
