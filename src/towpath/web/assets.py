"""The portal's scripts, style and pictures at addresses that change with their content.

A browser never need ask for one again, and none is read or compressed more than once.
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

KEPT = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}

MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    content: bytes
    media_type: str

    @cached_property
    def packed(self) -> bytes:
        return gzip.compress(self.content, mtime=0)


class Assets:
    """The files of a folder, and what is made at start, by name.

    All addresses carry a stamp that changes with any of them.
    """

    def __init__(self, folder: Path, made: Mapping[str, str]) -> None:
        self._assets = {
            path.name: Asset(path.read_bytes(), _media_type(path.name))
            for path in folder.iterdir()
            if path.is_file()
        }
        for name, text in made.items():
            self._assets[name] = Asset(text.encode(), _media_type(name))
        digest = hashlib.sha256()
        for name in sorted(self._assets):
            digest.update(self._assets[name].content)
        self._folder = f"/static/{digest.hexdigest()[:12]}"
        self.route = Route(f"{self._folder}/{{name}}", self._answer)
        """Raises HTTPException for what is not there."""

    def address(self, name: str) -> str:
        return f"{self._folder}/{name}"

    async def _answer(self, request: Request) -> Response:
        name = request.path_params["name"]
        asset = self._assets.get(name)
        if asset is None:
            raise HTTPException(404)
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(asset.content, headers=KEPT, media_type=asset.media_type)
        headers = {**KEPT, "Content-Encoding": "gzip"}
        return Response(asset.packed, headers=headers, media_type=asset.media_type)


def _media_type(name: str) -> str:
    """Ours alone to say: a machine's own table may call a script anything."""
    return MEDIA_TYPES[Path(name).suffix]
