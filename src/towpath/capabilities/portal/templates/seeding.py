"""The golden paths that ship with the package: put into Git, and offered as SoftwareTemplates.

A new version of the package is a new commit. Between two versions the repository belongs to the
platform's engineers: what they push there is not taken back by a restart.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE
from towpath.capabilities.portal.templates.sources import PLATFORM_PROJECT
from towpath.engines.git.port import File, GitHost, RepositoryName, Signature
from towpath.hooks.platform import SYSTEM_NAMESPACE, Platform
from towpath.machinery.documents import load_document
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import CommitSHA, Key, annotations_of
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Enqueue

SHIPPED = Path(__file__).with_name("golden_paths")
REPOSITORY = RepositoryName(PLATFORM_PROJECT, "golden-paths")
OWNER_UID = "towpath-golden-paths"
DIGEST_ANNOTATION = "towpath.dev/shipped-digest"
MANAGER = "towpath-golden-paths"
DESCRIPTOR = "template.yaml"

_AUTHOR = Signature("towpath", "towpath@users.towpath.invalid")


@dataclass(frozen=True, slots=True)
class Shipped:
    """A golden path as it is in the package."""

    folder: Path
    digest: str
    files: Mapping[str, File]


@cache
def shipped(name: str) -> Shipped | None:
    """None when none of that name ships. Reads files once."""
    folder = SHIPPED / name
    if "/" in name or not (folder / DESCRIPTOR).is_file():
        return None
    files = folders.read_files(folder)
    digest = digest_of({f"{name}/{path}": file for path, file in files.items()})
    return Shipped(folder, digest, files)


def seeding_controller(platform: Platform) -> Controller:
    async def seed(key: Key) -> None:
        await seed_golden_paths(platform)

    return Controller("golden-paths", seed, [_Once()], concurrency=1)


@dataclass(frozen=True, slots=True)
class _Once:
    async def run(self, enqueue: Enqueue) -> None:
        enqueue(Key(SYSTEM_NAMESPACE, REPOSITORY.name))


async def seed_golden_paths(platform: Platform) -> None:
    """Offer every shipped golden path; nothing to do when this version has been offered before."""
    files = await asyncio.to_thread(folders.read_files, SHIPPED)
    paths = sorted({path.partition("/")[0] for path in files if path.endswith(f"/{DESCRIPTOR}")})
    digests = {path: digest_of(_below(files, path)) for path in paths}
    changed = [path for path in paths if await _offered_digest(platform, path) != digests[path]]
    if not changed:
        return
    commit = await _publish(platform.git, files, changed)
    for path in changed:
        await _offer(platform, path, files, commit, digests[path])


def _below(files: Mapping[str, File], path: str) -> dict[str, File]:
    return {name: file for name, file in files.items() if name.startswith(f"{path}/")}


def digest_of(files: Mapping[str, File]) -> str:
    digest = hashlib.sha256()
    for name, file in sorted(files.items()):
        digest.update(f"{name}\0{len(file.content)}\0{file.executable}\0".encode())
        digest.update(file.content)
    return digest.hexdigest()


async def _offered_digest(platform: Platform, name: str) -> str:
    try:
        offered = await platform.api.get(SOFTWARE_TEMPLATE, name, SYSTEM_NAMESPACE)
    except NotFound:
        return ""
    return annotations_of(offered).get(DIGEST_ANNOTATION, "")


async def _publish(git: GitHost, files: Mapping[str, File], changed: list[str]) -> CommitSHA:
    await git.create(REPOSITORY, owner_uid=OWNER_UID)
    head = await git.head(REPOSITORY)
    present = await git.files(REPOSITORY, head) if head else {}
    changes: dict[str, File | None] = {}
    for path in changed:
        changes |= dict.fromkeys(_below(present, path))
        changes |= _below(files, path)
    message = f"Golden paths of this version of Towpath: {', '.join(changed)}"
    return await git.write(REPOSITORY, changes, message=message, author=_AUTHOR, expected=head)


async def _offer(
    platform: Platform, path: str, files: Mapping[str, File], commit: CommitSHA, digest: str
) -> None:
    descriptor = load_document(files[f"{path}/{DESCRIPTOR}"].content)
    template = SOFTWARE_TEMPLATE.object(
        path,
        SYSTEM_NAMESPACE,
        spec={
            "descriptor": descriptor,
            "source": {"repository": str(REPOSITORY), "path": path, "revision": commit},
        },
    )
    template["metadata"]["annotations"] = {DIGEST_ANNOTATION: digest}
    template["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "towpath"}
    await platform.api.apply(SOFTWARE_TEMPLATE, template, manager=MANAGER, force=True)
