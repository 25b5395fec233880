"""What is in the image of a static site: its files, compressed beside themselves, and the server.

A site is `public/`, or the folder itself where that has `index.html`. In the latter case the files
that are about the site and not of it (what begins with a dot, `score.yaml` and the like) stay out.
"""

import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from towpath.engines.registry.builder.ignore import included_files
from towpath.engines.registry.builder.tars import Entry
from towpath.engines.registry.port import ImageError

PUBLIC = "public"
ROOT_IN_IMAGE = f"app/{PUBLIC}"
SERVER_PACKAGES = ("waitress", "whitenoise")

_SERVER = Path(__file__).with_name("static_server.py")
_ABOUT_THE_SITE = frozenset(
    {
        "CODEOWNERS",
        "Dockerfile",
        "Makefile",
        "Procfile",
        "catalog-info.yaml",
        "compose.yaml",
        "docker-compose.yml",
        "mkdocs.yml",
        "package-lock.json",
        "package.json",
        "score.yaml",
    }
)
_OPEN_FOLDERS = frozenset({".well-known"})
_COMPRESSIBLE = re.compile(
    r"\.(css|csv|eot|geojson|html?|ico|js|json|map|md|mjs|otf|rss|svg|ttf|txt|vtt|wasm"
    r"|webmanifest|xml)$",
    re.IGNORECASE,
)
_SMALL = 256
_WORTH_IT = 0.95


def is_site(folder: Path) -> bool:
    return (folder / PUBLIC).is_dir() or (folder / "index.html").is_file()


def site_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each file's address below the site's root, and where it is. Raises ImageError."""
    has_public = (folder / PUBLIC).is_dir()
    root = (folder / PUBLIC if has_public else folder).resolve()
    for path in included_files(folder):
        address = path.removeprefix(f"{PUBLIC}/") if has_public else path
        if has_public and address == path:
            continue
        parts = address.split("/")
        if not has_public and _is_about_the_site(parts):
            continue
        file = (folder / path).resolve()
        if not file.is_relative_to(root):
            raise ImageError(f"{path} is a link to a place outside the site")
        if file.is_file():
            yield address, file


def _is_about_the_site(parts: list[str]) -> bool:
    if parts[0] in _OPEN_FOLDERS:
        return False
    return parts[0] in _ABOUT_THE_SITE or any(part.startswith(".") for part in parts)


def site_entries(folder: Path) -> Iterator[Entry]:
    """Raises ImageError."""
    files = dict(site_files(folder))
    for address, file in files.items():
        place = f"{ROOT_IN_IMAGE}/{address}"
        yield Entry(place, file)
        if _COMPRESSIBLE.search(address) and f"{address}.gz" not in files:
            packed = _compressed(file.read_bytes())
            if packed is not None:
                yield Entry(f"{place}.gz", packed)
    yield Entry("app/site-packages/static_server.py", _SERVER)


def _compressed(content: bytes) -> bytes | None:
    """As gzip with no name and the time 0; None where that is not smaller by much."""
    if len(content) < _SMALL:
        return None
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = packer.compress(content) + packer.flush()
    return packed if len(packed) < len(content) * _WORTH_IT else None
