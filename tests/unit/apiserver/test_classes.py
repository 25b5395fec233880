"""What objects get from classes, and what a class that is not there does."""

import pytest
from tests.support import running_api_server

from towpath.machinery.core_kinds import INGRESS, POD, PRIORITY_CLASS
from towpath.machinery.errors import Forbidden, Invalid
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

STORAGE_CLASS = Resource("storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False)
INGRESS_CLASS = Resource(
    "networking.k8s.io", "v1", "IngressClass", "ingressclasses", namespaced=False
)
CLAIM = Resource("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
VOLUME = Resource("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False)


def pod(name: str, **spec: object) -> RawObject:
    containers = [{"name": "main", "image": "example.dev/main"}]
    return POD.object(name, "default", spec={"containers": containers, **spec})


def marked(resource: Resource, name: str, value: str, **fields: object) -> RawObject:
    made = resource.object(name, **fields)
    group = resource.kind.lower()
    made["metadata"]["annotations"] = {f"{group}.kubernetes.io/is-default-class": value}
    return made


async def test_a_claim_that_names_no_class_gets_the_default_one() -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    async with running_api_server() as api:
        client = api.client()
        await client.create(
            STORAGE_CLASS, marked(STORAGE_CLASS, "slow", "false", provisioner="example.dev/p")
        )
        odd = STORAGE_CLASS.object("odd", provisioner="example.dev/p")
        odd["metadata"]["labels"] = {"storageclass.kubernetes.io/is-default-class": "true"}
        await client.create(STORAGE_CLASS, odd)
        before = await client.create(CLAIM, CLAIM.object("before", "default", spec=spec))
        await client.create(
            STORAGE_CLASS, marked(STORAGE_CLASS, "fast", "true", provisioner="example.dev/p")
        )
        after = await client.create(CLAIM, CLAIM.object("after", "default", spec=spec))
        named = {**spec, "storageClassName": ""}
        own = await client.create(CLAIM, CLAIM.object("own", "default", spec=named))
        assert "storageClassName" not in before["spec"]
        assert after["spec"]["storageClassName"] == "fast"
        assert own["spec"]["storageClassName"] == ""


async def test_an_ingress_that_names_no_class_gets_the_default_one() -> None:
    spec = {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}
    async with running_api_server() as api:
        client = api.client()
        controller = {"controller": "example.dev/c"}
        await client.create(INGRESS_CLASS, marked(INGRESS_CLASS, "shared", "true", spec=controller))
        made = await client.create(INGRESS, INGRESS.object("i", "default", spec=spec))
        annotated = INGRESS.object("old", "default", spec=spec)
        annotated["metadata"]["annotations"] = {"kubernetes.io/ingress.class": "other"}
        old = await client.create(INGRESS, annotated)
        assert made["spec"]["ingressClassName"] == "shared"
        assert "ingressClassName" not in old["spec"]


async def test_pods_that_name_no_priority_get_the_global_one() -> None:
    async with running_api_server() as api:
        client = api.client()
        plain = await client.create(POD, pod("plain"))
        await client.create(
            PRIORITY_CLASS, PRIORITY_CLASS.object("usual", value=7, globalDefault=True)
        )
        usual = await client.create(POD, pod("usual"))
        vital = await client.create(POD, pod("vital", priorityClassName="system-node-critical"))
        assert plain["spec"]["priority"] == 0
        assert (usual["spec"]["priority"], usual["spec"]["priorityClassName"]) == (7, "usual")
        assert vital["spec"]["priority"] == 2_000_001_000
        with pytest.raises(Forbidden):
            await client.create(POD, pod("unknown", priorityClassName="nosuch"))
        with pytest.raises(Forbidden):
            await client.delete(PRIORITY_CLASS, "system-node-critical")


async def test_where_a_volume_is_stays_and_a_claim_grows_when_it_is_bound() -> None:
    size = {"requests": {"storage": "1Gi"}}
    async with running_api_server() as api:
        client = api.client()
        volume = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/x"},
        }
        await client.create(VOLUME, VOLUME.object("v", spec=volume))
        with pytest.raises(Invalid):
            await client.patch(VOLUME, "v", "", {"spec": {"hostPath": {"path": "/y"}}})
        await client.patch(VOLUME, "v", "", {"spec": {"storageClassName": "slow"}})
        claim = {"accessModes": ["ReadWriteOnce"], "resources": size}
        await client.create(CLAIM, CLAIM.object("c", "default", spec=claim))
        more = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
        with pytest.raises(Invalid):
            await client.patch(CLAIM, "c", "default", more)
        bound = {"status": {"phase": "Bound"}}
        await client.patch(CLAIM, "c", "default", bound, subresource="status")
        grown = await client.patch(CLAIM, "c", "default", more)
        assert grown["spec"]["resources"]["requests"]["storage"] == "2Gi"
