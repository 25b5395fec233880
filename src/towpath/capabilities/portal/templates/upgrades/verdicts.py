"""An upgrade in words: what its status says of answers, checks, conflicts and files."""

from collections.abc import Sequence

from towpath.capabilities.portal.templates.upgrades.checking import Check
from towpath.capabilities.portal.templates.upgrades.kinds import (
    CHECKING,
    CONFLICTED,
    FAILING,
    NEEDS_ANSWERS,
    READY,
)
from towpath.capabilities.portal.templates.upgrades.proposing import NewAnswers
from towpath.engines.git.port import Change, MergeConflict
from towpath.machinery.objects import RawObject

FILES_MAX = 500


def ask(status: RawObject, answered: NewAnswers) -> None:
    names = ", ".join(question.name for question in answered.questions)
    status["questions"] = [
        {"name": question.name, "message": question.message} for question in answered.questions
    ]
    status["phase"] = NEEDS_ANSWERS
    status["message"] = f"The newer version asks for {names}: set spec.parameters."


def notes_of(answered: NewAnswers) -> list[str]:
    notes = [
        f"The answer to {name} is dropped: the newer version does not ask for it."
        for name in answered.dropped
    ]
    notes += [
        f"{name} is new, and is {answered.parameters[name]!r} by default."
        for name in answered.added
    ]
    return notes


def verdict(conflicts: Sequence[RawObject], checks: Sequence[Check]) -> tuple[str, str]:
    if conflicts:
        count = len({one["path"] for one in conflicts})
        files = "1 file" if count == 1 else f"{count} files"
        return CONFLICTED, f"{files} changed both here and in the template: decide which counts."
    failed = [check for check in checks if check.has_failed]
    if failed:
        return FAILING, f"{failed[0].workflow} has failed on the branch."
    if any(not check.is_finished for check in checks):
        return CHECKING, "Its pipelines run."
    told = "Its checks have succeeded" if checks else "No workflow checks the branch"
    return READY, f"{told}; it can be merged."


def conflicts_told(conflicts: Sequence[MergeConflict]) -> list[RawObject]:
    found = {(one.path, one.kind): one for one in conflicts}
    return [
        {"path": one.path, "kind": one.kind, "message": one.message}
        for _, one in sorted(found.items())
    ][:FILES_MAX]


def files_told(changes: Sequence[Change]) -> list[RawObject]:
    return [
        {
            "path": change.path,
            "change": "Added"
            if change.old is None
            else "Deleted"
            if change.new is None
            else "Changed",
        }
        for change in changes[:FILES_MAX]
    ]
