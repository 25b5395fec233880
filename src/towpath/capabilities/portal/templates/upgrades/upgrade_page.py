"""The page of one upgrade: what it changes, what is in conflict, what its pipelines say; merge it.

And the page of an instance: what it came of, with which answers, and what it went through.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.remotes.kinds import REMOTE_REPOSITORY
from towpath.capabilities.portal.templates.forms import parameters_from
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE
from towpath.capabilities.portal.templates.parameters import parameters_of
from towpath.capabilities.portal.templates.upgrades.answers import (
    Answers,
    AnswersUnreadable,
    read_answers,
)
from towpath.capabilities.portal.templates.upgrades.asking import new_upgrade, upgrade_page
from towpath.capabilities.portal.templates.upgrades.instances import answer_files
from towpath.capabilities.portal.templates.upgrades.kinds import (
    BEHIND,
    CLOSED,
    FAILING,
    MERGED,
    OPEN,
    OURS,
    PREPARING,
    READY,
    TEMPLATE_INSTANCE,
    TEMPLATE_UPGRADE,
    THEIRS,
    instance_name,
    phase_of,
)
from towpath.capabilities.portal.templates.upgrades.shown import (
    SHORT,
    instance_page,
    shown_instance,
    shown_upgrade,
    versions_page,
)
from towpath.engines.git.port import GitError, RepositoryName
from towpath.hooks.commands import CommandError
from towpath.hooks.diffs import FileDiff, file_diffs
from towpath.hooks.forms import flat_values
from towpath.hooks.pages import Answer, LiveWatch, Page, Redirect, Visit
from towpath.hooks.showing import get_if_there, may, show_object
from towpath.machinery.errors import BadRequest, StatusError
from towpath.machinery.objects import CommitSHA, RawObject

UPGRADE = "/projects/{project}/upgrades/{upgrade}"
INSTANCE = "/projects/{project}/templates/{instance}"
_MERGEABLE = (READY, FAILING)


async def show(visit: Visit) -> Page:
    return await _shown(visit, "")


async def _shown(visit: Visit, problem: str, status: int = 200) -> Page:
    project, name = visit.parameters["project"], visit.parameters["upgrade"]
    found = await visit.api.get(TEMPLATE_UPGRADE, name, project)
    spec, state = found["spec"], found.get("status") or {}
    phase = phase_of(found) or PREPARING
    diffs, trouble = await _diffs(visit, found)
    steers = phase in OPEN and await may(visit.api, "patch", TEMPLATE_UPGRADE, project, name)
    template = await _template(visit, state.get("template", ""))
    conflicted = {one["path"] for one in state.get("conflicts") or ()}
    data = {
        "project": project,
        "heading": f"Upgrade of {spec['repository']}",
        "here": upgrade_page(project, name),
        "instance": instance_page(project, instance_name(spec["repository"])),
        "phase": phase,
        "message": state.get("message") or "It is being worked out.",
        "spec": spec,
        "state": state,
        "from": str(state.get("from") or "")[:SHORT],
        "to": str(state.get("to") or spec["revision"])[:SHORT],
        "template": state.get("template", ""),
        "versions": versions_page(state["template"]) if state.get("template") else "",
        "conflicts": _conflicts(state, spec),
        "sides": [(OURS, "Keep the repository's"), (THEIRS, "Take the template's")],
        "diffs": [one for one in diffs if one.path not in conflicted],
        "marked": [one for one in diffs if one.path in conflicted],
        "trouble": trouble,
        "checks": [_check(project, one) for one in state.get("checks") or ()],
        "after": [_check(project, one) for one in state.get("after") or ()],
        "questions": _questions(state, template),
        "values": flat_values(spec.get("parameters") or {}),
        "steers": steers,
        "may_merge": steers and phase in _MERGEABLE and bool(state.get("head")),
        "clone": await _clone_url(visit, project, spec["repository"]),
        "open": phase in OPEN,
        "merged_or_closed": phase in (MERGED, CLOSED),
        "problem": problem,
        "shown": show_object(TEMPLATE_UPGRADE, found),
    }
    return Page("upgrades/upgrade.html", data, status, title=data["heading"])


def live(visit: Visit) -> Sequence[LiveWatch]:
    return (LiveWatch(TEMPLATE_UPGRADE, visit.parameters["project"], visit.parameters["upgrade"]),)


async def _diffs(visit: Visit, upgrade: RawObject) -> tuple[list[FileDiff], str]:
    """What it changes, read with the visitor's rights; and why that can't be shown."""
    state = upgrade.get("status") or {}
    repository = RepositoryName(upgrade["metadata"]["namespace"], upgrade["spec"]["repository"])
    old, new = state.get("base"), state.get("head")
    try:
        if phase_of(upgrade) == MERGED and state.get("merged"):
            new = state["merged"]
            parents = (await visit.git.commit(repository, CommitSHA(new))).parents
            old = parents[0] if parents else None
        if not old or not new:
            return [], ""
        changes = await visit.git.changes(repository, CommitSHA(old), CommitSHA(new))
    except GitError as error:
        return [], str(error)
    return file_diffs(changes), ""


def _conflicts(state: RawObject, spec: RawObject) -> list[dict[str, Any]]:
    decisions = spec.get("decisions") or {}
    found: dict[str, dict[str, Any]] = {}
    for one in state.get("conflicts") or ():
        entry = found.setdefault(one["path"], {"path": one["path"], "kinds": [], "messages": []})
        entry["kinds"].append(one["kind"])
        entry["messages"].append(one.get("message", ""))
        entry["decision"] = decisions.get(one["path"], "")
    return list(found.values())


def _check(project: str, check: Mapping[str, Any]) -> dict[str, Any]:
    run = check.get("run") or ""
    page = f"/projects/{project}/pipelines/{run}" if run else check.get("url") or ""
    return {**check, "href": page}


async def _clone_url(visit: Visit, project: str, repository: str) -> str:
    """Where its branch is to be amended: where the repository is at home."""
    remote = await get_if_there(visit.api, REMOTE_REPOSITORY, repository, project)
    told = ((remote or {}).get("status") or {}).get("remote")
    return str(told or visit.addresses.portal(f"/git/{project}/{repository}.git"))


async def _template(visit: Visit, reference: str) -> RawObject | None:
    namespace, _, name = reference.partition("/")
    return await get_if_there(visit.api, SOFTWARE_TEMPLATE, name, namespace) if name else None


def _questions(state: RawObject, template: RawObject | None) -> list[dict[str, Any]]:
    schemas = {}
    if template is not None:
        schemas = {one.name: one.schema for one in parameters_of(template["spec"]["descriptor"])}
    return [
        {**one, "schema": schemas.get(one["name"], {"type": "string"})}
        for one in state.get("questions") or ()
    ]


async def act(visit: Visit) -> Answer:
    """Merge, close, decide or answer: a change of the spec, made as the visitor."""
    project, name = visit.parameters["project"], visit.parameters["upgrade"]
    found = await visit.api.get(TEMPLATE_UPGRADE, name, project)
    patch, said = await _patch(visit, found)
    try:
        await visit.api.patch(TEMPLATE_UPGRADE, name, project, {"spec": patch})
    except StatusError as error:
        return await _shown(visit, error.message, error.code)
    return Redirect(upgrade_page(project, name), said)


async def _patch(visit: Visit, upgrade: RawObject) -> tuple[RawObject, str]:
    form = visit.form
    action = form.get("action", "")
    if action == "merge":
        merge = {"commit": form.get("commit", ""), "by": visit.user.name}
        return {"merge": merge}, "It is being merged."
    if action == "close":
        return {"closed": {"reason": form.get("reason", "").strip()}}, "It is being closed."
    if action == "decide":
        sides = {
            name.removeprefix("side."): side or None
            for name, side in form.items()
            if name.startswith("side.") and side in ("", OURS, THEIRS)
        }
        return {"decisions": sides}, "It is being made again as you decided."
    if action == "answer":
        template = await _template(visit, (upgrade.get("status") or {}).get("template", ""))
        names = {one["name"] for one in (upgrade.get("status") or {}).get("questions") or ()}
        texts = {key: text for key, text in form.items() if key in names and text.strip()}
        typed: Mapping[str, Any] = texts
        if template is not None:
            given = parameters_from(template["spec"]["descriptor"], texts)
            typed = {key: given[key] for key in texts if key in given}
        return {"parameters": dict(typed)}, "It is being made again with your answers."
    raise BadRequest(f"{action!r} is nothing that can be done with an upgrade")


# One instance.


async def show_instance(visit: Visit) -> Page:
    return await _instance(visit, "")


async def _instance(visit: Visit, problem: str, status: int = 200) -> Page:
    project, name = visit.parameters["project"], visit.parameters["instance"]
    found = await visit.api.get(TEMPLATE_INSTANCE, name, project)
    repository = found["spec"]["repository"]
    workloads = {
        (project, one["spec"]["repository"]): one
        for one in (await visit.api.list(WORKLOAD, project)).items
    }
    one = shown_instance(found, workloads)
    state = found.get("status") or {}
    listed = await visit.api.list(TEMPLATE_UPGRADE, project, fields=f"spec.repository={repository}")
    upgrades = sorted(
        listed.items, key=lambda item: item["metadata"]["creationTimestamp"], reverse=True
    )
    reference = str(state.get("template") or "")
    template = await _template(visit, reference)
    answers = await _answers(visit, RepositoryName(project, repository))
    data = {
        "project": project,
        "one": one,
        "here": one.page,
        "template": reference,
        "versions": versions_page(reference) if template is not None else "",
        "origin": state.get("origin", ""),
        "latest": str(state.get("latest") or "")[:SHORT],
        "revision": one.revision[:SHORT],
        "news": ((template or {}).get("status") or {}).get("versions", [])[: one.behind],
        "upgrades": [shown_upgrade(item) for item in upgrades],
        "answers": sorted((answers.parameters if answers else {}).items()),
        "answers_path": answers.path if answers else "",
        "may_upgrade": one.phase == BEHIND
        and not one.upgrade
        and await may(visit.api, "create", TEMPLATE_UPGRADE, project),
        "may_opt_out": await may(visit.api, "patch", TEMPLATE_INSTANCE, project, name),
        "problem": problem,
        "shown": show_object(TEMPLATE_INSTANCE, found),
    }
    return Page("upgrades/instance.html", data, status, title=f"{one.title}: its template")


async def _answers(visit: Visit, repository: RepositoryName) -> Answers | None:
    try:
        head = await visit.git.head(repository)
        return read_answers(await answer_files(visit.git, repository, head)) if head else None
    except (GitError, AnswersUnreadable):
        return None


def live_instance(visit: Visit) -> Sequence[LiveWatch]:
    project, name = visit.parameters["project"], visit.parameters["instance"]
    return (LiveWatch(TEMPLATE_INSTANCE, project, name), LiveWatch(TEMPLATE_UPGRADE, project))


async def act_on_instance(visit: Visit) -> Answer:
    project, name = visit.parameters["project"], visit.parameters["instance"]
    found = await visit.api.get(TEMPLATE_INSTANCE, name, project)
    action, reason = visit.form.get("action", ""), visit.form.get("reason", "").strip()
    try:
        if action == "upgrade":
            latest = (found.get("status") or {}).get("latest", "")
            made = await new_upgrade(visit.api, found, {"revision": latest}, visit.user.name)
            return Redirect(upgrade_page(project, made["metadata"]["name"]))
        if action == "opt-out":
            if not reason:
                return await _instance(visit, "Say why: who runs a campaign sees it.", 422)
            await visit.api.patch(
                TEMPLATE_INSTANCE, name, project, {"spec": {"optOut": {"reason": reason}}}
            )
            return Redirect(instance_page(project, name), "Campaigns leave it out.")
        if action == "take-part":
            await visit.api.patch(TEMPLATE_INSTANCE, name, project, {"spec": {"optOut": None}})
            return Redirect(instance_page(project, name), "Campaigns take it along again.")
    except (StatusError, CommandError) as error:
        told = error.message if isinstance(error, StatusError) else str(error)
        return await _instance(visit, told, error.code if isinstance(error, StatusError) else 422)
    raise BadRequest(f"{action!r} is nothing that can be done with an instance")
