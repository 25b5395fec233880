"""Services: one EndpointSlice per Service, with the pods that its selector finds.

A pod that is being deleted stays in the slice as terminating and not ready: new requests go
elsewhere while those in flight end.
"""

from collections.abc import Iterable

from towpath.localcluster.nodes import NODE_NAME
from towpath.localcluster.podtemplate import has_labels, is_ready, phase_of
from towpath.localcluster.state import ClusterState
from towpath.machinery.core_kinds import ENDPOINT_SLICE, POD, SERVICE
from towpath.machinery.objects import (
    Key,
    RawObject,
    is_deleting,
    key_of,
    owner_reference,
    uid_of,
)
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Subscribed

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"


def controller(state: ClusterState) -> Controller:
    services = Services(state)
    return Controller(
        "services",
        services.reconcile,
        [
            Subscribed(state[SERVICE].informer),
            Subscribed(state[POD].informer, services.selecting),
        ],
    )


class Services:
    def __init__(self, state: ClusterState) -> None:
        self._services = state[SERVICE]
        self._pods = state[POD]
        self._slices = state[ENDPOINT_SLICE]

    def selecting(self, pod: RawObject) -> Iterable[Key]:
        """The services that a pod belongs to. Called with its labels of now only.

        A pod whose labels are taken away leaves when the service is looked at next; so every
        service that lists it is looked at, too.
        """
        namespace = key_of(pod).namespace
        for service in self._services.all(namespace):
            key = key_of(service)
            if _selects(service, pod) or self._lists(key, uid_of(pod)):
                yield key

    def _lists(self, service: Key, pod_uid: str) -> bool:
        known = self._slices.get(Key(service.namespace, service.name))
        return any(
            endpoint["targetRef"]["uid"] == pod_uid
            for endpoint in (known or {}).get("endpoints") or ()
        )

    async def reconcile(self, key: Key) -> float | None:
        service = self._services.get(key)
        known = self._slices.get(key)
        if service is None or is_deleting(service):
            # The slice is owned by the service and goes with it.
            return None
        if not service["spec"].get("selector"):
            return None
        pods = [
            pod
            for pod in self._pods.all(key.namespace)
            if _selects(service, pod) and _has_address(pod)
        ]
        wanted = endpoint_slice(service, sorted(pods, key=lambda pod: key_of(pod).name))
        if known is None:
            await self._slices.create(wanted)
        elif known.get("endpoints") != wanted["endpoints"] or known.get("ports") != wanted["ports"]:
            await self._slices.patch(
                known, {"endpoints": wanted["endpoints"], "ports": wanted["ports"]}
            )
        return None


def _selects(service: RawObject, pod: RawObject) -> bool:
    selector = service["spec"].get("selector") or {}
    return bool(selector) and has_labels(pod, selector)


def _has_address(pod: RawObject) -> bool:
    return bool((pod.get("status") or {}).get("podIP")) and phase_of(pod) not in (
        "Succeeded",
        "Failed",
    )


def endpoint_slice(service: RawObject, pods: list[RawObject]) -> RawObject:
    key = key_of(service)
    wanted = ENDPOINT_SLICE.object(key.name, key.namespace)
    wanted["metadata"] |= {
        "labels": {SERVICE_NAME: key.name, MANAGED_BY: MANAGER},
        "ownerReferences": [owner_reference(service)],
    }
    publish_unready = bool(service["spec"].get("publishNotReadyAddresses"))
    wanted["addressType"] = "IPv4"
    wanted["endpoints"] = [_endpoint(pod, publish_unready) for pod in pods]
    wanted["ports"] = [_port(port, pods) for port in service["spec"].get("ports") or ()]
    return wanted


def _endpoint(pod: RawObject, publish_unready: bool) -> RawObject:
    serving, leaving = is_ready(pod), is_deleting(pod)
    key = key_of(pod)
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": publish_unready or (serving and not leaving),
            "serving": serving,
            "terminating": leaving,
        },
        "nodeName": NODE_NAME,
        "targetRef": {
            "kind": "Pod",
            "name": key.name,
            "namespace": key.namespace,
            "uid": uid_of(pod),
        },
    }


def _port(port: RawObject, pods: list[RawObject]) -> RawObject:
    target: int | str = port.get("targetPort") or port["port"]
    if isinstance(target, str):
        numbers = [_named_port(pod, target) for pod in pods]
        target = next((number for number in numbers if number), int(port["port"]))
    return {
        "name": port.get("name", ""),
        "port": int(target),
        "protocol": port.get("protocol", "TCP"),
    }


def _named_port(pod: RawObject, name: str) -> int:
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or ():
            if port.get("name") == name:
                return int(port["containerPort"])
    return 0
