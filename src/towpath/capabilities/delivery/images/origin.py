"""From which commit the sources come, as CI says it or as git knows it."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from towpath.engines.registry.builder.image import Origin

_SHA = re.compile(r"[0-9a-f]{40}")
_TIMEOUT_S = 10


def find_origin(folder: Path, environment: Mapping[str, str], commit: str = "") -> Origin:
    """The commit's own time makes two builds of it the same; SOURCE_DATE_EPOCH overrides it."""
    known, time_s = _from_git(folder)
    revision = commit or environment.get("GITHUB_SHA", "") or known
    declared = environment.get("SOURCE_DATE_EPOCH", "")
    if declared.isdecimal():
        time_s = int(declared)
    elif revision != known:
        time_s = 0
    return Origin(revision, _source(environment), time_s)


def _from_git(folder: Path) -> tuple[str, int]:
    """("", 0) outside of git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "log", "-1", "--format=%H %ct"],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "", 0
    sha, _, time_s = done.stdout.strip().partition(" ")
    if done.returncode != 0 or not _SHA.fullmatch(sha):
        return "", 0
    return sha, int(time_s)


def _source(environment: Mapping[str, str]) -> str:
    server = environment.get("GITHUB_SERVER_URL", "")
    repository = environment.get("GITHUB_REPOSITORY", "")
    return f"{server}/{repository}" if server and repository else ""
