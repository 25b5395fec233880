"""`workflow`: a workflow_dispatch in a hosted repository, which is a PipelineRun with inputs."""

from dataclasses import dataclass

from towpath.capabilities.delivery.pipelines.kinds import (
    COMMIT_LABEL,
    PIPELINE_RUN,
    REPOSITORY_LABEL,
    SUCCEEDED,
    WORKFLOW_LABEL,
    is_finished,
    label_value,
    phase_of,
)
from towpath.capabilities.portal.actions.backends.order import (
    NothingToUndo,
    Order,
    Refused,
    Result,
    patch_own,
)
from towpath.capabilities.portal.actions.kinds import RUN_ANNOTATION, RUN_LABEL
from towpath.engines.git.port import PathNotFound, RepositoryName, RepositoryNotFound
from towpath.hooks.platform import Platform
from towpath.machinery.errors import AlreadyExists, Forbidden, Invalid, NotFound
from towpath.machinery.objects import RawObject, annotations_of
from towpath.runtime.outcomes import Waiting

FOLDER = ".github/workflows/"
LOOK_AGAIN_S = 60.0


@dataclass(frozen=True, slots=True)
class WorkflowBackend:
    platform: Platform
    can_undo: bool = False

    async def prepare(self, order: Order) -> RawObject:
        """The commit that is run is the one of now, however long a restart takes."""
        repository = RepositoryName(order.project, order.plan["repository"])
        ref = order.plan.get("ref") or "refs/heads/main"
        ref = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
        try:
            head = await self.platform.git.head(repository, ref)
        except RepositoryNotFound:
            raise Refused(f"there is no repository {repository}") from None
        if head is None:
            raise Refused(f"{repository} has no {ref}")
        workflow = order.plan["workflow"]
        path = workflow if workflow.startswith(FOLDER) else f"{FOLDER}{workflow}"
        try:
            files = await self.platform.git.files(repository, head, FOLDER.rstrip("/"))
        except PathNotFound:
            files = {}
        if path.removeprefix(FOLDER) not in files:
            raise Refused(f"{repository} has no {path} at {ref}")
        return {"commit": head, "ref": ref, "workflow": path}

    async def act(self, order: Order) -> Result:
        name = order.made_name
        try:
            run = await self.platform.api.get(PIPELINE_RUN, name, order.project)
        except NotFound:
            run = await self._create(order, name)
        if annotations_of(run).get(RUN_ANNOTATION) != order.uid:
            raise Refused(f"there is a pipeline run {name} already")
        page = f"/projects/{order.project}/pipelines/{name}"
        if not is_finished(run):
            message = f"The workflow {order.made['workflow'].rpartition('/')[2]} runs."
            raise Waiting("WorkflowRunning", message, after_s=LOOK_AGAIN_S)
        if phase_of(run) != SUCCEEDED:
            said = (run.get("status") or {}).get("message", "") or "look at its log"
            raise Refused(f"its workflow has {phase_of(run).lower()}: {said}")
        outputs = _outputs(run)
        return Result("The workflow has succeeded.", (("Pipeline run", page),), outputs)

    async def cancel(self, order: Order) -> None:
        await patch_own(self.platform.api, PIPELINE_RUN, order, {"spec": {"cancel": True}})

    async def undo(self, order: Order) -> Result:
        raise NothingToUndo("A workflow knows no way back; the action can name one under `undo`.")

    async def _create(self, order: Order, name: str) -> RawObject:
        made = order.made
        run = PIPELINE_RUN.object(
            name,
            order.project,
            spec={
                "repository": order.plan["repository"],
                "ref": made["ref"],
                "commit": made["commit"],
                "workflow": made["workflow"],
                "event": "workflow_dispatch",
                "actor": order.requester.name,
                "inputs": {
                    key: value if isinstance(value, str) else str(value)
                    for key, value in (order.plan.get("inputs") or {}).items()
                },
            },
        )
        run["metadata"]["annotations"] = {RUN_ANNOTATION: order.uid}
        run["metadata"]["labels"] = {
            RUN_LABEL: order.name[:63].strip("-."),
            REPOSITORY_LABEL: label_value(order.plan["repository"]),
            WORKFLOW_LABEL: label_value(made["workflow"].rpartition("/")[2]),
            COMMIT_LABEL: made["commit"],
        }
        client = self.platform.api.acting_as(order.requester.name, order.requester.groups)
        try:
            return await client.create(PIPELINE_RUN, run)
        except AlreadyExists:
            return await self.platform.api.get(PIPELINE_RUN, name, order.project)
        except (Forbidden, Invalid) as error:
            raise Refused(error.message) from error


def _outputs(run: RawObject) -> dict[str, str]:
    found: dict[str, str] = {}
    for job in (run.get("status") or {}).get("jobs") or ():
        found |= job.get("outputs") or {}
    return found
