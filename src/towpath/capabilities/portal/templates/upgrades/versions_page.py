"""The versions of a template: who has which, who is behind, and the way to bring them forward."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from towpath.capabilities.portal.templates.forms import parameters_from
from towpath.capabilities.portal.templates.gallery import GALLERY, offer_of
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE
from towpath.capabilities.portal.templates.parameters import parameters_of
from towpath.capabilities.portal.templates.upgrades.answers import (
    AnswersUnreadable,
    read_answers,
)
from towpath.capabilities.portal.templates.upgrades.asking import (
    campaign_page,
    new_campaign,
    waves_of,
)
from towpath.capabilities.portal.templates.upgrades.instances import answer_files
from towpath.capabilities.portal.templates.upgrades.kinds import (
    MANUAL,
    TEMPLATE_INSTANCE,
    UPGRADE_CAMPAIGN,
    WHEN_GREEN,
)
from towpath.capabilities.portal.templates.upgrades.proposing import new_answers
from towpath.capabilities.portal.templates.upgrades.shown import (
    ShownInstance,
    by_owner,
    campaigns_of,
    instances_of,
    versions_of,
    versions_page,
)
from towpath.engines.git.port import GitError, RepositoryName
from towpath.hooks.commands import CommandError
from towpath.hooks.pages import Answer, LiveWatch, Page, Redirect, Visit
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.showing import may
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject

VERSIONS = f"{GALLERY}/{{namespace}}/{{template}}/versions"
START = f"{GALLERY}/{{namespace}}/{{template}}/upgrade"
READ_MAX = 100
"""Repositories that are read for what the newer version asks for; the others say it themselves."""


async def versions(visit: Visit) -> Page:
    template, reference = await _template(visit)
    instances = await instances_of(visit, reference)
    behind = [one for one in instances if one.behind]
    offer = offer_of(template)
    data = {
        "offer": offer,
        "versions": versions_of(template, instances),
        "groups": by_owner(instances),
        "count": len(instances),
        "behind": behind,
        "campaigns": await campaigns_of(visit, template["metadata"]["namespace"], offer["name"]),
        "may_start": bool(await _scopes(visit, template, instances)),
        "start": f"{offer['address']}/upgrade",
    }
    return Page("upgrades/versions.html", data, title=f"{offer['title']}: versions")


def live_versions(visit: Visit) -> Sequence[LiveWatch]:
    namespace, name = visit.parameters["namespace"], visit.parameters["template"]
    projects = visit.viewer.projects
    watched = [LiveWatch(SOFTWARE_TEMPLATE, namespace, name)]
    for project in sorted(projects) if projects is not None else [""]:
        watched.append(LiveWatch(TEMPLATE_INSTANCE, project))
        watched.append(LiveWatch(UPGRADE_CAMPAIGN, project))
    return watched


async def _template(visit: Visit) -> tuple[RawObject, str]:
    namespace, name = visit.parameters["namespace"], visit.parameters["template"]
    return await visit.api.get(SOFTWARE_TEMPLATE, name, namespace), f"{namespace}/{name}"


async def _scopes(
    visit: Visit, template: RawObject, instances: Sequence[ShownInstance]
) -> list[tuple[str, str]]:
    """Where the visitor may start a campaign: all projects, or one."""
    projects = sorted({one.project for one in instances if one.behind})
    scopes = []
    if template["metadata"]["namespace"] == SYSTEM_NAMESPACE and await may(
        visit.api, "create", UPGRADE_CAMPAIGN, SYSTEM_NAMESPACE
    ):
        scopes.append((SYSTEM_NAMESPACE, "All projects"))
    for project in projects:
        if await may(visit.api, "create", UPGRADE_CAMPAIGN, project):
            scopes.append((project, f"Only {project}"))
    return scopes


# The form of a campaign.


@dataclass(slots=True)
class Asked:
    """What the newer version asks for, over all instances that are behind."""

    needed: dict[str, list[str]] = field(default_factory=dict)
    """New parameter to the repositories that have no answer to it."""
    dropped: dict[str, list[str]] = field(default_factory=dict)
    """Old parameter to the repositories whose answer to it is asked for no more."""
    defaulted: dict[str, list[str]] = field(default_factory=dict)
    """New parameter to the repositories that would get its default."""


async def start(visit: Visit) -> Page:
    return await _form(visit, {}, "")


async def _form(visit: Visit, given: Mapping[str, str], problem: str, status: int = 200) -> Page:
    template, reference = await _template(visit)
    instances = await instances_of(visit, reference)
    scopes = await _scopes(visit, template, instances)
    behind = [one for one in instances if one.behind]
    asked = await _asked(visit, template, behind)
    shown = versions_of(template, instances)
    offer = offer_of(template)
    newer = max((one.behind for one in behind), default=0)
    data = {
        "offer": offer,
        "here": f"{offer['address']}/upgrade",
        "back": versions_page(reference),
        "latest": shown[0] if shown else None,
        "news": shown[:newer],
        "behind": behind,
        "takes_part": [one for one in behind if not one.opt_out],
        "scopes": scopes,
        "given": {"merge": MANUAL, "waves": "1, 5, 20", "pause": "0s", "stopAfter": "1", **given},
        "questions": _questions(template, asked),
        "asked": asked,
        "problem": problem,
        "merges": [
            (MANUAL, "Somebody merges each"),
            (WHEN_GREEN, "Merged when the pipelines have succeeded"),
        ],
    }
    return Page("upgrades/start.html", data, status, title=f"Upgrade {offer['title']}")


async def _asked(visit: Visit, template: RawObject, behind: Sequence[ShownInstance]) -> Asked:
    descriptor: RawObject = template["spec"]["descriptor"]
    asked = Asked()
    for one in behind[:READ_MAX]:
        repository = RepositoryName(one.project, one.repository)
        try:
            head = await visit.git.head(repository)
            found = read_answers(await answer_files(visit.git, repository, head)) if head else None
        except (GitError, AnswersUnreadable):
            continue
        if found is None:
            continue
        answered = new_answers(found.parameters, descriptor, {}, {})
        for question in answered.questions:
            asked.needed.setdefault(question.name, []).append(one.full_name)
        for name in answered.dropped:
            asked.dropped.setdefault(name, []).append(one.full_name)
        for name in answered.added:
            asked.defaulted.setdefault(name, []).append(one.full_name)
    return asked


def _questions(template: RawObject, asked: Asked) -> list[dict[str, Any]]:
    """Each new parameter: its schema, and the old answers that it may be taken from."""
    parameters = {one.name: one for one in parameters_of(template["spec"]["descriptor"])}
    new = {**asked.needed, **asked.defaulted}
    return [
        {
            "name": name,
            "schema": parameters[name].schema,
            "needed": name in asked.needed,
            "repositories": repositories,
            "renamed": sorted(asked.dropped),
        }
        for name, repositories in new.items()
        if name in parameters
    ]


async def begin(visit: Visit) -> Answer:
    """Start the campaign as the visitor: the API decides whether they may."""
    template, _ = await _template(visit)
    form = visit.form
    try:
        spec = {**_spec(template, form), "requestedBy": visit.user.name}
        made = await new_campaign(visit.api, form.get("scope", ""), spec)
    except (StatusError, CommandError, ValueError) as error:
        told = error.message if isinstance(error, StatusError) else str(error)
        status = error.code if isinstance(error, StatusError) else 422
        return await _form(visit, form, told, status)
    name, namespace = made["metadata"]["name"], made["metadata"]["namespace"]
    return Redirect(campaign_page(namespace, name), "It has begun.")


def _spec(template: RawObject, form: Mapping[str, str]) -> RawObject:
    """Raises ValueError."""
    metadata = template["metadata"]
    answers = {
        name.removeprefix("answer."): text
        for name, text in form.items()
        if name.startswith("answer.") and text.strip()
    }
    typed = parameters_from(template["spec"]["descriptor"], answers)
    renamed = {
        name.removeprefix("renamed."): old
        for name, old in form.items()
        if name.startswith("renamed.") and old
    }
    return {
        "template": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "revision": form.get("revision", ""),
        "merge": form.get("merge") or MANUAL,
        "waves": waves_of(form.get("waves", "")),
        "pause": form.get("pause", "").strip() or "0s",
        "stopAfter": _number(form.get("stopAfter", "1"), "Stop after"),
        "parameters": {name: typed[name] for name in answers if name in typed},
        "renamed": renamed,
    }


def _number(text: str, where: str) -> int:
    try:
        number = int(text)
    except ValueError as error:
        raise ValueError(f"{where}: {text!r} is no number; write for example 1, 5, 20") from error
    if number < 1:
        raise ValueError(f"{where}: {number} is too small; use 1 or more")
    return number
