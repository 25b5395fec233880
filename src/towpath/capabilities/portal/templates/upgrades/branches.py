"""The branch of an upgrade: proposed, amended by people, proposed anew in its place, merged.

The platform's own commit there is one; nobody's commit is ever taken away. While the branch ends
with ours, a new proposal replaces it. When somebody has committed on top, what they did to the old
proposal is merged into the new one, and their commits stay as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from towpath.engines.git.port import (
    MAIN,
    Change,
    Commit,
    GitHost,
    MergeConflict,
    RepositoryName,
    Signature,
    TreeSHA,
)
from towpath.machinery.objects import CommitSHA

BRANCHES = "refs/heads/"
UPGRADE_TRAILER = "Towpath-Upgrade"
_MARKERS = (b"<<<<<<< ", b">>>>>>> ")
_HISTORY_MAX = 200


def branch_of(template: str) -> str:
    """`towpath/upgrade-<template>`"""
    return f"towpath/upgrade-{template.rpartition('/')[2]}"


def signature(user: str) -> Signature:
    return Signature(user, f"{user}@users.towpath.invalid")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the platform would have on the branch, on top of this commit of main."""

    base: CommitSHA
    tree: TreeSHA
    message: str


@dataclass(frozen=True, slots=True)
class Proposed:
    commit: CommitSHA
    """The platform's own."""
    head: CommitSHA
    """What the branch is at: that one, or a merge of it with what people committed."""
    conflicts: tuple[MergeConflict, ...]
    """What those two disagree on."""


@dataclass(frozen=True, slots=True)
class Branch:
    git: GitHost
    repository: RepositoryName
    name: str

    @property
    def ref(self) -> str:
        return BRANCHES + self.name

    async def head(self) -> CommitSHA | None:
        return await self.git.head(self.repository, self.ref)

    async def proposed(self, head: CommitSHA, main: CommitSHA, trailer: str) -> Commit | None:
        """Our own newest commit there, by what its message says."""
        history = await self.git.history(self.repository, head, without=main, limit=_HISTORY_MAX)
        return next((one for one in history if trailer in one.message.splitlines()), None)

    async def propose(
        self,
        proposal: Proposal,
        head: CommitSHA | None,
        ours: CommitSHA | None,
        author: Signature,
    ) -> Proposed:
        """Put it on the branch, which is at `head`, our commit there being `ours`.

        Raises StaleCommit when somebody was faster.
        """
        commit = await self.git.commit_tree(
            self.repository, proposal.tree, [proposal.base], message=proposal.message, author=author
        )
        new: CommitSHA = commit
        conflicts: tuple[MergeConflict, ...] = ()
        if head is not None and head != ours:
            new, conflicts = await self._amended(proposal, commit, head, ours, author)
        await self.git.move(self.repository, self.ref, expected=head, new=new, author=author)
        return Proposed(commit, new, conflicts)

    async def _amended(
        self,
        proposal: Proposal,
        commit: CommitSHA,
        head: CommitSHA,
        ours: CommitSHA | None,
        author: Signature,
    ) -> tuple[CommitSHA, tuple[MergeConflict, ...]]:
        """What people did to our old commit, done to the new one: a merge of both."""
        merge = await self.git.merge(
            self.repository,
            base=await self._tree(ours or proposal.base),
            ours=await self._tree(head),
            theirs=proposal.tree,
            names=(self.name.replace("/", "-"), "newer-proposal"),
        )
        merged = await self.git.commit_tree(
            self.repository,
            merge.tree,
            [head, commit],
            message="Merge the newer proposal, and keep what was committed here",
            author=author,
        )
        return merged, merge.conflicts

    async def is_in(self, commit: CommitSHA, head: CommitSHA) -> bool:
        """Whether what is at `head` has the commit."""
        return not await self.git.history(self.repository, commit, without=head, limit=1)

    async def _tree(self, commit: CommitSHA) -> TreeSHA:
        return (await self.git.commit(self.repository, commit)).tree

    async def changed(self, old: CommitSHA, new: CommitSHA) -> list[Change]:
        return await self.git.changes(self.repository, old, new)

    async def marked(self, head: CommitSHA, paths: Sequence[str]) -> set[str]:
        """Of these files, those that still hold markers of a conflict."""
        if not paths:
            return set()
        files = await self.git.files(self.repository, head)
        return {path for path in paths if path in files and has_markers(files[path].content)}

    async def merge(
        self, head: CommitSHA, base: CommitSHA, message: str, author: Signature
    ) -> tuple[CommitSHA | None, Sequence[MergeConflict]]:
        """Merge the branch into main and take it away; or nothing, and what is in the way.

        Always with a commit of its own: a pipeline runs once for a commit, and main's is another
        one than the branch's.
        """
        main = await self.git.head(self.repository)
        assert main is not None, "a repository with an upgrade has a main"
        tree = await self._tree(head)
        if not await self.is_in(main, head):
            merge = await self.git.merge(
                self.repository,
                base=await self._tree(base),
                ours=await self._tree(main),
                theirs=tree,
                names=("main", self.name.replace("/", "-")),
            )
            if merge.conflicts:
                return None, merge.conflicts
            tree = merge.tree
        new = await self.git.commit_tree(
            self.repository, tree, [main, head], message=message, author=author
        )
        await self.git.move(self.repository, MAIN, expected=main, new=new, author=author)
        await self.drop(head, author)
        return new, ()

    async def drop(self, head: CommitSHA, author: Signature) -> None:
        await self.git.move(self.repository, self.ref, expected=head, new=None, author=author)


def has_markers(content: bytes) -> bool:
    lines = content.splitlines()
    return all(any(line.startswith(marker) for line in lines) for marker in _MARKERS)
