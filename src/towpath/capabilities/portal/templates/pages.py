"""Create: what is offered, the form of one template with its plan, and the page of its run.

The form is made of the template's own JSON Schema; the same check that refuses a run puts its
complaints at the fields. The run is created as the visitor: the API decides who may.
"""

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.templates.context import default_owner, expression_context
from towpath.capabilities.portal.templates.descriptor import (
    DescriptorInvalid,
    pages_of,
    parse_descriptor,
)
from towpath.capabilities.portal.templates.expressions import ExpressionError, render_input
from towpath.capabilities.portal.templates.forms import (
    errors_by_field,
    form_values,
    parameters_from,
)
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE, TEMPLATE_RUN
from towpath.capabilities.portal.templates.parameters import (
    parameter_errors,
    parameters_with_defaults,
)
from towpath.capabilities.portal.templates.story import first_automatic, planned_things
from towpath.capabilities.portal.templates.telling import run_of
from towpath.hooks.pages import Answer, LiveWatch, Page, PageRoute, Redirect, Visit
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.showing import in_projects, may
from towpath.machinery.conditions import get_condition
from towpath.machinery.errors import Forbidden, NotFound, StatusError
from towpath.machinery.objects import RawObject
from towpath.records.contract import EntityFilter

GALLERY = "/create"
TEMPLATE = "/create/{namespace}/{template}"
RUN = "/projects/{project}/runs/{run}"
OWNERS_MAX = 200
PICKERS = ("OwnerPicker", "EntityPicker", "OwnedEntityPicker")


async def gallery(visit: Visit) -> Page:
    offered = (await visit.api.list(SOFTWARE_TEMPLATE, SYSTEM_NAMESPACE)).items
    if visit.viewer.projects is not None:
        own = await in_projects(visit.api, SOFTWARE_TEMPLATE, sorted(visit.viewer.projects))
    else:
        everything = await in_projects(visit.api, SOFTWARE_TEMPLATE, None)
        own = [one for one in everything if one["metadata"]["namespace"] != SYSTEM_NAMESPACE]
    words = visit.parameters.get("q", "").lower().split()
    shown = [_offer(template) for template in (*offered, *own)]
    found = [one for one in shown if all(word in one["text"] for word in words)]
    data = {
        "offers": found,
        "query": visit.parameters.get("q", ""),
        "project": visit.parameters.get("project", ""),
        "any": bool(shown),
    }
    return Page("templates/gallery.html", data)


def _offer(template: RawObject) -> dict[str, Any]:
    descriptor = template["spec"]["descriptor"]
    metadata, spec = descriptor["metadata"], descriptor["spec"]
    ready = get_condition(template, "Ready") or {}
    tags = metadata.get("tags") or []
    offer = {
        "name": template["metadata"]["name"],
        "namespace": template["metadata"]["namespace"],
        "title": metadata.get("title") or template["metadata"]["name"],
        "description": metadata.get("description", ""),
        "owner": str(spec.get("owner", "")).rpartition("/")[2],
        "type": spec.get("type", ""),
        "tags": tags,
        "steps": [str(step.get("name") or step["action"]) for step in spec.get("steps") or ()],
        "trouble": ready.get("message", "") if ready.get("status") == "False" else "",
    }
    words = (offer["name"], offer["title"], offer["description"], offer["type"], *tags)
    return {**offer, "text": " ".join(map(str, words)).lower()}


async def form(visit: Visit) -> Page:
    template = await _template(visit)
    raw: RawObject = template["spec"]["descriptor"]
    given = {key: value for key, value in visit.parameters.items() if key != "project"}
    return await _form(visit, template, parameters_from(raw, given), await _project(visit))


async def create(visit: Visit) -> Answer:
    """Make the run; what is wrong comes back at its field with all that was typed."""
    template = await _template(visit)
    raw: RawObject = template["spec"]["descriptor"]
    project = visit.form.get("project", "")
    values = parameters_from(raw, visit.form)
    if visit.form.get("preview"):
        return await _form(visit, template, values, project)
    errors, elsewhere = errors_by_field(raw, parameter_errors(raw, values))
    if not project:
        errors["project"] = "Choose a project."
    if errors or elsewhere:
        return await _form(
            visit,
            template,
            values,
            project,
            errors=errors,
            problem="; ".join(elsewhere),
            status=422,
        )
    name = _run_name(str(values.get("name") or template["metadata"]["name"]))
    spec = {
        "template": {
            "name": template["metadata"]["name"],
            "namespace": template["metadata"]["namespace"],
        },
        "parameters": values,
        "requestedBy": visit.user.name,
    }
    try:
        await visit.api.create(TEMPLATE_RUN, TEMPLATE_RUN.object(name, project, spec=spec))
    except StatusError as error:
        return await _form(
            visit, template, values, project, problem=error.message, status=error.code
        )
    return Redirect(f"/projects/{project}/runs/{name}")


def _run_name(wanted: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-")[:50] or "run"
    return f"{slug}-{secrets.token_hex(3)}"


async def _template(visit: Visit) -> RawObject:
    parameters = visit.parameters
    return await visit.api.get(SOFTWARE_TEMPLATE, parameters["template"], parameters["namespace"])


async def _project(visit: Visit) -> str:
    """The one in the address, else the only one."""
    wanted = visit.parameters.get("project", "")
    if wanted or visit.viewer.projects is None or len(visit.viewer.projects) != 1:
        return wanted
    return next(iter(visit.viewer.projects))


async def _form(
    visit: Visit,
    template: RawObject,
    values: Mapping[str, Any],
    project: str,
    *,
    errors: Mapping[str, str] | None = None,
    problem: str = "",
    status: int = 200,
) -> Page:
    raw: RawObject = template["spec"]["descriptor"]
    projects = await _projects(visit, template)
    project = project or (projects[0] if len(projects) == 1 else "")
    plan, plan_problem = await _plan(visit, raw, values, project)
    offer = _offer(template)
    data = {
        "offer": offer,
        "pages": pages_of(raw),
        "values": form_values(parameters_with_defaults(raw, values)),
        "errors": errors or {},
        "problem": problem,
        "projects": projects,
        "project": project,
        "options": await _options(visit, raw),
        "plan": plan,
        "plan_problem": plan_problem,
        "form_address": f"/create/{offer['namespace']}/{offer['name']}",
    }
    return Page("templates/form.html", data, status, title=offer["title"])


async def _projects(visit: Visit, template: RawObject) -> list[str]:
    """Where the visitor may make it: a project's own template makes things there only."""
    namespace: str = template["metadata"]["namespace"]
    if namespace != SYSTEM_NAMESPACE:
        names = [namespace]
    elif visit.viewer.projects is not None:
        names = sorted(visit.viewer.projects)
    else:
        return sorted(one["metadata"]["name"] for one in (await visit.api.list(PROJECT)).items)
    allowed = await asyncio.gather(
        *(may(visit.api, "create", TEMPLATE_RUN, name) for name in names)
    )
    return [name for name, yes in zip(names, allowed, strict=True) if yes]


async def _options(visit: Visit, raw: RawObject) -> dict[str, list[str]]:
    """What the catalogue offers for fields that pick from it."""
    options: dict[str, list[str]] = {}
    for page in pages_of(raw):
        for name, field in (page.get("properties") or {}).items():
            if field.get("ui:field") not in PICKERS or field.get("enum"):
                continue
            wanted = ((field.get("ui:options") or {}).get("catalogFilter") or {}).get("kind")
            kinds = wanted if isinstance(wanted, list) else [wanted or "Group"]
            where = EntityFilter({"kind": tuple(map(str, kinds))})
            found = await visit.records.catalog.query(visit.viewer, where, limit=OWNERS_MAX)
            options[name] = [entity.name for entity in found.entities]
    return options


async def _plan(
    visit: Visit, raw: RawObject, values: Mapping[str, Any], project: str
) -> tuple[list[tuple[str, str]], str]:
    """What would be made of these values; or why that cannot be said."""
    try:
        descriptor = parse_descriptor(raw)
        place = {"project": project or "your-project", "owner": "", "host": "towpath"}
        environment = ""
        if project:
            place["owner"] = await _owner(visit, project)
            listed = (await visit.api.list(ENVIRONMENT, project)).items
            environment = first_automatic(listed)
        context = expression_context(
            parameters=values, steps={}, user=visit.user.name, run_uid="", place=place
        )
        rendered = [
            (step.action, render_input(dict(step.input), context)) for step in descriptor.steps
        ]
    except DescriptorInvalid as error:
        return [], f"The template is not valid: {error}"
    except StatusError as error:
        return [], error.message
    except ExpressionError as error:
        return [], str(error)
    things = [_split(line) for line in planned_things(rendered)]
    if environment:
        things.append(("delivery", f"to {environment}, as soon as its pipeline has passed"))
    return things, ""


def _split(line: str) -> tuple[str, str]:
    what, _, which = line.partition(" ")
    return what, which.strip()


async def _owner(visit: Visit, project: str) -> str:
    try:
        found = await visit.api.get(PROJECT, project)
    except (NotFound, Forbidden):
        return ""
    return default_owner(found["spec"].get("members") or (), visit.user.name)


async def show_run(visit: Visit) -> Page:
    project, name = visit.parameters["project"], visit.parameters["run"]
    found = await visit.api.get(TEMPLATE_RUN, name, project)
    run = await run_of(visit, found)
    return Page("templates/run.html", {"run": run, "problem": ""}, title=run.title)


def _live(visit: Visit) -> Sequence[LiveWatch]:
    return (LiveWatch(TEMPLATE_RUN, visit.parameters["project"], visit.parameters["run"]),)


PAGES = (
    PageRoute(GALLERY, gallery, "Create", section=GALLERY),
    PageRoute(TEMPLATE, form, "Create", submit=create, section=GALLERY),
    PageRoute(RUN, show_run, "Run", live=_live, section=GALLERY),
)
