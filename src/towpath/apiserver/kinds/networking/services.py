"""Services: defaults and what is refused.

Cluster addresses are given in admission (admission/addresses.py), where other services are seen.
"""

import json
from collections.abc import Iterator

from towpath.apiserver.kinds.checks import maybe_one_of, named, one_of, port_or_name
from towpath.apiserver.kinds.podspec.containers import PROTOCOLS
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import duplicate, forbidden, invalid_value, required, unsupported
from towpath.machinery.errors import Cause
from towpath.machinery.names import (
    address_errors,
    label_causes,
    label_errors,
    network_errors,
    port_number_errors,
    qualified_name_errors,
    subdomain_errors,
)
from towpath.machinery.objects import RawObject

NODE_PORTS = range(30000, 32768)
NOT_A_NODE_PORT = "provided port is not in the valid range. The range of valid ports is 30000-32767"
STICKY_S, STICKY_S_MAX = 10_800, 86_400
FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
TRAFFIC_POLICIES = ("Cluster", "Local")
DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")


def _default_service(obj: RawObject) -> None:
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    spec.setdefault("type", "ClusterIP")
    if spec.setdefault("sessionAffinity", "None") == "ClientIP":
        sticky = spec.get("sessionAffinityConfig") or {}
        spec["sessionAffinityConfig"] = {
            **sticky,
            "clientIP": {"timeoutSeconds": STICKY_S, **(sticky.get("clientIP") or {})},
        }
    else:
        spec.pop("sessionAffinityConfig", None)
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port")
    if spec["type"] == "ExternalName":
        return
    spec.setdefault("internalTrafficPolicy", "Cluster")
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if _is_reachable(spec):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def _prepare_service(obj: RawObject, old: RawObject | None) -> None:
    spec = obj.get("spec") or {}
    if old is None:
        obj["status"] = {"loadBalancer": {}}
        return
    before = old.get("spec") or {}
    if spec.get("type") != "ExternalName":
        # An address that was given stays, also when the writer does not know of it.
        for name in ("clusterIP", "clusterIPs"):
            if name in before and not spec.get(name):
                spec[name] = before[name]
    _drop_what_the_type_lacks(spec, before)


def _has_address(spec: RawObject) -> bool:
    return spec.get("type") != "ExternalName"


def _has_node_ports(spec: RawObject) -> bool:
    return spec.get("type") in ("LoadBalancer", "NodePort")


def _is_reachable(spec: RawObject) -> bool:
    """From outside of the cluster."""
    return _has_node_ports(spec) or (
        spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs"))
    )


def _is_balanced(spec: RawObject) -> bool:
    return spec.get("type") == "LoadBalancer"


_OF_TYPES = (
    (
        _has_address,
        ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"),
    ),
    (_is_reachable, ("externalTrafficPolicy",)),
    (_is_balanced, ("allocateLoadBalancerNodePorts", "loadBalancerClass")),
)


def _drop_what_the_type_lacks(spec: RawObject, before: RawObject) -> None:
    """What only the old type has goes with it, unless somebody changes it: that is refused."""
    for has, names in _OF_TYPES:
        if has(before) and not has(spec):
            for name in names:
                if spec.get(name) == before.get(name):
                    spec.pop(name, None)
    if _has_node_ports(before) and not _has_node_ports(spec):
        known = {port.get("nodePort") for port in before.get("ports") or ()}
        for port in spec.get("ports") or ():
            if port.get("nodePort") in known:
                port.pop("nodePort", None)


def _validate_service(obj: RawObject, old: RawObject | None) -> list[Cause]:
    """In the order of a kube-apiserver."""
    spec = obj.get("spec") or {}
    before = (old or {}).get("spec") or {}
    ports = spec.get("ports") or []
    # Addresses are chosen before all else is looked at, and ports of nodes after it.
    if causes := list(_family_causes(spec, is_new=old is None)):
        return causes
    causes = [
        *_service_causes(spec),
        *_port_causes(ports),
        *_repeated_ports(ports),
        *_address_causes(spec, before),
        *_type_causes(spec),
        *_status_causes(obj, spec),
    ]
    return causes or list(_node_port_causes(ports))


def _family_causes(spec: RawObject, *, is_new: bool) -> Iterator[Cause]:
    families, policy = spec.get("ipFamilies") or [], spec.get("ipFamilyPolicy")
    if spec.get("type") == "ExternalName":
        for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if spec.get(name):
                yield forbidden(f"spec.{name}", "may not be set for ExternalName services")
        return
    for index, family in enumerate(families):
        yield from maybe_one_of(f"spec.ipFamilies[{index}]", family, ("IPv4", "IPv6"))
        if family in families[:index]:
            yield duplicate(f"spec.ipFamilies[{index}]", family)
    yield from maybe_one_of("spec.ipFamilyPolicy", policy, FAMILY_POLICIES)
    if policy == "RequireDualStack":
        words = "this cluster is not configured for dual-stack services"
        yield invalid_value("spec.ipFamilyPolicy", policy, words)
    for index, family in enumerate(families):
        if family == "IPv6" and family not in families[:index]:
            words = "not configured on this cluster"
            yield invalid_value(f"spec.ipFamilies[{index}]", family, words)
    if is_new and (own := spec.get("clusterIP")) and not _is_headless(spec):
        yield from named("spec.clusterIPs[0]", own, address_errors(own))


def _service_causes(spec: RawObject) -> Iterator[Cause]:
    kind = spec.get("type")
    if kind not in SERVICE_TYPES:
        yield unsupported("spec.type", kind, SERVICE_TYPES)
    if not spec.get("ports") and kind != "ExternalName" and not _is_headless(spec):
        yield required("spec.ports")
    if kind == "ExternalName":
        if host := (spec.get("externalName") or "").removesuffix("."):
            yield from named("spec.externalName", host, subdomain_errors(host))
        else:
            yield required("spec.externalName")
    yield from label_causes(spec.get("selector") or {}, "spec.selector")
    yield from one_of("spec.sessionAffinity", spec.get("sessionAffinity"), ("ClientIP", "None"))


def _port_causes(ports: list[RawObject]) -> Iterator[Cause]:
    names: set[str] = set()
    for index, port in enumerate(ports):
        field = f"spec.ports[{index}]"
        name = port.get("name") or ""
        if not name and len(ports) > 1:
            yield required(f"{field}.name")
        elif name:
            yield from named(f"{field}.name", name, label_errors(name))
            if name in names:
                yield duplicate(f"{field}.name", name)
        names.add(name)
        number = port.get("port", 0)
        yield from named(f"{field}.port", number, port_number_errors(number))
        yield from one_of(f"{field}.protocol", port.get("protocol"), PROTOCOLS)
        yield from port_or_name(f"{field}.targetPort", port.get("targetPort", 0))
        if (protocol := port.get("appProtocol")) is not None:
            yield from named(f"{field}.appProtocol", protocol, qualified_name_errors(protocol))


def _node_port_causes(ports: list[RawObject]) -> Iterator[Cause]:
    for index, port in enumerate(ports):
        if (number := port.get("nodePort") or NODE_PORTS.start) not in NODE_PORTS:
            yield invalid_value(f"spec.ports[{index}].nodePort", number, NOT_A_NODE_PORT)


def _address_causes(spec: RawObject, before: RawObject) -> Iterator[Cause]:
    for index, address in enumerate(spec.get("externalIPs") or ()):
        yield from named(f"spec.externalIPs[{index}]", address, address_errors(address))
    field, own, kind = "spec.clusterIPs[0]", spec.get("clusterIP"), spec.get("type")
    if _is_headless(spec) and kind in ("LoadBalancer", "NodePort"):
        yield invalid_value(field, "None", f"may not be set to 'None' for {kind} services")
    if (once := before.get("clusterIP")) and kind != "ExternalName" and own != once:
        yield invalid_value(field, [own], "may not change once set")


def _is_headless(spec: RawObject) -> bool:
    return bool(spec.get("clusterIP") == "None")


def _type_causes(spec: RawObject) -> Iterator[Cause]:
    """What goes with one type only, or with the one family of addresses that there is."""
    sticky = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    seconds = sticky.get("timeoutSeconds", STICKY_S)
    if not 0 < seconds <= STICKY_S_MAX:
        field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
        yield invalid_value(field, seconds, "must be greater than 0 and less than 86400")
    yield from _balancer_causes(spec)
    if spec.get("type") == "ClusterIP":
        for index, port in enumerate(spec.get("ports") or ()):
            if port.get("nodePort"):
                words = "may not be used when `type` is 'ClusterIP'"
                yield forbidden(f"spec.ports[{index}].nodePort", words)
    policy = spec.get("externalTrafficPolicy")
    if policy and not _is_reachable(spec):
        words = "may only be set for externally-accessible services"
        yield invalid_value("spec.externalTrafficPolicy", policy, words)
    if _is_reachable(spec):
        yield from one_of("spec.externalTrafficPolicy", policy, TRAFFIC_POLICIES)
    health = spec.get("healthCheckNodePort")
    if health and not (_is_balanced(spec) and policy == "Local"):
        words = (
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        )
        yield invalid_value("spec.healthCheckNodePort", health, words)
    internal = spec.get("internalTrafficPolicy")
    yield from maybe_one_of("spec.internalTrafficPolicy", internal, TRAFFIC_POLICIES)
    distribution = spec.get("trafficDistribution")
    yield from maybe_one_of("spec.trafficDistribution", distribution, DISTRIBUTIONS)


def _balancer_causes(spec: RawObject) -> Iterator[Cause]:
    words, balanced = "may only be used when `type` is 'LoadBalancer'", _is_balanced(spec)
    # Kubernetes names this field as Go does.
    ranges, field = spec.get("loadBalancerSourceRanges") or (), "spec.LoadBalancerSourceRanges"
    if ranges and not balanced:
        yield forbidden(field, words)
    for index, network in enumerate(ranges):
        yield from named(f"{field}[{index}]", network, network_errors(network))
    if "allocateLoadBalancerNodePorts" in spec and not balanced:
        yield forbidden("spec.allocateLoadBalancerNodePorts", words)
    if spec.get("loadBalancerClass") and not balanced:
        yield forbidden("spec.loadBalancerClass", words)


def _status_causes(obj: RawObject, spec: RawObject) -> Iterator[Cause]:
    balancer = (obj.get("status") or {}).get("loadBalancer") or {}
    if balancer.get("ingress") and spec.get("type") != "LoadBalancer":
        words = "may only be used when `spec.type` is 'LoadBalancer'"
        yield forbidden("status.loadBalancer.ingress", words)


def _repeated_ports(ports: list[RawObject]) -> Iterator[Cause]:
    seen: set[tuple[object, object]] = set()
    for index, port in enumerate(ports):
        key = (port.get("protocol"), port.get("port"))
        if key in seen:
            shown = {"Name": "", "Protocol": key[0], "AppProtocol": None, "Port": key[1]}
            shown |= {"TargetPort": 0, "NodePort": 0}
            words = f"Duplicate value: {json.dumps(shown, separators=(',', ':'))}"
            yield Cause("FieldValueDuplicate", words, f"spec.ports[{index}]")
        seen.add(key)


SERVICE = Behaviour(
    default=_default_service,
    prepare=_prepare_service,
    validate=_validate_service,
    name_pattern="label1035",
    delete_returns_object=True,
)
