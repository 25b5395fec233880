"""What holds for every template, every newer version of it and every change that people made.

A file is a row of blocks with lines between them that nobody touches; so it is known which changes
meet. Git is the judge of the rest: what a merge in a working copy says must be what we say.
"""

import asyncio
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from towpath.capabilities.portal.templates.actions.files import FILE_ACTIONS
from towpath.capabilities.portal.templates.upgrades.answers import TOWPATH, Answers
from towpath.capabilities.portal.templates.upgrades.kinds import OURS, THEIRS
from towpath.capabilities.portal.templates.upgrades.proposing import (
    Renderings,
    decided,
    merge_renderings,
    render_both,
)
from towpath.capabilities.portal.templates.upgrades.rendering import render_version
from towpath.capabilities.portal.templates.upgrades.versions import Version
from towpath.engines.git.embedded import EmbeddedGitHost
from towpath.engines.git.port import File, Merge, RepositoryName, Signature
from towpath.machinery.objects import CommitSHA
from towpath.machinery.users import AccessRequest, UserInfo

REPOSITORY = RepositoryName("demo", "orders")
ALICE = Signature("alice", "alice@example.com")
ACTIONS = {action.id: action for action in FILE_ACTIONS}
PARAMETERS = {"name": "orders", "colour": "green"}
NOTE = ".towpath/template.yaml"
DESCRIPTOR = {
    "apiVersion": "scaffolder.backstage.io/v1beta3",
    "kind": "Template",
    "metadata": {"name": "t"},
    "spec": {
        "type": "service",
        "steps": [
            {
                "action": "fetch:template",
                "input": {
                    "url": "./skeleton",
                    "values": {
                        "name": "${{ parameters.name }}",
                        "colour": "${{ parameters.colour }}",
                    },
                },
            },
            {"action": "publish:towpath", "input": {"repoUrl": "host?owner=a&repo=b"}},
        ],
    },
}
EXAMPLES = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

Blocks = tuple[str, ...]
Texts = dict[str, Blocks]

WORDS = st.sampled_from(
    ["one", "two", "three", "${{ values.name }}", "${{ values.colour }} it is", "", "x: y"]
)
PATHS = st.sampled_from(["a.txt", "b/c.yaml", "b/d.md", "e/${{ values.name }}.txt", "f"])
FILES = st.dictionaries(
    PATHS, st.lists(WORDS, min_size=2, max_size=4).map(tuple), min_size=1, max_size=4
)


@st.composite
def changes(draw: st.DrawFn, files: Texts) -> Texts:
    """The files with blocks changed, files taken away and others added."""
    changed = {}
    for path, blocks in sorted(files.items()):
        fate = draw(st.sampled_from(["keep", "keep", "change", "delete"]))
        if fate == "delete":
            continue
        if fate == "change":
            blocks = tuple(draw(st.sampled_from([block, draw(WORDS)])) for block in blocks)
        changed[path] = blocks
    for path, blocks in sorted(draw(FILES).items()):
        if path not in files and draw(st.booleans()):
            changed[path] = blocks
    return changed or dict(files)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Texts, Texts, Texts]:
    """A version, a newer one, and what somebody made of the first in a repository."""
    first = draw(FILES)
    return first, draw(changes(first)), draw(changes(first))


def text_of(path: str, blocks: Blocks) -> str:
    lines = []
    for number, block in enumerate(blocks):
        lines += [f"{path} {number} {index}" for index in range(5)]
        lines.append(f"block {number}: {block}")
    return "\n".join([*lines, "the end"]) + "\n"


def skeleton(files: Texts) -> dict[str, File]:
    return {
        f"skeleton/{path}": File(text_of(path, blocks).encode()) for path, blocks in files.items()
    }


def filled(text: str) -> str:
    return text.replace("${{ values.name }}", "orders").replace("${{ values.colour }}", "green")


def plain(files: Texts) -> dict[str, File]:
    """What they are once rendered, worked out apart from the renderer."""
    return {
        filled(path): File(filled(text_of(path, blocks)).encode()) for path, blocks in files.items()
    }


async def nobody(_: str) -> UserInfo | None:
    return None


async def never(_: UserInfo, __: AccessRequest) -> bool:
    return False


class Desk:
    """A repository for the time of one example."""

    def __init__(self, folder: Path) -> None:
        self.git = EmbeddedGitHost(folder / "git", lambda: "http://localhost", nobody, never)

    async def merge(self, ours: Mapping[str, File], renderings: Renderings) -> Merge:
        await self.git.create(REPOSITORY, owner_uid="of-the-test")
        tree = await self.git.snapshot(REPOSITORY, ours)
        return await merge_renderings(self.git, REPOSITORY, tree, renderings, "template")

    async def files(self, merge: Merge) -> dict[str, File]:
        commit = await self.git.commit_tree(
            REPOSITORY, merge.tree, [], message="Merged", author=ALICE
        )
        return await self.git.files(REPOSITORY, commit)


def version(files: Texts, number: int) -> Version:
    return Version({}, CommitSHA(f"{number:040}"), DESCRIPTOR, skeleton(files))


def answers(note: bytes) -> Answers:
    return Answers(
        TOWPATH, NOTE, "demo/t", f"{1:040}", PARAMETERS, document={"template": note.decode()}
    )


async def renderings_of(first: Texts, second: Texts) -> Renderings:
    note = File(b"template: demo/t@" + f"{1:040}".encode() + b"\n")
    return await render_both(
        REPOSITORY,
        answers(note.content),
        note,
        version(first, 1),
        version(second, 2),
        PARAMETERS,
        ACTIONS,
    )


def without_note(files: Mapping[str, File]) -> dict[str, File]:
    return {path: file for path, file in files.items() if path != NOTE}


@EXAMPLES
@given(histories())
def test_an_untouched_instance_equals_a_fresh_rendering_byte_for_byte(
    history: tuple[Texts, Texts, Texts],
) -> None:
    first, second, _ = history

    async def upgrade() -> None:
        with tempfile.TemporaryDirectory() as folder:
            desk = Desk(Path(folder))
            renderings = await renderings_of(first, second)
            merge = await desk.merge(renderings.base, renderings)
            assert merge.conflicts == ()
            fresh = await render_version(
                version(second, 2), REPOSITORY, answers(b""), PARAMETERS, ACTIONS
            )
            found = await desk.files(merge)
            assert without_note(found) == fresh == plain(second)
            # And once more, from there: nothing at all.
            again = await renderings_of(second, second)
            after = await desk.merge(found, Renderings(again.base, {**again.base}))
            assert (after.conflicts, after.tree) == ((), merge.tree)

    asyncio.run(upgrade())


@EXAMPLES
@given(histories())
def test_what_did_not_meet_is_kept_and_what_met_is_a_conflict(
    history: tuple[Texts, Texts, Texts],
) -> None:
    first, second, own = history

    async def upgrade() -> None:
        with tempfile.TemporaryDirectory() as folder:
            desk = Desk(Path(folder))
            renderings = await renderings_of(first, second)
            ours = {**plain(own), NOTE: renderings.base[NOTE]}
            merge = await desk.merge(ours, renderings)
            in_conflict = {conflict.path for conflict in merge.conflicts}
            found = await desk.files(merge)
            for path in {*first} & {*second} & {*own}:
                rows = list(zip(first[path], second[path], own[path], strict=True))
                meets = any(old != new != mine != old for old, new, mine in rows)
                assert (filled(path) in in_conflict) == meets, path
                if not meets:
                    merged = tuple(new if mine == old else mine for old, new, mine in rows)
                    assert found[filled(path)] == plain({path: merged})[filled(path)]
            for path in {*own} - {*first} - {*second}:
                assert found[filled(path)] == plain(own)[filled(path)]

    asyncio.run(upgrade())


@EXAMPLES
@given(histories())
def test_conflicts_are_those_of_git_in_a_working_copy(
    history: tuple[Texts, Texts, Texts],
) -> None:
    first, second, own = history

    async def upgrade() -> None:
        with tempfile.TemporaryDirectory() as folder:
            renderings = await renderings_of(first, second)
            ours = {**plain(own), NOTE: renderings.base[NOTE]}
            merge = await Desk(Path(folder)).merge(ours, renderings)
            wanted = unmerged(Path(folder, "work"), renderings.base, ours, renderings.theirs)
            assert {conflict.path for conflict in merge.conflicts} == wanted

    asyncio.run(upgrade())


@EXAMPLES
@given(histories(), st.sampled_from([OURS, THEIRS]))
def test_what_is_decided_is_no_conflict_any_more(
    history: tuple[Texts, Texts, Texts], side: str
) -> None:
    first, second, own = history

    async def upgrade() -> None:
        with tempfile.TemporaryDirectory() as folder:
            desk = Desk(Path(folder))
            renderings = await renderings_of(first, second)
            ours = {**plain(own), NOTE: renderings.base[NOTE]}
            merge = await desk.merge(ours, renderings)
            paths = {conflict.path for conflict in merge.conflicts}
            settled = decided(renderings, ours, dict.fromkeys(paths, side))
            after = await desk.merge(ours, settled)
            assert not paths & {conflict.path for conflict in after.conflicts}
            found = await desk.files(after)
            wanted = ours if side == OURS else renderings.theirs
            for path in paths:
                assert found.get(path) == wanted.get(path)

    asyncio.run(upgrade())


def unmerged(
    work: Path, base: Mapping[str, File], ours: Mapping[str, File], theirs: Mapping[str, File]
) -> set[str]:
    """The paths that `git merge` leaves unmerged in a working copy."""

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
            cwd=work,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    def commit(files: Mapping[str, File]) -> None:
        git("rm", "-rqf", "--ignore-unmatch", ".")
        for path, file in files.items():
            place = work / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.content)
        git("add", "--all")
        git("commit", "-q", "--allow-empty", "-m", "state")

    work.mkdir()
    git("init", "-q", "-b", "main")
    commit(base)
    git("branch", "theirs")
    commit(ours)
    git("checkout", "-q", "theirs")
    commit(theirs)
    git("checkout", "-q", "main")
    git("merge", "-q", "--no-edit", "theirs")
    return {line.partition("\t")[2] for line in git("ls-files", "-u").splitlines()}
