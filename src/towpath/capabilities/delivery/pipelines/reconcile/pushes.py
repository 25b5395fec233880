"""Pushes as they are heard, and every repository once at the start.

A push is kept until its repository has been looked at, so that two quick pushes are two runs. What
is lost with the process is only this list: the heads are compared at the next start.
"""

from towpath.engines.git.port import GitHost, Push, RepositoryName
from towpath.machinery.objects import Key
from towpath.runtime.sources import Enqueue

PUSHES_KEPT_MAX = 100
"""Per repository; beyond it the oldest are forgotten, and the head stands for them."""


class Pushes:
    """A Source of repositories' keys: namespace is the project, name the repository."""

    def __init__(self, git: GitHost) -> None:
        self._git = git
        self._heard: dict[RepositoryName, list[Push]] = {}

    async def run(self, enqueue: Enqueue) -> None:
        pushes = self._git.pushes()  # listening begins here, before the look at what there is
        for repository in await self._git.repositories():
            enqueue(Key(repository.project, repository.name))
        async for push in pushes:
            self._hear(push)
            enqueue(Key(push.repository.project, push.repository.name))

    def take(self, repository: RepositoryName) -> list[Push]:
        return self._heard.pop(repository, [])

    def put_back(self, pushes: list[Push]) -> None:
        """Keep pushes that could not be dealt with, before what was heard since."""
        for push in reversed(pushes):
            self._heard.setdefault(push.repository, []).insert(0, push)

    def _hear(self, push: Push) -> None:
        kept = self._heard.setdefault(push.repository, [])
        kept.append(push)
        del kept[:-PUSHES_KEPT_MAX]
