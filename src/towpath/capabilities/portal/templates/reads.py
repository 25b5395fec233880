"""What the read API answers about runs: the log of a step, as it is or as it goes on."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from towpath.capabilities.portal.templates.kinds import step_stream
from towpath.hooks.platform import Platform
from towpath.hooks.reads import Read
from towpath.machinery.errors import NotFound
from towpath.records.contract import Viewer

LOG_PATH = "templateruns/{project}/{run}/steps/{step}/log"


def reads(platform: Platform) -> Sequence[Read]:
    async def lines(viewer: Viewer, parameters: Mapping[str, str]) -> AsyncIterator[Any]:
        """Each line of the step's log, then new ones until the step ends. `after`: a number."""
        project = parameters["project"]
        if not viewer.may_see(project):
            raise NotFound(f"there is no run {parameters['run']} in {project}")
        stream = step_stream(project, parameters["run"], parameters["step"])
        after = int(parameters.get("after") or 0)
        async for line in platform.logs.follow(stream, after=after):
            yield {"number": line.number, "time": line.time_s, "text": line.text}

    return (Read(LOG_PATH, lines),)
