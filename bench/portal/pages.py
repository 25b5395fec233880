"""Every page of the route table, asked for again and again, as who sees all and as a member."""

import statistics
from dataclasses import dataclass

from bench.portal import described
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
    example = {**await _described(api), **await _delivered(api, project)}
    found, unknown = {}, []
    for route in routes():
        prefix = next((one for one in example if route.startswith(one)), "")
        try:
            found[route] = route.replace(":path}", "}").format_map(example.get(prefix, {}))
        except KeyError:
            unknown.append(route)
    return found, unknown


async def _delivered(api: Client, project: str) -> dict[str, dict[str, str]]:
    """What stands for the parts of a path, by what the path begins with: of the crowd."""
    listed = await api.list(WORKLOAD, project, fields="status.health=Healthy", limit=40)
    service = next(
        one["metadata"]["name"]
        for one in listed.items
        if all(stage.get("release") for stage in one["status"]["environments"])
    )
    workloads = {
        "cluster": "platform",
        "group": WORKLOAD.group,
        "version": WORKLOAD.version,
        "plural": WORKLOAD.plural,
        "namespace": project,
        "name": service,
    }
    here = {"project": project, "namespace": project}
    of_service = OF_WORKLOAD.format(service)
    runs = f"towpath.dev/repository={service}"
    kind = await _first(api, "entity_kind", ENTITY_KIND, field="spec.kind")
    return {
        "/projects/{project}/promotions": {
            **here,
            **await _first(api, "name", PROMOTION, project, fields=of_service),
        },
        "/projects/{project}/pipelines": {
            **here,
            **await _first(api, "run", PIPELINE_RUN, project, labels=runs),
        },
        "/projects/{project}/runs": {**here, **await _first(api, "run", TEMPLATE_RUN, project)},
        "/projects/{project}/action-runs": {
            **here,
            **await _first(api, "run", ACTION_RUN, project),
        },
        "/projects/{project}/actions/": {**here, **await _first(api, "action", ACTION, project)},
        "/projects/{project}": {**here, "name": service, "workload": service, "tab": "checks"},
        "/create/": {"namespace": "towpath-system", "template": "python-service"},
        "/clusters/": {"name": LOCAL},
        "/objects/": workloads,
        "/insights/scorecards/": {"namespace": "towpath-system", "name": "readiness"},
        "/insights/initiatives/": {**here, **await _first(api, "name", INITIATIVE, project)},
        "/catalog/new/": {part: name.lower() for part, name in kind.items()},
        "/infrastructure/": {
            **here,
            "plural": POSTGRESQL_INSTANCE.plural,
            **await _first(api, "name", POSTGRESQL_INSTANCE, project),
        },
    }


async def _described(api: Client) -> dict[str, dict[str, str]]:
    """The same of what was really made beside the crowd, with a repository, docs and an API."""
    project, service = described.PROJECT, described.SERVICE
    named = {"namespace": project, "name": service}
    release = await _first(
        api, "sha", RELEASE, project, field="spec.commit", fields=OF_WORKLOAD.format(service)
    )
    return {
        "/projects/{project}/workloads/{name}/commits": {**named, "project": project, **release},
        "/projects/{project}/templates/": {"project": project, "instance": described.INSTANCE},
        "/projects/{project}/upgrades": {
            "project": project,
            **await _first(api, "upgrade", TEMPLATE_UPGRADE, project),
        },
        "/campaigns/": {
            "namespace": project,
            **await _first(api, "campaign", UPGRADE_CAMPAIGN, project),
        },
        "/catalog/sources/": {"namespace": project, "source": described.SOURCE},
        "/catalog/{kind}": {"kind": "component", **named},
        "/docs/": {"kind": "component", "path": "operations", **named},
        "/apis/": named,
    }


async def _first(
    api: Client,
    part: str,
    resource: Resource,
    project: str = "",
    *,
    field: str = "metadata.name",
    fields: str = "",
    labels: str = "",
) -> dict[str, str]:
    """A part of a path: what this field of the first one says. Empty where there is none."""
    listed = await api.list(resource, project, fields=fields, labels=labels, limit=1)
    section, _, key = field.partition(".")
    return {part: listed.items[0][section][key]} if listed.items else {}


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
