"""The page of a campaign: how far each wave is, what waits for somebody, and how to steer it."""

from collections.abc import Sequence
from typing import Any

from towpath.capabilities.portal.templates.upgrades.asking import (
    campaign_page,
    steering,
    upgrade_page,
)
from towpath.capabilities.portal.templates.upgrades.kinds import (
    CLOSED,
    CONFLICTED,
    FAILING,
    MERGED,
    NEEDS_ANSWERS,
    PAUSED,
    READY,
    RUNNING,
    SKIPPED,
    STOPPED,
    UPGRADE_CAMPAIGN,
)
from towpath.capabilities.portal.templates.upgrades.shown import SHORT, instance_page, versions_page
from towpath.hooks.pages import Answer, LiveWatch, Page, Redirect, Visit
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.showing import may, show_object
from towpath.machinery.errors import BadRequest, StatusError
from towpath.machinery.objects import RawObject

CAMPAIGN = "/campaigns/{namespace}/{campaign}"
_TONES = {
    MERGED: "good",
    READY: "good",
    FAILING: "bad",
    CONFLICTED: "warn",
    NEEDS_ANSWERS: "warn",
    SKIPPED: "still",
    CLOSED: "still",
}


async def show(visit: Visit) -> Page:
    return await _shown(visit, "")


async def _shown(visit: Visit, problem: str, status: int = 200) -> Page:
    namespace, name = visit.parameters["namespace"], visit.parameters["campaign"]
    found = await visit.api.get(UPGRADE_CAMPAIGN, name, namespace)
    spec, state = found["spec"], found.get("status") or {}
    template = f"{spec['template']['namespace']}/{spec['template']['name']}"
    steers = await may(visit.api, "patch", UPGRADE_CAMPAIGN, namespace, name)
    entries: list[RawObject] = state.get("instances") or []
    data = {
        "heading": f"Upgrade of {spec['template']['name']}",
        "template": template,
        "versions": versions_page(template),
        "here": campaign_page(namespace, name),
        "phase": state.get("phase") or "Pending",
        "message": state.get("message") or "It is being planned.",
        "spec": spec,
        "revision": spec["revision"][:SHORT],
        "scope": "all projects" if namespace == SYSTEM_NAMESPACE else namespace,
        "at": found["metadata"]["creationTimestamp"],
        "next_wave": state.get("nextWaveAt", ""),
        "waves": _waves(entries, state),
        "left_out": [_line(one) for one in entries if not one["wave"]],
        "bar": [
            {"tone": _TONES.get(one["phase"], "busy"), "name": one["repository"]}
            for one in entries
            if one["wave"]
        ],
        "counts": _counts(entries),
        "actions": _actions(state.get("phase") or RUNNING) if steers else [],
        "problem": problem,
        "shown": show_object(UPGRADE_CAMPAIGN, found),
    }
    return Page("upgrades/campaign.html", data, status, title=data["heading"])


def live(visit: Visit) -> Sequence[LiveWatch]:
    return (
        LiveWatch(UPGRADE_CAMPAIGN, visit.parameters["namespace"], visit.parameters["campaign"]),
    )


def _waves(entries: Sequence[RawObject], state: RawObject) -> list[dict[str, Any]]:
    begun = int(state.get("wave") or 0)
    numbers = sorted({one["wave"] for one in entries if one["wave"]})
    return [
        {
            "number": number,
            "begun": number <= begun,
            "entries": [_line(one) for one in entries if one["wave"] == number],
        }
        for number in numbers
    ]


def _line(entry: RawObject) -> dict[str, Any]:
    upgrade = entry.get("upgrade", "")
    project, name = entry["project"], entry.get("instance") or entry["repository"]
    return {
        **entry,
        "title": f"{project}/{entry['repository']}",
        "href": upgrade_page(project, upgrade) if upgrade else instance_page(project, name),
    }


def _counts(entries: Sequence[RawObject]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for one in entries:
        if one["wave"]:
            counts[one["phase"]] = counts.get(one["phase"], 0) + 1
    return sorted(counts.items())


def _actions(phase: str) -> list[tuple[str, str, str]]:
    """What can be done now: the word, the label, the tone."""
    if phase == RUNNING:
        return [("pause", "Pause", ""), ("cancel", "Cancel", "danger")]
    if phase == PAUSED:
        return [("resume", "Resume", "primary"), ("cancel", "Cancel", "danger")]
    if phase == STOPPED:
        return [("go-on", "Go on all the same", "primary"), ("cancel", "Cancel", "danger")]
    return []


_DONE = {
    "pause": "No further wave begins.",
    "resume": "It goes on.",
    "cancel": "It is being cancelled; what is open is closed.",
    "go-on": "It goes on.",
}


async def act(visit: Visit) -> Answer:
    namespace, name = visit.parameters["namespace"], visit.parameters["campaign"]
    action = visit.form.get("action", "")
    found = await visit.api.get(UPGRADE_CAMPAIGN, name, namespace)
    patch = steering(found, action)
    if patch is None:
        raise BadRequest(f"{action!r} is nothing that can be done with a campaign")
    try:
        await visit.api.patch(UPGRADE_CAMPAIGN, name, namespace, {"spec": patch})
    except StatusError as error:
        return await _shown(visit, error.message, error.code)
    return Redirect(campaign_page(namespace, name), _DONE[action])
