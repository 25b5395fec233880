"""Whose a leased thing is: who asked for it, the team that owns it, else the project's owners."""

from collections.abc import Sequence

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD, WORKLOAD_LABEL
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.actions.kinds import ACTION_RUN, RUN_LABEL
from towpath.client.protocols import Client
from towpath.hooks.approvals import People, is_one_of
from towpath.hooks.showing import get_if_there
from towpath.machinery.objects import RawObject, labels_of


async def owners_of(api: Client, people: People, obj: RawObject) -> Sequence[tuple[str, str]]:
    """Names of people, each with why they are told."""
    name, project = obj["metadata"]["name"], obj["metadata"].get("namespace", "")
    known = await people()
    if requester := await _requester(api, obj, project):
        asked = [(one.name, "You asked for it.") for one in known if one.name == requester]
        if asked:
            return asked
    if owner := await _owner(api, obj, project):
        team = [(one.name, f"{owner} owns {name}.") for one in known if is_one_of(one, [owner])]
        if team:
            return team
    found = await get_if_there(api, PROJECT, project, "")
    members = ((found or {}).get("spec") or {}).get("members") or ()
    owning = [f"{one['kind'].lower()}:{one['name']}" for one in members if one["role"] == "owner"]
    why = f"You are an owner of {project}."
    return [(one.name, why) for one in known if is_one_of(one, owning)]


async def _requester(api: Client, obj: RawObject, project: str) -> str:
    if asked := (obj.get("spec") or {}).get("requestedBy"):
        return str(asked)
    run = labels_of(obj).get(RUN_LABEL)
    found = await get_if_there(api, ACTION_RUN, run, project) if run else None
    return str(found["spec"]["requestedBy"]) if found else ""


async def _owner(api: Client, obj: RawObject, project: str) -> str:
    spec = obj.get("spec") or {}
    if isinstance(spec, dict) and isinstance(spec.get("owner"), str):
        return str(spec["owner"])
    workload = labels_of(obj).get(WORKLOAD_LABEL)
    found = await get_if_there(api, WORKLOAD, workload, project) if workload else None
    return str(found["spec"].get("owner") or "") if found else ""
