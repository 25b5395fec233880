"""Ingresses and network policies: who may talk to what, and what is refused in saying so.

Source of the rules: pkg/apis/networking/validation of Kubernetes.
"""

import ipaddress
from collections.abc import Iterator

from towpath.apiserver.kinds.checks import domain_prefixed_path, named, port_or_name
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import forbidden, invalid_value, required, unsupported
from towpath.machinery.errors import Cause
from towpath.machinery.names import (
    address_errors,
    dns1035_errors,
    label_errors,
    network_errors,
    path_segment_errors,
    port_name_errors,
    port_number_errors,
    subdomain_errors,
)
from towpath.machinery.objects import RawObject
from towpath.machinery.selectors import selector_causes

PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
PROTOCOLS = ("TCP", "UDP", "SCTP")
POLICY_TYPES = ("Ingress", "Egress")
NOT_IN_PATHS = ("//", "/./", "/../", "%2f", "%2F")
NOT_AT_THE_END = ("/..", "/.")


def _validate_ingress(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    return list(_ingress_causes(obj.get("spec") or {}))


def _ingress_causes(spec: RawObject) -> Iterator[Cause]:
    rules, backend = spec.get("rules") or [], spec.get("defaultBackend")
    if not rules and backend is None:
        words = "either `defaultBackend` or `rules` must be specified"
        yield invalid_value("spec", spec.get("rules"), words)
    if backend is not None:
        yield from _backend(backend, "spec.defaultBackend")
    for index, rule in enumerate(rules):
        field = f"spec.rules[{index}]"
        yield from _host(rule.get("host") or "", f"{field}.host")
        if (http := rule.get("http")) is None:
            continue
        if not http.get("paths"):
            yield required(f"{field}.http.paths")
        for number, path in enumerate(http.get("paths") or ()):
            yield from _path(path, f"{field}.http.paths[{number}]")
    for index, tls in enumerate(spec.get("tls") or ()):
        for number, host in enumerate(tls.get("hosts") or ()):
            yield from _host_name(host, f"spec.tls[{index}].hosts[{number}]")
        if name := tls.get("secretName"):
            yield from named(f"spec.tls[{index}].secretName", name, subdomain_errors(name))
    if name := spec.get("ingressClassName"):
        yield from named("spec.ingressClassName", name, subdomain_errors(name))


def _host(host: str, field: str) -> Iterator[Cause]:
    if not host:
        return
    if not address_errors(host):
        yield invalid_value(field, host, "must be a DNS name, not an IP address")
    yield from _host_name(host, field)


def _host_name(host: str, field: str) -> Iterator[Cause]:
    if "*" not in host:
        yield from named(field, host, subdomain_errors(host))
    elif not host.startswith("*.") or subdomain_errors(host[2:]):
        words = (
            "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS "
            "subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and "
            "end with an alphanumeric character (e.g. '*.example.com', regex used for validation "
            r"is '\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        )
        yield invalid_value(field, host, words)


def _path(path: RawObject, field: str) -> Iterator[Cause]:
    path_type, text = path.get("pathType"), path.get("path") or ""
    if path_type is None:
        yield required(f"{field}.pathType", "pathType must be specified")
        return
    if path_type in ("Exact", "Prefix"):
        if not text.startswith("/"):
            yield invalid_value(f"{field}.path", text, "must be an absolute path")
        for part in NOT_IN_PATHS:
            if part in text:
                yield invalid_value(f"{field}.path", text, f"must not contain '{part}'")
        for part in NOT_AT_THE_END:
            if text.endswith(part):
                yield invalid_value(f"{field}.path", text, f"cannot end with '{part}'")
    elif path_type == "ImplementationSpecific":
        if text and not text.startswith("/"):
            yield invalid_value(f"{field}.path", text, "must be an absolute path")
    else:
        yield unsupported(f"{field}.pathType", path_type, PATH_TYPES)
    yield from _backend(path.get("backend") or {}, f"{field}.backend")


def _backend(backend: RawObject, field: str) -> Iterator[Cause]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        yield invalid_value(field, "", "cannot set both resource and service backends")
    elif resource is not None:
        for name in ("kind", "name"):
            if not resource.get(name):
                yield required(f"{field}.resource.{name}")
    elif service is not None:
        yield from _service_backend(service, field)
    else:
        yield invalid_value(field, "", "resource or service backend is required")


def _service_backend(service: RawObject, field: str) -> Iterator[Cause]:
    name, port = service.get("name") or "", service.get("port") or {}
    if not name:
        yield required(f"{field}.service.name")
    else:
        yield from named(f"{field}.service.name", name, dns1035_errors(name))
    number, port_name = port.get("number"), port.get("name")
    if number and port_name:
        yield invalid_value(field, "", "cannot set both port name & port number")
    elif port_name:
        yield from named(f"{field}.service.port.name", port_name, port_name_errors(port_name))
    elif number:
        yield from named(f"{field}.service.port.number", number, port_number_errors(number))
    else:
        yield required(field, "port name or number is required")


def _default_network_policy(obj: RawObject) -> None:
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for rule in (*(spec.get("ingress") or ()), *(spec.get("egress") or ())):
        for port in rule.get("ports") or ():
            port.setdefault("protocol", "TCP")


def _validate_network_policy(obj: RawObject, old: RawObject | None) -> list[Cause]:
    causes = list(_policy_causes(obj.get("spec") or {}))
    # Kubernetes looks at a change as a policy and as a change.
    return causes if old is None else causes * 2


def _policy_causes(spec: RawObject) -> Iterator[Cause]:
    yield from selector_causes(spec.get("podSelector") or {}, "spec.podSelector")
    for way, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(way) or ()):
            field = f"spec.{way}[{index}]"
            for number, port in enumerate(rule.get("ports") or ()):
                yield from _policy_port(port, f"{field}.ports[{number}]")
            for number, peer in enumerate(rule.get(peers) or ()):
                yield from _peer(peer, f"{field}.{peers}[{number}]")
    types = spec.get("policyTypes") or []
    if len(types) > len(POLICY_TYPES):
        words = "may not specify more than two policyTypes"
        yield invalid_value("spec.policyTypes", types, words)
        return
    for index, name in enumerate(types):
        if name not in POLICY_TYPES:
            yield unsupported(f"spec.policyTypes[{index}]", name, POLICY_TYPES)


def _policy_port(port: RawObject, field: str) -> Iterator[Cause]:
    protocol, number, end = port.get("protocol"), port.get("port"), port.get("endPort")
    if protocol is not None and protocol not in PROTOCOLS:
        yield unsupported(f"{field}.protocol", protocol, PROTOCOLS)
    if number is None:
        if end is not None:
            words = "may not be specified when `port` is not specified"
            yield invalid_value(f"{field}.endPort", end, words)
        return
    if isinstance(number, str) and end is not None:
        words = "may not be specified when `port` is non-numeric"
        yield invalid_value(f"{field}.endPort", end, words)
    yield from port_or_name(f"{field}.port", number)
    if isinstance(number, int) and end is not None:
        if end < number:
            words = "must be greater than or equal to `port`"
            yield invalid_value(f"{field}.endPort", number, words)
        yield from named(f"{field}.endPort", end, port_number_errors(end))


def _peer(peer: RawObject, field: str) -> Iterator[Cause]:
    given = [name for name in ("podSelector", "namespaceSelector", "ipBlock") if name in peer]
    for name in given[:]:
        if name == "ipBlock":
            yield from _block(peer[name], f"{field}.ipBlock")
        else:
            yield from selector_causes(peer[name], f"{field}.{name}")
    if not given:
        yield required(field, "must specify a peer")
    elif len(given) > 1 and "ipBlock" in given:
        yield forbidden(field, "may not specify both ipBlock and another peer")


def _block(block: RawObject, field: str) -> Iterator[Cause]:
    network = block.get("cidr") or ""
    if not network:
        yield required(f"{field}.cidr")
        return
    errors = network_errors(network)
    yield from named(f"{field}.cidr", network, errors)
    if errors:
        return
    whole = ipaddress.ip_network(network, strict=False)
    for index, part in enumerate(block.get("except") or ()):
        where = f"{field}.except[{index}]"
        if wrong := network_errors(part):
            yield from named(where, part, wrong)
            continue
        inner = ipaddress.ip_network(part, strict=False)
        inside = inner.network_address in whole and inner.prefixlen > whole.prefixlen
        if not inside:
            yield invalid_value(where, part, "must be a strict subset of `cidr`")


def _default_ingress_class(obj: RawObject) -> None:
    parameters = (obj.get("spec") or {}).get("parameters")
    if parameters is not None and parameters.get("scope") is None:
        parameters["scope"] = "Cluster"


def _validate_ingress_class(obj: RawObject, old: RawObject | None) -> list[Cause]:
    controller = (obj.get("spec") or {}).get("controller") or ""
    causes: list[Cause] = []
    if old is not None and controller != (old.get("spec") or {}).get("controller"):
        causes.append(invalid_value("spec.controller", controller, "field is immutable"))
    causes += domain_prefixed_path("spec.controller", controller)
    return causes + list(_parameters((obj.get("spec") or {}).get("parameters")))


def _parameters(parameters: RawObject | None) -> Iterator[Cause]:
    """Which object says more about the class."""
    if parameters is None:
        return
    field = "spec.parameters"
    if (group := parameters.get("apiGroup")) is not None:
        yield from named(f"{field}.apiGroup", group, subdomain_errors(group))
    for name in ("kind", "name"):
        if text := parameters.get(name) or "":
            yield from named(f"{field}.{name}", text, path_segment_errors(text))
        else:
            yield required(f"{field}.{name}")
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    where = f"{field}.namespace"
    match scope:
        case "Namespace":
            if namespace is None:
                yield required(where, "`parameters.scope` is set to 'Namespace'")
            else:
                yield from named(where, namespace, label_errors(namespace))
        case "Cluster":
            if namespace is not None:
                yield forbidden(where, "`parameters.scope` is set to 'Cluster'")
        case _:
            yield unsupported(f"{field}.scope", scope or "", ("Cluster", "Namespace"))


INGRESS = Behaviour(validate=_validate_ingress, counts_generations=True)
INGRESS_CLASS = Behaviour(
    default=_default_ingress_class, validate=_validate_ingress_class, counts_generations=True
)
NETWORK_POLICY = Behaviour(
    default=_default_network_policy, validate=_validate_network_policy, counts_generations=True
)
