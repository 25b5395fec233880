"""What the read API answers about runs: the log of a step, as it is or as it goes on."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any

from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN, step_stream
from towpath.capabilities.portal.templates.progress import is_finished
from towpath.hooks.platform import Platform
from towpath.hooks.reads import Read, number
from towpath.hooks.showing import get_if_there
from towpath.machinery.errors import NotFound
from towpath.records.contract import LogLine, Viewer

PAGE = 1000
LOG_PATH = "templateruns/{project}/{run}/steps/{step}/log"


def reads(platform: Platform) -> Sequence[Read]:
    def lines(viewer: Viewer, parameters: Mapping[str, str]) -> AsyncIterator[Any]:
        """Each line of the step's log, then new ones until the step ends. `after`: a number."""
        # Checked before the first line is asked for, while an error can still be the answer.
        project, name = parameters["project"], parameters["run"]
        if not viewer.may_see(project):
            raise NotFound(f"there is no run {name} in {project}")
        return _told(project, name, parameters["step"], number(parameters, "after"))

    async def _told(project: str, name: str, step: str, after: int) -> AsyncGenerator[Any, None]:
        run = await get_if_there(platform.api, TEMPLATE_RUN, name, project)
        if run is None:
            return
        stream = step_stream(project, name, step)
        # A step that never began has no end either: only a run that goes on is followed.
        read = _written if is_finished(run) else platform.logs.follow
        async for line in read(stream, after=after):
            yield {"number": line.number, "time": line.time_s, "text": line.text}

    async def _written(stream: str, *, after: int) -> AsyncGenerator[LogLine, None]:
        while page := await platform.logs.read(stream, after=after, limit=PAGE):
            for line in page:
                yield line
            after = page[-1].number

    return (Read(LOG_PATH, lines),)
