"""Every page of the route table, asked for again and again, as who sees all and as a member."""

import statistics
from dataclasses import dataclass

from bench.portal.visitor import Visitor, processor_s
from towpath.app.capabilities import BUILT_IN
from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import OF_WORKLOAD, RELEASE, WORKLOAD
from towpath.capabilities.infrastructure.clusters.kinds import LOCAL
from towpath.capabilities.infrastructure.offerings.kinds import POSTGRESQL_INSTANCE
from towpath.capabilities.portal.actions.kinds import ACTION, ACTION_RUN
from towpath.capabilities.portal.catalog.kinds import ENTITY_KIND
from towpath.capabilities.portal.scorecards.kinds import INITIATIVE
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.capabilities.portal.templates.upgrades.kinds import (
    TEMPLATE_UPGRADE,
    UPGRADE_CAMPAIGN,
)
from towpath.client.protocols import Client
from towpath.machinery.kinds import Resource
from towpath.web import styleguide

TIMES = 60
WARM_TIMES = 3
OWN = ("/account", "/about", *(page.path for page in styleguide.PAGES))
"""Pages of the shell itself, which no capability has."""


@dataclass(frozen=True, slots=True)
class PageTime:
    route: str
    address: str
    who: str
    status: int
    size: int
    median_ms: float
    p99_ms: float
    cpu_ms: float
    """What it costs the platform's process on average, which a busy machine does not change."""


def routes() -> list[str]:
    return [*(page.path for one in BUILT_IN for page in one.load_pages()), *OWN]


async def addresses(api: Client, project: str) -> tuple[dict[str, str], list[str]]:
    """One address for every route; and the routes of which a part is not known here."""
    example = await _example(api, project)
    found, unknown = {}, []
    for route in routes():
        prefix = next((one for one in example if route.startswith(one)), "")
        try:
            found[route] = route.replace(":path}", "}").format_map(example.get(prefix, {}))
        except KeyError:
            unknown.append(route)
    return found, unknown


async def _example(api: Client, project: str) -> dict[str, dict[str, str]]:
    """What stands for the parts of a path, by what the path begins with."""
    listed = await api.list(WORKLOAD, project, fields="status.health=Healthy", limit=40)
    service = next(
        one["metadata"]["name"]
        for one in listed.items
        if all(stage.get("release") for stage in one["status"]["environments"])
    )
    promotions = await api.list(PROMOTION, project, fields=OF_WORKLOAD.format(service))
    runs = await api.list(PIPELINE_RUN, project, labels=f"towpath.dev/repository={service}")
    made = await api.list(TEMPLATE_RUN, project, limit=1)
    claims = await api.list(POSTGRESQL_INSTANCE, project, limit=1)
    workloads = {
        "cluster": "platform",
        "group": WORKLOAD.group,
        "version": WORKLOAD.version,
        "plural": WORKLOAD.plural,
        "namespace": project,
        "name": service,
    }
    releases = await api.list(RELEASE, project, fields=OF_WORKLOAD.format(service), limit=1)
    of_project = {
        "project": project,
        "name": service,
        "workload": service,
        "tab": "checks",
        "instance": service,
        "sha": releases.items[0]["spec"]["commit"],
    }
    return {
        "/projects/{project}/promotions": {
            "project": project,
            "name": promotions.items[-1]["metadata"]["name"],
        },
        "/projects/{project}/pipelines": {
            "project": project,
            "run": runs.items[-1]["metadata"]["name"],
        },
        "/projects/{project}/runs": {
            "project": project,
            "run": made.items[0]["metadata"]["name"],
        },
        **await _singles(api, project),
        "/projects/{project}": of_project,
        "/catalog/sources/": {"namespace": project, "source": service},
        **_described(project, service),
        "/create/": {"namespace": "towpath-system", "template": "python-service"},
        "/clusters/": {"name": LOCAL},
        "/objects/": workloads,
        "/insights/scorecards/": {"namespace": "towpath-system", "name": "readiness"},
        "/infrastructure/": {
            "project": project,
            "plural": POSTGRESQL_INSTANCE.plural,
            "name": claims.items[0]["metadata"]["name"],
        },
    }


async def _singles(api: Client, project: str) -> dict[str, dict[str, str]]:
    """What only some projects have. Where there is none, its page is told as not known."""

    async def first(part: str, resource: Resource, field: str = "metadata.name") -> dict[str, str]:
        """A part of a path: what this field of the first one says."""
        namespace = project if resource.namespaced else ""
        found = (await api.list(resource, namespace, limit=1)).items
        section, _, key = field.partition(".")
        return {part: found[0][section][key]} if found else {}

    here = {"project": project, "namespace": project}
    kind = await first("entity_kind", ENTITY_KIND, "spec.kind")
    return {
        "/projects/{project}/action-runs": {**here, **await first("run", ACTION_RUN)},
        "/projects/{project}/actions/": {**here, **await first("action", ACTION)},
        "/projects/{project}/upgrades": {**here, **await first("upgrade", TEMPLATE_UPGRADE)},
        "/campaigns/": {**here, **await first("campaign", UPGRADE_CAMPAIGN)},
        "/insights/initiatives/": {**here, **await first("name", INITIATIVE)},
        "/catalog/new/": {part: name.lower() for part, name in kind.items()},
    }


def _described(project: str, service: str) -> dict[str, dict[str, str]]:
    """What a service of a golden path has in the catalogue: itself, its docs and its API."""
    named = {"namespace": project, "name": service}
    return {
        "/catalog/": {"kind": "component", **named},
        "/docs/": {"kind": "component", "path": "operations", **named},
        "/apis/": named,
    }


async def measure(visitor: Visitor, pid: int, who: str, route: str, address: str) -> PageTime:
    for _ in range(WARM_TIMES):
        answer = await visitor.get(address)
    before_s = processor_s(pid)
    times = [(await visitor.get(address)).took_s * 1000 for _ in range(TIMES)]
    cpu_ms = (processor_s(pid) - before_s) * 1000 / TIMES
    return PageTime(
        route,
        address,
        who,
        answer.status,
        len(answer.body),
        statistics.median(times),
        statistics.quantiles(times, n=100)[-1],
        cpu_ms,
    )
