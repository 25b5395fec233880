"""Which actions are offered: in a project, and on a thing of it, to whoever looks."""

import asyncio
from collections.abc import Sequence
from urllib.parse import quote

from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.actions.kinds import ACTION, ACTION_RUN, CREATE
from towpath.hooks.offered_actions import OfferedAction, Thing
from towpath.hooks.pages import Visit
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.rules import BadRule, Known, holds
from towpath.hooks.showing import get_if_there, may
from towpath.machinery.conditions import get_condition
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject

OFFERED_MAX = 200


async def offers(visit: Visit, project: str, thing: Thing | None) -> Sequence[OfferedAction]:
    """Of what needs a thing, without one, whether it is offered is asked there."""
    if not project or not await may(visit.api, "create", ACTION_RUN, project):
        return []
    actions = await _actions(visit, project, f"spec.target.kind={thing.kind}" if thing else "")
    if thing:
        actions = [one for one in actions if _is_for(one["spec"], thing)]
    if not actions:
        return []
    known = Known(
        visit.user,
        object=thing.object if thing else {},
        entity=thing.entity if thing else {},
        project=await get_if_there(visit.api, PROJECT, project, "") or {},
    )
    on = thing.name if thing else ""
    return [
        offer_of(one, project, on)
        for one in actions
        if (not thing and one["spec"]["operation"] != CREATE) or is_offered(one["spec"], known)
    ]


def fits(spec: RawObject, target: RawObject | None) -> bool:
    """Whether the action is one for such a thing: apiVersion and kind, or None for none."""
    wanted = spec.get("target")
    if not target:
        return bool(spec["operation"] == CREATE)
    if not wanted:
        return False
    return bool((wanted["apiVersion"], wanted["kind"]) == (target["apiVersion"], target["kind"]))


def _is_for(spec: RawObject, thing: Thing) -> bool:
    target = {"apiVersion": thing.api_version, "kind": thing.kind}
    return spec["operation"] != CREATE and fits(spec, target)


def is_offered(spec: RawObject, known: Known) -> bool:
    """Whether somebody is shown the action; a rule that breaks offers nothing."""
    try:
        return holds(spec.get("visible", ""), known)
    except BadRule:
        return False


def form_of(project: str, namespace: str, name: str) -> str:
    return f"/projects/{project}/actions/{namespace}/{quote(name, safe='')}"


def offer_of(action: RawObject, project: str, on: str = "") -> OfferedAction:
    metadata, spec = action["metadata"], action["spec"]
    return OfferedAction(
        name=metadata["name"],
        namespace=metadata["namespace"],
        project=project,
        title=spec["title"],
        description=spec.get("description", ""),
        operation=spec["operation"],
        target=(spec.get("target") or {}).get("kind", ""),
        form=form_of(project, metadata["namespace"], metadata["name"]),
        on=on,
        approvals=int((spec.get("approval") or {}).get("required", 0)),
        icon=spec.get("icon", ""),
    )


async def _actions(visit: Visit, project: str, fields: str) -> list[RawObject]:
    lists = await asyncio.gather(
        *(_listed(visit, namespace, fields) for namespace in (project, SYSTEM_NAMESPACE))
    )
    return [one for found in lists for one in found if _works(one)]


async def _listed(visit: Visit, namespace: str, fields: str) -> Sequence[RawObject]:
    try:
        return (await visit.api.list(ACTION, namespace, fields=fields, limit=OFFERED_MAX)).items
    except StatusError:
        return ()


def _works(action: RawObject) -> bool:
    ready = get_condition(action, "Ready")
    return ready is None or ready["status"] != "False"
