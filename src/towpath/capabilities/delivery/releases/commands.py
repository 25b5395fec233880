"""`towpath release create`, a step of every pipeline, and `towpath releases`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from towpath.capabilities.delivery.workloads.kinds import (
    RELEASE,
    RELEASE_LABEL,
    WORKLOAD_LABEL,
    release_name,
)
from towpath.hooks.commands import Command, CommandError, Terminal
from towpath.machinery.errors import AlreadyExists
from towpath.machinery.objects import RawObject

SCORE_API = "score.dev/v1b1"
SCORE_BYTES_MAX = 256 * 1024
IDENTITY = ("workload", "image", "commit", "repository", "score")
"""What two releases of one name must agree in; which run made it may differ."""


async def release_create(
    terminal: Terminal,
    *,
    image: str,
    score: Path = Path("score.yaml"),
    workload: str = "",
    commit: str = "",
    project: str = "",
) -> None:
    """Make a release of an image and print its name.

    The same release again is no error; the same commit with other content is one.

    Parameters
    ----------
    image
        The image by digest, as `towpath image build --push` prints it.
    score
        The Score file that describes how the workload runs.
    workload
        The workload; TOWPATH_WORKLOAD if not given.
    commit
        The commit; GITHUB_SHA if not given.
    project
        The project; TOWPATH_PROJECT if not given.
    """
    workload = workload or os.environ.get("TOWPATH_WORKLOAD", "")
    commit = commit or os.environ.get("GITHUB_SHA", "")
    if not workload:
        raise CommandError("which workload? Name it with --workload, or set TOWPATH_WORKLOAD")
    if not commit:
        raise CommandError("of which commit? Name it with --commit, or set GITHUB_SHA")
    if "@sha256:" not in image:
        raise CommandError(
            f"{image} names no digest, and a tag can move",
            hint="give the reference that `towpath image build --push` prints",
        )
    spec: RawObject = {
        "workload": workload,
        "image": image.strip(),
        "commit": commit,
        "repository": os.environ.get("GITHUB_REPOSITORY", "").rpartition("/")[2] or workload,
        "score": read_score(score),
    }
    if run := os.environ.get("TOWPATH_RUN"):
        spec["run"] = run
    created = await _create(terminal, project, spec)
    print(created["metadata"]["name"])  # noqa: T201 - for the next step of a script


async def _create(terminal: Terminal, project: str, spec: RawObject) -> RawObject:
    name = release_name(spec["workload"], spec["commit"])
    release = RELEASE.object(name, project, spec=spec)
    release["metadata"]["labels"] = {
        "towpath.dev/project": project,
        WORKLOAD_LABEL: spec["workload"],
        RELEASE_LABEL: name,
    }
    try:
        return await terminal.api.create(RELEASE, release)
    except AlreadyExists:
        existing = await terminal.api.get(RELEASE, name, project)
    different = [field for field in IDENTITY if existing["spec"].get(field) != spec.get(field)]
    if different:
        raise CommandError(
            f"the release {name} exists and has another {' and '.join(different)}: "
            "a release is immutable",
            hint="commit the change, so that it becomes another release",
        )
    return existing


def read_score(path: Path) -> RawObject:
    """The Score file, verbatim. Its full check is the platform's. Raises CommandError."""
    from towpath.machinery.documents import DocumentError, load_document

    try:
        text = path.read_bytes()
    except OSError as error:
        raise CommandError(f"the Score file {path} cannot be read: {error.strerror}") from error
    if len(text) > SCORE_BYTES_MAX:
        raise CommandError(f"the Score file {path} is larger than {SCORE_BYTES_MAX} bytes")
    try:
        data: Any = load_document(text)
    except DocumentError as error:
        raise CommandError(f"the Score file {path} is not YAML: {error}") from error
    if not isinstance(data, dict):
        raise CommandError(f"the Score file {path} is not a mapping")
    if data.get("apiVersion") != SCORE_API:
        raise CommandError(
            f"{path}: apiVersion is {data.get('apiVersion')!r} and must be {SCORE_API}"
        )
    for field, kind in (("metadata", "name"), ("containers", "")):
        value = data.get(field)
        if not isinstance(value, dict) or not value or (kind and not value.get(kind)):
            raise CommandError(f"{path}: {field}{'.' + kind if kind else ''} is missing")
    return data


async def releases(terminal: Terminal, app: str = "", *, project: str = "") -> None:
    """List releases, the newest first.

    Parameters
    ----------
    app
        Only releases of this workload.
    project
        The project.
    """
    listed = await terminal.api.list(
        RELEASE, project, labels=f"{WORKLOAD_LABEL}={app}" if app else ""
    )
    found = sorted(
        listed.items, key=lambda one: str(one["metadata"]["creationTimestamp"]), reverse=True
    )
    terminal.show({"items": found}, [_row(release) for release in found])


def _row(release: RawObject) -> Mapping[str, str]:
    spec = release["spec"]
    return {
        "name": release["metadata"]["name"],
        "workload": spec["workload"],
        "commit": spec["commit"][:10],
        "created": release["metadata"]["creationTimestamp"],
        "+run": spec.get("run", ""),
        "+image": spec["image"],
    }


COMMANDS = (
    Command(("release", "create"), release_create),
    Command(("releases",), releases),
)
