"""Changing one entity's document in a descriptor file, and nothing else of the file.

Pure. What people wrote stays as they wrote it, comments too, wherever a line can be replaced; the
result is read again, and only where that is not what was meant the document is written anew.
"""

import re
from itertools import pairwise
from typing import Any

from towpath.capabilities.portal.catalog.descriptors import reference_of
from towpath.machinery.documents import DocumentError, dump_document, load_documents
from towpath.machinery.objects import RawObject

_BREAK = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_PLAIN = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_./:-]*")


class EditError(Exception):
    """It cannot be changed here; `str()` is one sentence."""


def pieces(text: str) -> list[str]:
    """The file in parts of one document each; together they are the file."""
    starts = [0, *(found.start() for found in _BREAK.finditer(text)), len(text)]
    return [text[one:other] for one, other in pairwise(starts) if other > one]


def document_of(text: str, ref: str) -> str | None:
    """The part of the file that describes the entity, with the line that separates it."""
    index = _index(pieces(text), ref)
    return None if index is None else pieces(text)[index]


def with_owner(text: str, ref: str, owner: str) -> str:
    """The file with another owner of the entity. Raises EditError."""
    parts = pieces(text)
    index = _index(parts, ref)
    if index is None:
        raise EditError(f"the file does not describe {ref} any more")
    (document,) = load_documents(parts[index])
    wanted = {**document, "spec": {**(document.get("spec") or {}), "owner": owner}}
    replaced = _with_line(parts[index], owner)
    if not _reads_as(replaced, wanted):
        replaced = f"{_head(parts[index])}{dump_document(wanted)}"
    parts[index] = replaced
    return "".join(parts)


def with_document(text: str, ref: str, piece: str | None) -> str:
    """The file with another text for the entity; None takes it out."""
    parts = pieces(text)
    index = _index(parts, ref)
    if index is None and piece is None:
        raise EditError(f"the file does not describe {ref}, and did not before")
    if index is None:
        ending = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{ending}{_separated(piece or '')}"
    if piece is None:
        del parts[index]
        return "".join(parts)
    ending = "" if piece.endswith("\n") or index == len(parts) - 1 else "\n"
    parts[index] = (piece if index == 0 else _separated(piece)) + ending
    return "".join(parts)


def _separated(piece: str) -> str:
    return piece if piece.startswith("---") else f"---\n{piece}"


def _index(parts: list[str], ref: str) -> int | None:
    for index, part in enumerate(parts):
        try:
            documents = load_documents(part)
        except DocumentError:
            continue
        if any(_is(document, ref) for document in documents):
            return index
    return None


def _is(document: Any, ref: str) -> bool:
    try:
        return isinstance(document, dict) and reference_of(document).key == ref.lower()
    except (KeyError, TypeError, AttributeError):
        return False


def _with_line(part: str, owner: str) -> str:
    """With the line of spec.owner replaced, or a new one as the first of spec."""
    written = owner if _PLAIN.fullmatch(owner) else f'"{owner}"'
    spec = re.search(r"^spec:[ \t]*(#.*)?\n(?P<body>(?:[ \t]+.*\n?|[ \t]*\n|#.*\n)*)", part, re.M)
    if spec is None:
        return part
    body = spec["body"]
    indent = re.search(r"^([ \t]+)\S", body, re.M)
    if indent is None:
        return part
    line = re.compile(rf"^{indent[1]}owner:[ \t]*[^#\n]*?(?P<rest>[ \t]+#.*)?$", re.M)
    new = f"{indent[1]}owner: {written}"
    if line.search(body):
        changed = line.sub(lambda found: new + (found["rest"] or ""), body, count=1)
    else:
        changed = f"{new}\n{body}"
    return part[: spec.start("body")] + changed + part[spec.end("body") :]


def _reads_as(part: str, wanted: RawObject) -> bool:
    try:
        return load_documents(part) == [wanted]
    except DocumentError:
        return False


def _head(part: str) -> str:
    """What stands above the document: the separator, and comments."""
    found = re.match(r"(?:---[^\n]*\n|#[^\n]*\n|[ \t]*\n)*", part)
    return found[0] if found else ""
