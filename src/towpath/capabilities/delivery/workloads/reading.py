"""What the pages of a service read alike: the workload with what belongs to it, and the frame that
stands above every tab. Everything is read with the visitor's rights, and each list once.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urlencode

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.pipelines.kinds import (
    PIPELINE_RUN,
    REPOSITORY_LABEL,
    label_value,
)
from towpath.capabilities.delivery.promotions.kinds import (
    PROMOTION,
    creation_order,
    newest_first,
)
from towpath.capabilities.delivery.workloads.described import described, docs_of, owner_page
from towpath.capabilities.delivery.workloads.kinds import OF_WORKLOAD, RELEASE, WORKLOAD
from towpath.capabilities.delivery.workloads.lanes import Facts, Lane, headline, lanes_of
from towpath.engines.git.port import RepositoryName
from towpath.hooks.approvals import APPROVAL
from towpath.hooks.commits import commit_line, span_between
from towpath.hooks.offered_actions import Thing, offered
from towpath.hooks.pages import Visit
from towpath.hooks.showing import may
from towpath.machinery.conditions import get_condition
from towpath.machinery.errors import NotFound, StatusError

PATH = "/projects/{project}/workloads/{name}"
TABS = (
    ("", "Overview"),
    ("deployments", "Deployments"),
    ("resources", "Resources"),
    ("logs", "Logs"),
    ("activity", "Activity"),
)

T = TypeVar("T")


async def read_facts(visit: Visit) -> Facts:
    """The workload with all that belongs to it. Raises NotFound."""
    project, name = visit.parameters["project"], visit.parameters["name"]
    workload = await visit.api.get(WORKLOAD, name, project)
    of_workload = OF_WORKLOAD.format(name)
    repository = label_value(workload["spec"]["repository"])
    environments, releases, promotions, runs, may_promote, may_approve = await asyncio.gather(
        visit.api.list(ENVIRONMENT, project),
        visit.api.list(RELEASE, project, fields=of_workload),
        visit.api.list(PROMOTION, project, fields=of_workload),
        visit.api.list(PIPELINE_RUN, project, labels=f"{REPOSITORY_LABEL}={repository}"),
        may(visit.api, "create", PROMOTION, project),
        may(visit.api, "create", APPROVAL, project),
    )
    return Facts(
        workload=workload,
        environments=environments.items,
        releases=newest_first(releases.items),
        promotions=newest_first(promotions.items),
        runs=sorted(runs.items, key=creation_order, reverse=True),
        user=visit.user.name,
        may_promote=may_promote,
        may_approve=may_approve,
    )


async def frame_of(visit: Visit, facts: Facts, tab: str) -> dict[str, Any]:
    """What every tab shows above its own: name, sentence, owner, tabs."""
    project = visit.parameters["project"]
    lanes = lanes_of(facts)
    spec = facts.workload["spec"]
    ready = get_condition(facts.workload, "Ready") or {}
    deleting = bool(facts.workload["metadata"].get("deletionTimestamp"))
    itself = Thing(WORKLOAD.api_version, WORKLOAD.kind, facts.name, object=facts.workload)
    entity, owner_href, actions = await asyncio.gather(
        described(visit, project, facts.name),
        owner_page(visit, spec.get("owner", "")),
        offered(visit, project, itself),
    )
    return {
        "project": project,
        "name": facts.name,
        "tab": tab,
        "tabs": TABS,
        "contributed": visit.tabs,
        "base": f"/projects/{project}/workloads/{facts.name}",
        "lanes": lanes,
        "headline": headline(facts, lanes),
        "open_url": next((lane.url for lane in reversed(lanes) if lane.url), ""),
        "owner": spec.get("owner", ""),
        "owner_href": owner_href,
        "docs_href": docs_of(entity),
        "description": spec.get("description") or (entity.description if entity else ""),
        "trouble": ready.get("message", "") if ready.get("status") == "False" else "",
        "repository": spec["repository"],
        "clone_url": visit.addresses.portal(f"/git/{project}/{spec['repository']}.git"),
        "may_promote": facts.may_promote and not deleting and bool(facts.releases),
        "may_delete": not deleting and await may(visit.api, "delete", WORKLOAD, project),
        "deleting": deleting,
        "offered_actions": [] if deleting else actions,
    }


async def with_commits(visit: Visit, facts: Facts, lanes: Sequence[Lane]) -> list[Lane]:
    """The lanes with what Git says: each commit's first line, and what a promotion would bring."""
    return list(await asyncio.gather(*(_with_commits(visit, facts, lane) for lane in lanes)))


async def _with_commits(visit: Visit, facts: Facts, lane: Lane) -> Lane:
    project = visit.parameters["project"]
    repository = RepositoryName(project, facts.workload["spec"]["repository"])
    if lane.commit:
        line = await commit_line(visit.git, repository, lane.full_commit, facts.name)
        if line is not None:
            lane = replace(lane, subject=line.subject, author=line.author, commit_href=line.href)
    to = facts.commit_of(lane.candidate)
    if to:
        running = lane.full_commit
        span = await span_between(visit.git, repository, running, to, facts.name)
        asked = urlencode({"environment": lane.name, "release": lane.candidate})
        href = f"/projects/{project}/promote/{facts.name}?{asked}#commits"
        lane = replace(lane, pending=span, pending_href=href)
    return lane


async def or_refusal(reading: Awaitable[T], otherwise: T) -> tuple[T, str]:
    """What was read; or why a cluster does not show it, which must not cost the page."""
    try:
        return await reading, ""
    except StatusError as error:
        return otherwise, error.message


_SICKEST_LAST = ("Healthy", "Unknown", "Progressing", "Missing", "Degraded")


def telling(lanes: Sequence[Lane]) -> str:
    """Whose log is looked for: the sickest stage that anything is in, else the first; "" for none.

    What does not come up counts, though nothing has arrived there yet.
    """
    there = [lane for lane in lanes if lane.release or lane.health]
    return max(there, key=_sickness).name if there else ""


def _sickness(lane: Lane) -> int:
    well = lane.health in ("Healthy", "Suspended", "")
    health = "Degraded" if lane.moving.get("unwell") else "Healthy" if well else lane.health
    return _SICKEST_LAST.index(health) if health in _SICKEST_LAST else 0


def chosen(lanes: Sequence[Lane], wanted: str) -> Lane | None:
    """The stage that is asked for, else the last one that something runs in."""
    for lane in lanes:
        if wanted == lane.name:
            return lane
    if wanted:
        raise NotFound(f"it does not go to {wanted}")
    running = [lane for lane in lanes if lane.release]
    shown = running or lanes
    return shown[-1] if shown else None
