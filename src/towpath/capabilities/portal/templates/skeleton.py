"""A skeleton becomes files: contents and names are templates, and the values are `values.*`.

Pure: files in, files out, by their paths. An empty part of a rendered name drops the file; a name
that leaves the root is refused. What cannot be rendered fails, and names the file and the line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.portal.templates.expressions import ExpressionError, render
from towpath.capabilities.portal.templates.expressions.syntax import BACKSTAGE, Dialect
from towpath.engines.git.port import File
from towpath.machinery.globs import Globs

FILES_MAX = 10_000
BYTES_MAX = 64 * 2**20


class SkeletonError(Exception):
    """The skeleton cannot be rendered; `str()` names the file and what is wrong there."""


@dataclass(frozen=True, slots=True)
class SkeletonOptions:
    """The inputs of fetch:template that decide how files are rendered."""

    copy_only: Sequence[str] = ()
    """Patterns of files whose content is copied; their names are rendered still."""
    extension: str = ""
    """Only files with this extension are rendered, and lose it; "" renders all."""
    dialect: Dialect = BACKSTAGE


def render_skeleton(
    files: Mapping[str, File], values: Mapping[str, Any], options: SkeletonOptions
) -> dict[str, File]:
    """Raises SkeletonError."""
    if len(files) > FILES_MAX:
        raise SkeletonError(f"the skeleton has {len(files)} files; at most {FILES_MAX} are allowed")
    given = {"cookiecutter": values} if options.dialect.cookiecutter else {"values": values}
    copy_only = Globs(options.copy_only)
    rendered: dict[str, File] = {}
    size = 0
    for path, file in sorted(files.items()):
        try:
            target = rendered_path(render(path, given, dialect=options.dialect))
            if target is None:
                continue
            target, content = _content(path, target, file, given, options, copy_only)
        except ExpressionError as error:
            raise SkeletonError(f"{path}: {error}") from error
        size += len(content)
        if size > BYTES_MAX:
            raise SkeletonError(f"the rendered skeleton is larger than {BYTES_MAX} bytes")
        if target in rendered:
            raise SkeletonError(f"{path}: another file of the skeleton is called {target} too")
        rendered[target] = File(content, file.executable)
    return rendered


def rendered_path(path: str) -> str | None:
    """A path that stays inside, None when a part of it is empty. Raises SkeletonError."""
    parts = path.split("/")
    if "" in parts:
        return None
    if any(part in (".", "..") or "\\" in part or "\0" in part for part in parts):
        raise SkeletonError(f"the file name {path!r} would leave the workspace")
    if ".git" in (part.lower() for part in parts):
        raise SkeletonError(f"the file name {path!r} is inside Git's own folder")
    return path


def _content(
    path: str,
    target: str,
    file: File,
    given: Mapping[str, Any],
    options: SkeletonOptions,
    copy_only: Globs,
) -> tuple[str, bytes]:
    """The file's final name and content."""
    extension = options.extension
    if extension:
        name = target.rpartition("/")[2]
        if not name.endswith(extension) or name == extension:
            return target, file.content
        target = target.removesuffix(extension)
    if copy_only.match(path):
        return target, file.content
    text = _text_of(file.content)
    if text is None:
        return target, file.content
    return target, render(text, given, dialect=options.dialect).encode()


def _text_of(content: bytes) -> str | None:
    """None for a binary file, which is never rendered."""
    if b"\0" in content[:8192]:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None
