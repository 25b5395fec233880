"""RemoteRepository: its main branch, here under the project's own names."""

from dataclasses import dataclass

from towpath.capabilities.portal.remotes.kinds import REMOTE_REPOSITORY
from towpath.capabilities.portal.remotes.opening import Opened, opened_of
from towpath.client.protocols import Client
from towpath.engines.git.hosts.port import HostError, HostRefused
from towpath.engines.git.port import (
    MAIN,
    GitHost,
    RepositoryName,
    RepositoryTaken,
    Signature,
    StaleCommit,
)
from towpath.engines.git.wire import WireError
from towpath.machinery.durations import parse_duration_ns
from towpath.machinery.objects import CommitSHA, RawObject
from towpath.runtime.controller import Reconcile
from towpath.runtime.outcomes import Stalled, Waiting
from towpath.runtime.steps import Subject, stepwise

FINALIZER = "towpath.dev/remote-repository"
REFUSED_S = 300.0
"""After which a host that said no is asked again: somebody may have mended it there."""
UNREAD_S = 60.0
"""After which, at the latest, a host that could not be asked is asked again."""
BUSY_S = 1.0


def name_of(remote: RawObject) -> RepositoryName:
    return RepositoryName(remote["metadata"]["namespace"], remote["metadata"]["name"])


def interval_s(remote: RawObject) -> float:
    return max(seconds_of(remote, "interval"), 1.0)


def seconds_of(remote: RawObject, field: str) -> float:
    return parse_duration_ns(remote["spec"][field]) / 1e9


def waiting_for(error: HostError | WireError, after_s: float) -> Waiting:
    """A host that could not be asked, or said no: shown, and tried again."""
    if isinstance(error, HostRefused):
        return Waiting("HostRefused", f"{error}.", after_s=max(after_s, REFUSED_S))
    return Waiting("HostUnread", f"{error}.", after_s=min(after_s, UNREAD_S))


@dataclass(frozen=True, slots=True)
class Mirrors:
    api: Client
    git: GitHost

    def reconciler(self) -> Reconcile:
        return stepwise(
            self.api,
            REMOTE_REPOSITORY,
            [self.follow],
            finalizer=FINALIZER,
            release=[self.forget],
        )

    async def follow(self, subject: Subject) -> None:
        remote = subject.obj
        try:
            await self.git.create(name_of(remote), owner_uid=subject.uid, protected=True)
        except RepositoryTaken as error:
            raise Stalled(
                "NameTaken",
                f"metadata.name: {error}; a RemoteRepository needs a name that no repository of "
                "the project has",
            ) from error
        opened = await opened_of(self.api, remote)
        again_s = interval_s(remote)
        subject.status["remote"] = opened.door.host.remote(opened.place)
        subject.status["page"] = opened.door.host.contents(opened.place, opened.branch)
        try:
            refs = await opened.door.refs(opened.place)
            if opened.main not in refs:
                raise Waiting(
                    "NoBranch",
                    f"spec.branch: {opened.place} has no branch {opened.branch}",
                    after_s=again_s,
                )
            subject.status["head"] = await self.fetch_main(opened, refs)
        except (HostError, WireError) as error:
            raise waiting_for(error, again_s) from error
        except StaleCommit as error:
            raise Waiting("Busy", "It is written just now.", after_s=BUSY_S) from error

    async def fetch_main(self, opened: Opened, refs: dict[str, CommitSHA]) -> CommitSHA:
        """The newest commit there, which is here from now on."""
        repository, wanted = name_of(opened.remote), refs[opened.main]
        known = await self.git.head(repository)
        if known != wanted:
            await self.fetch(opened, wanted)
            await self.git.move(
                repository, MAIN, expected=known, new=wanted, author=author_of(opened)
            )
        return wanted

    async def fetch(self, opened: Opened, wanted: CommitSHA) -> None:
        """A commit with all behind it. Raises HostError, WireError."""
        repository = name_of(opened.remote)
        haves = sorted(set((await self.git.heads(repository)).values()))
        pack = await opened.door.fetch(opened.place, [wanted], haves)
        await self.git.unpack(repository, pack)

    async def forget(self, subject: Subject) -> None:
        """Nothing is lost: the host has it."""
        await self.git.delete(name_of(subject.obj), owner_uid=subject.uid)


def author_of(opened: Opened) -> Signature:
    """Who pushes what comes from there, for those who listen."""
    return Signature(opened.remote["spec"]["host"], "host@users.towpath.invalid")
