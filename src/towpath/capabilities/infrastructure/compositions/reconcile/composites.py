"""A composite resource becomes the objects that its Composition's pipeline asks for.

Steps: choose the composition, observe what was composed, run the pipeline, remember the names
(before anything is made, so that nothing is ever lost), apply, collect what is no longer wanted,
and say whether it is ready. On deletion the composed resources go first.
"""

import asyncio
import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from towpath.capabilities.infrastructure.compositions.functions import BUILT_IN
from towpath.capabilities.infrastructure.compositions.functions.contract import (
    Desired,
    Function,
    FunctionError,
    Observed,
    Request,
    State,
)
from towpath.capabilities.infrastructure.compositions.kinds import (
    COMPOSITE_LABEL,
    COMPOSITION,
    PAUSED_ANNOTATION,
    RESOURCE_NAME,
)
from towpath.capabilities.infrastructure.compositions.reconcile.definitions import (
    composite_resource,
)
from towpath.client.protocols import Client
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.errors import NotFound, StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import (
    Key,
    RawObject,
    annotations_of,
    is_deleting,
    key_of,
    owner_reference,
)
from towpath.runtime.controller import Controller, Reconcile
from towpath.runtime.dynamic import DynamicWatches
from towpath.runtime.events import EventRecorder
from towpath.runtime.informer import Informer
from towpath.runtime.outcomes import Stalled, Waiting
from towpath.runtime.sources import Enqueue, owner_keys
from towpath.runtime.steps import Subject, stepwise

FINALIZER = "composite.apiextensions.crossplane.io"
MANAGER = "apiextensions.crossplane.io/composite"
UNREADY_AFTER_S = 30.0


class Composer:
    """Makes the controller of each kind of composite."""

    def __init__(self, api: Client) -> None:
        self._api = api

    def controller_for(self, definition: RawObject) -> Controller:
        resource = composite_resource(definition)
        composed = DynamicWatches(self._api, owner_keys(resource))
        composer = _KindComposer(self._api, BUILT_IN, definition, resource, composed.ensure)
        return Controller(
            resource.plural,
            composer.reconcile(),
            [_CompositesAndCompositions(self._api, resource), composed],
        )


@dataclass(frozen=True, slots=True)
class _CompositesAndCompositions:
    """Keys of composites: their own changes, and all of them when a Composition changes."""

    api: Client
    resource: Resource

    async def run(self, enqueue: Enqueue) -> None:
        composites = Informer(self.api, self.resource)
        compositions = Informer(self.api, COMPOSITION)
        composites.subscribe(lambda composite: enqueue(key_of(composite)))

        def enqueue_all(composition: RawObject) -> None:
            if composition["spec"]["compositeTypeRef"]["kind"] == self.resource.kind:
                for composite in composites.list():
                    enqueue(key_of(composite))

        compositions.subscribe(enqueue_all)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(composites.run())
            tasks.create_task(compositions.run())


@dataclass(frozen=True, slots=True)
class _KindComposer:
    api: Client
    functions: Mapping[str, Function]
    definition: RawObject
    resource: Resource
    watch: Callable[[Resource], None]

    def reconcile(self) -> Reconcile:
        async def compose(subject: Subject) -> None:
            await _Composition(self, subject).run()

        async def release(subject: Subject) -> None:
            await _release(self, subject)

        steps = stepwise(
            self.api,
            self.resource,
            [compose],
            finalizer=FINALIZER,
            release=[release],
            ready_reason="Available",
        )

        async def unless_paused(key: Key) -> float | None:
            try:
                composite = await self.api.get(self.resource, key.name, key.namespace)
            except NotFound:
                return None
            if annotations_of(composite).get(PAUSED_ANNOTATION) == "true":
                return None
            return await steps(key)

        return unless_paused


class _Composition:
    """One pass over one composite."""

    def __init__(self, kind: _KindComposer, subject: Subject) -> None:
        self._api = kind.api
        self._kind = kind
        self._subject = subject
        self._events = EventRecorder(kind.api, "compositions")

    async def run(self) -> None:
        subject = self._subject
        try:
            composition = await self._choose()
            observed = await self._observe()
            state = self._run_pipeline(composition, observed)
        except FunctionError as error:
            subject.mark("Synced", False, "ReconcileError", str(error))
            raise Stalled("ReconcileError", str(error)) from error
        wanted = {name: self._complete(name, desired) for name, desired in state.resources.items()}
        await self._remember(composition, wanted)
        await self._apply(wanted, observed)
        await self._collect(wanted, observed)
        subject.status.update(state.composite_status)
        self._report(state)

    async def _choose(self) -> RawObject:
        """The Composition, by reference, by the definition's rule, by labels, or the only one."""
        chosen = self._subject.spec.get("crossplane") or {}
        definition = self._kind.definition["spec"]
        reference = (
            definition.get("enforcedCompositionRef")
            or chosen.get("compositionRef")
            or (
                None if "compositionSelector" in chosen else definition.get("defaultCompositionRef")
            )
        )
        if reference:
            return await self._named(reference["name"])
        selector = (chosen.get("compositionSelector") or {}).get("matchLabels") or {}
        labels = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
        found = await self._api.list(COMPOSITION, labels=labels)
        fitting = [one for one in found.items if self._composes(one)]
        if not fitting:
            raise Waiting(
                "NoComposition",
                f"No Composition composes {self._kind.resource.kind}"
                + (f" with labels {labels}." if labels else "; create one."),
                after_s=10,
            )
        return min(fitting, key=lambda one: str(one["metadata"]["name"]))

    async def _named(self, name: str) -> RawObject:
        try:
            composition = await self._api.get(COMPOSITION, name)
        except NotFound:
            raise Waiting(
                "NoComposition", f"Composition {name!r} does not exist; create it.", after_s=10
            ) from None
        if not self._composes(composition):
            reference = composition["spec"]["compositeTypeRef"]
            raise Stalled(
                "IncompatibleComposition",
                f"Composition {name!r} composes {reference['kind']}.{reference['apiVersion']}, "
                f"not {self._kind.resource.kind}.{self._kind.resource.api_version}.",
            )
        return composition

    def _composes(self, composition: RawObject) -> bool:
        reference = composition["spec"]["compositeTypeRef"]
        resource = self._kind.resource
        return bool(
            reference["kind"] == resource.kind and reference["apiVersion"] == resource.api_version
        )

    async def _observe(self) -> dict[str, Observed]:
        """What has been composed before, by the name its Composition knows it by."""
        observed: dict[str, Observed] = {}
        for reference in _references(self._subject.obj):
            found = await _get(self._kind, self._subject, reference)
            if found is None or not _is_ours(found, self._subject.uid):
                continue
            name = annotations_of(found).get(RESOURCE_NAME)
            if name:
                observed[name] = Observed(found, await self._connection(found))
        return observed

    async def _connection(self, composed: RawObject) -> dict[str, bytes]:
        reference = (composed.get("spec") or {}).get("writeConnectionSecretToRef")
        if not reference:
            return {}
        namespace = reference.get("namespace") or composed["metadata"].get("namespace", "")
        try:
            secret = await self._api.get(SECRET, reference["name"], namespace)
        except NotFound:
            return {}
        data = secret.get("data") or {}
        return {key: base64.b64decode(value) for key, value in data.items()}

    def _run_pipeline(self, composition: RawObject, observed: dict[str, Observed]) -> State:
        state = State()
        for step in composition["spec"].get("pipeline") or ():
            name = step["functionRef"]["name"]
            function = self._kind.functions.get(name)
            if function is None:
                raise FunctionError(
                    f"pipeline step {step['step']!r} uses the function {name!r}, which is not "
                    f"built in; built in are {', '.join(sorted(self._kind.functions))}"
                )
            request = Request(self._subject.obj, observed, step.get("input") or {})
            try:
                state = function(request, state)
            except FunctionError as error:
                raise FunctionError(f"pipeline step {step['step']!r}: {error}") from error
        return state

    def _complete(self, name: str, desired: Desired) -> RawObject:
        """The composed resource with its name, its owner and the marks by which it is known."""
        obj, composite = desired.resource, self._subject.obj
        metadata = obj.setdefault("metadata", {})
        namespace = composite["metadata"].get("namespace", "")
        if namespace:
            metadata["namespace"] = namespace
        if not metadata.get("name"):
            digest = hashlib.sha256(f"{self._subject.uid}/{name}".encode()).hexdigest()[:12]
            metadata["name"] = f"{composite['metadata']['name'][:50]}-{digest}"
        metadata.setdefault("annotations", {})[RESOURCE_NAME] = name
        metadata.setdefault("labels", {})[COMPOSITE_LABEL] = composite["metadata"]["name"]
        metadata["ownerReferences"] = [owner_reference(composite)]
        return obj

    async def _remember(self, composition: RawObject, wanted: dict[str, RawObject]) -> None:
        """Write down what will be made before it is made."""
        references = [
            {"apiVersion": o["apiVersion"], "kind": o["kind"], "name": o["metadata"]["name"]}
            for o in wanted.values()
        ]
        references.sort(key=lambda r: (r["apiVersion"], r["kind"], r["name"]))
        known = _references(self._subject.obj)
        kept = [reference for reference in known if reference not in references]
        chosen = {"compositionRef": {"name": composition["metadata"]["name"]}}
        current = self._subject.spec.get("crossplane") or {}
        if {**current, **chosen} == current and all(r in known for r in references):
            return
        await self._write_machinery({**chosen, "resourceRefs": references + kept})

    async def _write_machinery(self, fields: RawObject) -> None:
        key = self._subject.key
        patch = {"spec": {"crossplane": fields}}
        written = await self._api.patch(self._kind.resource, key.name, key.namespace, patch)
        self._subject.adopt(written)

    async def _apply(self, wanted: dict[str, RawObject], observed: dict[str, Observed]) -> None:
        for name, obj in wanted.items():
            resource = await self._api.resolve(obj["apiVersion"], obj["kind"])
            self._kind.watch(resource)
            await self._refuse_foreign(resource, obj, name)
            manager = f"{MANAGER}/composed"
            try:
                await self._api.apply(resource, obj, manager=manager, force=True)
            except StatusError as error:
                sentence = f"{obj['kind']} {name!r} cannot be applied: {error.message}"
                self._subject.mark("Synced", False, "ReconcileError", sentence)
                raise
            if name not in observed:
                made = f"Composed {obj['kind']} {obj['metadata']['name']}."
                await self._events.normal(self._subject.obj, "ComposedResource", made)
        self._subject.mark("Synced", True, "ReconcileSuccess")

    async def _refuse_foreign(self, resource: Resource, obj: RawObject, name: str) -> None:
        """A name that belongs to somebody else is never taken over."""
        metadata = obj["metadata"]
        try:
            found = await self._api.get(resource, metadata["name"], metadata.get("namespace", ""))
        except NotFound:
            return
        if not _is_ours(found, self._subject.uid):
            raise Stalled(
                "NameTaken",
                f"{obj['kind']} {metadata['name']!r} ({name}) exists and is not part of this "
                "composite; rename it or delete it.",
            )

    async def _collect(self, wanted: dict[str, RawObject], observed: dict[str, Observed]) -> None:
        """Delete what the pipeline no longer asks for, then forget it."""
        unwanted = {name: one for name, one in observed.items() if name not in wanted}
        for one in unwanted.values():
            await _delete(self._kind, one.resource)
        names = {o["metadata"]["name"] for o in wanted.values()}
        references = [r for r in _references(self._subject.obj) if r["name"] in names]
        if references != _references(self._subject.obj) and not unwanted:
            await self._write_machinery({"resourceRefs": references})

    def _report(self, state: State) -> None:
        unready = sorted(name for name, one in state.resources.items() if not one.ready)
        if state.warnings:
            self._subject.mark("Synced", True, "ReconcileSuccess", "; ".join(state.warnings))
        if unready:
            raise Waiting(
                "Creating",
                f"Unready resources: {', '.join(unready)}.",
                after_s=UNREADY_AFTER_S,
            )


def _references(composite: RawObject) -> list[RawObject]:
    machinery = (composite.get("spec") or {}).get("crossplane") or {}
    references: list[RawObject] = machinery.get("resourceRefs") or []
    return references


async def _get(kind: _KindComposer, subject: Subject, reference: RawObject) -> RawObject | None:
    try:
        resource = await kind.api.resolve(reference["apiVersion"], reference["kind"])
        kind.watch(resource)
        namespace = reference.get("namespace") or subject.key.namespace
        return await kind.api.get(resource, reference["name"], namespace)
    except NotFound:
        return None


def _is_ours(composed: RawObject, composite_uid: str) -> bool:
    owners = composed["metadata"].get("ownerReferences") or ()
    return any(owner["uid"] == composite_uid for owner in owners)


async def _delete(kind: _KindComposer, composed: RawObject) -> None:
    metadata = composed["metadata"]
    resource = await kind.api.resolve(composed["apiVersion"], composed["kind"])
    try:
        await kind.api.delete(
            resource, metadata["name"], metadata.get("namespace", ""), uid=metadata["uid"]
        )
    except NotFound:
        return


async def _release(kind: _KindComposer, subject: Subject) -> None:
    """Delete the composed resources and wait until what they stood for is gone too."""
    left = []
    for reference in _references(subject.obj):
        composed = await _get(kind, subject, reference)
        if composed is None or not _is_ours(composed, subject.uid):
            continue
        if not is_deleting(composed):
            await _delete(kind, composed)
        if await _get(kind, subject, reference) is not None:
            left.append(f"{composed['kind']} {composed['metadata']['name']}")
    if left:
        raise Waiting("Deleting", f"Waiting for {', '.join(left)} to go.", after_s=5)
