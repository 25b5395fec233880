"""Objects of a cluster as entities: what runs is a Component, what it uses and offers a Resource.

Objects are chosen by their labels. One that belongs to another (ownerReferences) is no entity of
its own while its owner is one. Who owns it and where it belongs is told by well-known labels and
annotations, on the object or on its namespace.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT, target_namespace
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD_LABEL
from towpath.capabilities.portal.catalog.descriptors import parse_entities, with_annotations
from towpath.capabilities.portal.catalog.facts import LOCATION, ORIGIN
from towpath.capabilities.portal.catalog.gathering import Gathered, Terms
from towpath.capabilities.portal.catalog.sources.place import Refused
from towpath.client.protocols import Client
from towpath.hooks.platform import SYSTEM_NAMESPACE, Clusters
from towpath.machinery.core_kinds import NAMESPACE
from towpath.machinery.errors import NotFound, StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import Key, RawObject, annotations_of, labels_of, uid_of
from towpath.runtime.sources import Enqueue, Watch

COMPONENTS = (
    Resource("apps", "v1", "Deployment", "deployments"),
    Resource("apps", "v1", "StatefulSet", "statefulsets"),
    Resource("apps", "v1", "DaemonSet", "daemonsets"),
    Resource("batch", "v1", "CronJob", "cronjobs"),
)
RESOURCES = (
    Resource("", "v1", "Service", "services"),
    Resource("networking.k8s.io", "v1", "Ingress", "ingresses"),
    Resource("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
)
_TYPES = {
    "CronJob": "job",
    "Service": "service-endpoint",
    "Ingress": "ingress",
    "PersistentVolumeClaim": "volume",
}
OWNER = ("backstage.io/owner", "towpath.dev/owner", "app.kubernetes.io/managed-by-team")
SYSTEM = ("backstage.io/system", "app.kubernetes.io/part-of")
LIFECYCLE = ("backstage.io/lifecycle", "towpath.dev/environment")
KUBERNETES_ID = "backstage.io/kubernetes-id"
NO_OWNER = "unknown"


@dataclass(slots=True)
class ClusterObjects:
    """Sources that read clusters, each watching what it reads."""

    api: Client
    clusters: Clusters
    watching: dict[Key, tuple[tuple[object, ...], list[asyncio.Task[None]]]] = field(
        default_factory=dict
    )
    _enqueue: Enqueue | None = None

    async def run(self, enqueue: Enqueue) -> None:
        """A source of keys: whatever the watches of all sources see."""
        self._enqueue = enqueue
        try:
            await asyncio.Event().wait()
        finally:
            for key in list(self.watching):
                await self.forget(key)

    async def forget(self, key: Key) -> None:
        _, tasks = self.watching.pop(key, ((), []))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def gather(self, source: RawObject, terms: Terms) -> Gathered:
        """Raises Refused."""
        spec, metadata = source["spec"]["kubernetes"], source["metadata"]
        key = Key(metadata["namespace"], metadata["name"])
        try:
            client = self.clusters.client(spec["cluster"])
        except NotFound:
            raise Refused(f"there is no cluster {spec['cluster']}") from None
        namespaces = await self._namespaces(source)
        await self._watch(key, client, spec, namespaces)
        address = f"kubernetes:{spec['cluster']}"
        try:
            objects, labelled = await _objects(client, spec.get("labels") or "", namespaces)
        except (StatusError, OSError) as error:
            return Gathered(unread={address: f"the cluster {spec['cluster']}: {error}"})
        return _gathered(objects, labelled, address, terms)

    async def _namespaces(self, source: RawObject) -> list[str]:
        """Those to look into; none of them stands for all."""
        named: list[str] = source["spec"]["kubernetes"].get("namespaces") or []
        project = source["metadata"]["namespace"]
        if project == SYSTEM_NAMESPACE:
            return named
        cluster = source["spec"]["kubernetes"]["cluster"]
        environments = (await self.api.list(ENVIRONMENT, project)).items
        own = [
            target_namespace(project, environment["metadata"]["name"])
            for environment in environments
            if environment["spec"]["cluster"] == cluster
        ]
        if foreign := [name for name in named if name not in own]:
            raise Refused(
                f"the namespace {foreign[0]} of {cluster} is none of the project's: "
                f"{', '.join(own) or 'it has none there'}"
            )
        if not own:
            raise Refused(f"the project {project} has no environment on the cluster {cluster}")
        return named or own

    async def _watch(
        self, key: Key, client: Client, spec: RawObject, namespaces: Sequence[str]
    ) -> None:
        wanted = (spec["cluster"], spec.get("labels"), tuple(namespaces))
        if self.watching.get(key, ((), []))[0] == wanted:
            return
        await self.forget(key)
        watches = [
            Watch(client, resource, lambda _: (key,), namespace, spec.get("labels") or "")
            for resource in (*COMPONENTS, *RESOURCES)
            for namespace in (namespaces or [""])
        ]
        tasks = [asyncio.create_task(watch.run(self._seen)) for watch in watches]
        self.watching[key] = (wanted, tasks)

    def _seen(self, key: Key) -> None:
        if self._enqueue is not None:
            self._enqueue(key)


async def _objects(
    client: Client, labels: str, namespaces: Sequence[str]
) -> tuple[list[tuple[Resource, RawObject]], dict[str, RawObject]]:
    found = [
        (resource, obj)
        for resource in (*COMPONENTS, *RESOURCES)
        for namespace in (namespaces or [""])
        for obj in (await client.list(resource, namespace, labels=labels)).items
        # What the platform delivers is in the catalogue by itself.
        if WORKLOAD_LABEL not in labels_of(obj)
    ]
    spaces = (await client.list(NAMESPACE)).items
    return found, {space["metadata"]["name"]: space for space in spaces}


def _gathered(
    objects: Sequence[tuple[Resource, RawObject]],
    namespaces: Mapping[str, RawObject],
    address: str,
    terms: Terms,
) -> Gathered:
    entities = {}
    parsed = parse_entities(list(descriptors(objects, namespaces)))
    for entity in parsed.entities:
        refusal = terms.refusal(entity)
        if refusal is None:
            where = {LOCATION: address, ORIGIN: address}
            entities[entity.ref] = with_annotations(entity, where)
    return Gathered(tuple(entities.values()), parsed.errors, frozenset((address,)))


def descriptors(
    objects: Sequence[tuple[Resource, RawObject]], namespaces: Mapping[str, RawObject]
) -> Iterator[RawObject]:
    """Pure. One entity for all that one thing is: what has one kubernetes-id is one Component."""
    names = {uid_of(obj): _name(obj) for resource, obj in objects if resource in COMPONENTS}
    owned = {
        uid_of(obj)
        for _, obj in objects
        for owner in obj["metadata"].get("ownerReferences") or ()
        if owner["uid"] in names
    }
    used: dict[tuple[str, str], list[str]] = {}
    resources = []
    for resource, obj in objects:
        if resource in COMPONENTS or uid_of(obj) in owned:
            continue
        descriptor = _descriptor("Resource", resource, obj, namespaces)
        resources.append(descriptor)
        ref = f"resource:{descriptor['metadata']['namespace']}/{descriptor['metadata']['name']}"
        used.setdefault((obj["metadata"]["namespace"], _name(obj)), []).append(ref)
    seen: set[tuple[str, str]] = set()
    for resource, obj in objects:
        place = (obj["metadata"]["namespace"], _name(obj))
        if resource not in COMPONENTS or uid_of(obj) in owned or place in seen:
            continue
        seen.add(place)
        descriptor = _descriptor("Component", resource, obj, namespaces)
        if place in used:
            descriptor["spec"]["dependsOn"] = sorted(used[place])
        yield descriptor
    yield from resources


def _descriptor(
    kind: str, resource: Resource, obj: RawObject, namespaces: Mapping[str, RawObject]
) -> RawObject:
    metadata = obj["metadata"]
    around = namespaces.get(metadata["namespace"], {"metadata": {}})
    name = _name(obj) if kind == "Component" else f"{metadata['name']}-{resource.kind.lower()}"
    said = (obj, around)
    spec = {
        "type": _TYPES.get(resource.kind, "service"),
        "lifecycle": _first(LIFECYCLE, said) or "production",
        "owner": _of_everybody(_first(OWNER, said) or NO_OWNER, "group"),
        "system": _of_everybody(_first(SYSTEM, said), "system"),
    }
    annotations = {
        KUBERNETES_ID: _name(obj),
        "backstage.io/kubernetes-namespace": metadata["namespace"],
    }
    if kind == "Resource":
        del spec["lifecycle"]
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": kind,
        "metadata": {
            "name": name[:63].rstrip("-_."),
            "namespace": metadata["namespace"],
            "description": f"{resource.kind} {metadata['name']} in {metadata['namespace']}",
            "annotations": annotations,
        },
        "spec": {key: value for key, value in spec.items() if value},
    }


def _name(obj: RawObject) -> str:
    """What the thing is called that the object is a part of."""
    labels = labels_of(obj)
    for name in (KUBERNETES_ID, "app.kubernetes.io/name", "app.kubernetes.io/instance"):
        if labels.get(name):
            return labels[name]
    return str(obj["metadata"]["name"])


def _of_everybody(name: str, kind: str) -> str:
    """A label holds a bare name: of a team or a system that everybody knows, not of a namespace."""
    return f"{kind}:default/{name}" if name and ":" not in name and "/" not in name else name


def _first(names: Iterable[str], objects: Sequence[RawObject]) -> str:
    for obj in objects:
        for name in names:
            value = annotations_of(obj).get(name) or labels_of(obj).get(name)
            if value:
                return value
    return ""
