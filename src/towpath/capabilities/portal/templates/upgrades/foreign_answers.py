"""What templates of copier and of cookiecutter ask for, compared with the answers of an instance.

Their defaults are expressions, which their renderers fill in; here is only what nobody answers.
"""

import json
from collections.abc import Mapping
from typing import Any

from towpath.capabilities.portal.templates.upgrades.answers import COPIER
from towpath.capabilities.portal.templates.upgrades.proposing import NewAnswers, Question
from towpath.engines.git.port import File
from towpath.machinery.documents import DocumentError, load_settings
from towpath.runtime.outcomes import Stalled

COPIER_FILES = ("copier.yml", "copier.yaml")
COOKIECUTTER_FILE = "cookiecutter.json"
NOT_RUN = ("_tasks", "_migrations")


def foreign_answers(
    origin: str,
    old: Mapping[str, Any],
    files: Mapping[str, File],
    given: Mapping[str, Any],
    renamed: Mapping[str, str],
) -> NewAnswers:
    """Raises Stalled for what is not done here, by its name."""
    asked = _copier(files) if origin == COPIER else _cookiecutter(files)
    carried = dict(old)
    for new, before in renamed.items():
        if before in carried:
            carried[new] = carried.pop(before)
    dropped = tuple(
        sorted(name for name in carried if name not in asked and not name.startswith("_"))
    )
    kept = {name: value for name, value in carried.items() if name not in dropped}
    answers = {**kept, **given}
    questions = tuple(
        Question(name, "is required")
        for name, needed in asked.items()
        if needed and answers.get(name) in (None, "")
    )
    return NewAnswers(answers, dropped, (), questions)


def _copier(files: Mapping[str, File]) -> dict[str, bool]:
    """Name to whether it must be answered."""
    path = next((path for path in COPIER_FILES if path in files), "")
    asked = _read(path or COPIER_FILES[0], files)
    for name in NOT_RUN:
        if asked.get(name):
            raise Stalled(
                "ProgramsOfTemplate",
                f"{path} has {name}, which are programs of the template and are not run here: "
                "take them out, or upgrade this repository with copier itself",
            )
    return {
        name: isinstance(question, dict) and "default" not in question and "when" not in question
        for name, question in asked.items()
        if not name.startswith("_")
    }


def _cookiecutter(files: Mapping[str, File]) -> dict[str, bool]:
    hooks = sorted(path for path in files if path.startswith("hooks/"))
    if hooks:
        raise Stalled(
            "ProgramsOfTemplate",
            f"the template has {hooks[0]}, a program that is not run here: take it out, or "
            "upgrade this repository with cruft itself",
        )
    return dict.fromkeys(_read(COOKIECUTTER_FILE, files), False)


def _read(path: str, files: Mapping[str, File]) -> dict[str, Any]:
    if path not in files:
        raise Stalled("NotRendered", f"the template has no {path}")
    try:
        content = files[path].content
        found = json.loads(content) if path.endswith(".json") else load_settings(content)
    except (DocumentError, ValueError) as error:
        raise Stalled("NotRendered", f"{path} of the template cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise Stalled("NotRendered", f"{path} of the template must hold an object")
    return found
