"""The Resources tab: all that the service consists of, here and on the cluster; what has drifted.

Drift is set back by the platform itself; what a person may do about it is to accept the value,
which is a promotion like any other, or to have Git brought to the cluster at once.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from towpath.capabilities.delivery.environments.kinds import target_namespace
from towpath.capabilities.delivery.promotions.kinds import may_change
from towpath.capabilities.delivery.workloads.claims import Claim, claims_of
from towpath.capabilities.delivery.workloads.happenings import happenings_of
from towpath.capabilities.delivery.workloads.kinds import SYNC_ANNOTATION, WORKLOAD
from towpath.capabilities.delivery.workloads.lanes import Facts, Lane
from towpath.capabilities.delivery.workloads.reading import (
    PATH,
    chosen,
    frame_of,
    or_refusal,
    read_facts,
)
from towpath.capabilities.delivery.workloads.tree import Node, crowd_apart, resource_tree
from towpath.hooks.pages import Answer, Page, Redirect, Visit
from towpath.hooks.showing import may
from towpath.machinery.errors import StatusError

RESOURCES = f"{PATH}/resources"


async def resources(visit: Visit) -> Page:
    return await _page(visit)


async def sync_now(visit: Visit) -> Answer:
    """Ask, as the visitor, for Git to be brought to the cluster; the platform carries it out."""
    project, name = visit.parameters["project"], visit.parameters["name"]
    stage = visit.form.get("environment", "")
    facts = await read_facts(visit)
    if stage not in facts.workload["spec"]["environments"]:
        return await _page(visit, f"{name} does not go to {stage!r}.", 422)
    patch = {"metadata": {"annotations": {SYNC_ANNOTATION: stage}}}
    try:
        await visit.api.patch(WORKLOAD, name, project, patch)
    except StatusError as error:
        return await _page(visit, error.message, error.code)
    back = f"/projects/{project}/workloads/{name}/resources?environment={stage}"
    return Redirect(back, f"{stage} is being brought to what Git says.")


async def _page(visit: Visit, problem: str = "", status: int = 200) -> Page:
    facts = await read_facts(visit)
    frame = await frame_of(visit, facts, "resources")
    lane = chosen(frame["lanes"], visit.parameters.get("environment", ""))
    tree: list[Node] = []
    happened: list[dict[str, Any]] = []
    refused = ""
    if lane is not None:
        client = visit.cluster(lane.cluster)
        target = target_namespace(frame["project"], lane.name)
        tree, refused = await or_refusal(
            resource_tree(client, facts.name, target, lane.cluster), []
        )
        happened, _ = await or_refusal(happenings_of(client, facts.name, target), [])
    claims = await claims_of(visit, facts.name)
    here = [one for one in claims if lane and one.environment == lane.name]
    data = {
        **frame,
        "lane": lane,
        "tree": crowd_apart(tree),
        "platform": _platform_tree(facts, frame, lane, here),
        "happened": happened,
        "refused": refused,
        "problem": problem,
        "drift": _drift(lane) if lane and lane.drift else None,
        "may_sync": await may(visit.api, "patch", WORKLOAD, frame["project"]),
        "target": target_namespace(frame["project"], lane.name) if lane else "",
    }
    return Page("workloads/resources.html", data, status, title=f"{facts.name}: resources")


def _platform_tree(
    facts: Facts, frame: Mapping[str, Any], lane: Lane | None, claims: Sequence[Claim]
) -> list[Node]:
    """What of the service is not on a cluster: source, release, claims with their parts."""
    project, name = frame["project"], facts.name
    nodes = [Node("Repository", frame["repository"], "", f"source, in project {project}")]
    if lane and lane.release:
        release = Node("Release", lane.release, "", f"of commit {lane.commit}")
        release.href = lane.commit_href or f"{frame['base']}/commits/{lane.full_commit}"
        nodes.append(release)
        folder = f"{name}/{lane.name}"
        nodes.append(
            Node("Desired state", f"deployments/{folder}", lane.sync, "what Git wants here")
        )
    for claim in claims:
        node = Node(claim.kind, claim.name, claim.status, claim.size)
        node.href = claim.href
        node.children = [Node(kind, part, "") for kind, part in claim.parts]
        for child in node.children:
            if (child.kind, child.name) == ("Secret", claim.secret):
                child.detail = f"read by the pods as {claim.pod_secret}"
        nodes.append(node)
    return nodes


def _drift(lane: Lane) -> dict[str, Any]:
    """What Git wants, what was there, who did it, and what can be done about it."""
    drift = lane.drift
    kind, _, name = str(drift["resource"]).partition(" ")
    values = [
        {
            **value,
            "open": bool(value.get("live"))
            and bool(value.get("git"))
            and may_change(kind, value["path"]),
            "change": json.dumps(
                [{"kind": kind, "name": name, "path": value["path"], "value": value.get("live")}]
            ),
        }
        for value in drift.get("values") or ()
    ]
    return {**drift, "kind": kind, "name": name, "values": values}
