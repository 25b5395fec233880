"""`template`: a software template is run as the requester; that run has a page of its own."""

from dataclasses import dataclass

from towpath.capabilities.portal.actions.backends.order import (
    NothingToUndo,
    Order,
    Refused,
    Result,
    patch_own,
)
from towpath.capabilities.portal.actions.kinds import RUN_ANNOTATION, RUN_LABEL
from towpath.capabilities.portal.templates.kinds import (
    CANCELLED_BY,
    FAILED,
    SUCCEEDED,
    TEMPLATE_RUN,
    UNDONE,
)
from towpath.hooks.platform import SYSTEM_NAMESPACE, Platform
from towpath.machinery.errors import AlreadyExists, Forbidden, Invalid, NotFound
from towpath.machinery.objects import RawObject, annotations_of
from towpath.runtime.outcomes import Waiting

LOOK_AGAIN_S = 60.0


@dataclass(frozen=True, slots=True)
class TemplateBackend:
    platform: Platform
    can_undo: bool = False

    async def prepare(self, order: Order) -> RawObject:
        return {"run": order.made_name}

    async def act(self, order: Order) -> Result:
        name = order.made_name
        try:
            run = await self.platform.api.get(TEMPLATE_RUN, name, order.project)
        except NotFound:
            run = await self._create(order, name)
        if annotations_of(run).get(RUN_ANNOTATION) != order.uid:
            raise Refused(f"there is a run {name} already")
        status = run.get("status") or {}
        phase = status.get("phase", "")
        if phase == SUCCEEDED:
            page = f"/projects/{order.project}/runs/{name}"
            outputs = dict(status.get("output") or {})
            return Result("The template has run.", (("Run of the template", page),), outputs)
        if phase == UNDONE or (phase == FAILED and status.get("finishedAt")):
            raise Refused(f"its template has failed: {status.get('message', '')}")
        raise Waiting("TemplateRunning", "The template runs.", after_s=LOOK_AGAIN_S)

    async def cancel(self, order: Order) -> None:
        note = {"metadata": {"annotations": {CANCELLED_BY: order.requester.name}}}
        await patch_own(self.platform.api, TEMPLATE_RUN, order, note)

    async def undo(self, order: Order) -> Result:
        raise NothingToUndo(
            "What a template has made is deleted by hand; the action can name a way under `undo`."
        )

    async def _create(self, order: Order, name: str) -> RawObject:
        run = TEMPLATE_RUN.object(
            name,
            order.project,
            spec={
                "template": {
                    "name": order.plan["name"],
                    "namespace": order.plan.get("namespace") or SYSTEM_NAMESPACE,
                },
                "parameters": order.plan.get("parameters") or {},
                "requestedBy": order.requester.name,
            },
        )
        run["metadata"]["annotations"] = {**order.lease, RUN_ANNOTATION: order.uid}
        run["metadata"]["labels"] = {RUN_LABEL: order.name[:63].strip("-.")}
        client = self.platform.api.acting_as(order.requester.name, order.requester.groups)
        try:
            return await client.create(TEMPLATE_RUN, run)
        except AlreadyExists:
            return await self.platform.api.get(TEMPLATE_RUN, name, order.project)
        except (Forbidden, Invalid) as error:
            raise Refused(error.message) from error
