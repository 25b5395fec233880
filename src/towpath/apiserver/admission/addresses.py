"""Services get a cluster address that no other service has.

On a local cluster nothing routes to it, but clients expect it, and it stays when the service is
changed.
"""

import secrets
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from towpath.apiserver import refusals
from towpath.apiserver.core import Core, Operation, key_for
from towpath.apiserver.encoding import loads
from towpath.machinery.causes import invalid_value
from towpath.machinery.objects import RawObject

SERVICES = "core/services"
PREFIX = "10.96"
RANGE = ip_network(f"{PREFIX}.0.0/16")
NODE_PORTS = range(30000, 32768)
TRIES = 1000


async def assign_address(core: Core, operation: Operation) -> None:
    if operation.kind == "DELETE":
        return
    spec = operation.obj.get("spec")
    if not isinstance(spec, dict) or operation.target.subresource:
        return
    if spec.get("type") == "ExternalName":
        spec.pop("clusterIP", None)
        spec.pop("clusterIPs", None)
        return
    if not spec.get("clusterIP"):
        spec["clusterIP"] = _free_address(core)
    elif operation.old is None and spec["clusterIP"] != "None":
        _refuse_taken(core, operation, spec["clusterIP"])
    spec["clusterIPs"] = [spec["clusterIP"]]
    if spec.get("type") in ("NodePort", "LoadBalancer"):
        _assign_node_ports(core, operation)


def _is_taken(core: Core, address: str) -> bool:
    needle = f'"clusterIP":"{address}"'.encode()
    return any(needle in stored.value for _, stored in core.store.scan(SERVICES))


def _free_address(core: Core) -> str:
    for _ in range(TRIES):
        address = f"{PREFIX}.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
        if not _is_taken(core, address):
            return address
    raise AssertionError("65,000 addresses are enough for the services of one server")


def _refuse_taken(core: Core, operation: Operation, address: str) -> None:
    try:
        inside = ip_address(address) in RANGE
    except ValueError:
        return  # validation, which follows, says so
    why = "provided IP is already allocated"
    if not inside:
        why = "the provided network does not match the current range"
    if not inside or _is_taken(core, address):
        words = f"failed to allocate IP {address}: {why}"
        causes = [invalid_value("spec.clusterIPs", [address], words)]
        raise refusals.invalid(operation.served, operation.name, causes)


def _assign_node_ports(core: Core, operation: Operation) -> None:
    own = key_for(operation.served, operation.namespace, operation.name)
    used = {
        port
        for key, stored in core.store.scan(SERVICES)
        if key != own and b'odePort"' in stored.value
        for port in _node_ports(loads(stored.value)["spec"])
    }
    before = ((operation.old or {}).get("spec") or {}).get("ports") or ()
    known = {port.get("port"): port.get("nodePort") for port in before}
    spec = operation.obj["spec"]
    gives = spec["type"] == "NodePort" or spec.get("allocateLoadBalancerNodePorts") is not False
    for index, port in enumerate(spec.get("ports") or ()):
        if (asked := port.get("nodePort")) and asked in used:
            words = "provided port is already allocated"
            causes = [invalid_value(f"spec.ports[{index}].nodePort", asked, words)]
            raise refusals.invalid(operation.served, operation.name, causes)
        if gives and not asked:
            free = (number for number in NODE_PORTS if number not in used)
            port["nodePort"] = known.get(port.get("port")) or next(free)
            used.add(port["nodePort"])
    _assign_health_port(operation, used)


def _node_ports(spec: RawObject) -> Iterator[int | None]:
    yield spec.get("healthCheckNodePort")
    yield from (port.get("nodePort") for port in spec.get("ports") or ())


def _assign_health_port(operation: Operation, used: set[int | None]) -> None:
    """Where a load balancer asks whether a node has endpoints of its own."""
    spec, before = operation.obj["spec"], ((operation.old or {}).get("spec") or {})
    local = spec.get("externalTrafficPolicy") == "Local"
    if spec.get("type") != "LoadBalancer" or not local:
        spec.pop("healthCheckNodePort", None)
    elif not (asked := spec.get("healthCheckNodePort")):
        free = (number for number in NODE_PORTS if number not in used)
        spec["healthCheckNodePort"] = before.get("healthCheckNodePort") or next(free)
    elif asked in used:
        why = f"failed to allocate requested HealthCheck NodePort {asked}"
        raise refusals.internal(f"{why}: provided port is already allocated")
