"""Namespaces and definitions that are being deleted: first their content goes, then they do.

Both hold themselves with a finalizer while anything is left in them. Told by commits, not by the
clock: the deletion of the last object is what lets them go.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from msgspec import Struct

from towpath.apiserver.calls import DeleteOptions, Target, WriteOptions
from towpath.apiserver.core import Core
from towpath.apiserver.encoding import loads
from towpath.apiserver.kinds.definitions import CLEANUP_FINALIZER
from towpath.apiserver.kinds.namespaces import KUBERNETES_FINALIZER
from towpath.apiserver.registry import Served, collection_of
from towpath.apiserver.verbs.delete import delete_object
from towpath.apiserver.verbs.update import change
from towpath.apiserver.work import WorkSet
from towpath.machinery.conditions import set_condition
from towpath.machinery.core_kinds import CUSTOM_RESOURCE_DEFINITION, NAMESPACE
from towpath.machinery.errors import Conflict, NotFound, StatusError
from towpath.machinery.objects import RawObject
from towpath.machinery.users import AUTHENTICATED, MASTERS, UserInfo
from towpath.store.contract import Event

CONTROLLER = UserInfo(
    "system:serviceaccount:kube-system:namespace-controller", (MASTERS, AUTHENTICATED)
)
NAMESPACES = collection_of("", "namespaces")
DEFINITIONS = collection_of("apiextensions.k8s.io", "customresourcedefinitions")
WORKERS = 4
ALL_WELL = {
    "NamespaceDeletionDiscoveryFailure": (
        "ResourcesDiscovered",
        "All resources successfully discovered",
    ),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    "NamespaceDeletionContentFailure": (
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    "NamespaceContentRemaining": ("ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": (
        "ContentHasNoFinalizers",
        "All content-preserving finalizers finished",
    ),
}
"""The conditions of a namespace that goes, in Kubernetes' order, when nothing keeps it."""
_DELETING_MARK = b'"deletionTimestamp":'


class Container(Struct, frozen=True):
    """A namespace, or the collection that a definition serves."""

    namespace: str = ""
    definition: str = ""
    collection: str = ""


class ContentDeletion:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._namespaces: dict[str, Container] = {}
        self._collections: dict[str, Container] = {}
        self._work = WorkSet("content", self._empty)
        for collection in (NAMESPACES, DEFINITIONS):
            for key, stored in core.store.scan(collection):
                self._note(collection, key, stored.value)
        core.store.observe("", self._observe)

    async def run(self) -> None:
        await self._work.run(WORKERS)

    def _observe(self, event: Event) -> None:
        if event.collection in (NAMESPACES, DEFINITIONS):
            if event.deleted:
                self._forget(event.collection, event.key, event.value)
            else:
                self._note(event.collection, event.key, event.value)
        elif event.deleted:
            namespace = event.key.partition("/")[0] if "/" in event.key else ""
            for container in (
                self._namespaces.get(namespace),
                self._collections.get(event.collection),
            ):
                if container is not None:
                    self._work.add(container)

    def _note(self, collection: str, key: str, value: bytes) -> None:
        if _DELETING_MARK not in value:
            return
        obj = loads(value)
        if "deletionTimestamp" not in obj["metadata"]:
            return
        if collection == NAMESPACES:
            container = self._namespaces[key] = Container(namespace=key)
        else:
            content = _content_of(obj)
            container = Container(definition=key, collection=content)
            self._collections[content] = container
        self._work.add(container)

    def _forget(self, collection: str, key: str, value: bytes) -> None:
        if collection == NAMESPACES:
            self._namespaces.pop(key, None)
        else:
            self._collections.pop(_content_of(loads(value)), None)

    async def _empty(self, container: Container) -> None:
        failed: list[StatusError] = []
        for served, obj in list(self._content(container)):
            if "deletionTimestamp" not in obj["metadata"]:
                try:
                    await self._delete(served, obj)
                except StatusError as error:
                    # One that cannot be deleted yet keeps none of the others.
                    failed.append(error)
        remaining = list(self._content(container))

        def said(obj: RawObject) -> RawObject:
            return _with_conditions(obj, remaining, failed)

        # Writes that were accepted before the deletion showed may still be on their way. They are
        # committed before this one, so that after it the second look is the last.
        await self._change(container, "status", said)
        if failed:
            raise failed[0]
        if not remaining and self._is_empty(container):
            await self._change(container, self._finalizing(container), _released)

    def _is_empty(self, container: Container) -> bool:
        return not any(True for _ in self._content(container))

    @staticmethod
    def _finalizing(container: Container) -> str:
        return "finalize" if container.namespace else ""

    def _content(self, container: Container) -> Iterator[tuple[Served, RawObject]]:
        core = self._core
        if container.collection:
            collections, prefix = [container.collection], ""
        else:
            collections, prefix = core.store.collections(), f"{container.namespace}/"
        for collection in collections:
            served = core.registry.of_collection(collection)
            if served is None or (prefix and not served.resource.namespaced):
                continue
            for _, stored in core.store.scan(collection, prefix):
                yield served, loads(stored.value)

    async def _delete(self, served: Served, obj: RawObject) -> None:
        metadata = obj["metadata"]
        target = Target(served.resource, metadata.get("namespace", ""), metadata["name"])
        options = DeleteOptions(propagation_policy="Background", uid=metadata["uid"])
        try:
            await delete_object(self._core, CONTROLLER, target, options)
        except (NotFound, Conflict):
            # Gone already, or replaced: the next look at the content finds what is there.
            return

    async def _change(
        self, container: Container, subresource: str, make_new: Callable[[RawObject], RawObject]
    ) -> None:
        if container.namespace:
            target = Target(NAMESPACE, name=container.namespace, subresource=subresource)
        else:
            target = Target(
                CUSTOM_RESOURCE_DEFINITION, name=container.definition, subresource=subresource
            )
        try:
            await change(self._core, CONTROLLER, target, WriteOptions(), "update", make_new)
        except NotFound:
            return


def _with_conditions(
    obj: RawObject, remaining: list[tuple[Served, RawObject]], failed: list[StatusError]
) -> RawObject:
    if obj["kind"] != "Namespace":
        if not remaining:
            set_condition(
                obj,
                "Terminating",
                status=False,
                reason="InstanceDeletionCompleted",
                message="removed all instances",
            )
        return obj
    resources = Counter(
        f"{served.resource.plural}.{served.resource.group}" for served, _ in remaining
    )
    finalizers = Counter(
        name for _, left in remaining for name in left["metadata"].get("finalizers") or ()
    )
    said = {
        "NamespaceDeletionContentFailure": (
            "ContentDeletionFailed",
            f"Failed to delete all resource types, {len(failed)} remaining: "
            + ", ".join(sorted(str(error) for error in failed))
            if failed
            else "",
        ),
        "NamespaceContentRemaining": (
            "SomeResourcesRemain",
            _listed("Some resources are remaining: ", resources, "has {} resource instances"),
        ),
        "NamespaceFinalizersRemaining": (
            "SomeFinalizersRemain",
            _listed(
                "Some content in the namespace has finalizers remaining: ",
                finalizers,
                "in {} resource instances",
            ),
        ),
    }
    problems = {kind: problem for kind, problem in said.items() if problem[1]}
    for kind, well in ALL_WELL.items():
        reason, message = problems.get(kind, well)
        set_condition(obj, kind, status=kind in problems, reason=reason, message=message)
    return obj


def _listed(words: str, counts: Counter[str], form: str) -> str:
    if not counts:
        return ""
    return words + ", ".join(f"{name} {form.format(counts[name])}" for name in sorted(counts))


def _released(obj: RawObject) -> RawObject:
    holder = obj["spec"] if obj["kind"] == "Namespace" else obj["metadata"]
    ours = (KUBERNETES_FINALIZER, CLEANUP_FINALIZER)
    holder["finalizers"] = [name for name in holder.get("finalizers") or () if name not in ours]
    return obj


def _content_of(definition: RawObject) -> str:
    spec = definition["spec"]
    return collection_of(spec["group"], spec["names"]["plural"])
