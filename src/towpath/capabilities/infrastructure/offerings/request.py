"""Requesting infrastructure with a form that the offering's schema makes, as the visitor."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from towpath.capabilities.infrastructure.offerings.claim import address
from towpath.capabilities.infrastructure.offerings.offered import Offering, offering_of
from towpath.hooks.forms import form_values, spec_from
from towpath.hooks.leases import CHOICES, BadLease, kept
from towpath.hooks.pages import Answer, Page, Redirect, Visit
from towpath.hooks.showing import may
from towpath.machinery.core_kinds import NAMESPACE
from towpath.machinery.documents import dump_document
from towpath.machinery.errors import AlreadyExists, Forbidden, Invalid, NotFound, StatusError

NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
NAME_CHARACTERS_MAX = 63
PROJECTS_MAX = 200


async def ask(visit: Visit) -> Page:
    offering = await offering_of(visit.api, visit.parameters["plural"])
    projects = await _projects(visit, offering)
    if not projects:
        raise Forbidden(
            f"you may request a {offering.title} in no project: it takes the role developer or "
            "owner in one"
        )
    chosen = visit.parameters.get("project", "")
    return _form(offering, projects, {"project": chosen or projects[0]}, {})


async def submit(visit: Visit) -> Answer:
    offering = await offering_of(visit.api, visit.parameters["plural"])
    form = visit.form
    name, project = form.get("name", "").strip(), form.get("project", "").strip()
    projects = await _projects(visit, offering)
    errors: dict[str, str] = {}
    if not NAME.fullmatch(name) or len(name) > NAME_CHARACTERS_MAX:
        errors["name"] = (
            f"{name!r} is no name: 1 to {NAME_CHARACTERS_MAX} lower-case letters, digits and "
            "dashes, a letter first."
        )
    if not project:
        errors["project"] = "Say for which project."
    spec = spec_from(offering.schema, form)
    claim = offering.resource.object(name, project, spec=spec)
    try:
        kept(claim, form.get("keep-for", ""))
    except BadLease as error:
        errors["keep-for"] = f"{error}."
    if not errors:
        try:
            await visit.api.create(offering.resource, claim, dry_run=form.get("action") == "look")
        except StatusError as error:
            errors = _told(error, name)
    if errors:
        return _form(offering, projects, form, errors)
    if form.get("action") == "look":
        return _form(offering, projects, form, {}, preview=dump_document(claim))
    notice = f"{name} is being made."
    return Redirect(address(project, offering.resource.plural, name), notice)


def _told(error: StatusError, name: str) -> dict[str, str]:
    """At the fields that the API names, else above the form."""
    if isinstance(error, AlreadyExists):
        return {"name": f"There is one called {name} in this project already."}
    if isinstance(error, NotFound):
        return {"project": "There is no such project."}
    if isinstance(error, Invalid) and error.causes:
        return {
            cause.field.removeprefix("spec.").removeprefix("metadata.") or "form": cause.message
            for cause in error.causes
        }
    return {"form": error.message}


async def _projects(visit: Visit, offering: Offering) -> list[str]:
    """Where the visitor may make one."""
    if visit.viewer.projects is not None:
        names = sorted(visit.viewer.projects)[:PROJECTS_MAX]
    else:
        labelled = await visit.api.list(NAMESPACE, labels="towpath.dev/project", limit=PROJECTS_MAX)
        names = sorted(one["metadata"]["name"] for one in labelled.items)
    allowed = await asyncio.gather(
        *(may(visit.api, "create", offering.resource, name) for name in names)
    )
    return [name for name, is_allowed in zip(names, allowed, strict=True) if is_allowed]


def _form(
    offering: Offering,
    projects: list[str],
    values: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    preview: str = "",
) -> Page:
    shown: dict[str, Any] = {**form_values(offering.schema), **values}
    known = {"name", "project", "keep-for", *shown}
    data = {
        "offering": offering,
        "plural": offering.resource.plural,
        "projects": projects,
        "values": shown,
        "errors": errors,
        "other_errors": [text for field, text in errors.items() if field not in known],
        "preview": preview,
        "keeps": CHOICES,
    }
    status = 422 if errors else 200
    return Page("offerings/request.html", data, status, title=f"Request {offering.title}")
