"""The form of one action, filled in from what it is done to; a run is made as the visitor."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.portal.actions.kinds import ACTION, ACTION_RUN, CREATE, ENTITY_API
from towpath.capabilities.portal.actions.offering import form_of
from towpath.capabilities.portal.actions.rules import prefilled, why_not, with_defaults
from towpath.capabilities.portal.actions.targets import (
    Asking,
    Target,
    TargetMissing,
    known_of,
    target_of,
)
from towpath.hooks.forms import flat_values, form_errors, form_values, spec_from
from towpath.hooks.leases import CHOICES, BadLease, length, until
from towpath.hooks.offered_actions import TARGET_FIELD
from towpath.hooks.pages import Answer, Page, Redirect, Visit
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.rules import Known
from towpath.hooks.showing import may, show_object
from towpath.machinery.errors import Forbidden, NotFound, StatusError
from towpath.machinery.objects import RawObject
from towpath.records.contract import EntityFilter

FORM = "/projects/{project}/actions/{namespace}/{action}"
TARGETS_MAX = 200
NAME_CHARACTERS_MAX = 50
_MAKES = ("object", "template", "function")
"""What these make can be kept for a while only."""


@dataclass(slots=True)
class Filled:
    action: RawObject
    target: str
    given: dict[str, Any]
    errors: dict[str, str]
    problem: str = ""
    status: int = 200

    @property
    def spec(self) -> RawObject:
        spec: RawObject = self.action["spec"]
        return spec

    @property
    def is_wrong(self) -> bool:
        return bool(self.errors or self.problem)


def run_name(wanted: str) -> str:
    """No two runs have the same."""
    slug = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-")
    return f"{slug[:NAME_CHARACTERS_MAX].strip('-') or 'run'}-{secrets.token_hex(3)}"


def wanted_target(spec: RawObject, name: str) -> RawObject | None:
    if not spec.get("target") or not name:
        return None
    return {**spec["target"], "name": name}


async def ask(visit: Visit) -> Page:
    action = await _action(visit)
    filled = Filled(action, visit.parameters.get(TARGET_FIELD, ""), {}, {})
    filled.given = spec_from(action["spec"].get("userInputs") or {}, visit.parameters)
    return await _shown(visit, filled, visit.parameters)


async def submit(visit: Visit) -> Answer:
    action, form = await _action(visit), visit.form
    project, spec = visit.parameters["project"], action["spec"]
    filled = Filled(action, form.get(TARGET_FIELD, "").strip(), {}, {})
    filled.given = spec_from(spec.get("userInputs") or {}, form)
    known = await _known(visit, filled)
    schema = prefilled(spec.get("userInputs") or {}, known)
    inputs = with_defaults(schema, filled.given)
    filled.errors |= form_errors(schema, inputs)
    keep = _keep(filled, form)
    if spec["operation"] != CREATE and not filled.target:
        filled.errors[TARGET_FIELD] = "Choose what it is done to."
    known = Known(known.user, known.object, known.entity, known.project, inputs)
    filled.problem = filled.problem or why_not(spec, known)
    if filled.is_wrong:
        filled.status = 422
        return await _shown(visit, filled, form)
    metadata = action["metadata"]
    name = run_name(f"{metadata['name']}-{filled.target}" if filled.target else metadata["name"])
    run: RawObject = {
        "action": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "inputs": inputs,
        "requestedBy": visit.user.name,
    }
    if target := wanted_target(spec, filled.target):
        run["target"] = target
    run |= {"keep": keep} if keep else {}
    run |= {"reason": reason} if (reason := form.get("_reason", "").strip()) else {}
    try:
        await visit.api.create(ACTION_RUN, ACTION_RUN.object(name, project, spec=run))
    except StatusError as error:
        filled.problem, filled.status = error.message, error.code
        return await _shown(visit, filled, form)
    return Redirect(f"/projects/{project}/action-runs/{name}")


def _keep(filled: Filled, form: Mapping[str, str]) -> str:
    keep = form.get("_keep", "").strip()
    if not keep:
        return ""
    try:
        until(keep, longest=(filled.spec.get("lease") or {}).get("max", ""))
    except BadLease as error:
        filled.errors["_keep"] = f"{_capital(str(error))}."
    return keep


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


async def _action(visit: Visit) -> RawObject:
    """Raises NotFound for what is not offered in this project."""
    parameters = visit.parameters
    project, namespace = parameters["project"], parameters["namespace"]
    if not visit.viewer.may_see(project) or namespace not in (project, SYSTEM_NAMESPACE):
        raise NotFound(f"there is no action {parameters['action']} in {project}")
    if not await may(visit.api, "create", ACTION_RUN, project):
        raise Forbidden("running actions takes the role developer or owner in the project")
    return await visit.api.get(ACTION, parameters["action"], namespace)


async def _known(visit: Visit, filled: Filled) -> Known:
    project = visit.parameters["project"]
    asking = Asking(visit.user, visit.viewer, project, visit.api, visit.records.catalog)
    try:
        target = await target_of(asking, wanted_target(filled.spec, filled.target))
    except TargetMissing as missing:
        filled.errors[TARGET_FIELD] = f"{_capital(str(missing))}."
        target = Target({}, {})
    return await known_of(asking, target, {})


async def _shown(visit: Visit, filled: Filled, form: Mapping[str, str]) -> Page:
    known = await _known(visit, filled)
    spec, metadata, project = filled.spec, filled.action["metadata"], visit.parameters["project"]
    schema = prefilled(spec.get("userInputs") or {}, known)
    values = {**form_values(schema), **flat_values(filled.given)}
    wants_target = bool(spec.get("target")) and spec["operation"] != CREATE
    data = {
        "project": project,
        "title_shown": spec["title"],
        "description": spec.get("description", ""),
        "operation": spec["operation"],
        "form_address": form_of(project, metadata["namespace"], metadata["name"]),
        "schema": schema,
        "values": values,
        "errors": filled.errors,
        "other_errors": [
            why for name, why in filled.errors.items() if name not in _shown_names(values)
        ],
        "problem": filled.problem,
        "wants_target": wants_target,
        "kind": (spec.get("target") or {}).get("kind", ""),
        "target": filled.target,
        "targets": await _targets(visit, spec) if wants_target and not filled.target else [],
        "keeps": _keeps(spec),
        "keep": form.get("_keep", "") or (spec.get("lease") or {}).get("default", ""),
        "reason": form.get("_reason", ""),
        "approvals": int((spec.get("approval") or {}).get("required", 0)),
        "backend": spec["backend"]["type"],
        "shown": show_object(ACTION, filled.action),
    }
    return Page("actions/form.html", data, filled.status, title=spec["title"])


def _shown_names(values: Mapping[str, Any]) -> set[str]:
    return {TARGET_FIELD, "_keep", *values}


def _keeps(spec: RawObject) -> Sequence[tuple[str, str]]:
    """How long what is made may be kept; nothing for what makes nothing."""
    lease: RawObject = spec.get("lease") or {}
    if not lease and spec["backend"]["type"] not in _MAKES:
        return ()
    if spec["operation"] != CREATE:
        return ()
    longest = lease.get("max", "")
    fitting = [one for one in CHOICES if not longest or length(one[0]) <= length(longest)]
    usual = lease.get("default") or longest
    if usual and usual not in dict(fitting):
        fitting = [(usual, usual), *fitting]
    return fitting


async def _targets(visit: Visit, spec: RawObject) -> list[str]:
    """What there is to choose from, as the visitor may see it."""
    wanted, project = spec["target"], visit.parameters["project"]
    if wanted["apiVersion"] == ENTITY_API:
        where = EntityFilter({"kind": (wanted["kind"],), "project": (project, "")})
        page = await visit.records.catalog.query(visit.viewer, where, limit=TARGETS_MAX)
        return [
            one.name if one.namespace == "default" else f"{one.namespace}/{one.name}"
            for one in page.entities
        ]
    try:
        resource = await visit.api.resolve(wanted["apiVersion"], wanted["kind"])
        place = project if resource.namespaced else ""
        found = await visit.api.list(resource, place, limit=TARGETS_MAX)
    except StatusError:
        return []
    return [one["metadata"]["name"] for one in found.items]
