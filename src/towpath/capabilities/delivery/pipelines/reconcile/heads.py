"""Which branch heads have been dealt with: one ConfigMap per repository that has workflows.

Runs come and go by retention; this stays, so that a restart does not run an old head again. It is
written after the runs exist: a crash in between finds them by their names.
"""

import hashlib
import json
import re
from dataclasses import dataclass

from towpath.capabilities.delivery.pipelines.kinds import REPOSITORY_LABEL
from towpath.client.protocols import Client
from towpath.engines.git.port import RepositoryName
from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import CommitSHA, Key
from towpath.runtime.sources import Enqueue

FIELD = "heads"
REPOSITORY = "repository"
"""Its full name, which a label may be too short for."""
MANAGER = "towpath-pipelines"

Heads = dict[str, CommitSHA]


@dataclass(frozen=True, slots=True)
class HeadsSeen:
    api: Client

    async def load(self, repository: RepositoryName) -> Heads | None:
        """None: this repository has never been looked at."""
        try:
            found = await self.api.get(CONFIG_MAP, _name(repository), repository.project)
        except NotFound:
            return None
        try:
            heads: Heads = json.loads(found["data"][FIELD])
        except (KeyError, ValueError):
            return None  # somebody has edited it away: every head is new again
        return heads

    async def store(self, repository: RepositoryName, heads: Heads) -> None:
        wanted = CONFIG_MAP.object(
            _name(repository),
            repository.project,
            data={FIELD: json.dumps(heads, sort_keys=True), REPOSITORY: repository.name},
        )
        wanted["metadata"]["labels"] = {
            "app.kubernetes.io/managed-by": "towpath",
            REPOSITORY_LABEL: repository.name[:63].strip("-._"),
        }
        await self.api.apply(CONFIG_MAP, wanted, manager=MANAGER, force=True)

    async def repositories(self) -> list[RepositoryName]:
        """All that have been looked at, those that have gone since among them."""
        listed = await self.api.list(CONFIG_MAP, labels=REPOSITORY_LABEL)
        return [
            RepositoryName(found["metadata"]["namespace"], found["data"][REPOSITORY])
            for found in listed.items
            if REPOSITORY in (found.get("data") or {})
        ]

    async def forget(self, repository: RepositoryName) -> None:
        try:
            await self.api.delete(CONFIG_MAP, _name(repository), repository.project)
        except NotFound:
            return


def _name(repository: RepositoryName) -> str:
    slug = re.sub(r"[^a-z0-9-]+", "-", repository.name.lower()).strip("-")
    if slug != repository.name:
        slug += "-" + hashlib.sha256(repository.name.encode()).hexdigest()[:6]
    return f"pipeline-heads-{slug}"


@dataclass(frozen=True, slots=True)
class Remembered:
    """A Source: once at the start, every repository whose heads are kept.

    One that went at the end of the platform's last life is not among the repositories any more.
    """

    seen: HeadsSeen

    async def run(self, enqueue: Enqueue) -> None:
        for repository in await self.seen.repositories():
            enqueue(Key(repository.project, repository.name))
