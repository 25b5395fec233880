"""Three-way merges by git itself, in the bare repository: nothing is checked out.

`git merge-tree --write-tree` finds the base by itself, from history. Ours is another one: the old
rendering of a template is no ancestor of anything. So the three states become three commits that no
branch knows, the base being the parent of both sides. They are equal for equal states, and git's
gc takes them away.
"""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from towpath.engines.git.children import GitChildren
from towpath.engines.git.port import (
    GitUnavailable,
    Merge,
    MergeConflict,
    Signature,
    StaleCommit,
    TreeSHA,
)
from towpath.engines.git.refs import check_ref
from towpath.machinery.objects import CommitSHA

if TYPE_CHECKING:
    from towpath.engines.git.objects import Objects

_AUTHOR = Signature("towpath", "towpath@users.towpath.invalid")
_TIMEOUT_S = 60.0
_OUTPUT_MAX = 16 * 2**20
_CONFLICT = "CONFLICT"
_CLEAN, _CONFLICTED = 0, 1
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"


@dataclass(frozen=True, slots=True)
class Sides:
    ours: CommitSHA
    theirs: CommitSHA


def sides_of(objects: "Objects", base: TreeSHA, ours: TreeSHA, theirs: TreeSHA) -> Sides:
    """The two sides as children of the base. Blocks."""

    def commit(tree: TreeSHA, *parents: CommitSHA) -> CommitSHA:
        return objects.commit_tree(tree, parents, message="A side", author=_AUTHOR, time_s=0)

    parent = commit(base)
    # Two equal children would be one commit, which git calls merged already: that is right too.
    return Sides(commit(ours, parent), commit(theirs, parent))


async def merge_trees(
    children: GitChildren, place: Path, draft: Path, sides: Sides, names: tuple[str, str]
) -> Merge:
    """`draft` is a path where nothing is yet, for as long as this runs."""
    ours, theirs = (_ref_name(name) for name in names)
    if ours == theirs:
        theirs = f"{theirs}-theirs"
    refs = {ours: sides.ours, theirs: sides.theirs}
    await asyncio.to_thread(_prepare, draft, place, refs)
    arguments = ["--git-dir", str(draft), "merge-tree", "--write-tree", "-z", "--messages"]
    output = bytearray()
    try:
        async with (
            asyncio.timeout(_TIMEOUT_S),
            children.start([*arguments, ours, theirs], stdin=asyncio.subprocess.DEVNULL) as child,
        ):
            async for chunk in child.chunks():
                output += chunk
                if len(output) > _OUTPUT_MAX:
                    raise GitUnavailable(f"A merge in {place.name} has too many conflicts to tell")
            code = await child.wait()
            if code not in (_CLEAN, _CONFLICTED):
                raise GitUnavailable(f"A merge in {place.name} failed: {child.complaints()}")
    except TimeoutError as error:
        raise GitUnavailable(
            f"A merge in {place.name} took longer than {_TIMEOUT_S:.0f} seconds"
        ) from error
    finally:
        await asyncio.to_thread(shutil.rmtree, draft, ignore_errors=True)
    return _read(bytes(output), conflicted=code == _CONFLICTED)


async def drop_ref(children: GitChildren, place: Path, ref: str, expected: CommitSHA) -> None:
    """Take a branch away, out of packed-refs too. Raises StaleCommit."""
    check_ref(ref)
    arguments = ["--git-dir", str(place), "update-ref", "-d", ref, expected]
    async with children.start(arguments, stdin=asyncio.subprocess.DEVNULL) as child:
        async for _ in child.chunks():
            pass
        if await child.wait() != 0:
            raise StaleCommit(f"{ref} of {place.name} is not at {expected}: {child.complaints()}")


def _prepare(draft: Path, place: Path, refs: dict[str, CommitSHA]) -> None:
    """A repository of two branches, on the objects of another one.

    Git puts the names of branches at its conflict markers; those of the repository itself must not
    be touched for that.
    """
    for name, commit in refs.items():
        path = draft / "refs" / "heads" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{commit}\n")
    (draft / "HEAD").write_text("ref: refs/heads/none\n")
    (draft / "config").write_text(_CONFIG)
    (draft / "objects").symlink_to(place / "objects", target_is_directory=True)


def _ref_name(text: str) -> str:
    """As much of a text as the name of a branch can hold."""
    allowed = "".join(char if char.isalnum() or char in "-_@" else "-" for char in text)
    return allowed.strip("-@")[:80] or "side"


def _read(output: bytes, *, conflicted: bool) -> Merge:
    """What `merge-tree -z` prints: the tree; entries of files in conflict; messages."""
    fields = iter(output.decode("utf-8", "surrogateescape").split("\0"))
    tree = TreeSHA(next(fields))
    if not conflicted:
        return Merge(tree)
    unmerged = set()
    for entry in fields:
        if not entry:
            break
        unmerged.add(entry.partition("\t")[2])
    conflicts = [one for one in _messages(fields) if one.kind]
    told = {one.path for one in conflicts}
    conflicts += [
        MergeConflict(path, "contents", f"{path} could not be merged")
        for path in sorted(unmerged - told)
    ]
    return Merge(tree, tuple(conflicts))


def _messages(fields: Iterator[str]) -> Iterator[MergeConflict]:
    """`kind` is "" for what is no conflict."""
    for count in fields:
        if not count.isdecimal():
            return
        paths = [next(fields) for _ in range(int(count))]
        kind, message = next(fields), next(fields)
        is_conflict = kind.startswith(_CONFLICT)
        word = kind.removeprefix(_CONFLICT).strip(" ()") if is_conflict else ""
        yield MergeConflict(paths[0] if paths else "", word, message.strip())
