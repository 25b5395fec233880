"""The author's workbench: a template's text, its form, and what a dry run of it makes.

Nothing is stored and nothing is made: the text is tried as it stands in the page. The template's
files are those of the one that the workbench was opened from.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from towpath.capabilities.portal.templates.actions.files import FILE_ACTIONS
from towpath.capabilities.portal.templates.context import (
    expression_context,
    project_shown,
    user_known,
)
from towpath.capabilities.portal.templates.descriptor import (
    DescriptorInvalid,
    FieldError,
    parse_descriptor,
)
from towpath.capabilities.portal.templates.forms import (
    parameters_from,
    picker_errors,
    shown_pages,
)
from towpath.capabilities.portal.templates.gallery import GALLERY
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE
from towpath.capabilities.portal.templates.parameters import (
    parameter_errors,
    parameters_with_defaults,
)
from towpath.capabilities.portal.templates.preview import shown_file, template_files
from towpath.capabilities.portal.templates.rehearsal import DryRun, dry_run, rehearsal
from towpath.engines.git.port import File, GitError
from towpath.hooks.forms import flat_values
from towpath.hooks.pages import Page, Visit
from towpath.machinery.documents import DocumentError, as_json, dump_document, load_document
from towpath.machinery.objects import RawObject
from towpath.runtime.outcomes import Stalled

WORKBENCH = "/create/{namespace}/{template}/workbench"
TEXT_LENGTH_MAX = 256 * 1024
LOG_LINES_MAX = 500
_ACTIONS = {action.id: action for action in FILE_ACTIONS}


async def show(visit: Visit) -> Page:
    template = await _template(visit)
    page = await _page(visit, template, dump_document(template["spec"]["descriptor"]), "")
    # Nobody has answered yet.
    return replace(page, data={**page.data, "unanswered": ""})


async def try_it(visit: Visit) -> Page:
    template = await _template(visit)
    return await _page(
        visit, template, visit.form.get("descriptor", ""), visit.form.get("values", "")
    )


async def _template(visit: Visit) -> RawObject:
    parameters = visit.parameters
    return await visit.api.get(SOFTWARE_TEMPLATE, parameters["template"], parameters["namespace"])


async def _page(visit: Visit, template: RawObject, text: str, answers: str) -> Page:
    name, namespace = visit.parameters["template"], visit.parameters["namespace"]
    raw, problems = _read(text)
    values, unanswered = _answers(answers)
    made: DryRun | None = None
    pages: list[Mapping[str, Any]] = []
    if raw is not None:
        values = values if answers.strip() else parameters_with_defaults(raw, {})
        known = parameters_from(raw, _texts(values))
        pages = shown_pages(raw, {**known, **values}, visit.addresses.registry())
        errors = [*parameter_errors(raw, values), *picker_errors(raw, values)]
        unanswered += [str(error) for error in errors]
        if not unanswered:
            made = await _tried(visit, template, raw, values)
    title = f"Workbench of {name}"
    data = {
        "heading": title,
        "own_address": WORKBENCH.format(namespace=namespace, template=name),
        "form_address": f"{GALLERY}/{namespace}/{name}",
        "text": text,
        "answers": answers or (dump_document(values) if values else ""),
        "problems": problems,
        "unanswered": "; ".join(unanswered),
        "pages": pages,
        "values": flat_values(values),
        "made": made,
        "files": [shown_file(path, file) for path, file in sorted(made.files.items())]
        if made
        else [],
        "lines": [one["message"] for one in made.log][:LOG_LINES_MAX] if made else [],
        "output": dump_document(made.output) if made and made.output else "",
    }
    return Page("templates/workbench.html", data, title=title)


def _read(text: str) -> tuple[RawObject | None, list[str]]:
    """The descriptor, or what is wrong with it, each with its place."""
    if len(text) > TEXT_LENGTH_MAX:
        return None, [f"the template is longer than {TEXT_LENGTH_MAX} characters"]
    try:
        raw = as_json(load_document(text), size=len(text))
    except DocumentError as error:
        return None, [f"template.yaml: {error}"]
    if not isinstance(raw, dict):
        return None, ["template.yaml: it must be an object"]
    try:
        parse_descriptor(raw)
    except DescriptorInvalid as error:
        return None, [str(one) for one in error.errors]
    return raw, []


def _answers(text: str) -> tuple[dict[str, Any], list[str]]:
    if not text.strip():
        return {}, []
    try:
        values = as_json(load_document(text), size=len(text))
    except DocumentError as error:
        return {}, [f"answers: {error}"]
    if not isinstance(values, dict):
        return {}, [str(FieldError("answers", "they must be an object"))]
    return values, []


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: "\n".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in flat_values(values).items()
    }


async def _tried(
    visit: Visit, template: RawObject, raw: RawObject, values: Mapping[str, Any]
) -> DryRun:
    files: Mapping[str, File] = {}
    try:
        files = await template_files(template, visit.git)
    except (GitError, Stalled) as error:
        return DryRun([], {}, {}, str(error))
    project = project_shown(visit.viewer)
    place = {"project": project, "owner": "group:default/team", "host": visit.addresses.registry()}
    user = await user_known(visit.records.catalog, visit.viewer, visit.user.name)
    given = expression_context(
        parameters=values, steps={}, user=user, run_uid="workbench", place=place
    )
    async with rehearsal(files, _ACTIONS, project=project, user=visit.user.name) as stage:
        return await dry_run(stage, parse_descriptor(raw), given)
