"""What the controllers of this capability listen to."""

from collections.abc import Sequence

from towpath.capabilities.portal.remotes.kinds import PULL_REQUEST, REMOTE_REPOSITORY
from towpath.capabilities.portal.remotes.mirroring import Mirrors, interval_s
from towpath.capabilities.portal.remotes.pulling import Pulls
from towpath.engines.git.port import GitHost
from towpath.hooks.platform import Platform
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import Key, key_of
from towpath.runtime.controller import Controller
from towpath.runtime.informer import Informer
from towpath.runtime.sources import Enqueue, Running, Watch


def controllers(platform: Platform) -> Sequence[Controller]:
    api, git = platform.api, platform.git
    mirrors = Mirrors(api, git)
    follow = mirrors.reconciler()
    pulls = Informer(api, PULL_REQUEST)

    async def follow_again(key: Key) -> float | None:
        again_s = await follow(key)
        try:
            return again_s or interval_s(await api.get(REMOTE_REPOSITORY, key.name, key.namespace))
        except NotFound:
            return None

    return (
        Controller("remoterepositories", follow_again, [Watch(api, REMOTE_REPOSITORY)]),
        Controller(
            "pullrequests",
            Pulls(api, git, mirrors).reconciler(),
            [Running(pulls), _Moved(git, pulls)],
        ),
    )


class _Moved:
    """A Source: the pull requests of a branch that has moved here."""

    def __init__(self, git: GitHost, pulls: Informer) -> None:
        self._git = git
        self._pulls = pulls

    async def run(self, enqueue: Enqueue) -> None:
        async for push in self._git.pushes():
            branch = push.ref.removeprefix("refs/heads/")
            for pull in list(self._pulls.list(push.repository.project)):
                wanted = pull["spec"]["repository"], pull["spec"]["branch"]
                if wanted == (push.repository.name, branch):
                    enqueue(key_of(pull))
