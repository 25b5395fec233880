"""A CompositeResourceDefinition makes a CRD and, once that is served, a controller.

Steps: establish (apply the CRD), offer (start the controller of its composites). On deletion:
composites must be gone before their kind goes; the CRD then goes with its owner.
"""

from collections.abc import Callable

from towpath.capabilities.infrastructure.compositions.crd import composite_crd
from towpath.capabilities.infrastructure.compositions.kinds import DEFINITION
from towpath.client.protocols import Client
from towpath.machinery.conditions import is_true
from towpath.machinery.core_kinds import CUSTOM_RESOURCE_DEFINITION
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.runtime.controller import Controller, Reconcile
from towpath.runtime.dynamic import DynamicControllers
from towpath.runtime.outcomes import Stalled, Waiting
from towpath.runtime.steps import Subject, stepwise

MANAGER = "apiextensions.crossplane.io/composite-definition"
FINALIZER = "defined.apiextensions.crossplane.io"


def composite_resource(definition: RawObject) -> Resource:
    """The referenceable version of the kind that a definition defines."""
    spec = definition["spec"]
    version = next(v["name"] for v in spec["versions"] if v["referenceable"])
    names = spec["names"]
    namespaced = spec.get("scope", "Namespaced") == "Namespaced"
    return Resource(spec["group"], version, names["kind"], names["plural"], namespaced)


def reconcile_definitions(
    api: Client,
    running: DynamicControllers,
    controller_for: Callable[[RawObject], Controller],
) -> Reconcile:
    async def check(subject: Subject) -> None:
        spec = subject.spec
        expected = f"{spec['names']['plural']}.{spec['group']}"
        if subject.key.name != expected:
            raise Stalled(
                "InvalidName",
                f"metadata.name is {subject.key.name!r}, but a definition is named "
                f"<plural>.<group>; name it {expected!r}.",
            )
        if sum(version["referenceable"] for version in spec["versions"]) != 1:
            raise Stalled(
                "InvalidVersions", "Exactly one of spec.versions must have referenceable: true."
            )

    async def establish(subject: Subject) -> None:
        crd = composite_crd(subject.obj)
        applied = await api.apply(CUSTOM_RESOURCE_DEFINITION, crd, manager=MANAGER, force=True)
        if not is_true(applied, "Established"):
            subject.mark("Established", False, "WaitingForKind", "The kind is being registered.")
            raise Waiting("WaitingForKind", "The kind is being registered.", after_s=0.1)
        subject.mark("Established", True, "WatchingCompositeResource")

    async def offer(subject: Subject) -> None:
        running.start(controller_for(subject.obj))

    async def composites_are_gone(subject: Subject) -> None:
        resource = composite_resource(subject.obj)
        try:
            left = (await api.list(resource)).items
        except NotFound:
            left = []
        for composite in left:
            metadata = composite["metadata"]
            await api.delete(resource, metadata["name"], metadata.get("namespace", ""))
        if left:
            raise Waiting("DeletingComposites", f"{len(left)} composites are left.", after_s=1)
        running.stop(resource.plural)

    return stepwise(
        api,
        DEFINITION,
        [check, establish, offer],
        finalizer=FINALIZER,
        release=[composites_are_gone],
    )
