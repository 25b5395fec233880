"""Where the pods of a service listen: Endpoints and EndpointSlices.

Source of the rules: pkg/apis/core/validation and pkg/apis/discovery/validation of Kubernetes.
"""

import ipaddress
from collections.abc import Iterator

from towpath.apiserver.kinds.checks import named, one_of
from towpath.apiserver.kinds.podspec.containers import PROTOCOLS
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import (
    duplicate,
    invalid_value,
    required,
    too_many,
    unsupported,
)
from towpath.machinery.errors import Cause
from towpath.machinery.names import (
    address_errors,
    label_causes,
    label_errors,
    label_value_errors,
    port_number_errors,
    qualified_name_errors,
    subdomain_errors,
)
from towpath.machinery.objects import RawObject

ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
ADDRESSES_MAX, HINTS_MAX, TOPOLOGY_MAX = 100, 8, 16


def _default_endpoints(obj: RawObject) -> None:
    for subset in obj.get("subsets") or ():
        for port in subset.get("ports") or ():
            if not port.get("protocol"):
                port["protocol"] = "TCP"


def _validate_endpoints(obj: RawObject, old: RawObject | None) -> list[Cause]:
    subsets = obj.get("subsets") or []
    if old is not None and subsets == (old.get("subsets") or []):
        return []
    causes: list[Cause] = []
    for index, subset in enumerate(subsets):
        causes += _subset(subset, f"subsets[{index}]")
    return causes


def _subset(subset: RawObject, field: str) -> Iterator[Cause]:
    lists = ("addresses", "notReadyAddresses")
    if not any(subset.get(name) for name in lists):
        yield required(field, "must specify `addresses` or `notReadyAddresses`")
    for name in lists:
        for index, address in enumerate(subset.get(name) or ()):
            yield from _address(address, f"{field}.{name}[{index}]")
    ports = subset.get("ports") or []
    for index, port in enumerate(ports):
        where, name = f"{field}.ports[{index}]", port.get("name") or ""
        if not name and len(ports) > 1:
            yield required(f"{where}.name")
        elif name:
            yield from named(f"{where}.name", name, label_errors(name))
        number = port.get("port", 0)
        yield from named(f"{where}.port", number, port_number_errors(number))
        yield from one_of(f"{where}.protocol", port.get("protocol"), PROTOCOLS)
        yield from _protocol_of_application(port, where)


def _address(address: RawObject, field: str) -> Iterator[Cause]:
    ip = address.get("ip") or ""
    yield from named(f"{field}.ip", ip, address_errors(ip))
    if host := address.get("hostname"):
        yield from named(f"{field}.hostname", host, label_errors(host))
    if (node := address.get("nodeName")) is not None:
        yield from named(f"{field}.nodeName", node, subdomain_errors(node))
    yield from _reachable(ip, f"{field}.ip")


def _reachable(text: str, field: str) -> Iterator[Cause]:
    """An endpoint is no address that means another machine to everybody. Loopback, which Kubernetes
    refuses, is where the pods of a local cluster listen.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        yield invalid_value(field, text, "must be a valid IP address")
        return
    if address.is_unspecified:
        yield invalid_value(field, text, f"may not be unspecified ({text})")
    if address.is_link_local:
        where = "in the link-local range (169.254.0.0/16, fe80::/10)"
        yield invalid_value(field, text, f"may not be {where}")
    if address.is_multicast and text.startswith(("224.0.0.", "ff02:")):
        where = "in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        yield invalid_value(field, text, f"may not be {where}")


def _protocol_of_application(port: RawObject, field: str) -> Iterator[Cause]:
    if (name := port.get("appProtocol")) is not None:
        yield from named(f"{field}.appProtocol", name, qualified_name_errors(name))


def _default_endpoint_slice(obj: RawObject) -> None:
    for port in obj.get("ports") or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def _prepare_endpoint_slice(obj: RawObject, _old: RawObject | None) -> None:
    """Of an earlier version; in this one nobody can write it."""
    for endpoint in obj.get("endpoints") or ():
        endpoint.pop("deprecatedTopology", None)


def _validate_endpoint_slice(obj: RawObject, old: RawObject | None) -> list[Cause]:
    kind, endpoints = obj.get("addressType") or "", obj.get("endpoints") or []
    causes = [*one_of("addressType", kind, ADDRESS_TYPES), *_ports(obj.get("ports") or [])]
    if old is None or endpoints != (old.get("endpoints") or []):
        for index, endpoint in enumerate(endpoints):
            causes += _endpoint(endpoint, f"endpoints[{index}]", kind)
    if old is not None and kind != old.get("addressType"):
        causes.append(invalid_value("addressType", kind, "field is immutable"))
    return causes


def _ports(ports: list[RawObject]) -> Iterator[Cause]:
    names: set[str] = set()
    for index, port in enumerate(ports):
        where, name = f"ports[{index}]", port.get("name") or ""
        if name:
            yield from named(f"{where}.name", name, label_errors(name))
        if name in names:
            yield duplicate(f"{where}.name", name)
        names.add(name)
        if (protocol := port.get("protocol")) not in PROTOCOLS:
            yield unsupported(f"{where}.protocol", protocol, PROTOCOLS)
        yield from _protocol_of_application(port, where)


def _endpoint(endpoint: RawObject, field: str, kind: str) -> Iterator[Cause]:
    addresses, where = endpoint.get("addresses") or [], f"{field}.addresses"
    if not addresses:
        yield required(where, "must contain at least 1 address")
    elif len(addresses) > ADDRESSES_MAX:
        yield too_many(where, len(addresses), ADDRESSES_MAX)
    for index, address in enumerate(addresses):
        yield from _of_type(address, f"{where}[{index}]", where, kind)
    if (node := endpoint.get("nodeName")) is not None:
        yield from named(f"{field}.nodeName", node, subdomain_errors(node))
    topology = endpoint.get("deprecatedTopology") or {}
    if len(topology) > TOPOLOGY_MAX:
        yield too_many(f"{field}.deprecatedTopology", len(topology), TOPOLOGY_MAX)
    yield from label_causes(topology, f"{field}.deprecatedTopology")
    if (host := endpoint.get("hostname")) is not None:
        yield from named(f"{field}.hostname", host, label_errors(host))
    for name, errors in (("forZones", label_value_errors), ("forNodes", subdomain_errors)):
        hints = (endpoint.get("hints") or {}).get(name) or []
        at = f"{field}.hints.{name}"
        if len(hints) > HINTS_MAX:
            yield too_many(at, len(hints), HINTS_MAX)
            return
        seen: set[str] = set()
        for index, hint in enumerate(hints):
            text = hint.get("name") or ""
            if text in seen:
                yield duplicate(f"{at}[{index}].name", text)
            seen.add(text)
            yield from named(f"{at}[{index}].name", text, errors(text))


def _of_type(address: str, field: str, holder: str, kind: str) -> Iterator[Cause]:
    if kind == "FQDN":
        if errors := subdomain_errors(address.removesuffix(".")):
            yield from named(field, address.removesuffix("."), errors)
        elif "." not in address.removesuffix("."):
            words = "should be a domain with at least two segments separated by dots"
            yield invalid_value(field, address, words)
        return
    if kind not in ADDRESS_TYPES:
        return
    if errors := address_errors(address):
        yield from named(field, address, errors)
        return
    if f"IPv{ipaddress.ip_address(address).version}" != kind:
        yield invalid_value(holder, address, f"must be an {kind} address")
    yield from _reachable(address, field)


ENDPOINTS = Behaviour(default=_default_endpoints, validate=_validate_endpoints)
ENDPOINT_SLICE = Behaviour(
    default=_default_endpoint_slice,
    prepare=_prepare_endpoint_slice,
    validate=_validate_endpoint_slice,
    counts_generations=True,
)
