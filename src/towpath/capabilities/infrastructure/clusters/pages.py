"""The section Clusters: where workloads run, how much room there is, what is not well there.

Everybody may know which clusters there are and how large they are; what runs there is counted with
the visitor's rights, so that one project learns nothing of another.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT, target_namespace
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.infrastructure.clusters.capacity import (
    Bar,
    amounts_of_nodes,
    amounts_of_pods,
    bars,
)
from towpath.capabilities.infrastructure.clusters.kinds import CLUSTER, ENGINES, engine_of
from towpath.client.protocols import Client
from towpath.hooks.pages import LiveWatch, Page, PageRoute, Visit
from towpath.hooks.showing import in_projects, list_page, may, object_page, show_object
from towpath.hooks.telling import conditions_of, state_of
from towpath.machinery.core_kinds import NODE, POD
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject

PATH = "/clusters"
CLUSTERS_SHOWN = 100
ENVIRONMENTS_SHOWN = 100
NODES_SHOWN = 100
PODS_COUNTED = 400
NAMESPACES_COUNTED = 40
ILL_SHOWN = 20
ILL = ("Degraded", "Missing", "Progressing")


async def clusters(visit: Visit) -> Page:
    listed = await visit.api.list(CLUSTER, limit=CLUSTERS_SHOWN)
    rows = await asyncio.gather(*(_row(visit, one) for one in listed.items))
    data = {"rows": rows, "sentence": _sentence(rows)}
    return Page("clusters/clusters.html", data)


async def _row(visit: Visit, cluster: RawObject) -> dict[str, Any]:
    name, spec = cluster["metadata"]["name"], cluster["spec"]
    status, state = cluster.get("status") or {}, state_of(cluster)
    nodes = await _nodes(visit, name)
    return {
        "name": name,
        "href": f"{PATH}/{name}",
        "description": spec.get("description", ""),
        "type": spec["type"],
        "version": status.get("version", ""),
        "isolation": _isolation(cluster),
        "nodes": len(nodes),
        "size": [bar.whole for bar in _size(nodes)],
        "state": state.word or "Pending",
        "message": state.sentence if state.word != "Ready" else "",
    }


def _size(nodes: Sequence[RawObject]) -> Sequence[Bar]:
    return bars(amounts_of_nodes(nodes), {})


def _isolation(cluster: RawObject) -> str:
    kept: str = (cluster.get("status") or {}).get("isolation", "")
    return {
        "uid": "by users of this machine",
        "userns": "by user namespaces",
        "none": "not kept apart",
    }.get(kept, kept)


def _sentence(rows: Sequence[dict[str, Any]]) -> str:
    ill = [row["name"] for row in rows if row["state"] != "Ready"]
    if ill:
        return f"{', '.join(ill)} {'is' if len(ill) == 1 else 'are'} not ready."
    if len(rows) == 1:
        return f"One cluster, {rows[0]['name']}, and it answers."
    return f"{len(rows)} clusters, and all answer." if rows else ""


async def cluster(visit: Visit) -> Page:
    name = visit.parameters["name"]
    found = await visit.api.get(CLUSTER, name)
    nodes, environments, ill = await asyncio.gather(
        _nodes(visit, name), _environments(visit, name), _ill(visit)
    )
    asked, scope = await _asked(visit, name, environments)
    state, spec = state_of(found), found["spec"]
    stages = {(one["project"], one["name"]) for one in environments}
    data = {
        "name": name,
        "description": spec.get("description", ""),
        "state": state.word or "Pending",
        "sentence": state.sentence,
        "conditions": conditions_of(found),
        "type": spec["type"],
        "version": (found.get("status") or {}).get("version", ""),
        "isolation": _isolation(found),
        "trust": spec.get("trust", "multi"),
        "engines": [(engine, engine_of(found, engine)) for engine in ENGINES],
        "api_address": visit.addresses.api(name if spec["type"] == "local" else "")
        if spec["type"] == "local"
        else spec.get("server", ""),
        "bars": bars(amounts_of_nodes(nodes), asked),
        "scope": scope,
        "nodes": [_node(one, name) for one in nodes],
        "environments": environments,
        "ill": [one for one in ill if (one["project"], one["environment"]) in stages][:ILL_SHOWN],
        "commands": _commands(name, environments),
        "objects": f"/objects/{name}",
        "pods": list_page(POD, name),
        "shown": show_object(CLUSTER, found),
    }
    return Page("clusters/cluster.html", data, title=f"Cluster {name}")


async def _nodes(visit: Visit, name: str) -> list[RawObject]:
    """None of a cluster that is not connected, or does not answer."""
    try:
        return (await visit.cluster(name).list(NODE, limit=NODES_SHOWN)).items
    except StatusError:
        return []


def _node(node: RawObject, cluster: str) -> dict[str, Any]:
    metadata, status = node["metadata"], node.get("status") or {}
    info = status.get("nodeInfo") or {}
    state = state_of(node)
    return {
        "name": metadata["name"],
        "href": object_page(NODE, metadata["name"], "", cluster),
        "state": state.word or "Unknown",
        "message": state.sentence if state.word != "Ready" else "",
        "size": ", ".join(bar.whole for bar in _size([node])[:2]),
        "system": f"{info.get('osImage', '')} {info.get('architecture', '')}".strip(),
        "version": info.get("kubeletVersion", ""),
    }


async def _environments(visit: Visit, cluster: str) -> list[dict[str, Any]]:
    """Those of the visitor's projects."""
    projects = None if visit.viewer.projects is None else sorted(visit.viewer.projects)
    found = await in_projects(
        visit.api,
        ENVIRONMENT,
        projects,
        fields=f"spec.cluster={cluster}",
        limit=ENVIRONMENTS_SHOWN,
    )
    return [_environment(one) for one in found[:ENVIRONMENTS_SHOWN]]


def _environment(environment: RawObject) -> dict[str, Any]:
    name, project = environment["metadata"]["name"], environment["metadata"]["namespace"]
    state = state_of(environment)
    return {
        "name": name,
        "project": project,
        "namespace": target_namespace(project, name),
        "href": object_page(ENVIRONMENT, name, project),
        "mode": environment["spec"].get("mode", "manual"),
        "state": state.word or "Pending",
    }


async def _asked(
    visit: Visit, name: str, environments: Sequence[dict[str, Any]]
) -> tuple[dict[str, Any], str]:
    """What pods ask for, and in words whose: of all, or of the visitor's projects."""
    try:
        client = visit.cluster(name)
    except StatusError:
        return {}, ""
    if await may(client, "list", POD):
        listed = await client.list(POD, limit=PODS_COUNTED)
        more = f"by the first {PODS_COUNTED} pods" if listed.continue_token else "by all pods"
        return dict(amounts_of_pods(listed.items)), more
    namespaces = [one["namespace"] for one in environments[:NAMESPACES_COUNTED]]
    lists = await asyncio.gather(*(_pods(client, namespace) for namespace in namespaces))
    pods = [pod for found in lists for pod in found]
    return dict(amounts_of_pods(pods)), "by your projects; others are not counted"


async def _pods(client: Client, namespace: str) -> list[RawObject]:
    try:
        return (await client.list(POD, namespace, limit=PODS_COUNTED)).items
    except StatusError:
        return []


async def _ill(visit: Visit) -> list[dict[str, Any]]:
    """The stages of services that are not well, of the visitor's projects."""
    projects = None if visit.viewer.projects is None else sorted(visit.viewer.projects)
    lists = await asyncio.gather(
        *(
            in_projects(visit.api, WORKLOAD, projects, fields=f"status.health={word}", limit=50)
            for word in ILL
        )
    )
    return [stage for found in lists for workload in found for stage in _ill_stages(workload)]


def _ill_stages(workload: RawObject) -> list[dict[str, Any]]:
    name, project = workload["metadata"]["name"], workload["metadata"]["namespace"]
    return [
        {
            "workload": name,
            "project": project,
            "environment": stage["name"],
            "health": stage["health"],
            "href": f"/projects/{project}/workloads/{name}",
        }
        for stage in (workload.get("status") or {}).get("environments") or ()
        if stage.get("health") in ILL
    ]


def _commands(name: str, environments: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    namespace = environments[0]["namespace"] if environments else "default"
    return [
        ("Sign in, which writes a kubeconfig", "towpath login LINK"),
        ("Look with kubectl", f"kubectl --context {name} get pods --namespace {namespace}"),
        ("Or without it", f"towpath get pods --cluster {name} --namespace {namespace}"),
    ]


def _live_all(visit: Visit) -> Sequence[LiveWatch]:
    return (LiveWatch(CLUSTER),)


def _live_one(visit: Visit) -> Sequence[LiveWatch]:
    name = visit.parameters["name"]
    return LiveWatch(CLUSTER, name=name), LiveWatch(NODE, cluster=name)


PAGES = (
    PageRoute(PATH, clusters, "Clusters", live=_live_all, section=PATH),
    PageRoute(f"{PATH}/{{name}}", cluster, "Cluster", live=_live_one, section=PATH),
)
