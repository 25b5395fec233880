"""Which plug-ins are installed: read from what packages declare, nothing is imported."""

import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

GROUP = "towpath.plugins"
NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Installed:
    """An entry point of some package."""

    name: str
    value: str
    """`module:attribute`"""
    package: str
    version: str
    summary: str
    folder: Path | None = None
    """Of an editable installation, where its source is; nothing else says so."""
    problem: str = ""
    """Why it cannot be used, "" when it can."""


def installed_plugins() -> list[Installed]:
    """By name. Of two with one name, the second is told to be in the way."""
    found: dict[str, Installed] = {}
    refused = []
    for one in _declared():
        if one.problem:
            refused.append(one)
        elif first := found.get(one.name):
            problem = f"{first.package} has a plug-in of this name already; uninstall one of them"
            refused.append(_with_problem(one, problem))
        else:
            found[one.name] = one
    return [*(found[name] for name in sorted(found)), *refused]


def find_plugin(name: str) -> Installed | None:
    return next((one for one in installed_plugins() if one.name == name and not one.problem), None)


def _declared() -> Iterator[Installed]:
    packages = set()
    for distribution in metadata.distributions():
        try:
            # One read decides about nearly all packages; only the few others are parsed.
            if GROUP not in (distribution.read_text("entry_points.txt") or ""):
                continue
            package = distribution.metadata["Name"]
            if package in packages:
                continue  # an older copy, later on the path
            packages.add(package)
            yield from [_installed(entry, distribution) for entry in _entries(distribution)]
        except Exception as error:  # noqa: BLE001 - a broken package must not hide the others
            log.warning("a package cannot be read", extra={"error": str(error)})


def _entries(distribution: metadata.Distribution) -> list[metadata.EntryPoint]:
    return [entry for entry in distribution.entry_points if entry.group == GROUP]


def _installed(entry: metadata.EntryPoint, distribution: metadata.Distribution) -> Installed:
    about = distribution.metadata
    problem = ""
    if not NAME.fullmatch(entry.name):
        problem = (
            "its name is no name of a plug-in: 1 to 40 small letters, digits and dashes, "
            "beginning with a letter"
        )
    elif not re.fullmatch(r"[\w.]+:[\w.]+", entry.value):
        problem = f"its entry point is {entry.value!r}; write it as module:attribute"
    return Installed(
        name=entry.name[:60],
        value=entry.value,
        package=about["Name"],
        version=distribution.version,
        summary=(about["Summary"] or "")[:200],
        folder=_editable_folder(distribution),
        problem=problem,
    )


def _with_problem(one: Installed, problem: str) -> Installed:
    return Installed(
        one.name, one.value, one.package, one.version, one.summary, one.folder, problem
    )


def _editable_folder(distribution: metadata.Distribution) -> Path | None:
    text = distribution.read_text("direct_url.json")
    if not text:
        return None
    origin = json.loads(text)
    parts = urlsplit(origin.get("url", ""))
    if parts.scheme != "file" or not (origin.get("dir_info") or {}).get("editable"):
        return None
    return Path(unquote(parts.path))


def import_folders(one: Installed) -> list[Path]:
    """Where Python looks for modules, beside its own folders: what must be readable."""
    # The first entry is the started program's folder, or the current one: nobody installs there.
    entries = sys.path if sys.flags.safe_path else sys.path[1:]
    configured = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    folders = [Path(entry) for entry in (*configured, *entries) if entry]
    if one.folder is not None:
        folders.append(one.folder)
    return [folder for folder in dict.fromkeys(folders) if folder.is_absolute() and folder.exists()]
