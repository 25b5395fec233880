"""What runs where: each environment's release, health and address, as others report them."""

from collections.abc import Sequence
from dataclasses import dataclass

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT, by_order
from towpath.capabilities.delivery.gitops.kinds import (
    APPLICATION,
    ARGOCD_NAMESPACE,
    application_name,
    sickest_part,
)
from towpath.capabilities.delivery.promotions.kinds import (
    FAILED,
    PROMOTION,
    SUCCEEDED,
    SUPERSEDED,
    WAITING_FOR_APPROVAL,
    commit_order,
    newest_first,
    phase_of,
)
from towpath.capabilities.delivery.workloads.kinds import OF_WORKLOAD, RELEASE, workload_host
from towpath.capabilities.infrastructure.clusters.kinds import CLUSTER
from towpath.client.protocols import Client
from towpath.hooks.platform import Addresses
from towpath.machinery.conditions import now
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.runtime.outcomes import Stalled, Waiting
from towpath.runtime.steps import Subject

_SICKEST_LAST = ("Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown")


@dataclass(frozen=True, slots=True)
class Observe:
    api: Client
    addresses: Addresses

    async def look(self, subject: Subject) -> None:
        project, name = subject.key.namespace, subject.key.name
        releases = await self._of_workload(subject, RELEASE)
        promotions = newest_first(await self._of_workload(subject, PROMOTION))
        commits = {release["metadata"]["name"]: release["spec"]["commit"] for release in releases}
        if releases:
            subject.status["latestRelease"] = newest_first(releases)[0]["metadata"]["name"]
        before = {one["name"]: one for one in subject.status.get("environments") or ()}
        stages = []
        for environment in await self._environments(subject):
            stage: str = environment["metadata"]["name"]
            here = [found for found in promotions if found["spec"]["environment"] == stage]
            apps = await self._applications(project, name, stage)
            entry = describe(stage, here, apps, commits)
            if entry.get("release") and await self._is_local(environment):
                entry["url"] = self.addresses.service(workload_host(project, name, stage))
            keep_since(entry, before.get(stage, {}))
            stages.append(entry)
        subject.status["environments"] = stages
        subject.status["summary"] = summary(stages)
        subject.status["health"] = overall(stages)
        urls = [entry["url"] for entry in stages if "url" in entry]
        if urls:
            subject.status["url"] = urls[-1]
        else:
            subject.status.pop("url", None)

    async def judge(self, subject: Subject) -> None:
        """The last step: what keeps it from being well, in one sentence."""
        stages: list[RawObject] = subject.status["environments"]
        if "latestRelease" not in subject.status:
            raise Waiting(
                "NoRelease",
                "It waits for its first release; the pipeline of "
                f"{subject.key.namespace}/{subject.spec['repository']} makes one at a push.",
                after_s=3600,
            )
        for entry in stages:
            if entry.get("phase") == WAITING_FOR_APPROVAL:
                continue  # a decision of people: nothing is wrong with the workload
            if message := entry.get("message"):
                raise Waiting(_reason(entry), f"{entry['name']}: {message}", after_s=3600)
        for entry in stages:
            if entry.get("release") and entry.get("health") != "Healthy":
                raise Waiting(
                    "NotHealthy", f"{entry['name']}: it is {entry['health'].lower()}.", after_s=3600
                )

    async def _environments(self, subject: Subject) -> list[RawObject]:
        found = []
        for name in subject.spec["environments"]:
            try:
                found.append(await self.api.get(ENVIRONMENT, name, subject.key.namespace))
            except NotFound:
                raise Stalled(
                    "EnvironmentNotFound",
                    f"spec.environments lists {name!r}, and project {subject.key.namespace} has no "
                    "such environment.",
                ) from None
        return sorted(found, key=by_order)

    async def _is_local(self, environment: RawObject) -> bool:
        cluster = await self.api.get(CLUSTER, environment["spec"]["cluster"])
        return bool(cluster["spec"]["type"] == "local")

    async def _of_workload(self, subject: Subject, resource: Resource) -> list[RawObject]:
        fields = OF_WORKLOAD.format(subject.key.name)
        return (await self.api.list(resource, subject.key.namespace, fields=fields)).items

    async def _applications(self, project: str, workload: str, stage: str) -> list[RawObject]:
        found = []
        for infra in (False, True):
            name = application_name(project, workload, stage, infra=infra)
            try:
                found.append(await self.api.get(APPLICATION, name, ARGOCD_NAMESPACE))
            except NotFound:
                continue
        return found


def describe(
    stage: str,
    promotions: Sequence[RawObject],
    apps: Sequence[RawObject],
    commits: dict[str, str],
) -> RawObject:
    """One environment's entry in the status. `promotions` are the newest first. Pure."""
    entry: RawObject = {"name": stage}
    succeeded = [found for found in promotions if phase_of(found) == SUCCEEDED]
    arrived = max(succeeded, key=commit_order, default=None)
    if arrived is not None:
        release = arrived["spec"]["release"]
        entry["release"] = release
        if release in commits:
            entry["commit"] = commits[release]
    if apps:
        entry["health"] = max((_health(app) for app in apps), key=_SICKEST_LAST.index)
        if entry["health"] == "Progressing" and any(_keeps_failing(app) for app in apps):
            entry["health"] = "Degraded"
        statuses = [_sync(app) for app in apps]
        entry["sync"] = next((word for word in statuses if word != "Synced"), "Synced")
    if promotions:
        newest = promotions[0]
        entry["promotion"] = newest["metadata"]["name"]
        entry["phase"] = phase_of(newest)
        if phase_of(newest) not in (SUCCEEDED, SUPERSEDED):
            entry["message"] = (newest.get("status") or {}).get("message") or phase_of(newest)
    if "message" not in entry and (trouble := _trouble(apps)):
        entry["message"] = trouble
    if drift := _last_drift(apps):
        entry["drift"] = drift
    return entry


def _health(app: RawObject) -> str:
    word: str = ((app.get("status") or {}).get("health") or {}).get("status", "Unknown")
    return word if word in _SICKEST_LAST else "Unknown"


def _keeps_failing(app: RawObject) -> bool:
    """A Deployment calls it progress for as long as it tries, and goes on with what ran before.

    Somebody must look all the same, now and not when its deadline has passed.
    """
    return any(
        (part.get("health") or {}).get("status") == "Degraded"
        for part in (app.get("status") or {}).get("tree") or ()
        if part["kind"] == "Pod" and not part.get("leaving")
    )


def keep_since(entry: RawObject, before: RawObject) -> None:
    """Since when that release has been as well, or as unwell, there as it is now."""
    if "health" not in entry:
        return
    same = all(entry.get(name) == before.get(name) for name in ("health", "release"))
    entry["healthSince"] = (before.get("healthSince") if same else None) or now()


def _sync(app: RawObject) -> str:
    word: str = ((app.get("status") or {}).get("sync") or {}).get("status", "Unknown")
    return word


def _trouble(apps: Sequence[RawObject]) -> str:
    """What an Application complains of, or why its sickest part is not well."""
    for app in apps:
        for condition in (app.get("status") or {}).get("conditions") or ():
            return str(condition["message"])
    for app in apps:
        if _health(app) in ("Healthy", "Suspended"):
            continue
        if sentence := sickest_part(app.get("status") or {}):
            return sentence
    return ""


def _last_drift(apps: Sequence[RawObject]) -> RawObject | None:
    """The newest change made past Git."""
    drifts = [drift for app in apps for drift in (app.get("status") or {}).get("drift") or ()]
    if not drifts:
        return None
    newest = sorted(drifts, key=lambda drift: str(drift["at"]))[-1]
    return {
        "resource": f"{newest['kind']} {newest['name']}",
        "kind": newest["kind"],
        "name": newest["name"],
        "values": list(newest.get("values") or ()),
        "change": newest["change"],
        "fields": list(newest["fields"]),
        "by": newest["by"],
        "at": newest["at"],
        "healed": newest["healed"],
    }


def _reason(entry: RawObject) -> str:
    return "PromotionFailed" if entry.get("phase") == FAILED else "InProgress"


def overall(stages: Sequence[RawObject]) -> str:
    """Of the sickest stage that something runs in, or cannot; Progressing before anything does."""
    words = [
        entry.get("health", "Unknown")
        for entry in stages
        if entry.get("release") or entry.get("health") == "Degraded"
    ]
    return max(words, key=_SICKEST_LAST.index, default="Progressing")


def summary(stages: Sequence[RawObject]) -> str:
    """`staging: order-service-1234abcd Healthy, production: -`."""
    return ", ".join(
        f"{entry['name']}: {entry['release']} {entry.get('health', 'Unknown')}"
        if entry.get("release")
        else f"{entry['name']}: -"
        for entry in stages
    )
