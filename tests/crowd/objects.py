"""A crowd as API objects, as the controllers leave them: specs, statuses, finalizers and times.

Pure. What delivers is told to keep its hands off, in the words that Argo CD and Crossplane have for
it: Applications carry `skip-reconcile`, composites are `paused`. So nothing is really started, and
everything that is shown is a real object.
"""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.crowd.plan import Project, Release, Service
from tests.crowd.words import CRASHES
from towpath.capabilities.delivery.environments.kinds import (
    ENVIRONMENT,
    ENVIRONMENT_LABEL,
    target_namespace,
)
from towpath.capabilities.delivery.gitops.kinds import (
    CASCADE_FINALIZER,
    SKIP_RECONCILE_ANNOTATION,
)
from towpath.capabilities.delivery.promotions.kinds import (
    FAILED,
    PROMOTION,
    SUCCEEDED,
    WAITING_FOR_APPROVAL,
)
from towpath.capabilities.delivery.promotions.reconcile import FINALIZER as PROMOTION_FINALIZER
from towpath.capabilities.delivery.promotions.reconcile.deliver import application
from towpath.capabilities.delivery.workloads.kinds import (
    RELEASE,
    RELEASE_LABEL,
    WORKLOAD,
    WORKLOAD_LABEL,
    composite_name,
    workload_host,
)
from towpath.capabilities.delivery.workloads.reconcile import FINALIZER as WORKLOAD_FINALIZER
from towpath.capabilities.delivery.workloads.reconcile.observe import describe, overall, summary
from towpath.capabilities.governance.projects.kinds import PROJECT, PROJECT_LABEL
from towpath.capabilities.infrastructure.clusters.kinds import LOCAL
from towpath.capabilities.infrastructure.compositions.kinds import PAUSED_ANNOTATION
from towpath.capabilities.infrastructure.compositions.reconcile.composites import (
    FINALIZER as COMPOSITE_FINALIZER,
)
from towpath.capabilities.infrastructure.offerings.kinds import POSTGRESQL_INSTANCE
from towpath.hooks.approvals import APPROVAL
from towpath.hooks.platform import Addresses
from towpath.machinery.conditions import timestamp
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM

ORDERS = {"dev": 5, "staging": 10, "production": 20}
SICK = {"degraded": "Degraded", "progressing": "Progressing", "missing": "Missing"}


def finer(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def born(obj: RawObject, moment: datetime, *, finalizer: str = "") -> RawObject:
    """With the metadata of something that was created then."""
    metadata = obj["metadata"]
    metadata["creationTimestamp"] = timestamp(moment)
    metadata["generation"] = 1
    if finalizer:
        metadata["finalizers"] = [finalizer]
    return obj


def condition(
    kind: str, status: bool | None, reason: str, message: str, moment: datetime
) -> RawObject:
    return {
        "type": kind,
        "status": {True: "True", False: "False", None: "Unknown"}[status],
        "reason": reason,
        "message": message,
        "lastTransitionTime": timestamp(moment),
        "observedGeneration": 1,
    }


# -- projects --------------------------------------------------------------------------------


def of_project(project: Project, moment: datetime) -> Iterator[RawObject]:
    """The project and its stages; their controllers do the rest at the next start."""
    members = [
        {"kind": "User", "name": project.owner, "role": "owner"},
        {"kind": "Group", "name": project.team, "role": "developer"},
    ]
    if project.is_team_a:
        members.append({"kind": "User", "name": "carol", "role": "viewer"})
    spec = {"displayName": project.name.replace("-", " ").capitalize(), "members": members}
    yield born(PROJECT.object(project.name, spec=spec), moment)
    yield from (born(environment(project, stage), moment) for stage in project.stages)


def environment(project: Project, stage: str) -> RawObject:
    last = stage == "production"
    return ENVIRONMENT.object(
        stage,
        project.name,
        spec={
            "cluster": LOCAL,
            "mode": "manual" if last else "auto",
            "order": ORDERS[stage],
            "approvals": {"required": int(last)},
        },
    )


# -- services --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Made:
    """What one service has; the workload's status is computed from the rest."""

    service: Service
    releases: list[RawObject]
    promotions: list[RawObject]
    applications: list[RawObject]
    others: list[RawObject]


def of_service(service: Service, addresses: Addresses) -> Iterator[RawObject]:
    promotions = list(_promotions(service))
    made = Made(
        service,
        [_release(service, one) for one in service.releases],
        [one for one in promotions if one["kind"] == PROMOTION.kind],
        list(_applications(service)),
        [one for one in promotions if one["kind"] != PROMOTION.kind],
    )
    yield from made.releases
    yield from made.promotions
    yield from made.others
    yield from made.applications
    yield from _databases(service)
    yield _workload(made, addresses)


def _release(service: Service, release: Release) -> RawObject:
    name, project = service.release_name(release), service.project.name
    digest = hashlib.sha256(release.commit.encode()).hexdigest()
    obj = RELEASE.object(
        name,
        project,
        spec={
            "workload": service.name,
            "image": f"registry.towpath.dev/{project}/{service.name}@sha256:{digest}",
            "commit": release.commit,
            "repository": service.name,
            "score": _score(service),
        },
    )
    obj["metadata"]["labels"] = {
        PROJECT_LABEL: project,
        WORKLOAD_LABEL: service.name,
        RELEASE_LABEL: name,
    }
    return born(obj, release.built)


def _score(service: Service) -> RawObject:
    score: RawObject = {
        "apiVersion": "score.dev/v1b1",
        "metadata": {"name": service.name},
        "containers": {"main": {"image": "."}},
        "service": {"ports": {"http": {"port": 80, "targetPort": 8000}}},
    }
    if service.has_database:
        score["resources"] = {"db": {"type": "postgres", "params": {"size": "small"}}}
    return score


def _promotions(service: Service) -> Iterator[RawObject]:
    """Every release to every stage before production, and to production as far as it is."""
    last = len(service.releases) - 1
    for index, release in enumerate(service.releases):
        arrives = release.built + timedelta(minutes=2)
        for stage in service.project.stages:
            arrives += timedelta(minutes=3)
            if stage != "production":
                yield _promotion(service, release, stage, arrives, SUCCEEDED)
            elif index <= service.in_production:
                yield _promotion(service, release, stage, arrives, SUCCEEDED)
                yield _approval(service, release, arrives)
            elif index == last and service.story == "waiting":
                yield _promotion(service, release, stage, arrives, WAITING_FOR_APPROVAL)
            elif index == last and service.story == "failed":
                yield _promotion(service, release, stage, arrives, FAILED)


def _promotion_name(service: Service, stage: str, release: Release) -> str:
    return f"{service.name}-{stage}-{release.short}"


def _promotion(
    service: Service, release: Release, stage: str, moment: datetime, phase: str
) -> RawObject:
    by_hand = stage == "production"
    obj = PROMOTION.object(
        _promotion_name(service, stage, release),
        service.project.name,
        spec={
            "workload": service.name,
            "environment": stage,
            "release": service.release_name(release),
            "reason": service.reason if by_hand else f"{stage} takes new releases by itself.",
            "requestedBy": release.author if by_hand else PLATFORM.name,
        },
        status=_promotion_status(service, release, stage, moment, phase),
    )
    obj["metadata"]["labels"] = {PROJECT_LABEL: service.project.name}
    return born(obj, moment, finalizer=PROMOTION_FINALIZER)


def _promotion_status(
    service: Service, release: Release, stage: str, moment: datetime, phase: str
) -> RawObject:
    name, by_hand = service.release_name(release), stage == "production"
    what = f"{name} to {stage}"
    status: RawObject = {"phase": phase, "startedAt": finer(moment), "observedGeneration": 1}
    marks = [condition("Valid", True, "Valid", "", moment)]
    if phase == WAITING_FOR_APPROVAL:
        promotion = _promotion_name(service, stage, release)
        status["message"] = (
            f"{what} waits for 1 approval by somebody other than {release.author}: "
            f"`towpath approve {promotion}`."
        )
        waiting = condition("Approved", False, phase, "0 of 1 approvals.", moment)
        ready = condition("Ready", None, phase, status["message"], moment)
        return {**status, "conditions": [*marks, waiting, ready]}
    end = moment + timedelta(seconds=9)
    status["committedAt"] = finer(moment + timedelta(seconds=1))
    status["finishedAt"] = finer(end)
    status["commit"] = hashlib.sha1(f"{what}".encode(), usedforsecurity=False).hexdigest()
    marks.append(
        condition("Approved", True, "Approved", "1 of 1 approvals.", moment)
        if by_hand
        else condition("Approved", True, "Approved", "No approval is required.", moment)
    )
    if phase == FAILED:
        crash = CRASHES[len(name) % len(CRASHES)]
        status["message"] = (
            f"{what} failed: Pod {service.name}-0: {crash}. What ran before still runs; see "
            f"`towpath logs {service.name} --env {stage}` and "
            f"`towpath rollback {service.name} --env {stage}`."
        )
        marks.append(condition("Ready", False, "Unhealthy", status["message"], end))
    else:
        status["message"] = f"{what} is synced and healthy."
        marks.append(condition("Synced", True, "Synced", "", end))
        marks.append(condition("Ready", True, "Ready", "The release runs.", end))
    return {**status, "conditions": marks}


def _approval(service: Service, release: Release, moment: datetime) -> RawObject:
    promotion = _promotion_name(service, "production", release)
    user = service.approver if service.approver != release.author else "admin"
    obj = APPROVAL.object(
        f"{promotion}-{user}",
        service.project.name,
        spec={
            "subject": {"kind": "Promotion", "name": promotion},
            "decision": "Approve",
            "user": user,
            "comment": "",
        },
    )
    return born(obj, moment)


def _applications(service: Service) -> Iterator[RawObject]:
    for stage in service.project.stages:
        index = service.in_production if stage == "production" else len(service.releases) - 1
        if index < 0:
            continue
        kinds = (False, True) if service.has_database else (False,)
        for infra in kinds:
            yield _application(service, stage, service.releases[index], infra=infra)


def _application(service: Service, stage: str, release: Release, *, infra: bool) -> RawObject:
    project = service.project
    app = application(project.name, service.name, environment(project, stage), infra=infra)
    app["metadata"]["annotations"] = {SKIP_RECONCILE_ANNOTATION: "true"}
    moment = release.built + timedelta(minutes=10)
    health, message = _health(service, stage)
    if infra:
        health, message = "Healthy", ""
        resources = [_resource("offerings.towpath.dev", POSTGRESQL_INSTANCE.kind, service, stage)]
    else:
        resources = [
            _resource("apps", "Deployment", service, stage, health, message),
            _resource("", "Service", service, stage),
            _resource("networking.k8s.io", "Ingress", service, stage),
        ]
    app["status"] = {
        "sync": {"status": "Synced", "revision": release.commit},
        "health": {"status": health, **({"message": message} if message else {})},
        "resources": resources,
        "reconciledAt": timestamp(moment),
    }
    if service.story == "drifted" and stage == "production" and not infra:
        app["status"]["drift"] = [_drift(service, moment)]
    return born(app, moment, finalizer=CASCADE_FINALIZER)


def _health(service: Service, stage: str) -> tuple[str, str]:
    """Of the stage that its story is about; the others are well."""
    sick_stage = "staging" if service.story == "progressing" else "production"
    if service.story not in SICK or stage != sick_stage:
        return "Healthy", ""
    said = {
        "degraded": CRASHES[len(service.name) % len(CRASHES)],
        "progressing": "1 of 3 replicas are ready",
        "missing": "it is not there",
    }
    return SICK[service.story], said[service.story]


def _resource(
    group: str,
    kind: str,
    service: Service,
    stage: str,
    health: str = "Healthy",
    message: str = "",
) -> RawObject:
    return {
        "group": group,
        "version": "v1",
        "kind": kind,
        "namespace": target_namespace(service.project.name, stage),
        "name": service.name,
        "status": "Synced",
        "health": {"status": health, **({"message": message} if message else {})},
    }


def _drift(service: Service, moment: datetime) -> RawObject:
    return {
        "group": "apps",
        "kind": "Deployment",
        "namespace": target_namespace(service.project.name, "production"),
        "name": service.name,
        "change": "Modified",
        "fields": ["spec.replicas"],
        "by": service.approver,
        "at": timestamp(moment),
        "healed": True,
    }


def _databases(service: Service) -> Iterator[RawObject]:
    if not service.has_database or not service.releases:
        return
    moment = service.releases[0].built
    for stage in service.project.stages:
        if stage == "production" and service.in_production < 0:
            continue
        name = composite_name(service.name, stage, "db")
        obj = POSTGRESQL_INSTANCE.object(
            name,
            service.project.name,
            spec={"size": "small", "deletionPolicy": "Delete"},
            status={
                "database": name,
                "observedGeneration": 1,
                "conditions": [
                    condition("Synced", True, "ReconcileSuccess", "", moment),
                    condition("Ready", True, "Available", "", moment),
                ],
            },
        )
        obj["metadata"]["annotations"] = {PAUSED_ANNOTATION: "true"}
        obj["metadata"]["labels"] = {
            "app.kubernetes.io/managed-by": "towpath",
            PROJECT_LABEL: service.project.name,
            WORKLOAD_LABEL: service.name,
            ENVIRONMENT_LABEL: stage,
        }
        yield born(obj, moment, finalizer=COMPOSITE_FINALIZER)


# -- the workload ----------------------------------------------------------------------------


def _workload(made: Made, addresses: Addresses) -> RawObject:
    service, project = made.service, made.service.project
    obj = WORKLOAD.object(
        service.name,
        project.name,
        spec={
            "repository": service.name,
            "environments": list(project.stages),
            **({"owner": service.owner} if service.owner else {}),
            **({"description": service.description} if service.description else {}),
        },
    )
    obj["metadata"]["labels"] = {PROJECT_LABEL: project.name}
    born(obj, service.born, finalizer=WORKLOAD_FINALIZER)
    obj["status"] = _workload_status(made, addresses)
    return obj


def _workload_status(made: Made, addresses: Addresses) -> RawObject:
    """As `observe` would write it."""
    service = made.service
    commits = {one["metadata"]["name"]: one["spec"]["commit"] for one in made.releases}
    stages = []
    for stage in service.project.stages:
        here = [one for one in made.promotions if one["spec"]["environment"] == stage]
        apps = [one for one in made.applications if _is_in(one, stage)]
        entry = describe(stage, here[::-1], apps, commits)
        if entry.get("release"):
            host = workload_host(service.project.name, service.name, stage)
            entry["url"] = addresses.service(host)
        stages.append(entry)
    status: RawObject = {
        "environments": stages,
        "summary": summary(stages),
        "health": overall(stages),
        "observedGeneration": 1,
    }
    if service.releases:
        status["latestRelease"] = service.release_name(service.releases[-1])
    if urls := [entry["url"] for entry in stages if "url" in entry]:
        status["url"] = urls[-1]
    moment = service.releases[-1].built if service.releases else service.born
    status["conditions"] = [_ready(service, stages, moment)]
    return status


def _is_in(app: RawObject, stage: str) -> bool:
    return bool(app["metadata"]["labels"][ENVIRONMENT_LABEL] == stage)


def _ready(service: Service, stages: list[RawObject], moment: datetime) -> RawObject:
    """As `judge` would."""
    if not service.releases:
        message = (
            "It waits for its first release; the pipeline of "
            f"{service.project.name}/{service.name} makes one at a push."
        )
        return condition("Ready", None, "NoRelease", message, moment)
    for entry in stages:
        said = entry.get("message")
        if said and entry.get("phase") != WAITING_FOR_APPROVAL:
            reason = "PromotionFailed" if entry.get("phase") == FAILED else "InProgress"
            return condition("Ready", None, reason, f"{entry['name']}: {said}", moment)
    well = "It runs and is healthy wherever it was promoted to."
    return condition("Ready", True, "Ready", well, moment)


def identity(chance: random.Random, obj: RawObject) -> None:
    """The uid that a seed gives an object."""
    number = chance.getrandbits(128)
    text = f"{number:032x}"
    obj["metadata"]["uid"] = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
