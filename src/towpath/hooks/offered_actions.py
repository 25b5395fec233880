"""Which actions are offered on a thing, to whoever looks at it: for the pages of all capabilities.

What is offered is a courtesy; what is allowed is asked again when an action is run.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from towpath.hooks.pages import Visit
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.rules import BadRule, Known, holds
from towpath.hooks.showing import get_if_there, may
from towpath.machinery.conditions import get_condition
from towpath.machinery.errors import StatusError
from towpath.machinery.kinds import towpath_resource
from towpath.machinery.objects import RawObject

ACTION = towpath_resource("Action", "actions")
ACTION_RUN = towpath_resource("ActionRun", "actionruns")
PROJECT = towpath_resource("Project", "projects", namespaced=False)
CREATE = "CREATE"
OFFERED_MAX = 200


@dataclass(frozen=True, slots=True)
class OfferedAction:
    name: str
    namespace: str
    project: str
    title: str
    description: str
    operation: str
    target: str
    """The kind that it is for, "" for none."""
    href: str
    """Of its form, for that thing."""
    approvals: int = 0
    icon: str = ""

    @property
    def is_dangerous(self) -> bool:
        return self.operation == "DELETE"


def fits(spec: RawObject, target: RawObject | None) -> bool:
    """Whether the action is one for such a thing."""
    wanted = spec.get("target")
    if not target:
        return bool(spec["operation"] == CREATE)
    if not wanted:
        return False
    return bool((wanted["apiVersion"], wanted["kind"]) == (target["apiVersion"], target["kind"]))


def is_offered(spec: RawObject, known: Known) -> bool:
    """Whether somebody is shown the action; a rule that breaks offers nothing."""
    try:
        return holds(spec.get("visible", ""), known)
    except BadRule:
        return False


def form_address(project: str, namespace: str, name: str, target: str = "") -> str:
    query = f"?{urlencode({'_target': target})}" if target else ""
    return f"/projects/{project}/actions/{namespace}/{quote(name, safe='')}{query}"


async def offered_on(
    visit: Visit,
    project: str,
    target: RawObject,
    *,
    object: RawObject | None = None,
    entity: RawObject | None = None,
) -> list[OfferedAction]:
    """`target` is apiVersion, kind and name."""
    if not project or not await may(visit.api, "create", ACTION_RUN, project):
        return []
    actions = await _actions(visit, project, f"spec.target.kind={target['kind']}")
    fitting = [one for one in actions if fits(one["spec"], target)]
    if not fitting:
        return []
    known = Known(
        visit.user,
        object=object or {},
        entity=entity or {},
        project=await get_if_there(visit.api, PROJECT, project, "") or {},
    )
    return [
        offer_of(one, project, target["name"])
        for one in fitting
        if one["spec"]["operation"] != CREATE and is_offered(one["spec"], known)
    ]


async def offered_in(visit: Visit, project: str) -> list[OfferedAction]:
    """All that a project offers; whether it is offered on a thing is asked there."""
    if not await may(visit.api, "create", ACTION_RUN, project):
        return []
    known = Known(visit.user, project=await get_if_there(visit.api, PROJECT, project, "") or {})
    return [
        offer_of(one, project)
        for one in await _actions(visit, project, "")
        if one["spec"]["operation"] != CREATE or is_offered(one["spec"], known)
    ]


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


def offer_of(action: RawObject, project: str, target: str = "") -> OfferedAction:
    metadata, spec = action["metadata"], action["spec"]
    return OfferedAction(
        name=metadata["name"],
        namespace=metadata["namespace"],
        project=project,
        title=spec["title"],
        description=spec.get("description", ""),
        operation=spec["operation"],
        target=(spec.get("target") or {}).get("kind", ""),
        href=form_address(project, metadata["namespace"], metadata["name"], target),
        approvals=int((spec.get("approval") or {}).get("required", 0)),
        icon=spec.get("icon", ""),
    )
