"""`--8<--`: a page brings in files of the folder that its docs lie in, and no others."""

import posixpath
import re
from collections.abc import Mapping, Sequence

SNIPPETS_MAX = 50
SNIPPET_DEPTH_MAX = 4
SNIPPETS_BYTES_MAX = 512 * 1024

_SNIPPET = re.compile(r'^(?P<indent>[ \t]*)-{1,}8<-{1,}[ \t]+"(?P<path>[^"\n]+)"[ \t]*$')
_BLOCK = re.compile(r"^(?P<indent>[ \t]*)-{1,}8<-{1,}[ \t]*$")
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})")


def with_snippets(text: str, files: Mapping[str, bytes]) -> str:
    """The text with what `--8<-- "path"` names in its place; what is out of reach is said there.

    Paths are relative to the folder of `mkdocs.yml`, and so are those in `files`.
    """
    left = [SNIPPETS_MAX, SNIPPETS_BYTES_MAX]
    return _expanded(text, files, left, 0) if "8<-" in text else text


def _expanded(text: str, files: Mapping[str, bytes], left: list[int], depth: int) -> str:
    lines: list[str] = []
    fence, naming = "", False
    for line in text.splitlines():
        if found := _FENCE.match(line):
            fence = "" if fence and found[1].startswith(fence) else fence or found[1]
        if naming:
            naming = not _BLOCK.match(line)
            if naming and line.strip():
                lines += _brought(line.strip(), "", files, left, depth)
        elif _BLOCK.match(line) and not fence:
            naming = True
        elif found := _SNIPPET.match(line):
            lines += _brought(found["path"], found["indent"], files, left, depth)
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _brought(
    named: str, indent: str, files: Mapping[str, bytes], left: list[int], depth: int
) -> Sequence[str]:
    path = posixpath.normpath(named)
    content = files.get(path)
    left[0] -= 1
    left[1] -= len(content or b"")
    if named.startswith("/") or path.startswith("..") or "://" in named:
        said = f"the snippet {named} lies outside the folder of the docs and is not read"
    elif content is None:
        said = f"the snippet {named} is not there"
    elif min(left) < 0 or depth >= SNIPPET_DEPTH_MAX:
        said = f"the snippet {named} is one too many on this page"
    else:
        inner = _expanded(content.decode("utf-8", "replace"), files, left, depth + 1)
        return [indent + line for line in inner.splitlines()]
    return [f"{indent}*({said.replace('*', '')})*"]
