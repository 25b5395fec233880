"""What the commands do: upgrades and campaigns asked for, and followed."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE
from towpath.capabilities.portal.templates.upgrades.kinds import (
    BEHIND,
    CANCELLED,
    CHECKING,
    DONE,
    PREPARING,
    STOPPED,
    TEMPLATE_INSTANCE,
    TEMPLATE_UPGRADE,
    UPGRADE_CAMPAIGN,
    WHEN_GREEN,
    instance_name,
    phase_of,
)
from towpath.client.protocols import Client
from towpath.hooks.commands import NOT_FOUND, TIMED_OUT, USAGE, CommandError, Terminal
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.documents import DocumentError, load_document
from towpath.machinery.errors import AlreadyExists, NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

REVISION_SHOWN = 10
TRIES_MAX = 100
_LOOK_S = 0.2
_GOING_ON = (PREPARING, CHECKING)


async def show_instances(
    terminal: Terminal, template: str, project: str, *, only_behind: bool
) -> None:
    found = (await terminal.api.list(TEMPLATE_INSTANCE, project)).items
    wanted = [
        one
        for one in found
        if _is_of(one, template) and (not only_behind or phase_of(one) == BEHIND)
    ]
    rows = [_instance_row(one) for one in wanted]
    words = [] if wanted or not only_behind else ["Nobody is behind."]
    terminal.show({"items": wanted}, rows, words=words)


def _is_of(instance: RawObject, template: str) -> bool:
    reference = (instance.get("status") or {}).get("template", "")
    return not template or template in (reference, reference.rpartition("/")[2])


def _instance_row(one: RawObject) -> dict[str, str]:
    status = one.get("status") or {}
    return {
        "repository": f"{one['metadata']['namespace']}/{one['spec']['repository']}",
        "template": status.get("template", ""),
        "version": status.get("revision", "")[:REVISION_SHOWN],
        "behind": str(status.get("behind", "?")),
        "upgrade": status.get("upgrade", ""),
        "+message": status.get("message", ""),
    }


async def show_upgrades(terminal: Terminal, project: str) -> None:
    found = (await terminal.api.list(TEMPLATE_UPGRADE, project)).items
    found.sort(key=lambda one: one["metadata"]["creationTimestamp"], reverse=True)
    rows = [
        {
            "name": one["metadata"]["name"],
            "project": one["metadata"]["namespace"],
            "repository": one["spec"]["repository"],
            "phase": phase_of(one) or PREPARING,
            "by": one["spec"]["requestedBy"],
            "+message": (one.get("status") or {}).get("message", ""),
        }
        for one in found
    ]
    terminal.show({"items": found}, rows)


# One repository.


async def start_upgrade(
    terminal: Terminal,
    repository: str,
    project: str,
    given: Sequence[str],
    *,
    merge: bool,
    wait_s: float | None,
) -> None:
    instance = await _instance(terminal.api, repository, project)
    status, project = instance.get("status") or {}, instance["metadata"]["namespace"]
    if phase_of(instance) != BEHIND:
        raise CommandError(f"{repository}: {status.get('message') or 'it is not known yet'}")
    spec: RawObject = {
        "revision": status["latest"],
        "parameters": _answers(given),
        "mergeWhenGreen": merge,
    }
    if opened := status.get("upgrade"):
        made = await terminal.api.patch(TEMPLATE_UPGRADE, opened, project, {"spec": spec})
    else:
        made = await new_upgrade(terminal.api, instance, spec, await terminal.user())
    name = made["metadata"]["name"]
    if wait_s is not None:
        made = await _followed(
            terminal,
            TEMPLATE_UPGRADE,
            name,
            project,
            wait_s,
            lambda one: (phase_of(one) or PREPARING) not in _GOING_ON,
        )
    portal = await terminal.portal()
    terminal.show(made, [_upgrade_row(made)], words=[f"{portal}{upgrade_page(project, name)}"])


def upgrade_page(project: str, name: str) -> str:
    return f"/projects/{project}/upgrades/{name}"


def campaign_page(namespace: str, name: str) -> str:
    return f"/campaigns/{namespace}/{name}"


async def new_upgrade(api: Client, instance: RawObject, spec: RawObject, user: str) -> RawObject:
    """An upgrade of the instance under a name that is free."""
    metadata = instance["metadata"]
    whole = {"repository": instance["spec"]["repository"], "requestedBy": user, **spec}
    return await _new(api, TEMPLATE_UPGRADE, metadata["name"], metadata["namespace"], whole)


async def new_campaign(api: Client, namespace: str, spec: RawObject) -> RawObject:
    return await _new(api, UPGRADE_CAMPAIGN, spec["template"]["name"], namespace, spec)


async def _new(
    api: Client, resource: Resource, word: str, namespace: str, spec: RawObject
) -> RawObject:
    """Named after what it is about and the version; a second one of that has a number."""
    first = f"{word}-{spec['revision'][:REVISION_SHOWN]}"
    for number in range(1, TRIES_MAX):
        name = first if number == 1 else f"{first}-{number}"
        try:
            return await api.create(resource, resource.object(name, namespace, spec=spec))
        except AlreadyExists:
            continue
    raise CommandError(f"{first} has been tried {TRIES_MAX} times; delete some of them")


def _upgrade_row(one: RawObject) -> dict[str, str]:
    status = one.get("status") or {}
    return {
        "name": one["metadata"]["name"],
        "phase": phase_of(one) or PREPARING,
        "files": str(len(status.get("files") or ())),
        "conflicts": str(len(status.get("conflicts") or ())),
        "message": status.get("message", ""),
    }


async def _instance(api: Client, repository: str, project: str) -> RawObject:
    if "/" in repository:
        project, _, repository = repository.partition("/")
    if project:
        try:
            return await api.get(TEMPLATE_INSTANCE, instance_name(repository), project)
        except NotFound:
            found = []
    else:
        listed = (await api.list(TEMPLATE_INSTANCE)).items
        found = [one for one in listed if one["spec"]["repository"] == repository]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(sorted(one["metadata"]["namespace"] for one in found))
        raise CommandError(
            f"{repository} is in several projects: {names}",
            hint="say which one with --project",
            exit_code=USAGE,
        )
    raise CommandError(
        f"no repository {repository} that came of a template is known",
        hint="`towpath template instances` lists them",
        exit_code=NOT_FOUND,
    )


# Campaigns.


@dataclass(frozen=True, slots=True)
class Campaign:
    template: str
    project: str
    given: Sequence[str]
    merge: bool
    waves: str
    pause: str


async def start_campaign(terminal: Terminal, wanted: Campaign, wait_s: float | None) -> None:
    template = await _template(terminal.api, wanted)
    versions = (template.get("status") or {}).get("versions") or []
    if not versions:
        raise CommandError(f"the template {wanted.template} has no versions: it has no files")
    spec: RawObject = {
        "template": {
            "name": template["metadata"]["name"],
            "namespace": template["metadata"]["namespace"],
        },
        "revision": versions[0]["revision"],
        "waves": waves_of(wanted.waves),
        "pause": wanted.pause,
        "parameters": _answers(wanted.given),
        "requestedBy": await terminal.user(),
    }
    if wanted.merge:
        spec["merge"] = WHEN_GREEN
    namespace = wanted.project or SYSTEM_NAMESPACE
    made = await new_campaign(terminal.api, namespace, spec)
    name = made["metadata"]["name"]
    if wait_s is not None:
        made = await _followed(
            terminal,
            UPGRADE_CAMPAIGN,
            name,
            namespace,
            wait_s,
            lambda one: phase_of(one) in (DONE, STOPPED, CANCELLED),
        )
    portal = await terminal.portal()
    terminal.show(made, _campaign_rows(made), words=[f"{portal}{campaign_page(namespace, name)}"])


async def _template(api: Client, wanted: Campaign) -> RawObject:
    namespace, _, name = wanted.template.rpartition("/")
    places = [namespace] if namespace else [wanted.project, SYSTEM_NAMESPACE]
    for place in filter(None, places):
        try:
            return await api.get(SOFTWARE_TEMPLATE, name, place)
        except NotFound:
            continue
    raise CommandError(
        f"there is no template {wanted.template}",
        hint="`towpath templates` lists them",
        exit_code=NOT_FOUND,
    )


async def steer_campaign(terminal: Terminal, name: str, do: str, project: str) -> None:
    if do != "show":
        found = await terminal.api.get(UPGRADE_CAMPAIGN, name, project)
        patch = steering(found, do)
        if patch is None:
            raise CommandError(
                f"{do!r} is nothing that can be done with a campaign",
                hint="use show, pause, resume, cancel or go-on",
                exit_code=USAGE,
            )
        await terminal.api.patch(UPGRADE_CAMPAIGN, name, project, {"spec": patch})
    found = await terminal.api.get(UPGRADE_CAMPAIGN, name, project)
    message = (found.get("status") or {}).get("message", "")
    terminal.show(found, _campaign_rows(found), words=[message] if message else [])


def steering(campaign: RawObject, do: str) -> RawObject | None:
    """The change of its spec that does that; None for what can't be done."""
    changes: Mapping[str, RawObject] = {
        "pause": {"paused": True},
        "resume": {"paused": False},
        "cancel": {"cancelled": True},
        "go-on": {"goOn": (campaign.get("status") or {}).get("failed", 0)},
    }
    return changes.get(do)


def _campaign_rows(campaign: RawObject) -> list[dict[str, str]]:
    return [
        {
            "wave": str(one["wave"] or "-"),
            "repository": f"{one['project']}/{one['repository']}",
            "phase": one["phase"],
            "upgrade": one.get("upgrade", ""),
            "message": one.get("message", ""),
        }
        for one in (campaign.get("status") or {}).get("instances") or ()
    ]


# What both need.


async def _followed(
    terminal: Terminal,
    resource: Resource,
    name: str,
    namespace: str,
    wait_s: float,
    ended: Callable[[RawObject], bool],
) -> RawObject:
    """The object when it has ended; each new sentence of it is told."""
    told = ""
    try:
        async with asyncio.timeout(wait_s):
            while True:
                found = await terminal.api.get(resource, name, namespace)
                status = found.get("status") or {}
                if status.get("message", "") not in ("", told):
                    told = status["message"]
                    terminal.say(told)
                seen = status.get("observedGeneration") == found["metadata"].get("generation")
                if seen and ended(found):
                    return found
                await asyncio.sleep(_LOOK_S)
    except TimeoutError as error:
        raise CommandError(
            f"{name} still goes on after {wait_s:.0f} seconds: {told}", exit_code=TIMED_OUT
        ) from error


def _answers(given: Sequence[str]) -> dict[str, Any]:
    answers = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not equals or not name:
            raise CommandError(f"{one!r} must be name=value", exit_code=USAGE)
        try:
            answers[name] = load_document(text) if text else ""
        except DocumentError:
            answers[name] = text
    return answers


def waves_of(text: str) -> list[int]:
    """`1, 5, 20` as numbers. Raises CommandError."""
    words = text.replace(",", " ").split()
    if not words or not all(re.fullmatch(r"[1-9][0-9]{0,3}", word) for word in words):
        raise CommandError(
            f"{text!r} says no sizes of waves; write numbers such as 1,5,20", exit_code=USAGE
        )
    return [int(word) for word in words]
