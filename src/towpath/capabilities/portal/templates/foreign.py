"""Templates of Cookiecutter and Copier as sources: their formats, rendered by Jinja in a sandbox.

Their own programs are not used: they run hooks, tasks and extensions, which is code of whoever
wrote the template. Jinja cannot be stopped from within, so it renders in a child process without
an environment, with limits of time and memory; what it says of a file is a value like any other.
"""

import asyncio
import base64
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.portal.templates.actions.failures import ActionFailed
from towpath.engines.git.port import File

WALL_S = 30.0
ANSWER_BYTES_MAX = 96 * 2**20
CHILD = "towpath.capabilities.portal.templates.foreign_child"


@dataclass(frozen=True, slots=True)
class Made:
    files: dict[str, File]
    notes: tuple[str, ...]
    """What was left out."""


async def render_cookiecutter(
    files: Mapping[str, File], values: Mapping[str, Any], given: Mapping[str, Any]
) -> Made:
    """The content of the one folder that it makes. Raises ActionFailed."""
    return await _render(
        "cookiecutter", files, values, {"copy_only": given.get("copyWithoutRender") or []}
    )


async def render_copier(
    files: Mapping[str, File], values: Mapping[str, Any], given: Mapping[str, Any]
) -> Made:
    """Raises ActionFailed."""
    return await _render("copier", files, values, {"source": str(given.get("url", ""))})


async def _render(
    style: str, files: Mapping[str, File], values: Mapping[str, Any], options: Mapping[str, Any]
) -> Made:
    order = {
        "style": style,
        "files": {
            path: [base64.b64encode(file.content).decode(), file.executable]
            for path, file in files.items()
        },
        "values": dict(values),
        "options": dict(options),
    }
    answer = json.loads(await _asked(json.dumps(order, default=str).encode()))
    if "error" in answer:
        raise ActionFailed(f"the {style} template cannot be rendered: {answer['error']}")
    return Made(
        {
            path: File(base64.b64decode(text), executable)
            for path, (text, executable) in answer["files"].items()
        },
        tuple(answer["notes"]),
    )


async def _asked(order: bytes) -> bytes:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        CHILD,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": "", "LANG": "C.UTF-8"},
        limit=ANSWER_BYTES_MAX,
    )
    try:
        async with asyncio.timeout(WALL_S):
            answer, _ = await child.communicate(order)
    except TimeoutError:
        raise ActionFailed(f"the template runs longer than {WALL_S:g} s") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode or len(answer) > ANSWER_BYTES_MAX:
        raise ActionFailed("the template takes too long, or makes too much")
    return answer
