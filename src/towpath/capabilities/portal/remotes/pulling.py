"""PullRequest: a branch, pushed to its host and proposed there, until it is merged or closed.

    meet      the branch there and the branch here: whoever is ahead is followed
    propose   one pull request, opened once and told anew when its words change
    look      what has become of it, and what its pipelines say

What Git and the host say is asked for each time; status remembers which commit we pushed, so that
another one there is known to be somebody else's.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from towpath.capabilities.portal.remotes.kinds import (
    CLOSED,
    MERGED,
    OPEN,
    OPENING,
    PULL_REQUEST,
)
from towpath.capabilities.portal.remotes.mirroring import (
    BUSY_S,
    REFUSED_S,
    Mirrors,
    author_of,
    interval_s,
    name_of,
    seconds_of,
    waiting_for,
)
from towpath.capabilities.portal.remotes.opening import Opened, opened
from towpath.client.protocols import Client
from towpath.engines.git.hosts import port
from towpath.engines.git.hosts.port import HostError, HostMissing, HostRefused, Proposed
from towpath.engines.git.port import MAIN, GitHost, Signature, StaleCommit
from towpath.engines.git.wire import RefOrder, WireError
from towpath.machinery.objects import CommitSHA, RawObject
from towpath.runtime.controller import Reconcile
from towpath.runtime.outcomes import Waiting
from towpath.runtime.steps import Subject, stepwise

_BRANCHES = "refs/heads/"
_HISTORY_MAX = 500
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Pulls:
    api: Client
    git: GitHost
    mirrors: Mirrors

    def reconciler(self) -> Reconcile:
        return stepwise(self.api, PULL_REQUEST, [self.proceed])

    async def proceed(self, subject: Subject) -> None:
        status = subject.status
        status.setdefault("phase", OPENING)
        if status["phase"] in (MERGED, CLOSED):
            return
        found = await opened(self.api, subject.key.namespace, subject.spec["repository"])
        again_s = interval_s(found.remote)
        try:
            await self._proceed(subject, found)
        except (HostError, WireError) as error:
            status["message"] = f"{error}."
            raise waiting_for(error, again_s) from error
        except StaleCommit as error:
            raise Waiting("Busy", "Its branch moves just now.", after_s=BUSY_S) from error
        if status["phase"] == OPEN:
            raise Waiting("Open", status["message"], after_s=again_s)

    async def _proceed(self, subject: Subject, opened: Opened) -> None:
        status, spec = subject.status, subject.spec
        door, place = opened.door, opened.place
        pull = None
        if known := status.get("id"):
            pull = await door.host.look(door.call, place, known)
        if pull is not None and pull.state != port.OPENED:
            await self._ended(subject, opened, pull)
            return
        if spec.get("closed"):
            if pull is not None:
                await door.host.close(door.call, place, pull)
                pull = replace(pull, state=port.CLOSED)
            await self._ended(subject, opened, pull)
            return
        await self._meet(subject, opened, pull)
        pull = await self._propose(subject, opened, pull)
        status |= {"phase": OPEN, "id": pull.id, "url": _link(pull.page)}
        await self._look(subject, opened, replace(pull, head=status["pushed"]))

    # Meet.

    async def _meet(self, subject: Subject, opened: Opened, pull: port.PullRequest | None) -> None:
        """The same commit here and there, by `status.head` and `status.pushed`."""
        status, place, door = subject.status, opened.place, opened.door
        repository, ref = name_of(opened.remote), _BRANCHES + subject.spec["branch"]
        head = await self.git.head(repository, ref)
        if head is None:
            raise Waiting(
                "NoBranch", f"spec.branch: {repository} has no branch {subject.spec['branch']}"
            )
        target = door.host.target(subject.spec["branch"], opened.branch)
        if target.startswith(_BRANCHES):
            there = (await door.refs(place)).get(target)
        else:
            there = CommitSHA(pull.head) if pull else None
        ours = (status.get("pushed"), status.get("pushing"))
        if there is not None and not any(ours):
            raise Waiting(
                "BranchTaken",
                f"spec.branch: {place} has a branch {subject.spec['branch']} already that is not "
                "of this pull request; rename or delete it there",
                after_s=REFUSED_S,
            )
        if there is not None and there not in ours:
            await self.mirrors.fetch(opened, there)
            author = author_of(opened)
            await self.git.move(repository, ref, expected=head, new=there, author=author)
            head = there
            status |= {"head": head, "pushed": there, "pushedAt": _now(), "shared": True}
        if status.get("head") == head and there == status.get("pushed"):
            return
        commit = await self._single(subject, opened, head) if door.host.is_one_commit else head
        if commit != there:
            known = [one for one in (there, await self.git.head(repository)) if one]
            pack = await self.git.pack(repository, commit, known)
            old = there if target.startswith(_BRANCHES) else None
            await self._note(subject, commit)
            await door.push(place, [RefOrder(target, old, commit)], pack)
        status |= {"head": head, "pushed": commit, "pushedAt": _now()}

    async def _note(self, subject: Subject, commit: CommitSHA) -> None:
        """Before it is pushed: found there after a crash, it is not taken for somebody else's."""
        key = subject.key
        status = {"status": {"pushing": commit}}
        written = await self.api.patch(
            PULL_REQUEST, key.name, key.namespace, status, subresource="status"
        )
        subject.adopt(written)
        subject.status["pushing"] = commit

    async def _single(self, subject: Subject, opened: Opened, head: CommitSHA) -> CommitSHA:
        """All that the branch has beside main, as one commit: what Gerrit calls a change.

        Its Change-Id is this object's, so that the next one is another patch set of it.
        """
        repository = name_of(opened.remote)
        main = await self.git.head(repository)
        history = await self.git.history(repository, head, without=main, limit=_HISTORY_MAX)
        parents = history[-1].parents[:1] if history else ()
        newest = await self.git.commit(repository, head)
        words = [subject.spec["title"], "", subject.spec.get("body") or "", ""]
        message = "\n".join([*words, f"Change-Id: {change_id(subject.obj)}"])
        author = newest.author if history else Signature("towpath", "towpath@users.invalid")
        return await self.git.commit_tree(
            repository, newest.tree, parents, message=message, author=author
        )

    # Propose.

    async def _propose(
        self, subject: Subject, opened: Opened, pull: port.PullRequest | None
    ) -> port.PullRequest:
        door, place, spec = opened.door, opened.place, subject.spec
        proposed = Proposed(
            branch=spec["branch"],
            base=opened.branch,
            title=spec["title"],
            body=spec.get("body") or "",
            head=subject.status["pushed"],
        )
        told = hashlib.sha256(f"{proposed.title}\0{proposed.body}".encode()).hexdigest()[:16]
        if pull is None:
            # One that was opened just before we were killed is there already.
            pull = await door.host.find(
                door.call, place, spec["branch"], proposed.head
            ) or await door.host.open(door.call, place, proposed)
        elif subject.status.get("told") != told:
            await door.host.amend(door.call, place, pull, proposed)
        subject.status["told"] = told
        return pull

    # Look.

    async def _look(self, subject: Subject, opened: Opened, pull: port.PullRequest) -> None:
        status, door, place = subject.status, opened.door, opened.place
        checks = await door.host.checks(door.call, place, pull)
        status["checks"] = [
            {"name": one.name, "phase": one.phase, "url": _link(one.page)} for one in checks
        ][:200]
        age_s = (datetime.now(UTC) - datetime.fromisoformat(status["pushedAt"])).total_seconds()
        status["checked"] = bool(checks) or age_s >= seconds_of(opened.remote, "checksWithin")
        status["message"] = "It waits to be merged."
        wanted = (subject.spec.get("merge") or {}).get("commit")
        if not wanted:
            return
        if wanted != status["head"]:
            status["message"] = "spec.merge.commit: the branch has another commit since."
            return
        try:
            await door.host.merge(door.call, place, pull)
        except HostRefused as error:
            status["message"] = f"It is not merged: {error}."
            return
        await self._ended(subject, opened, await door.host.look(door.call, place, pull.id))

    async def _ended(self, subject: Subject, opened: Opened, pull: port.PullRequest | None) -> None:
        """Merged or closed: main comes here, and our branch goes there unless somebody built on it.

        One that is being merged is looked at again.
        """
        status, door, place = subject.status, opened.door, opened.place
        if pull is not None and pull.state == port.OPENED:
            status["message"] = "Its host is merging it."
            return
        refs = await door.refs(place)
        target = door.host.target(subject.spec["branch"], opened.branch)
        there = refs.get(target)
        stays = ""
        if there is not None and _is_done_with(status, pull, there):
            try:
                await door.push(place, [RefOrder(target, there, None)], b"")
            except (HostRefused, HostMissing) as error:
                stays = f" Its branch stays there: {error}."
        await self.mirrors.fetch_main(opened, refs)
        is_merged = pull is not None and pull.state == port.MERGED
        if pull is not None and is_merged:
            main = await self.git.head(name_of(opened.remote), MAIN)
            status |= {"phase": MERGED, "merged": pull.merged or main}
        else:
            status["phase"] = CLOSED
        status["message"] = f"It is {'merged' if is_merged else 'closed'}.{stays}"


def _is_done_with(status: RawObject, pull: port.PullRequest | None, there: CommitSHA) -> bool:
    """Whether nothing is lost with the branch: all of it is merged, or all of it is ours."""
    ours = (status.get("pushed"), status.get("pushing"))
    if pull is not None and pull.state == port.MERGED:
        return there in (pull.head, *ours)
    return not status.get("shared") and there in ours


def _now() -> str:
    return datetime.now(UTC).strftime(_TIME)


def _link(url: str) -> str:
    """What the portal may link to: a host is somebody else's, and so are its checks."""
    return url if url.startswith(("https://", "http://")) else ""


def change_id(pull: RawObject) -> str:
    return f"I{hashlib.sha1(pull['metadata']['uid'].encode(), usedforsecurity=False).hexdigest()}"
