"""The form of one template, with what would be made of the answers beside it.

The form is made of the template's own JSON Schema; the same check that refuses a run puts its
complaints at the fields. The run is created as the visitor: the API decides who may.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT, by_order
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD, workload_host
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.templates import workbench
from towpath.capabilities.portal.templates.actions.adoption import DEPLOYMENTS
from towpath.capabilities.portal.templates.conditions import page_for
from towpath.capabilities.portal.templates.context import owner_in, user_known
from towpath.capabilities.portal.templates.descriptor import pages_of
from towpath.capabilities.portal.templates.forms import (
    answers_from,
    errors_by_field,
    field_names,
    parameters_from,
    picker_errors,
    run_name,
    shown_pages,
)
from towpath.capabilities.portal.templates.gallery import GALLERY, gallery, offer_of
from towpath.capabilities.portal.templates.kinds import (
    ON_FAILURE_ASK,
    ON_FAILURE_UNDO,
    SOFTWARE_TEMPLATE,
    TEMPLATE_RUN,
)
from towpath.capabilities.portal.templates.owners import InCatalogue, owner_errors
from towpath.capabilities.portal.templates.parameters import (
    parameter_errors,
    parameters_with_defaults,
)
from towpath.capabilities.portal.templates.pickers import (
    BRANCH,
    GROUPS,
    HIDDEN_TEXT,
    MULTIPLE,
    REPO_URL,
    field_of,
    repository_parts,
)
from towpath.capabilities.portal.templates.preview import Preview, preview_of
from towpath.capabilities.portal.templates.running import RUN, act, live, show_run
from towpath.capabilities.portal.templates.secrets import secret_errors, secret_for, secrets_name
from towpath.capabilities.portal.templates.workbench import WORKBENCH
from towpath.engines.git.port import MAIN, GitError, RepositoryName
from towpath.hooks.forms import flat_values
from towpath.hooks.leases import CHOICES, BadLease, kept
from towpath.hooks.pages import Answer, Page, PageRoute, Redirect, Visit
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.showing import get_if_there, may, own_references, show_object
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject
from towpath.records.contract import EntityFilter

TEMPLATE = "/create/{namespace}/{template}"
OWNERS_MAX = 200
REPOSITORIES_MAX = 200
HEADS = "refs/heads/"
BRANCHES_MAX = 200
PICKERS = ("OwnerPicker", "EntityPicker", "OwnedEntityPicker")
REPOSITORY_PICKER = "RepositoryPicker"
MISSING = "is required"


@dataclass(slots=True)
class Filled:
    """A form as it is filled in, and what is wrong with it."""

    template: RawObject
    values: dict[str, Any]
    project: str
    secrets: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    status: int = 200

    @property
    def descriptor(self) -> RawObject:
        found: RawObject = self.template["spec"]["descriptor"]
        return found

    def check(self, *, complete: bool) -> None:
        """By the template's schemas; what is missing is no error yet while somebody types."""
        errors = parameter_errors(self.descriptor, self.values)
        errors += picker_errors(self.descriptor, self.values)
        if not complete:
            errors = [error for error in errors if error.message != MISSING]
        else:
            errors += secret_errors(self.descriptor, self.secrets)
        self.errors, elsewhere = errors_by_field(self.descriptor, errors, self.values)
        if complete:
            self.problem = "; ".join(elsewhere)
            if not self.project:
                self.errors["project"] = "Choose a project."

    async def check_owners(self, visit: Visit) -> None:
        directory = InCatalogue(visit.records.catalog, visit.viewer)
        errors = await owner_errors(self.descriptor, self.values, directory)
        at_field = errors_by_field(self.descriptor, errors, self.values)[0]
        self.errors = {**at_field, **self.errors}

    @property
    def is_empty(self) -> bool:
        return not self.values or self.values == parameters_with_defaults(self.descriptor, {})

    @property
    def is_wrong(self) -> bool:
        return bool(self.errors or self.problem)

    @property
    def lacks_something(self) -> bool:
        """So that nothing can be said yet of what would be made."""
        return bool(parameter_errors(self.descriptor, self.values))


async def form(visit: Visit) -> Page:
    template = await _template(visit)
    raw: RawObject = template["spec"]["descriptor"]
    given = {key: value for key, value in visit.parameters.items() if key != "project"}
    filled = Filled(template, parameters_from(raw, given), await _project(visit))
    filled.check(complete=False)
    await filled.check_owners(visit)
    return await _shown(visit, filled)


async def create(visit: Visit) -> Answer:
    """Make the run; what is wrong comes back at its field with all that was typed."""
    template = await _template(visit)
    project = visit.form.get("project", "")
    answers = answers_from(template["spec"]["descriptor"], visit.form)
    values = answers.values
    filled = Filled(template, values, project, answers.secrets)
    if visit.form.get("preview"):
        filled.check(complete=False)
        await filled.check_owners(visit)
        return await _shown(visit, filled)
    filled.check(complete=True)
    await filled.check_owners(visit)
    if not filled.is_wrong:
        preview = await _previewed(visit, filled)
        filled.problem = preview.problem
        filled.errors = await _taken(visit, filled, preview.things)
    if filled.is_wrong:
        filled.status = 422
        return await _shown(visit, filled)
    wanted = values.get("name") or values.get("repository") or template["metadata"]["name"]
    name = run_name(str(wanted))
    metadata = template["metadata"]
    spec = {
        "template": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "parameters": values,
        "requestedBy": visit.user.name,
        "onFailure": ON_FAILURE_ASK if visit.form.get("on-failure") == "ask" else ON_FAILURE_UNDO,
    }
    if filled.secrets:
        spec["secretsFrom"] = secrets_name(name)
    try:
        run = kept(TEMPLATE_RUN.object(name, project, spec=spec), visit.form.get("keep-for", ""))
        made = await visit.api.create(TEMPLATE_RUN, run)
        if filled.secrets:
            await visit.api.create(SECRET, secret_for(made, filled.secrets))
    except BadLease as error:
        filled.problem, filled.status = str(error), 422
        return await _shown(visit, filled)
    except StatusError as error:
        filled.problem, filled.status = error.message, error.code
        return await _shown(visit, filled)
    return Redirect(f"/projects/{project}/runs/{name}")


async def _template(visit: Visit) -> RawObject:
    parameters = visit.parameters
    return await visit.api.get(SOFTWARE_TEMPLATE, parameters["template"], parameters["namespace"])


async def _project(visit: Visit) -> str:
    """The one in the address, else the only one."""
    wanted = visit.parameters.get("project", "")
    if wanted or visit.viewer.projects is None or len(visit.viewer.projects) != 1:
        return wanted
    return next(iter(visit.viewer.projects))


async def _shown(visit: Visit, filled: Filled) -> Page:
    projects = await _projects(visit, filled.template)
    filled.project = filled.project or (projects[0] if len(projects) == 1 else "")
    preview = await _previewed(visit, filled)
    is_complete = not filled.lacks_something
    if is_complete and not filled.errors:
        filled.errors = await _taken(visit, filled, preview.things)
    verdict = await _verdict(visit, filled) if is_complete and not filled.errors else ""
    environments = await _environments(visit, filled.project)
    raw, offer = filled.descriptor, offer_of(filled.template)
    data = {
        "offer": offer,
        "pages": _with_hints(shown_pages(raw, filled.values, visit.addresses.registry()), preview),
        "values": _shown_values(raw, filled),
        "buttons": _buttons(raw),
        "keeps": CHOICES,
        "keep": visit.form.get("keep-for", ""),
        "on_failure": visit.form.get("on-failure") or "undo",
        "errors": filled.errors,
        "problem": filled.problem,
        "projects": projects,
        "project": filled.project,
        "options": await _options(visit, filled),
        "preview": preview,
        "verdict": verdict,
        "waits": filled.lacks_something,
        "refused": filled.status >= 400,
        "push_address": visit.addresses.portal(f"/git/{filled.project or '<project>'}/<name>.git"),
        "stages": [_stage(one) for one in environments],
        "runs": _runs(visit, preview, filled, environments),
        # Long, and there already when somebody has begun to type.
        "shown": show_object(SOFTWARE_TEMPLATE, filled.template) if filled.is_empty else None,
    }
    return Page("templates/form.html", data, filled.status, title=offer["title"])


async def _verdict(visit: Visit, filled: Filled) -> str:
    """What policies and rights have against this run, asked as it would be created."""
    if not filled.project:
        return ""
    metadata = filled.template["metadata"]
    spec = {
        "template": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "parameters": filled.values,
        "requestedBy": visit.user.name,
    }
    run = TEMPLATE_RUN.object("preview", filled.project, spec=spec)
    try:
        await visit.api.create(TEMPLATE_RUN, run, dry_run=True)
    except StatusError as error:
        return error.message
    return ""


def _shown_values(raw: RawObject, filled: Filled) -> dict[str, Any]:
    """By field; of a repository's address each part, of a secret nothing."""
    values = parameters_with_defaults(raw, filled.values)
    shown = flat_values(values)
    for page in pages_of(raw):
        for name, one in (page_for(page, values).get("properties") or {}).items():
            if field_of(one) == REPO_URL:
                parts = repository_parts(str(values.get(name) or ""))
                shown |= {f"{name}.{part}": text for part, text in parts.items()}
            elif field_of(one) == HIDDEN_TEXT:
                shown.pop(name, None)
    return shown


def _buttons(raw: RawObject) -> Mapping[str, str]:
    """The words of the template for the form's buttons."""
    presentation = raw["spec"].get("presentation")
    labels = presentation.get("buttonLabels") if isinstance(presentation, Mapping) else None
    return labels if isinstance(labels, Mapping) else {}


def _with_hints(pages: Sequence[Mapping[str, Any]], preview: Preview) -> list[Mapping[str, Any]]:
    """The schemas, with what was found in the repository where a field is left empty."""
    shown: list[Mapping[str, Any]] = []
    for page in pages:
        properties = {
            name: {**one, "ui:placeholder": preview.hints[name]} if name in preview.hints else one
            for name, one in (page.get("properties") or {}).items()
        }
        shown.append({**page, "properties": properties})
    return shown


async def _previewed(visit: Visit, filled: Filled) -> Preview:
    project = filled.project or "your-project"
    owner = await owner_in(visit.api, filled.project, visit.user.name)
    return await preview_of(
        filled.template,
        filled.values,
        git=visit.git,
        place={"project": project, "owner": owner, "host": "towpath"},
        user=await user_known(visit.records.catalog, visit.viewer, visit.user.name),
        with_files=bool(filled.project) and not filled.lacks_something,
    )


async def _taken(visit: Visit, filled: Filled, things: list[tuple[str, str]]) -> dict[str, str]:
    """Names that are given away already, at the field that gives them."""
    at = "name" if "name" in field_names(filled.descriptor) else ""
    if not at or not filled.project:
        return {}
    for what, which in things:
        name = which.partition(",")[0]
        if what == "repository":
            project, _, name = name.partition("/")
            try:
                await visit.git.head(RepositoryName(project, name))
            except GitError:
                continue
            return {at: f"{project} has a repository {name} already; choose another name."}
        if what == "workload" and await get_if_there(visit.api, WORKLOAD, name, filled.project):
            return {at: f"{filled.project} has a service {name} already; choose another name."}
    return {}


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


async def _options(visit: Visit, filled: Filled) -> dict[str, list[str]]:
    """What the catalogue or Git offers for fields that pick from it, and what is chosen already."""
    options: dict[str, list[str]] = {}
    for page in pages_of(filled.descriptor):
        for name, property_ in (page_for(page, filled.values).get("properties") or {}).items():
            picker = field_of(property_)
            if property_.get("enum"):
                continue
            if picker == GROUPS:
                options[name] = [
                    ref for ref in own_references(visit.user) if ref.startswith("group:")
                ]
            elif picker in (*PICKERS, MULTIPLE):
                options[name] = await _entities(visit, property_)
            elif picker == BRANCH:
                options[name] = await _branches(visit, filled)
            elif picker == REPOSITORY_PICKER and filled.project:
                options[name] = await _repositories(visit, filled.project)
            chosen = str(filled.values.get(name) or "")
            is_one = picker != MULTIPLE
            if is_one and options.get(name) and chosen and chosen not in options[name]:
                options[name].insert(0, chosen)
    return options


async def _entities(visit: Visit, property_: Mapping[str, Any]) -> list[str]:
    wanted = ((property_.get("ui:options") or {}).get("catalogFilter") or {}).get("kind")
    kinds = wanted if isinstance(wanted, list) else [wanted or "Group"]
    where = EntityFilter({"kind": tuple(map(str, kinds))})
    found = await visit.records.catalog.query(visit.viewer, where, limit=OWNERS_MAX)
    return [entity.name for entity in found.entities]


async def _branches(visit: Visit, filled: Filled) -> list[str]:
    """Of the repository that the form has chosen, where it is one of this platform."""
    fields = {
        name: property_
        for page in pages_of(filled.descriptor)
        for name, property_ in (page_for(page, filled.values).get("properties") or {}).items()
    }
    chosen = [
        repository_parts(str(filled.values.get(name) or ""))
        for name, property_ in fields.items()
        if field_of(property_) == REPO_URL
    ]
    for parts in chosen:
        # Without a host it is the one that the field offers first.
        is_here = parts.get("host", "") in ("", visit.addresses.registry())
        if is_here and parts.get("repo"):
            repository = RepositoryName(parts.get("owner", ""), parts["repo"])
            try:
                heads = await visit.git.heads(repository)
            except GitError:
                return []
            names = [ref.removeprefix(HEADS) for ref in heads if ref.startswith(HEADS)]
            return sorted(names, key=lambda name: (HEADS + name != MAIN, name))[:BRANCHES_MAX]
    return []


async def _repositories(visit: Visit, project: str) -> list[str]:
    """Of the project, those that nothing delivers yet."""
    try:
        workloads = (await visit.api.list(WORKLOAD, project)).items
    except StatusError:
        return []
    delivered = {workload["spec"]["repository"] for workload in workloads}
    names = [one.name for one in await visit.git.repositories(project)]
    free = [name for name in names if name not in delivered and name != DEPLOYMENTS]
    return free[:REPOSITORIES_MAX]


async def _environments(visit: Visit, project: str) -> list[RawObject]:
    if not project:
        return []
    try:
        return sorted((await visit.api.list(ENVIRONMENT, project)).items, key=by_order)
    except StatusError:
        return []


def _stage(environment: RawObject) -> dict[str, str]:
    """What the project's rules say of one environment."""
    spec = environment["spec"]
    needed = int((spec.get("approvals") or {}).get("required") or 0)
    how = "by itself" if spec.get("mode") == "auto" else "when somebody promotes it"
    if needed:
        how += ", after 1 approval" if needed == 1 else f", after {needed} approvals"
    return {"name": environment["metadata"]["name"], "how": how}


def _runs(
    visit: Visit, preview: Preview, filled: Filled, environments: list[RawObject]
) -> list[tuple[str, str]]:
    """What the Score file of the preview asks for, in words."""
    score = preview.score
    rows: list[tuple[str, str]] = []
    name = str((score.get("metadata") or {}).get("name") or "")
    if not name:
        return rows
    if (score.get("service") or {}).get("ports") and environments:
        stage = environments[0]["metadata"]["name"]
        address = visit.addresses.service(workload_host(filled.project, name, stage))
        rows.append(("Address", f"{address} in {stage}"))
    for key, resource in (score.get("resources") or {}).items():
        size = (resource.get("params") or {}).get("size")
        kind = "PostgreSQL" if resource.get("type") == "postgres" else str(resource.get("type"))
        told = f"{kind}, {size}" if size else kind
        rows.append((f"Resource {key}", f"{told}; one of its own in each environment"))
    return rows


PAGES = (
    PageRoute(GALLERY, gallery, "Create", section=GALLERY),
    PageRoute(TEMPLATE, form, "Create", submit=create, section=GALLERY),
    PageRoute(WORKBENCH, workbench.show, "Workbench", submit=workbench.try_it, section=GALLERY),
    PageRoute(RUN, show_run, "Run", submit=act, live=live, section=GALLERY),
)
