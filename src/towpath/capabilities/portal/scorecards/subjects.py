"""What the rules of scorecards look at: an entity with its workload, project and objects."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.scorecards.judging import Subject
from towpath.client.protocols import Client
from towpath.hooks.checks import Outcome, ServiceCheck, Verdict
from towpath.hooks.pages import Visit
from towpath.hooks.showing import get_if_there
from towpath.hooks.tabs import Service
from towpath.machinery.errors import StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.records.contract import Entity

OBJECTS_MAX = 200
CHECK_S_MAX = 20.0


@dataclass(frozen=True, slots=True)
class Asked:
    """Objects that a scorecard looks at, as it declares them."""

    api_version: str
    kind: str
    labels: str


async def subject_of(api: Client, entity: Entity) -> Subject:
    project, workload = {}, {}
    if entity.project:
        project = await get_if_there(api, PROJECT, entity.project, "") or {}
    if entity.workload:
        workload = await get_if_there(api, WORKLOAD, entity.workload, entity.project) or {}
    state = entity.state
    told = {"health": state.health, "sentence": state.sentence, "url": state.url} if state else {}
    return Subject(
        ref=entity.ref,
        title=entity.title or entity.name,
        project=entity.project,
        owner=entity.owner,
        entity=entity.descriptor,
        relations=[{"type": one.type, "targetRef": one.target} for one in entity.relations],
        workload=workload,
        project_object=project,
        state=told,
    )


def asked_by(spec: RawObject) -> dict[str, Asked]:
    return {
        one["name"]: Asked(one["apiVersion"], one["kind"], one["labels"])
        for one in spec.get("resources") or ()
    }


async def objects_for(
    api: Client, subject: Subject, asked: Mapping[str, Asked]
) -> dict[str, Sequence[RawObject]]:
    """By name. Nothing for a kind that is not served, and for an entity without a project."""
    if not asked or not subject.project:
        return {name: [] for name in asked}
    kinds = {(one.api_version, one.kind): one for one in await api.resources()}
    workload = subject.workload.get("metadata", {}).get("name", "")

    async def read(one: Asked) -> Sequence[RawObject]:
        resource: Resource | None = kinds.get((one.api_version, one.kind))
        if resource is None or ("{workload}" in one.labels and not workload):
            return []
        labels = one.labels.replace("{workload}", workload)
        namespace = subject.project if resource.namespaced else ""
        try:
            listed = await api.list(resource, namespace, labels=labels, limit=OBJECTS_MAX)
        except StatusError:
            return []
        return listed.items

    found = await asyncio.gather(*map(read, asked.values()))
    return dict(zip(asked, found, strict=True))


async def verdicts(
    visit: Visit, checks: Iterable[ServiceCheck], subject: Subject
) -> dict[str, Verdict]:
    """Of the checks, by their ids; none of an entity that is no service."""
    if not subject.workload:
        return {}
    service = Service(subject.project, subject.workload["metadata"]["name"], subject.workload)

    async def ask(check: ServiceCheck) -> tuple[str, Verdict]:
        try:
            async with asyncio.timeout(CHECK_S_MAX):
                return check.id, await check.run(visit, service)
        except (StatusError, TimeoutError) as error:
            return check.id, Verdict(Outcome.UNKNOWN, f"It could not be found out: {error}")

    return dict(await asyncio.gather(*map(ask, checks)))
