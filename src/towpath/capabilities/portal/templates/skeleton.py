"""A skeleton becomes files: contents and names are templates, and the values are `values.*`.

Pure: files in, files out, by their paths. An empty part of a rendered name drops the file; a name
that leaves the root is refused. What cannot be rendered fails, and names the file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.portal.templates.binary import is_binary
from towpath.capabilities.portal.templates.expressions import (
    BACKSTAGE,
    Dialect,
    ExpressionError,
    render_texts,
)
from towpath.engines.git.port import File
from towpath.machinery.globs import Globs

FILES_MAX = 10_000
BYTES_MAX = 64 * 2**20
TEXTS_AT_ONCE = 256 * 1024


class SkeletonError(Exception):
    """The skeleton cannot be rendered; `str()` names the file and what is wrong there."""


class NameRefused(SkeletonError):
    """A file's name leaves the workspace, or is Git's own."""


@dataclass(frozen=True, slots=True)
class SkeletonOptions:
    """The inputs of fetch:template that decide how files are rendered."""

    copy_only: Sequence[str] = ()
    """Patterns of files whose content is copied; their names are rendered still."""
    extension: str = ""
    """Only files with this extension are rendered, and lose it; "" renders all."""
    dialect: Dialect = BACKSTAGE
    replace: bool = False
    """Which of two files that come to one name is kept: the second one instead of the first."""


@dataclass(frozen=True, slots=True)
class _Entry:
    path: str
    """As it lies in the skeleton."""
    name: str
    """The path without the extension of templates."""
    file: File
    is_template: bool


def render_skeleton(
    files: Mapping[str, File], values: Mapping[str, Any], options: SkeletonOptions
) -> dict[str, File]:
    """Raises SkeletonError."""
    if len(files) > FILES_MAX:
        raise SkeletonError(f"the skeleton has {len(files)} files; at most {FILES_MAX} are allowed")
    given = {"cookiecutter" if options.dialect.cookiecutter else "values": values}
    wanted = _entries(files, options)
    names = _rendered([one.name for one in wanted], wanted, given, options)
    kept: dict[str, _Entry] = {}
    for entry, name in zip(wanted, names, strict=True):
        target = rendered_path(name)
        if target is not None and (target not in kept or options.replace):
            kept[target] = entry
    return _filled(kept, given, options)


def _filled(
    kept: Mapping[str, _Entry], given: Mapping[str, Any], options: SkeletonOptions
) -> dict[str, File]:
    """The contents, many of them with one call: each costs as much as a small file."""
    made: dict[str, File] = {}
    texts: dict[str, str] = {}
    size = 0

    def render_texts_so_far() -> None:
        nonlocal size
        entries = [kept[target] for target in texts]
        rendered = _rendered(list(texts.values()), entries, given, options)
        for target, entry, text in zip(texts, entries, rendered, strict=True):
            content = text.encode("utf-8", "replace")
            size += len(content)
            made[target] = File(content, entry.file.executable)
        texts.clear()

    for target, entry in kept.items():
        text = _text_of(entry.file.content) if entry.is_template else None
        if text is None:
            size += len(entry.file.content)
            made[target] = File(entry.file.content, entry.file.executable)
        else:
            texts[target] = text
        if sum(map(len, texts.values())) > TEXTS_AT_ONCE:
            render_texts_so_far()
        if size > BYTES_MAX:
            raise SkeletonError(f"the rendered skeleton is larger than {BYTES_MAX} bytes")
    render_texts_so_far()
    if size > BYTES_MAX:
        raise SkeletonError(f"the rendered skeleton is larger than {BYTES_MAX} bytes")
    return {target: made[target] for target in kept}


def _entries(files: Mapping[str, File], options: SkeletonOptions) -> list[_Entry]:
    copy_only = _Chosen(options.copy_only)
    entries = []
    for path, file in sorted(files.items()):
        if options.extension:
            is_template = _extension(path) == options.extension
            name = path.removesuffix(options.extension) if is_template else path
        else:
            is_template, name = not copy_only.match(path), path
        entries.append(_Entry(path, name, file, is_template))
    return entries


class _Chosen:
    """Which files the patterns of copyWithoutTemplating name; `!` takes one out again.

    A path there never begins with `./`, so neither does a pattern that is about one.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._named = Globs(one for one in patterns if not one.startswith(("!", "./")))
        self._not = Globs(one[1:] for one in patterns if one.startswith("!"))

    def match(self, path: str) -> bool:
        return self._named.match(path) and not self._not.match(path)


def _extension(path: str) -> str:
    """The last one of the name, with its dot; a name that begins with its only dot has none."""
    name = path.rpartition("/")[2]
    stem, dot, last = name.rpartition(".")
    return f".{last}" if dot and stem else ""


def _rendered(
    sources: Sequence[str],
    entries: Sequence[_Entry],
    given: Mapping[str, Any],
    options: SkeletonOptions,
) -> list[str]:
    """Each text, rendered. Raises SkeletonError with the first that cannot be, and its file."""
    try:
        made = render_texts(sources, given, dialect=options.dialect)
    except ExpressionError as error:
        raise SkeletonError(f"{entries[0].path}: {error}") from error
    texts: list[str] = []
    for entry, text in zip(entries, made, strict=True):
        if isinstance(text, ExpressionError):
            raise SkeletonError(f"{entry.path}: {text}") from text
        texts.append(text)
    return texts


def rendered_path(path: str) -> str | None:
    """A path that stays inside, None when a part of it is empty. Raises SkeletonError."""
    parts = path.split("/")
    if "" in parts:
        return None
    if any(part in (".", "..") or "\\" in part or "\0" in part for part in parts):
        raise NameRefused(f"the file name {path!r} would leave the workspace")
    if ".git" in (part.lower() for part in parts):
        raise NameRefused(f"the file name {path!r} is inside Git's own folder")
    return path


def _text_of(content: bytes) -> str | None:
    """None for a binary file, which is never rendered."""
    return None if is_binary(content) else content.decode("utf-8", "replace")
