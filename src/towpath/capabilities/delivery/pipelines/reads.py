"""What the read API answers about runs: the log of any step, and which steps have one.

    GET /api/v1/logs/pipelinerun/<project>/<run>/<job>/<step>?follow=true&after=12
    GET /api/v1/log-streams/pipelinerun/<project>/<run>/

For every kind of log stream, not only ours: a stream's second part is its project, and who may see
the project may read it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from towpath.hooks.platform import Platform
from towpath.hooks.reads import Read, number
from towpath.machinery.errors import NotFound
from towpath.records.contract import LogBook, LogLine, Viewer

PAGE = 5000


def reads(platform: Platform) -> Sequence[Read]:
    def lines(viewer: Viewer, parameters: Mapping[str, str]) -> AsyncIterator[Any]:
        """The lines of a stream; with `follow`, then new ones until it ends. `after`: a number."""
        # Checked before the first line is asked for, while an error can still be the answer.
        stream = _visible(viewer, parameters["stream"])
        after = number(parameters, "after")
        follow = parameters.get("follow") == "true"
        return _lines(platform.logs, stream, after=after, follow=follow)

    async def streams(viewer: Viewer, parameters: Mapping[str, str]) -> Any:
        """The names of the streams that begin so, in the order they began."""
        return {"streams": await platform.logs.streams(_visible(viewer, parameters["prefix"]))}

    return (Read("logs/{stream...}", lines), Read("log-streams/{prefix...}", streams))


async def _lines(logs: LogBook, stream: str, *, after: int, follow: bool) -> AsyncIterator[Any]:
    if follow:
        async for line in logs.follow(stream, after=after):
            yield _line(line)
        return
    while page := await logs.read(stream, after=after, limit=PAGE):
        for line in page:
            yield _line(line)
        after = page[-1].number


def _visible(viewer: Viewer, stream: str) -> str:
    _, _, rest = stream.partition("/")
    project, slash, _ = rest.partition("/")
    if not project or not slash or not viewer.may_see(project):
        raise NotFound(f"there is no log {stream}")
    return stream


def _line(line: LogLine) -> dict[str, Any]:
    return {"number": line.number, "time": line.time_s, "text": line.text}
