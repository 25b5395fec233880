"""The steps of a workload: look at its environments, send the newest release on its way."""

from collections.abc import Iterable, Sequence

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.gitops.kinds import APPLICATION, ARGOCD_NAMESPACE
from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import RELEASE, WORKLOAD, WORKLOAD_LABEL
from towpath.capabilities.delivery.workloads.reconcile.advance import Advance
from towpath.capabilities.delivery.workloads.reconcile.observe import Observe
from towpath.capabilities.delivery.workloads.reconcile.remove import Remove
from towpath.capabilities.delivery.workloads.reconcile.sync import SyncAsked
from towpath.capabilities.governance.projects.kinds import PROJECT_LABEL
from towpath.hooks.platform import Platform
from towpath.machinery.objects import Key, RawObject, key_of, labels_of
from towpath.runtime.controller import Controller
from towpath.runtime.informer import Informer
from towpath.runtime.sources import Running, SpecWatch, Watch
from towpath.runtime.steps import stepwise

FINALIZER = "towpath.dev/workloads"


def controllers(platform: Platform) -> Sequence[Controller]:
    informer = Informer(platform.api, WORKLOAD)
    observe = Observe(platform.api, platform.addresses)
    remove = Remove(platform.api, platform.git)

    def of_environment(environment: RawObject) -> Iterable[Key]:
        metadata = environment["metadata"]
        return [
            key_of(workload)
            for workload in informer.list(metadata["namespace"])
            if metadata["name"] in workload["spec"]["environments"]
        ]

    return (
        Controller(
            name="workloads",
            reconcile=stepwise(
                platform.api,
                WORKLOAD,
                [
                    SyncAsked(platform.api),
                    observe.look,
                    Advance(platform.api),
                    observe.judge,
                ],
                finalizer=FINALIZER,
                release=[
                    remove.stop_pipelines,
                    remove.stop_promotions,
                    remove.remove_workloads,
                    remove.remove_infrastructure,
                    remove.forget_in_git,
                    remove.archive_repository,
                    remove.drop_objects,
                ],
                ready_message="It runs and is healthy wherever it was promoted to.",
            ),
            sources=(
                Running(informer),
                Watch(platform.api, RELEASE, workload_of),
                Watch(platform.api, PROMOTION, workload_of),
                Watch(platform.api, APPLICATION, labelled_workload, namespace=ARGOCD_NAMESPACE),
                SpecWatch(platform.api, ENVIRONMENT, of_environment),
            ),
        ),
    )


def workload_of(obj: RawObject) -> Iterable[Key]:
    """Of a release or a promotion."""
    return (Key(obj["metadata"]["namespace"], obj["spec"]["workload"]),)


def labelled_workload(application: RawObject) -> Iterable[Key]:
    labels = labels_of(application)
    if PROJECT_LABEL in labels and WORKLOAD_LABEL in labels:
        return (Key(labels[PROJECT_LABEL], labels[WORKLOAD_LABEL]),)
    return ()
