"""Old runs go, with their logs; folders of runs that no longer go on are removed at the start."""

from dataclasses import dataclass

from towpath.capabilities.delivery.pipelines.kinds import (
    PIPELINE_RUN,
    REPOSITORY_LABEL,
    WORKFLOW_LABEL,
    is_finished,
    log_prefix,
)
from towpath.client.protocols import Client
from towpath.engines.ci.engine import CIEngine
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject, labels_of, uid_of
from towpath.records.contract import LogBook

RUNS_KEPT = 25
"""Of each workflow of a repository."""

ALL_LOGS = "pipelinerun/"


@dataclass(frozen=True, slots=True)
class Retention:
    api: Client
    logs: LogBook
    engine: CIEngine

    async def after(self, run: RawObject) -> None:
        """Delete the oldest finished runs of the same workflow beyond RUNS_KEPT."""
        labels = labels_of(run)
        if REPOSITORY_LABEL not in labels or WORKFLOW_LABEL not in labels:
            return
        selector = ",".join(f"{name}={labels[name]}" for name in (REPOSITORY_LABEL, WORKFLOW_LABEL))
        listed = await self.api.list(PIPELINE_RUN, run["metadata"]["namespace"], labels=selector)
        finished = sorted(
            (one for one in listed.items if is_finished(one)),
            key=lambda one: (one["metadata"]["creationTimestamp"], one["metadata"]["name"]),
        )
        for old in finished[: max(len(finished) - RUNS_KEPT, 0)]:
            metadata = old["metadata"]
            try:
                await self.api.delete(
                    PIPELINE_RUN, metadata["name"], metadata["namespace"], uid=metadata["uid"]
                )
            except NotFound:
                continue

    async def sweep(self) -> None:
        """Folders and logs that a crash has left behind."""
        listed = await self.api.list(PIPELINE_RUN)
        going_on = {uid_of(run) for run in listed.items if not is_finished(run)}
        for uid in await self.engine.known():
            if uid not in going_on:
                await self.engine.forget(uid)
        known = {
            log_prefix(run["metadata"]["namespace"], run["metadata"]["name"])
            for run in listed.items
        }
        there = {
            "/".join(stream.split("/")[:3]) + "/" for stream in await self.logs.streams(ALL_LOGS)
        }
        for prefix in sorted(there - known):
            await self.logs.forget(prefix)
