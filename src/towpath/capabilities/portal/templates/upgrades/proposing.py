"""An upgrade worked out: the old version and the new one rendered, and merged into what is there.

    base     the version that the repository has, with the answers that it was made with
    theirs   the version that it goes to, with those answers, defaults, and what was asked
    ours     the head of main

The three are merged by git. Equal bytes of base and theirs touch nothing of ours, whatever ours is.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.portal.templates.descriptor import pages_of
from towpath.capabilities.portal.templates.parameters import (
    parameter_errors,
    parameters_with_defaults,
)
from towpath.capabilities.portal.templates.upgrades.answers import Answers, written
from towpath.capabilities.portal.templates.upgrades.kinds import OURS
from towpath.capabilities.portal.templates.upgrades.rendering import render_version
from towpath.capabilities.portal.templates.upgrades.versions import Version
from towpath.engines.git.port import File, GitMerger, Merge, RepositoryName, TreeSHA
from towpath.hooks.templates import TemplateAction
from towpath.machinery.objects import CommitSHA, RawObject


@dataclass(frozen=True, slots=True)
class Question:
    """What the newer version asks for, and nobody has answered."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class NewAnswers:
    """The stored answers as the newer version takes them."""

    parameters: Mapping[str, Any]
    dropped: tuple[str, ...] = ()
    """It asks no more for these."""
    added: tuple[str, ...] = ()
    """Its own defaults, which nobody was asked for."""
    questions: tuple[Question, ...] = ()


def new_answers(
    old: Mapping[str, Any],
    descriptor: RawObject,
    given: Mapping[str, Any],
    renamed: Mapping[str, str],
) -> NewAnswers:
    """Stored answers, with renamed ones under their new names, then defaults, then what is given.

    An answer to what is asked no more is dropped, unless the template takes what it does not name.
    """
    carried = dict(old)
    for new, before in renamed.items():
        if before in old:
            carried[new] = old[before]
            carried.pop(before, None)
    asked = _asked(descriptor)
    dropped = tuple(sorted(name for name in carried if asked and name not in asked))
    kept = {name: value for name, value in carried.items() if name not in dropped}
    filled = parameters_with_defaults(descriptor, {**kept, **given})
    errors = parameter_errors(descriptor, filled)
    return NewAnswers(
        filled,
        dropped,
        tuple(sorted(name for name in filled if name not in kept and name not in given)),
        tuple(Question(error.field.removeprefix("parameters."), error.message) for error in errors),
    )


def _asked(descriptor: RawObject) -> set[str]:
    """The names of all parameters, those of conditional parts too."""
    found: set[str] = set()
    waiting: list[Any] = list(pages_of(descriptor))
    while waiting:
        schema = waiting.pop()
        if isinstance(schema, list):
            waiting += schema
            continue
        if not isinstance(schema, Mapping):
            continue
        found |= set(schema.get("properties") or {})
        waiting += [schema.get(word) for word in ("allOf", "anyOf", "oneOf", "if", "then", "else")]
        waiting += list((schema.get("dependencies") or {}).values())
    return found


@dataclass(frozen=True, slots=True)
class Renderings:
    base: Mapping[str, File]
    theirs: Mapping[str, File]


async def render_both(
    repository: RepositoryName,
    answers: Answers,
    stored: File,
    old: Version,
    new: Version,
    parameters: Mapping[str, Any],
    actions: Mapping[str, TemplateAction],
) -> Renderings:
    """`stored` is the file with the answers as main has it: it merges without a conflict."""
    base = await render_version(old, repository, answers, answers.parameters, actions)
    theirs = await render_version(new, repository, answers, parameters, actions)
    note = written(
        answers, revision=new.revision, shown_revision=new.revision, parameters=parameters
    )
    return Renderings({**base, answers.path: stored}, {**theirs, answers.path: note})


def decided(
    renderings: Renderings, ours: Mapping[str, File], decisions: Mapping[str, str]
) -> Renderings:
    """As if one side had never touched these files: then the other one's counts.

    Ours: the template has changed nothing. Theirs: the repository has what the old version gave.
    """
    base, theirs = dict(renderings.base), dict(renderings.theirs)
    for path, side in decisions.items():
        if side == OURS:
            base.pop(path, None)
            theirs.pop(path, None)
        elif path in ours:
            base[path] = ours[path]
        else:
            base.pop(path, None)
    return Renderings(base, theirs)


async def merge_renderings(
    git: GitMerger,
    repository: RepositoryName,
    ours: TreeSHA,
    renderings: Renderings,
    name: str,
) -> Merge:
    base = await git.snapshot(repository, renderings.base)
    theirs = await git.snapshot(repository, renderings.theirs)
    return await git.merge(repository, base=base, ours=ours, theirs=theirs, names=("main", name))


def digest_of(*parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def commit_message(
    template: str, old: CommitSHA, new: CommitSHA, subjects: Sequence[str], by: str
) -> str:
    """What the template's own commits say, and trailers that programs find it by."""
    title = template.rpartition("/")[2]
    lines = [f"Upgrade to the newer version of {title}", ""]
    lines += [f"- {subject}" for subject in subjects[:20]]
    if len(subjects) > 20:
        lines.append(f"- and {len(subjects) - 20} more")
    lines += ["", f"From {old[:10]} to {new[:10]} of {template}.", ""]
    lines += [f"Towpath-Template: {template}@{new}", f"Requested-By: {by}"]
    return "\n".join(lines) + "\n"
