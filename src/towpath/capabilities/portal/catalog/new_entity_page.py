"""Describing an entity by a form: of a kind that the platform added, made of its JSON Schema.

What is posted becomes a CatalogEdit, hence a commit of the visitor's, and where no source reads the
file yet, a CatalogSource that does. Both are writes with the visitor's own rights.
"""

import re
from collections.abc import Sequence
from typing import Any

from towpath.capabilities.portal.catalog.asked import CATALOG
from towpath.capabilities.portal.catalog.custom_kinds import TOWPATH, CustomKind, of_kind
from towpath.capabilities.portal.catalog.descriptors import parse_entities
from towpath.capabilities.portal.catalog.entity_kinds import STANDARD, Field, Kind
from towpath.capabilities.portal.catalog.entity_page import custom_kinds
from towpath.capabilities.portal.catalog.kinds import CATALOG_EDIT, CATALOG_SOURCE
from towpath.engines.git.port import GitError
from towpath.hooks.forms import flat_values, form_errors, form_values, spec_from
from towpath.hooks.pages import Answer, Page, Redirect, Visit
from towpath.hooks.showing import may
from towpath.machinery.errors import AlreadyExists, NotFound
from towpath.machinery.objects import RawObject

NEW = f"{CATALOG}/new/{{entity_kind}}"
FOLDER = "catalog"
_NAME = re.compile(r"[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?")


async def new_entity(visit: Visit) -> Page:
    kind = await _kind(visit)
    return await _form(visit, kind, form_values(_schema(kind)), {})


async def _kind(visit: Visit) -> CustomKind:
    wanted = visit.parameters["entity_kind"]
    kind = of_kind(await custom_kinds(visit), wanted)
    if kind is None or kind.extends:
        raise NotFound(f"there is no EntityKind for {wanted}")
    return kind


def _schema(kind: CustomKind) -> RawObject:
    """The kind's own, with what every entity has."""
    properties: RawObject = {
        "name": {"type": "string", "maxLength": 63, "description": "Letters, digits and - _ ."},
        "title": {"type": "string", "maxLength": 200},
        "description": {"type": "string", "maxLength": 2000},
        "spec": {"type": "object", "title": kind.title, **kind.schema},
    }
    spec = dict(properties["spec"].get("properties") or {})
    if "owner" not in spec:
        spec = {"owner": {"type": "string", "description": "A group or person."}, **spec}
    properties["spec"]["properties"] = spec
    return {"type": "object", "required": ["name"], "properties": properties}


async def _form(
    visit: Visit,
    kind: CustomKind,
    values: dict[str, Any],
    errors: dict[str, str],
    status: int = 200,
) -> Page:
    places = await _places(visit)
    data = {
        "kind": kind,
        "schema": _schema(kind),
        "values": values,
        "errors": errors,
        "places": places,
        "chosen": visit.form.get("repository", "") or (places[0] if len(places) == 1 else ""),
        "here": f"{CATALOG}/new/{kind.kind.lower()}",
    }
    return Page("catalog/new.html", data, status, title=f"New {kind.title}")


async def _places(visit: Visit) -> Sequence[str]:
    """The repositories into which the visitor may write a description."""
    try:
        found = await visit.git.repositories()
    except GitError:
        return []
    projects = sorted({one.project for one in found})
    allowed = {
        project for project in projects if await may(visit.api, "create", CATALOG_EDIT, project)
    }
    return [str(one) for one in found if one.project in allowed]


async def make(visit: Visit) -> Answer:
    kind = await _kind(visit)
    schema = _schema(kind)
    values = {"spec": {}, **spec_from(schema, visit.form)}
    errors = form_errors(schema, values)
    name, place = str(values.get("name", "")), visit.form.get("repository", "")
    if name and not (_NAME.fullmatch(name) and len(name) <= 63):
        errors["name"] = "Letters and digits, with - _ . between them."
    if place not in await _places(visit):
        errors["repository"] = "Choose a repository that you may write to."
    project, _, repository = place.partition("/")
    descriptor = _descriptor(kind, project, values)
    errors |= {} if errors else _refusals(kind, descriptor)
    if errors:
        shown = {**form_values(schema), **flat_values(values)}
        return await _form(visit, kind, shown, errors, 422)
    ref = f"{kind.kind.lower()}:{project}/{name}".lower()
    path = f"{FOLDER}/{kind.kind.lower()}-{name}.yaml"
    put = {"repository": repository, "path": path, "descriptor": descriptor}
    edit = CATALOG_EDIT.object("", project, spec={"entity": ref, "put": put})
    edit["metadata"] = {"generateName": "describe-", "namespace": project}
    await visit.api.create(CATALOG_EDIT, edit)
    await _read_from(visit, project, repository)
    notice = f"{name} is described by a commit, and here in a moment."
    return Redirect(f"{CATALOG}?kind={kind.kind}", notice)


def _refusals(kind: CustomKind, descriptor: RawObject) -> dict[str, str]:
    """What every descriptor must keep to. The schema has judged the rest."""
    fields = (Field("owner", "ownedBy", "Group"), *(one for one, _ in kind.relations))
    model = STANDARD.with_kinds({kind.kind: Kind((), fields, (TOWPATH,))})
    return {
        error.field.removeprefix("metadata."): f"{error.message}."
        for error in parse_entities([descriptor], model).errors
    }


def _descriptor(kind: CustomKind, project: str, values: dict[str, Any]) -> RawObject:
    metadata = {"name": values.get("name", ""), "namespace": project}
    metadata |= {name: values[name] for name in ("title", "description") if values.get(name)}
    return {
        "apiVersion": TOWPATH,
        "kind": kind.kind,
        "metadata": metadata,
        "spec": values.get("spec") or {},
    }


async def _read_from(visit: Visit, project: str, repository: str) -> None:
    """The source that reads such files of the repository, once."""
    spec = {"type": "git", "repository": repository, "path": f"{FOLDER}/*.yaml"}
    source = CATALOG_SOURCE.object(f"{repository}-{FOLDER}", project, spec=spec)
    try:
        await visit.api.create(CATALOG_SOURCE, source)
    except AlreadyExists:
        return
