"""May this release go there at all? What a person must correct is said at once, and is final."""

from dataclasses import dataclass

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.promotions.kinds import (
    PENDING,
    PROMOTION,
    SUCCEEDED,
    is_finished,
    phase_of,
)
from towpath.capabilities.delivery.promotions.reconcile.outcome import fail, wait
from towpath.capabilities.delivery.workloads.kinds import OF_WORKLOAD, RELEASE, WORKLOAD
from towpath.client.protocols import Client
from towpath.machinery.conditions import get_condition
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject, is_deleting
from towpath.runtime.steps import Subject


@dataclass(frozen=True, slots=True)
class Validate:
    api: Client

    async def __call__(self, subject: Subject) -> None:
        if subject.status.get("commit"):
            return  # what is in Git has been checked
        await self._workload(subject)
        await self._release(subject)
        environment = await self._environment(subject)
        await self._gates(subject, environment)
        subject.mark("Valid", True, "Valid")

    async def _workload(self, subject: Subject) -> None:
        name, environment = subject.spec["workload"], subject.spec["environment"]
        try:
            workload = await self.api.get(WORKLOAD, name, subject.key.namespace)
        except NotFound:
            fail(subject, "WorkloadNotFound", f"There is no workload {name} in this project.")
        if is_deleting(workload):
            fail(subject, "WorkloadDeleting", f"Workload {name} is being deleted.")
        listed: list[str] = workload["spec"]["environments"]
        if environment not in listed:
            fail(
                subject,
                "EnvironmentNotListed",
                f"Workload {name} does not go to {environment}; its spec.environments are "
                f"{', '.join(listed)}.",
            )

    async def _release(self, subject: Subject) -> None:
        name = subject.spec["release"]
        try:
            release = await self.api.get(RELEASE, name, subject.key.namespace)
        except NotFound:
            fail(
                subject,
                "ReleaseNotFound",
                f"There is no release {name}; `towpath show {subject.spec['workload']}` lists "
                "those that there are.",
            )
        owner = release["spec"]["workload"]
        if owner != subject.spec["workload"]:
            fail(
                subject,
                "ReleaseOfAnother",
                f"Release {name} is a build of workload {owner}; promote one of "
                f"{subject.spec['workload']}: `towpath releases {subject.spec['workload']}` lists "
                "them.",
            )

    async def _environment(self, subject: Subject) -> RawObject:
        name = subject.spec["environment"]
        try:
            environment = await self.api.get(ENVIRONMENT, name, subject.key.namespace)
        except NotFound:
            fail(subject, "EnvironmentNotFound", f"There is no environment {name}.")
        ready = get_condition(environment, "Ready")
        if ready is None or ready["status"] != "True":
            why = f": {ready['message']}" if ready and ready.get("message") else "."
            wait(
                subject,
                PENDING,
                "EnvironmentNotReady",
                f"Environment {name} is not ready{why}",
                after_s=30,
            )
        return environment

    async def _gates(self, subject: Subject, environment: RawObject) -> None:
        required: list[str] = (environment["spec"].get("gates") or {}).get("after") or []
        if not required:
            return
        fields = OF_WORKLOAD.format(subject.spec["workload"])
        found = (await self.api.list(PROMOTION, subject.key.namespace, fields=fields)).items
        for stage in required:
            passed = [
                promotion
                for promotion in found
                if promotion["spec"]["release"] == subject.spec["release"]
                and promotion["spec"]["environment"] == stage
            ]
            if any(phase_of(promotion) == SUCCEEDED for promotion in passed):
                continue
            message = f"Release {subject.spec['release']} must succeed in {stage} first."
            if any(not is_finished(promotion) for promotion in passed):
                wait(subject, PENDING, "GateNotPassed", message, after_s=60)
            fail(subject, "GateNotPassed", message)
