"""A copy of all repositories while people push: every ref with everything that it leads to."""

import shutil
from pathlib import Path

from towpath.files import link_living

_NOT_KEPT = ("tmp_", ".tmp", "incoming")


def link_repositories(root: Path, target: Path) -> None:
    """Second names for the files of what is served and what is archived. Blocks."""
    for project in [*root.glob("[!.]*"), *root.glob(".archive/*")]:
        for place in project.glob("*.git"):
            _link_repository(place, target / place.relative_to(root))


def _link_repository(place: Path, target: Path) -> None:
    """Refs before objects: what is pushed in between is too much, and never too little."""

    def skip(name: str) -> bool:
        return name == "objects" or _is_passing(name)

    # Git writes packed-refs before it removes what is in it: in this order none is missed.
    link_living(place / "refs", target / "refs", skip=_is_passing)
    link_living(place, target, skip=skip)
    link_living(place / "objects", target / "objects", skip=_is_passing)
    if not place.is_dir():
        shutil.rmtree(target, ignore_errors=True)


def _is_passing(name: str) -> bool:
    """What a writer leaves behind when it is killed: no part of a repository."""
    return name.startswith(_NOT_KEPT) or name.endswith((".lock", ".draft")) or name == "gc.pid"
