"""The pages of a service: is it well, what runs where, what changed, and what can be done about it.

Each tab reads what it shows and no more; every list is read once. Promotions and decisions are
posted to the pages of promotions.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT, target_namespace
from towpath.capabilities.delivery.pipelines.kinds import (
    PIPELINE_RUN,
    REPOSITORY_LABEL,
    label_value,
)
from towpath.capabilities.delivery.promotions.kinds import (
    APPROVAL,
    PROMOTION,
    creation_order,
    newest_first,
)
from towpath.capabilities.delivery.workloads.activity import activity_of
from towpath.capabilities.delivery.workloads.kinds import (
    OF_WORKLOAD,
    RELEASE,
    WORKLOAD,
    WORKLOAD_LABEL,
)
from towpath.capabilities.delivery.workloads.lanes import Facts, Lane, headline, lanes_of
from towpath.capabilities.delivery.workloads.processes import Output, newest_output
from towpath.capabilities.delivery.workloads.tree import Node, resource_tree
from towpath.capabilities.infrastructure.offerings.kinds import POSTGRESQL_INSTANCE
from towpath.hooks.pages import Answer, LiveWatch, Page, PageRoute, Redirect, Visit
from towpath.hooks.showing import may, person, show_object
from towpath.hooks.tabs import Service
from towpath.machinery.conditions import get_condition
from towpath.machinery.errors import Conflict, Forbidden, NotFound, StatusError
from towpath.machinery.objects import RawObject, uid_of

PATH = "/projects/{project}/workloads/{name}"
CHANGES_SHOWN = 6
RUNS_SHOWN = 4
RELEASES_SHOWN = 5

T = TypeVar("T")


async def _read(visit: Visit) -> Facts:
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


async def _frame(visit: Visit, facts: Facts, tab: str) -> dict[str, Any]:
    """What every tab shows above its own: name, sentence, owner, tabs."""
    project = visit.parameters["project"]
    lanes = lanes_of(facts)
    spec = facts.workload["spec"]
    ready = get_condition(facts.workload, "Ready") or {}
    return {
        "project": project,
        "name": facts.name,
        "tab": tab,
        "contributed": visit.tabs,
        "base": f"/projects/{project}/workloads/{facts.name}",
        "lanes": lanes,
        "headline": headline(facts, lanes),
        "open_url": next((lane.url for lane in reversed(lanes) if lane.url), ""),
        "owner": spec.get("owner", ""),
        "description": spec.get("description", ""),
        "trouble": ready.get("message", "") if ready.get("status") == "False" else "",
        "repository": spec["repository"],
        "clone_url": visit.addresses.portal(f"/git/{project}/{spec['repository']}.git"),
        "may_promote": facts.may_promote,
        "may_delete": await may(visit.api, "delete", WORKLOAD, project),
        "deleting": bool(facts.workload["metadata"].get("deletionTimestamp")),
    }


async def overview(visit: Visit) -> Page:
    facts = await _read(visit)
    frame = await _frame(visit, facts, "")
    return Page(
        "workloads/overview.html",
        {
            **frame,
            "changes": [_change(one) for one in facts.promotions[:CHANGES_SHOWN]],
            "runs": [_run(one) for one in facts.runs[:RUNS_SHOWN]],
            "releases": _releases(facts, frame["lanes"])[:RELEASES_SHOWN],
            "claims": await _claims(visit, facts.name),
            "created": facts.workload["metadata"].get("creationTimestamp", ""),
        },
        title=facts.name,
    )


async def deployments(visit: Visit) -> Page:
    facts = await _read(visit)
    frame = await _frame(visit, facts, "deployments")
    return Page(
        "workloads/deployments.html",
        {
            **frame,
            "changes": [_change(one) for one in facts.promotions],
            "releases": _releases(facts, frame["lanes"]),
            "runs": [_run(one) for one in facts.runs],
        },
        title=f"{facts.name}: deployments",
    )


async def resources(visit: Visit) -> Page:
    facts = await _read(visit)
    frame = await _frame(visit, facts, "resources")
    lane = _chosen(frame["lanes"], visit.parameters.get("environment", ""))
    tree: list[Node] = []
    refused = ""
    if lane is not None:
        cluster = visit.cluster(lane.cluster)
        namespace = target_namespace(frame["project"], lane.name)
        tree, refused = await _or_refusal(resource_tree(cluster, facts.name, namespace), [])
    claims = await _claims(visit, facts.name)
    data = {
        **frame,
        "lane": lane,
        "tree": tree,
        "refused": refused,
        "claims": [claim for claim in claims if lane and claim["environment"] == lane.name],
        "target": target_namespace(frame["project"], lane.name) if lane else "",
    }
    return Page("workloads/resources.html", data, title=f"{facts.name}: resources")


async def logs(visit: Visit) -> Page:
    facts = await _read(visit)
    frame = await _frame(visit, facts, "logs")
    lane = _chosen(frame["lanes"], visit.parameters.get("environment", ""))
    output, refused = Output(), ""
    if lane is not None:
        client = visit.cluster(lane.cluster)
        namespace = target_namespace(frame["project"], lane.name)
        wanted = visit.parameters.get("pod", "")
        output, refused = await _or_refusal(
            newest_output(client, facts.name, namespace, wanted), Output()
        )
    data = {**frame, "lane": lane, "output": output, "refused": refused}
    return Page("workloads/logs.html", data, title=f"{facts.name}: logs")


async def activity(visit: Visit) -> Page:
    facts = await _read(visit)
    frame = await _frame(visit, facts, "activity")
    written = await activity_of(visit.records.audit, visit.viewer, frame["project"], facts.name)
    return Page(
        "workloads/activity.html", {**frame, "entries": written}, title=f"{facts.name}: activity"
    )


async def contributed(visit: Visit) -> Page:
    """A tab that a capability or a plug-in adds; its key is the last part of the address."""
    key = visit.parameters["tab"]
    tab = next((tab for tab in visit.tabs if tab.key == key), None)
    if tab is None:
        raise NotFound(f"a service has no tab {key!r}")
    facts = await _read(visit)
    service = Service(visit.parameters["project"], facts.name, facts.workload)
    frame, blocks = await asyncio.gather(_frame(visit, facts, key), tab.show(visit, service))
    data = {**frame, "blocks": blocks, "plugin": tab.plugin}
    title = f"{facts.name}: {tab.label.lower()}"
    return Page("workloads/contributed.html", data, title=title)


async def as_yaml(visit: Visit) -> Page:
    facts = await _read(visit)
    frame = await _frame(visit, facts, "yaml")
    shown = show_object(WORKLOAD, facts.workload)
    data = {**frame, "shown": shown}
    return Page("workloads/yaml.html", data, title=f"{facts.name}: YAML")


async def ask_delete(visit: Visit) -> Page:
    return await _delete_form(visit)


async def delete(visit: Visit) -> Answer:
    """Only when the name was typed; what is deleted is what was shown."""
    project, name = visit.parameters["project"], visit.parameters["name"]
    typed = visit.form.get("confirm", "").strip()
    if typed != name:
        problem = f"Type {name} to delete it; {typed!r} was typed." if typed else f"Type {name}."
        return await _delete_form(visit, problem, status=422)
    try:
        await visit.api.delete(WORKLOAD, name, project, uid=visit.form.get("uid", ""))
    except (Forbidden, Conflict) as error:
        return await _delete_form(visit, error.message, status=error.code)
    return Redirect(f"/projects/{project}", f"{name} is being deleted with all that runs.")


async def _delete_form(visit: Visit, problem: str = "", *, status: int = 200) -> Page:
    facts = await _read(visit)
    frame = await _frame(visit, facts, "")
    policy = (facts.workload["spec"].get("deletionPolicy") or {}).get("data", "Delete")
    data = {
        **frame,
        "problem": problem,
        "uid": uid_of(facts.workload),
        "consequences": _consequences(frame["lanes"], await _claims(visit, facts.name), policy),
    }
    return Page("workloads/delete.html", data, status, title=f"Delete {facts.name}")


def _consequences(
    lanes: Sequence[Lane], claims: Sequence[dict[str, Any]], policy: str
) -> list[str]:
    told = [f"{lane.release} stops in {lane.name}." for lane in lanes if lane.release]
    for claim in claims:
        kept = "is kept, with its data" if policy == "Retain" else "is deleted with its data"
        told.append(f"The database {claim['name']} {kept}.")
    told.append("Its repository goes into the archive; its releases and runs are deleted.")
    return told


async def _or_refusal(reading: Awaitable[T], otherwise: T) -> tuple[T, str]:
    """What was read; or why a cluster does not show it, which must not cost the page."""
    try:
        return await reading, ""
    except StatusError as error:
        return otherwise, error.message


def _chosen(lanes: Sequence[Lane], wanted: str) -> Lane | None:
    """The stage that is asked for, else the last one that something runs in."""
    for lane in lanes:
        if wanted == lane.name:
            return lane
    if wanted:
        raise NotFound(f"it does not go to {wanted}")
    running = [lane for lane in lanes if lane.release]
    shown = running or lanes
    return shown[-1] if shown else None


def _change(promotion: RawObject) -> dict[str, Any]:
    spec, status = promotion["spec"], promotion.get("status") or {}
    return {
        "name": promotion["metadata"]["name"],
        "environment": spec["environment"],
        "release": spec["release"],
        "phase": status.get("phase") or "Pending",
        "by": person(spec["requestedBy"]),
        "reason": spec.get("reason", ""),
        "message": status.get("message", ""),
        "at": status.get("finishedAt") or promotion["metadata"].get("creationTimestamp", ""),
        "approved_by": [one["user"] for one in status.get("approvals") or () if one.get("counts")],
    }


def _run(run: RawObject) -> dict[str, Any]:
    status = run.get("status") or {}
    return {
        "name": run["metadata"]["name"],
        "phase": status.get("phase") or "Pending",
        "title": status.get("title", ""),
        "message": status.get("message", ""),
        "progress": status.get("progress", ""),
        "actor": run["spec"].get("actor", ""),
        "ref": run["spec"]["ref"].removeprefix("refs/heads/"),
        "commit": run["spec"]["commit"][:8],
        "started": status.get("startedAt", ""),
        "finished": status.get("finishedAt", ""),
    }


def _releases(facts: Facts, lanes: Sequence[Lane]) -> list[dict[str, Any]]:
    titles = {run["spec"]["commit"]: (run.get("status") or {}).get("title") for run in facts.runs}
    return [
        {
            "name": release["metadata"]["name"],
            "commit": release["spec"]["commit"][:8],
            "title": titles.get(release["spec"]["commit"]) or "",
            "image": release["spec"]["image"],
            "at": release["metadata"].get("creationTimestamp", ""),
            "in": [lane.name for lane in lanes if lane.release == release["metadata"]["name"]],
        }
        for release in facts.releases
    ]


async def _claims(visit: Visit, workload: str) -> list[dict[str, Any]]:
    """The databases that were claimed for it."""
    labels = f"{WORKLOAD_LABEL}={workload}"
    project = visit.parameters["project"]
    try:
        found = (await visit.api.list(POSTGRESQL_INSTANCE, project, labels=labels)).items
    except StatusError:
        return []
    return [_claim(one) for one in found]


def _claim(claim: RawObject) -> dict[str, Any]:
    ready = get_condition(claim, "Ready") or {}
    labels = claim["metadata"].get("labels") or {}
    return {
        "name": claim["metadata"]["name"],
        "kind": claim["kind"],
        "detail": claim["spec"].get("size", ""),
        "environment": labels.get("towpath.dev/environment", ""),
        "size": claim["spec"].get("size", ""),
        "status": {"True": "Ready", "False": "Progressing"}.get(ready.get("status", ""), "Unknown"),
        "message": ready.get("message", "") if ready.get("status") != "True" else "",
        "policy": claim["spec"].get("deletionPolicy", "Delete"),
    }


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
    _route("/resources", resources, "Resources"),
    _route("/logs", logs, "Logs"),
    _route("/activity", activity, "Activity"),
    _route("/yaml", as_yaml, "YAML"),
    PageRoute(f"{PATH}/delete", ask_delete, "Delete", submit=delete, section="/catalog"),
    # The last one: what has an address of its own comes before.
    _route("/{tab}", contributed, "A tab that is added"),
)
