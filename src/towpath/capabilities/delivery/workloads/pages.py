"""The pages of a service: is it well, what runs where, what changed, and what can be done about it.

Here the overview and the small tabs; the others have a module each. Each tab reads what it shows
and no more. Promotions and decisions are posted to the pages of promotions.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from towpath.capabilities.delivery.pipelines.kinds import (
    PIPELINE_RUN,
    REPOSITORY_LABEL,
    label_value,
)
from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.activity import activity_of
from towpath.capabilities.delivery.workloads.claims import claims_of
from towpath.capabilities.delivery.workloads.delete_page import DELETE, ask_delete, delete
from towpath.capabilities.delivery.workloads.deployments_page import (
    COMMIT,
    COMPARE,
    commit,
    compare,
    deployments,
)
from towpath.capabilities.delivery.workloads.failures import failures_of
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.delivery.workloads.logs_page import logs
from towpath.capabilities.delivery.workloads.reading import (
    PATH,
    frame_of,
    read_facts,
    with_commits,
)
from towpath.capabilities.delivery.workloads.resources_page import (
    RESOURCES,
    resources,
    sync_now,
)
from towpath.capabilities.delivery.workloads.shown import (
    shown_change,
    shown_releases,
    shown_run,
)
from towpath.hooks.pages import Answer, LiveWatch, Page, PageRoute, Visit
from towpath.hooks.showing import show_object
from towpath.hooks.tabs import Service
from towpath.machinery.errors import NotFound

CHANGES_SHOWN = 6
RUNS_SHOWN = 4
RELEASES_SHOWN = 5


async def overview(visit: Visit) -> Page:
    facts = await read_facts(visit)
    frame = await frame_of(visit, facts, "")
    lanes = await with_commits(visit, facts, frame["lanes"])
    failures, claims, releases, links = await asyncio.gather(
        failures_of(visit, facts, lanes),
        claims_of(visit, facts.name),
        shown_releases(visit, facts, lanes, 0, RELEASES_SHOWN),
        _links(visit, facts.name),
    )
    data = {
        **frame,
        "lanes": lanes,
        "failures": failures,
        # Told above, at more length.
        "trouble": "" if failures else frame["trouble"],
        "changes": [shown_change(one) for one in facts.promotions[:CHANGES_SHOWN]],
        "changes_count": len(facts.promotions),
        "runs": [shown_run(one) for one in facts.runs[:RUNS_SHOWN]],
        "runs_count": len(facts.runs),
        "releases": releases,
        "releases_count": len(facts.releases),
        "claims": claims,
        "links": links,
    }
    return Page("workloads/overview.html", data, title=facts.name)


async def _links(visit: Visit, name: str) -> list[dict[str, str]]:
    """Docs and other places that its catalogue file names."""
    ref = f"component:{visit.parameters['project']}/{name}"
    found = await visit.records.catalog.get(visit.viewer, ref)
    metadata: dict[str, Any] = ((found.descriptor if found else {}).get("metadata")) or {}
    links = [one for one in metadata.get("links") or () if isinstance(one, dict)]
    return [
        {"title": str(one.get("title") or one["url"]), "url": str(one["url"])}
        for one in links
        if str(one.get("url", "")).startswith(("https://", "http://"))
    ]


async def activity(visit: Visit) -> Page:
    facts = await read_facts(visit)
    frame = await frame_of(visit, facts, "activity")
    written = await activity_of(visit, facts.workload)
    return Page(
        "workloads/activity.html", {**frame, "entries": written}, title=f"{facts.name}: activity"
    )


async def contributed(visit: Visit) -> Page:
    """A tab that a capability or a plug-in adds; its key is the last part of the address."""
    key = visit.parameters["tab"]
    tab = next((tab for tab in visit.tabs if tab.key == key), None)
    if tab is None:
        raise NotFound(f"a service has no tab {key!r}")
    facts = await read_facts(visit)
    service = Service(visit.parameters["project"], facts.name, facts.workload)
    frame, blocks = await asyncio.gather(frame_of(visit, facts, key), tab.show(visit, service))
    data = {**frame, "blocks": blocks, "plugin": tab.plugin}
    title = f"{facts.name}: {tab.label.lower()}"
    return Page("workloads/contributed.html", data, title=title)


async def as_yaml(visit: Visit) -> Page:
    facts = await read_facts(visit)
    frame = await frame_of(visit, facts, "yaml")
    shown = show_object(WORKLOAD, facts.workload)
    data = {**frame, "shown": shown}
    return Page("workloads/yaml.html", data, title=f"{facts.name}: YAML")


def _live(visit: Visit) -> Sequence[LiveWatch]:
    project, name = visit.parameters["project"], visit.parameters["name"]
    return (
        LiveWatch(WORKLOAD, project, name),
        LiveWatch(PROMOTION, project),
        LiveWatch(PIPELINE_RUN, project, labels=f"{REPOSITORY_LABEL}={label_value(name)}"),
    )


def _route(path: str, answer: Callable[[Visit], Awaitable[Answer]], name: str) -> PageRoute:
    return PageRoute(f"{PATH}{path}", answer, name, live=_live, section="/catalog")


PAGES = (
    _route("", overview, "Service"),
    _route("/deployments", deployments, "Deployments"),
    PageRoute(COMPARE, compare, "Compare releases", section="/catalog"),
    PageRoute(COMMIT, commit, "Commit", section="/catalog"),
    PageRoute(RESOURCES, resources, "Resources", submit=sync_now, live=_live, section="/catalog"),
    _route("/logs", logs, "Logs"),
    _route("/activity", activity, "Activity"),
    _route("/yaml", as_yaml, "YAML"),
    PageRoute(DELETE, ask_delete, "Delete", submit=delete, section="/catalog"),
    # The last one: what has an address of its own comes before.
    _route("/{tab}", contributed, "A tab that is added"),
)
