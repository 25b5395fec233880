"""What the read API answers about a workload's processes: what they write, as it comes.

    GET /api/v1/pod-logs/<project>/<environment>/<workload>?follow=true&pod=&container=&previous=

Asked on the cluster as the viewer: who may not read the pods' logs there is refused there.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT, target_namespace
from towpath.capabilities.delivery.workloads.following import follow_lines
from towpath.capabilities.delivery.workloads.processes import (
    PodLine,
    Wanted,
    moment_of,
    output_of,
)
from towpath.hooks.platform import Platform
from towpath.hooks.reads import Read
from towpath.machinery.errors import NotFound, StatusError
from towpath.records.contract import Viewer


def reads(platform: Platform) -> Sequence[Read]:
    def lines(viewer: Viewer, parameters: Mapping[str, str]) -> AsyncIterator[Any]:
        """The end of the log; with `follow` what comes after the line whose key is `after`."""
        # Checked before the first line is asked for, while an error can still be the answer.
        if not viewer.may_see(parameters["project"]):
            raise NotFound(f"there is no log of {parameters['workload']}")
        if after := parameters.get("after", ""):
            moment_of(after)
        return _lines(platform, viewer, parameters)

    return (Read("pod-logs/{project}/{environment}/{workload}", lines),)


async def _lines(
    platform: Platform, viewer: Viewer, parameters: Mapping[str, str]
) -> AsyncIterator[Any]:
    project, stage = parameters["project"], parameters["environment"]
    workload, wanted = parameters["workload"], wanted_of(parameters)
    namespace = target_namespace(project, stage)
    try:
        environment = await platform.api.get(ENVIRONMENT, stage, project)
        client = platform.clusters.client_of(viewer.user, environment["spec"]["cluster"])
        if parameters.get("follow") == "true":
            after = parameters.get("after", "")
            async for line in follow_lines(client, workload, namespace, wanted, after):
                yield told(line)
            return
        for line in (await output_of(client, workload, namespace, wanted)).lines:
            yield told(line)
    except StatusError as error:
        yield {"error": error.message}


def wanted_of(parameters: Mapping[str, str]) -> Wanted:
    return Wanted(
        pod=parameters.get("pod", ""),
        container=parameters.get("container", ""),
        previous=parameters.get("previous") in ("true", "yes"),
        span=parameters.get("since", ""),
        line=parameters.get("line", ""),
    )


def told(line: PodLine) -> dict[str, Any]:
    return {"key": line.key, "time": line.time_s, "text": line.text, "pod": line.pod}
