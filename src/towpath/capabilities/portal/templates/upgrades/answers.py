"""What a repository says of the template it came of: our own file, copier's, or cruft's.

Reading is strict: a file that is there and says nothing usable is a problem that names the file,
never the same as a repository without one.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from towpath.capabilities.portal.templates.provenance import PROVENANCE_PATH
from towpath.engines.git.port import File
from towpath.machinery.documents import (
    DocumentError,
    as_json,
    dump_document,
    load_document,
)

TOWPATH, COPIER, CRUFT = "towpath", "copier", "cruft"
COPIER_PATH = ".copier-answers.yml"
CRUFT_PATH = ".cruft.json"
BYTES_MAX = 256 * 1024
_PART = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
_TEMPLATE = re.compile(f"{_PART}/{_PART}")
PATHS = (PROVENANCE_PATH, COPIER_PATH, CRUFT_PATH)


class AnswersUnreadable(Exception):
    """The file is there and cannot be used; `str()` says which one, and why."""


@dataclass(frozen=True, slots=True)
class Answers:
    """One instance of a template, as its repository tells it."""

    origin: str
    path: str
    """Of the file that says so."""
    template: str
    """`<namespace>/<name>` for our own; else the address that the tool was given."""
    revision: str
    """A commit; with copier what `git describe` said."""
    parameters: Mapping[str, Any]
    folder: str = ""
    """The template's folder in its repository, where the file says one."""
    user: str = ""
    place: Mapping[str, str] = field(default_factory=dict)
    """What the template's expressions knew as `towpath` when it was made."""
    document: Mapping[str, Any] = field(default_factory=dict)
    """The file as it is."""

    def at(self, place: Mapping[str, str]) -> "Answers":
        """The same, made in that place as far as the file does not say it."""
        return replace(self, place={**place, **self.place})


def read_answers(files: Mapping[str, File]) -> Answers | None:
    """None for a repository that says nothing. Raises AnswersUnreadable."""
    for path, read in _READERS.items():
        if path in files:
            return read(path, _document(path, files[path].content))
    return None


def written(
    answers: Answers, *, revision: str, shown_revision: str, parameters: Mapping[str, Any]
) -> File:
    """The file again, for another version. `shown_revision` is how copier writes one."""
    document = dict(answers.document)
    if answers.origin == TOWPATH:
        document |= {"template": f"{answers.template}@{revision}", "parameters": dict(parameters)}
        return File(dump_document(document).encode())
    if answers.origin == COPIER:
        own = {key: value for key, value in document.items() if key.startswith("_")}
        own["_commit"] = shown_revision
        head = "# Changes here will be overwritten by Copier\n"
        return File((head + dump_document({**own, **parameters})).encode())
    context = dict(document.get("context") or {})
    context["cookiecutter"] = {**context.get("cookiecutter", {}), **parameters}
    document |= {"commit": revision, "context": context}
    return File((json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())


def _document(path: str, content: bytes) -> Mapping[str, Any]:
    if len(content) > BYTES_MAX:
        raise AnswersUnreadable(f"{path} is larger than {BYTES_MAX} bytes")
    try:
        found = as_json(load_document(content), size=len(content))
    except DocumentError as error:
        raise AnswersUnreadable(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise AnswersUnreadable(f"{path} must hold an object")
    return found


def _towpath(path: str, document: Mapping[str, Any]) -> Answers:
    template, _, revision = _text(path, document, "template").partition("@")
    if not _TEMPLATE.fullmatch(template):
        raise AnswersUnreadable(
            f"{path}: template is {template!r}; it must be <namespace>/<name>@<commit>"
        )
    return Answers(
        TOWPATH,
        path,
        template,
        revision,
        _object(path, document, "parameters"),
        user=str(document.get("user") or ""),
        place=_object(path, document, "towpath"),
        document=document,
    )


def _copier(path: str, document: Mapping[str, Any]) -> Answers:
    parameters = {key: value for key, value in document.items() if not key.startswith("_")}
    return Answers(
        COPIER,
        path,
        _text(path, document, "_src_path"),
        _text(path, document, "_commit"),
        parameters,
        document=document,
    )


def _cruft(path: str, document: Mapping[str, Any]) -> Answers:
    context = _object(path, document, "context").get("cookiecutter")
    if not isinstance(context, dict):
        raise AnswersUnreadable(f"{path}: context.cookiecutter must be an object")
    return Answers(
        CRUFT,
        path,
        _text(path, document, "template"),
        _text(path, document, "commit"),
        context,
        folder=str(document.get("directory") or ""),
        document=document,
    )


def _text(path: str, document: Mapping[str, Any], name: str) -> str:
    found = document.get(name)
    if not isinstance(found, str) or not found:
        raise AnswersUnreadable(f"{path}: {name} is missing")
    return found


def _object(path: str, document: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name) or {}
    if not isinstance(found, dict):
        raise AnswersUnreadable(f"{path}: {name} must be an object")
    return found


_READERS = {PROVENANCE_PATH: _towpath, COPIER_PATH: _copier, CRUFT_PATH: _cruft}
