"""The steps of a promotion, in order: validate, supersede, approve, commit, deliver, observe."""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT, ENVIRONMENT_LABEL
from towpath.capabilities.delivery.gitops.kinds import APPLICATION, ARGOCD_NAMESPACE
from towpath.capabilities.delivery.promotions.kinds import (
    PENDING,
    PROMOTION,
    is_finished,
)
from towpath.capabilities.delivery.promotions.reconcile.approve import Approve
from towpath.capabilities.delivery.promotions.reconcile.chronicle import Chronicle
from towpath.capabilities.delivery.promotions.reconcile.commit import CommitManifests
from towpath.capabilities.delivery.promotions.reconcile.deliver import Deliver
from towpath.capabilities.delivery.promotions.reconcile.observe import Observe
from towpath.capabilities.delivery.promotions.reconcile.outcome import moment
from towpath.capabilities.delivery.promotions.reconcile.retention import Retention
from towpath.capabilities.delivery.promotions.reconcile.supersede import Supersede
from towpath.capabilities.delivery.promotions.reconcile.validate import Validate
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD, WORKLOAD_LABEL
from towpath.capabilities.governance.projects.kinds import PROJECT_LABEL
from towpath.client.protocols import Client
from towpath.hooks.approvals import APPROVAL, Approvals, asks_for
from towpath.hooks.platform import Platform
from towpath.hooks.showing import get_if_there
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import Key, RawObject, is_deleting, key_of, labels_of
from towpath.runtime.controller import Controller
from towpath.runtime.events import EventRecorder
from towpath.runtime.informer import Informer
from towpath.runtime.sources import Running, SpecWatch, Watch
from towpath.runtime.steps import Subject, stepwise

Reconcile = Callable[[Key], Awaitable[float | None]]

FINALIZER = "towpath.dev/promotions"


def controllers(platform: Platform) -> Sequence[Controller]:
    informer = Informer(platform.api, PROMOTION)
    unfinished = Unfinished(informer)
    events = EventRecorder(platform.api, "promotions")
    chronicle = Chronicle(platform.logs)
    approvals = Approvals(platform.api, platform.authorize, platform.people)
    retention = Retention(platform.api, approvals)
    steps = stepwise(
        platform.api,
        PROMOTION,
        [
            begin,
            Validate(platform.api),
            Supersede(platform.api),
            Approve(platform.api, approvals),
            CommitManifests(platform.api, platform.clusters, platform.git, chronicle),
            Deliver(platform.api),
            Observe(platform.api, platform.git, platform.clusters, events, chronicle),
        ],
        # Whoever sees it gone knows that no step of it is under way.
        finalizer=FINALIZER,
        release=[retention.drop_approvals, chronicle.forget],
        ready_message="The release runs.",
    )
    return (
        Controller(
            name="promotions",
            reconcile=until_finished(platform.api, steps, chronicle, retention),
            sources=(
                Running(informer, unfinished.of_promotion),
                Watch(platform.api, APPROVAL, asks_for(PROMOTION.kind)),
                Watch(
                    platform.api,
                    APPLICATION,
                    unfinished.of_application,
                    namespace=ARGOCD_NAMESPACE,
                ),
                Watch(platform.api, ENVIRONMENT, unfinished.of_environment),
                SpecWatch(platform.api, WORKLOAD, unfinished.of_workload),
            ),
        ),
    )


def until_finished(
    api: Client, steps: Reconcile, chronicle: Chronicle, retention: Retention
) -> Reconcile:
    """What has succeeded, failed or been superseded stays so, whatever happens afterwards."""

    async def reconcile(key: Key) -> float | None:
        try:
            promotion = await api.get(PROMOTION, key.name, key.namespace)
        except NotFound:
            return None
        if is_finished(promotion) and not is_deleting(promotion):
            return None
        again_s = await steps(key)
        after = await get_if_there(api, PROMOTION, key.name, key.namespace)
        if after is not None and not is_deleting(after):
            chronicle.compare(promotion, after)
            if is_finished(after):
                await retention.after(after)
        return again_s

    return reconcile


async def begin(subject: Subject) -> None:
    subject.status.setdefault("phase", PENDING)
    subject.status.setdefault("startedAt", moment())


class Unfinished:
    """The unfinished promotions that something concerns; most have finished long ago."""

    def __init__(self, informer: Informer) -> None:
        self._informer = informer
        self._by_workload: dict[Key, dict[Key, str]] = {}
        """By the workload's key, each with its environment."""

    def of_promotion(self, promotion: RawObject) -> Iterable[Key]:
        """Itself, and those of the same workload: one may supersede, or be waited for."""
        key, spec = key_of(promotion), promotion["spec"]
        workload = Key(key.namespace, spec["workload"])
        unfinished = self._by_workload.setdefault(workload, {})
        if is_finished(promotion) or self._informer.get(key) is None:
            unfinished.pop(key, None)
        else:
            unfinished[key] = spec["environment"]
        found = list(unfinished)
        if not unfinished:
            del self._by_workload[workload]
        return [key, *found] if is_deleting(promotion) else found

    def of_workload(self, workload: RawObject) -> Iterable[Key]:
        return list(self._by_workload.get(key_of(workload), ()))

    def of_environment(self, environment: RawObject) -> Iterable[Key]:
        project, name = environment["metadata"]["namespace"], environment["metadata"]["name"]
        return [
            key
            for workload, unfinished in self._by_workload.items()
            if workload.namespace == project
            for key, there in unfinished.items()
            if there == name
        ]

    def of_application(self, application: RawObject) -> Iterable[Key]:
        labels = labels_of(application)
        workload = Key(labels.get(PROJECT_LABEL, ""), labels.get(WORKLOAD_LABEL, ""))
        environment = labels.get(ENVIRONMENT_LABEL, "")
        return [
            key
            for key, there in self._by_workload.get(workload, {}).items()
            if there == environment
        ]
