"""The list of projects; creating one, changing what it is called and how much fits in, deleting it.

Who may do which is the API's answer: whoever may create Projects, owners for changes, and
administrators alone for the quota.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT, by_order
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.governance.projects.roles import QUOTA_GROUPS
from towpath.capabilities.governance.projects.stages import (
    claim_project_namespace,
    first_stages,
)
from towpath.client.protocols import Client
from towpath.hooks.pages import Answer, Page, Redirect, Visit
from towpath.hooks.project_frame import frame_of, read_project
from towpath.hooks.showing import get_if_there, may
from towpath.hooks.telling import state_of
from towpath.machinery.errors import AlreadyExists, Conflict, Forbidden, Invalid, StatusError
from towpath.machinery.objects import RawObject, uid_of
from towpath.machinery.quantities import parse_quantity

PROJECTS_SHOWN = 50
NAMES_TOLD = 8
NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
NAME_CHARACTERS_MAX = 40


async def projects(visit: Visit) -> Page:
    """Those that the visitor may see, a page at a time."""
    may_create = await may(visit.api, "create", PROJECT)
    token = visit.parameters.get("continue", "")
    following = ""
    if visit.viewer.projects is None:
        listed = await visit.api.list(PROJECT, limit=PROJECTS_SHOWN, continue_token=token)
        found, following = listed.items, listed.continue_token
    else:
        names = [name for name in sorted(visit.viewer.projects) if name > token]
        read = await asyncio.gather(
            *(get_if_there(visit.api, PROJECT, name, "") for name in names[:PROJECTS_SHOWN])
        )
        found = [one for one in read if one is not None]
        following = names[PROJECTS_SHOWN - 1] if len(names) > PROJECTS_SHOWN else ""
    data = {
        "rows": [_row(visit, one) for one in found],
        "may_create": may_create,
        "next": f"/projects?{urlencode({'continue': following})}" if following else "",
        "first": "/projects" if token else "",
    }
    return Page("projects/projects.html", data)


def _row(visit: Visit, project: RawObject) -> dict[str, Any]:
    spec, status = project.get("spec") or {}, project.get("status") or {}
    name = project["metadata"]["name"]
    mine = {("User", visit.user.name), *(("Group", group) for group in visit.user.groups)}
    roles = [one["role"] for one in spec.get("members") or () if (one["kind"], one["name"]) in mine]
    state = state_of(project)
    return {
        "name": name,
        "title": spec.get("displayName") or name,
        "description": spec.get("description", ""),
        "role": next((role for role in ("owner", "developer", "viewer") if role in roles), ""),
        "members": len(spec.get("members") or ()),
        "environments": status.get("environments", 0),
        "state": state.word or "Pending",
        "message": state.sentence if state.word in ("Degraded", "Terminating") else "",
    }


async def ask_new(visit: Visit) -> Page:
    if not await may(visit.api, "create", PROJECT):
        raise Forbidden("only whoever may create Projects can make one; ask an administrator")
    values = {"owner": visit.user.name, "stages": "true"}
    return _new_form(values, {})


async def create(visit: Visit) -> Answer:
    form = visit.form
    errors = _name_errors(form)
    if not form.get("owner", "").strip():
        errors["owner"] = "A project needs an owner: the name of a person."
    quota = _quota(form, errors)
    if errors:
        return _new_form(form, errors)
    name = form["name"].strip()
    spec: RawObject = {
        **_words(form),
        "members": [{"kind": "User", "name": form["owner"].strip(), "role": "owner"}],
    }
    if quota:
        spec["quota"] = quota
    try:
        made = await visit.api.create(PROJECT, PROJECT.object(name, spec=spec))
    except AlreadyExists:
        return _new_form(form, {"name": f"There is a project {name} already."})
    except Invalid as error:
        return _new_form(form, {"name": _first_cause(error)})
    missing = await _first_stages(visit.api, made) if form.get("stages") == "true" else ""
    return Redirect(f"/projects/{name}", f"Project {name} was created.{missing}")


async def _first_stages(api: Client, project: RawObject) -> str:
    """Without a stage nothing can run. "" or why there are none yet."""
    try:
        await claim_project_namespace(api, project)
        for stage in first_stages(project["metadata"]["name"]):
            await api.create(ENVIRONMENT, stage)
    except StatusError as error:
        return f" Its environments were not: {error.message}."
    return ""


def _new_form(values: Mapping[str, str], errors: Mapping[str, str]) -> Page:
    data = {"values": values, "errors": errors}
    return Page("projects/new.html", data, 422 if errors else 200, title="Create a project")


def _name_errors(form: Mapping[str, str]) -> dict[str, str]:
    name = form.get("name", "").strip()
    if NAME.fullmatch(name) and len(name) <= NAME_CHARACTERS_MAX:
        return {}
    return {
        "name": f"{name!r} is no name for a project: 1 to {NAME_CHARACTERS_MAX} lower-case "
        "letters, digits and dashes, a letter first."
    }


def _words(form: Mapping[str, str]) -> dict[str, str]:
    given = {key: form.get(key, "").strip() for key in ("displayName", "description")}
    return {key: text for key, text in given.items() if text}


def _quota(form: Mapping[str, str], errors: dict[str, str]) -> dict[str, str]:
    """`requests.memory: 4Gi`, one per line; what cannot be read goes into the errors."""
    found = {}
    for line in form.get("quota", "").splitlines():
        if not line.strip():
            continue
        what, _, amount = (part.strip() for part in line.partition(":"))
        try:
            parse_quantity(amount)
        except ValueError:
            errors["quota"] = f"{line.strip()!r} is no limit; write one as requests.memory: 4Gi."
        else:
            found[what] = amount
    return found


async def ask_edit(visit: Visit) -> Page:
    project = await read_project(visit)
    spec = project.get("spec") or {}
    values = {
        "displayName": spec.get("displayName", ""),
        "description": spec.get("description", ""),
        "quota": "\n".join(
            f"{what}: {amount}" for what, amount in (spec.get("quota") or {}).items()
        ),
    }
    return await _edit_form(visit, project, values, {})


async def edit(visit: Visit) -> Answer:
    project = await read_project(visit)
    errors: dict[str, str] = {}
    quota = _quota(visit.form, errors)
    if errors:
        return await _edit_form(visit, project, visit.form, errors)
    spec = {
        key: value
        for key, value in (project.get("spec") or {}).items()
        if key not in ("displayName", "description")
    }
    if "quota" in visit.form:
        spec.pop("quota", None)
        spec |= {"quota": quota} if quota else {}
    try:
        await visit.api.update(PROJECT, {**project, "spec": {**spec, **_words(visit.form)}})
    except StatusError as error:
        return await _edit_form(visit, project, visit.form, {"form": error.message}, error.code)
    return Redirect(f"/projects/{project['metadata']['name']}", "The project was changed.")


async def _edit_form(
    visit: Visit,
    project: RawObject,
    values: Mapping[str, str],
    errors: Mapping[str, str],
    status: int = 422,
) -> Page:
    frame = await frame_of(visit, project, "")
    data = {
        **frame,
        "values": values,
        "errors": errors,
        "may_set_quota": any(group in QUOTA_GROUPS for group in visit.user.groups),
    }
    return Page(
        "projects/edit.html",
        data,
        status if errors else 200,
        title=f"Edit {frame['title_shown']}",
    )


async def ask_delete(visit: Visit) -> Page:
    return await _delete_form(visit, await read_project(visit))


async def delete(visit: Visit) -> Answer:
    """Only when the name was typed; what is deleted is what was shown."""
    project = await read_project(visit)
    name = project["metadata"]["name"]
    if visit.form.get("confirm", "").strip() != name:
        return await _delete_form(visit, project, f"Type {name} to delete it.", status=422)
    try:
        await visit.api.delete(PROJECT, name, uid=visit.form.get("uid", ""))
    except (Forbidden, Conflict) as error:
        return await _delete_form(visit, project, error.message, status=error.code)
    return Redirect("/projects", f"Project {name} is being deleted.")


async def _delete_form(
    visit: Visit, project: RawObject, problem: str = "", *, status: int = 200
) -> Page:
    name = project["metadata"]["name"]
    frame, workloads, environments = await asyncio.gather(
        frame_of(visit, project, ""),
        visit.api.list(WORKLOAD, name, limit=NAMES_TOLD + 1),
        visit.api.list(ENVIRONMENT, name),
    )
    services = [one["metadata"]["name"] for one in workloads.items]
    stages = [one["metadata"]["name"] for one in sorted(environments.items, key=by_order)]
    data = {
        **frame,
        "problem": problem,
        "uid": uid_of(project),
        "services": services[:NAMES_TOLD],
        "more_services": len(services) > NAMES_TOLD,
        "consequences": _consequences(name, stages, frame["member_count"]),
    }
    return Page("projects/delete.html", data, status, title=f"Delete {name}")


def _consequences(name: str, stages: list[str], members: int) -> list[str]:
    told = []
    if stages:
        places = ", ".join(f"{name}-{stage}" for stage in stages)
        told.append(f"The environments {', '.join(stages)} go, with the namespaces {places}.")
    told.append("Its repositories go into the archive, from where they can come back.")
    people = "1 member loses" if members == 1 else f"{members} members lose"
    told.append(f"{people} access. Databases that were kept after their service are deleted.")
    return told


def _first_cause(error: StatusError) -> str:
    return error.causes[0].message if error.causes else error.message
