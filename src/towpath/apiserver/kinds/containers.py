"""Containers: what a kube-apiserver refuses in them, in its order and words.

Source of the rules: pkg/apis/core/validation of Kubernetes. Paths begin where the caller says.
"""

from collections.abc import Iterator
from typing import Any

from towpath.machinery.causes import (
    duplicate,
    forbidden,
    invalid_value,
    not_found,
    required,
    unsupported,
)
from towpath.machinery.errors import Cause
from towpath.machinery.names import (
    content_key_errors,
    environment_name_errors,
    label_errors,
    port_name_errors,
    port_number_errors,
    qualified_name_errors,
    subdomain_errors,
)
from towpath.machinery.objects import RawObject
from towpath.machinery.quantities import parse_quantity

PROTOCOLS = ("SCTP", "TCP", "UDP")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
PROBE_COUNTS = (
    *("initialDelaySeconds", "timeoutSeconds", "periodSeconds"),
    *("successThreshold", "failureThreshold"),
)
VALUE_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
NOT_NEGATIVE = "must be greater than or equal to 0"
ONLY_SIDECARS = "may not be set for init containers without restartPolicy=Always"
CONTAINER_RESOURCES = ("cpu", "memory", "ephemeral-storage")
ENV_FIELDS = (
    frozenset(("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName"))
    | frozenset(("spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP"))
    | {"status.podIPs"}
)


def one_of(field: str, value: Any, supported: tuple[str, ...]) -> Iterator[Cause]:
    """Required, and one of a few words."""
    if not value:
        yield required(field)
    elif value not in supported:
        yield unsupported(field, value, supported)


def named(field: str, value: Any, errors: list[str]) -> Iterator[Cause]:
    yield from (invalid_value(field, value, words) for words in errors)


def not_negative(field: str, value: Any) -> Iterator[Cause]:
    if isinstance(value, int) and value < 0:
        yield invalid_value(field, value, NOT_NEGATIVE)


def validate_containers(spec: RawObject, path: str, volumes: set[str]) -> Iterator[Cause]:
    containers = spec.get("containers") or []
    if not containers:
        yield required(f"{path}.containers")
    names: set[str] = set()
    for position, container in enumerate(containers):
        field = f"{path}.containers[{position}]"
        yield from _common(container, field, volumes)
        name = container.get("name") or ""
        if name in names:
            yield duplicate(f"{field}.name", name)
        names.add(name)
        yield from _handlers(container, field)
        if container.get("restartPolicy") is not None:
            yield from one_of(
                f"{field}.restartPolicy",
                container["restartPolicy"],
                ("Always", "OnFailure", "Never"),
            )
    yield from _host_ports(containers, f"{path}.containers")
    for position, container in enumerate(spec.get("initContainers") or ()):
        field = f"{path}.initContainers[{position}]"
        yield from _common(container, field, volumes)
        name = container.get("name") or ""
        if name and name in names:
            yield duplicate(f"{field}.name", name)
        names.add(name)
        if container.get("restartPolicy") == "Always":
            yield from _handlers(container, field)
            continue
        for forbidden_field in ("lifecycle", *PROBES):
            if container.get(forbidden_field) is not None:
                yield forbidden(f"{field}.{forbidden_field}", ONLY_SIDECARS)


def _common(container: RawObject, field: str, volumes: set[str]) -> Iterator[Cause]:
    name = container.get("name") or ""
    if not name:
        yield required(f"{field}.name")
    else:
        yield from named(f"{field}.name", name, label_errors(name))
    if not container.get("image"):
        yield required(f"{field}.image")
    policy = container.get("terminationMessagePolicy")
    yield from one_of(f"{field}.terminationMessagePolicy", policy, MESSAGE_POLICIES)
    yield from _ports(container.get("ports") or [], f"{field}.ports")
    yield from _environment(container.get("env") or [], f"{field}.env")
    yield from _environment_sources(container.get("envFrom") or [], f"{field}.envFrom")
    yield from _mounts(container.get("volumeMounts") or [], f"{field}.volumeMounts", volumes)
    yield from one_of(f"{field}.imagePullPolicy", container.get("imagePullPolicy"), PULL_POLICIES)
    yield from validate_resources(container.get("resources") or {}, f"{field}.resources")


def _ports(ports: list[RawObject], field: str) -> Iterator[Cause]:
    names: set[str] = set()
    for position, port in enumerate(ports):
        where = f"{field}[{position}]"
        name = port.get("name") or ""
        if name and (errors := port_name_errors(name)):
            yield from named(f"{where}.name", name, errors)
        elif name and name in names:
            yield duplicate(f"{where}.name", name)
        names.add(name)
        number, host = port.get("containerPort"), port.get("hostPort")
        if not number:
            yield required(f"{where}.containerPort")
        else:
            yield from named(f"{where}.containerPort", number, port_number_errors(number))
        if host:
            yield from named(f"{where}.hostPort", host, port_number_errors(host))
        yield from one_of(f"{where}.protocol", port.get("protocol"), PROTOCOLS)


def _host_ports(containers: list[RawObject], field: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for position, container in enumerate(containers):
        for index, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            key = f"{port.get('protocol')}/{port.get('hostIP') or ''}/{port['hostPort']}"
            if key in seen:
                yield duplicate(f"{field}[{position}].ports[{index}].hostPort", key)
            seen.add(key)


def _environment(variables: list[RawObject], field: str) -> Iterator[Cause]:
    for position, variable in enumerate(variables):
        where = f"{field}[{position}]"
        name = variable.get("name") or ""
        if not name:
            yield required(f"{where}.name")
        else:
            yield from named(f"{where}.name", name, environment_name_errors(name))
        if (source := variable.get("valueFrom")) is not None:
            has_value = bool(variable.get("value"))
            yield from _value_source(source, f"{where}.valueFrom", has_value)


def _value_source(source: RawObject, field: str, has_value: bool) -> Iterator[Cause]:
    given = [name for name in VALUE_SOURCES if source.get(name) is not None]
    for name in given:
        where, chosen = f"{field}.{name}", source[name]
        if name == "fieldRef":
            yield from _field_reference(chosen, where)
        elif name == "resourceFieldRef" and not chosen.get("resource"):
            yield required(f"{where}.resource")
        elif name == "fileKeyRef":
            yield from _file_key(chosen, where)
        elif name in ("configMapKeyRef", "secretKeyRef"):
            if not chosen.get("name"):
                yield required(f"{where}.name")
            else:
                yield from named(f"{where}.name", chosen["name"], subdomain_errors(chosen["name"]))
            if not chosen.get("key"):
                yield required(f"{where}.key")
            else:
                yield from named(f"{where}.key", chosen["key"], content_key_errors(chosen["key"]))
    if not given:
        listed = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        yield invalid_value(field, "", f"must specify one of: {listed}")
    elif has_value:
        yield invalid_value(field, "", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        yield invalid_value(field, "", "may not have more than one field specified at a time")


def _file_key(chosen: RawObject, field: str) -> Iterator[Cause]:
    for name, errors in (("key", environment_name_errors), ("volumeName", label_errors)):
        if text := chosen.get(name):
            yield from named(f"{field}.{name}", text, errors(text))
        else:
            yield required(f"{field}.{name}")
    if not chosen.get("path"):
        yield required(f"{field}.path")
    elif ".." in chosen["path"].split("/"):
        yield invalid_value(f"{field}.path", chosen["path"], "must not contain '..'")


def _field_reference(reference: RawObject, field: str) -> Iterator[Cause]:
    path = reference.get("fieldPath") or ""
    if not reference.get("apiVersion"):
        yield required(f"{field}.apiVersion")
    elif not path:
        yield required(f"{field}.fieldPath")
    elif reference["apiVersion"] != "v1":
        words = f"error converting fieldPath: unsupported pod version: {reference['apiVersion']}"
        yield invalid_value(f"{field}.fieldPath", path, words)
    elif path not in ENV_FIELDS and not path.startswith(("metadata.labels[", "metadata.anno")):
        words = f"error converting fieldPath: field label not supported: {path}"
        yield invalid_value(f"{field}.fieldPath", path, words)


def _environment_sources(sources: list[RawObject], field: str) -> Iterator[Cause]:
    for position, source in enumerate(sources):
        where = f"{field}[{position}]"
        if prefix := source.get("prefix"):
            yield from named(f"{where}.prefix", prefix, environment_name_errors(prefix))
        given = [name for name in ("configMapRef", "secretRef") if source.get(name) is not None]
        for name in given:
            target = source[name].get("name") or ""
            if not target:
                yield required(f"{where}.{name}.name")
            else:
                yield from named(f"{where}.{name}.name", target, subdomain_errors(target))
        if not given:
            yield invalid_value(field, "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(given) > 1:
            yield invalid_value(field, "", "may not have more than one field specified at a time")


def _mounts(mounts: list[RawObject], field: str, volumes: set[str]) -> Iterator[Cause]:
    paths: set[str] = set()
    for position, mount in enumerate(mounts):
        where = f"{field}[{position}]"
        name, path = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            yield required(f"{where}.name")
        if name not in volumes:
            yield not_found(f"{where}.name", name)
        if not path:
            yield required(f"{where}.mountPath")
        if path in paths:
            yield invalid_value(f"{where}.mountPath", path, "must be unique")
        paths.add(path)
        for inner in ("subPath", "subPathExpr"):
            if text := mount.get(inner):
                yield from local_path(f"{field}.{inner}", text)


def local_path(field: str, path: str) -> Iterator[Cause]:
    if path.startswith("/"):
        yield invalid_value(field, path, "must be a relative path")
    if ".." in path.split("/"):
        yield invalid_value(field, path, "must not contain '..'")


def _handlers(container: RawObject, field: str) -> Iterator[Cause]:
    lifecycle = container.get("lifecycle") or {}
    for name in ("postStart", "preStop"):
        if lifecycle.get(name) is not None:
            yield from _handler(lifecycle[name], f"{field}.lifecycle.{name}")
    for name in PROBES:
        probe = container.get(name)
        if probe is None:
            continue
        where = f"{field}.{name}"
        yield from _handler(probe, where)
        for count in PROBE_COUNTS:
            yield from not_negative(f"{where}.{count}", probe.get(count, 0))
        grace = probe.get("terminationGracePeriodSeconds")
        if grace is not None and grace <= 0:
            words = "must be greater than 0"
            yield invalid_value(f"{where}.terminationGracePeriodSeconds", grace, words)
        if name == "readinessProbe":
            if grace is not None:
                words = "must not be set for readinessProbes"
                yield invalid_value(f"{where}.terminationGracePeriodSeconds", grace, words)
        elif probe.get("successThreshold", 0) != 1:
            found = probe.get("successThreshold", 0)
            yield invalid_value(f"{where}.successThreshold", found, "must be 1")


def _handler(handler: RawObject, field: str) -> Iterator[Cause]:
    given = [name for name in HANDLERS if handler.get(name) is not None]
    if not given:
        yield required(field, "must specify a handler type")
        return
    yield from _action(given[0], handler[given[0]], f"{field}.{given[0]}")
    for name in given[1:]:
        yield forbidden(f"{field}.{name}", "may not specify more than 1 handler type")


def _action(name: str, action: RawObject, field: str) -> Iterator[Cause]:
    match name:
        case "exec":
            if not action.get("command"):
                yield required(f"{field}.command")
        case "httpGet":
            if not action.get("path"):
                yield required(f"{field}.path")
            yield from port_or_name(f"{field}.port", action.get("port", 0))
            if action.get("scheme") not in ("HTTP", "HTTPS"):
                yield unsupported(f"{field}.scheme", action.get("scheme", ""), ("HTTP", "HTTPS"))
        case "tcpSocket":
            yield from port_or_name(f"{field}.port", action.get("port", 0))
        case "grpc":
            number = action.get("port", 0)
            yield from named(f"{field}.port", number, port_number_errors(number))


def port_or_name(field: str, port: Any) -> Iterator[Cause]:
    errors = port_number_errors(port) if isinstance(port, int) else port_name_errors(port)
    yield from named(field, port, errors)


def validate_resources(resources: RawObject, field: str) -> Iterator[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for name, quantity in limits.items():
        yield from _resource(f"{field}.limits", name, quantity)
    for name, quantity in requests.items():
        yield from _resource(f"{field}.requests", name, quantity)
        limit = limits.get(name)
        if limit is not None and parse_quantity(quantity) > parse_quantity(limit):
            words = f"must be less than or equal to {name} limit of {limit}"
            yield invalid_value(f"{field}.requests", quantity, words)


def _resource(field: str, name: str, quantity: str) -> Iterator[Cause]:
    yield from resource_name(f"{field}[{name}]", name)
    if parse_quantity(quantity) < 0:
        yield invalid_value(f"{field}[{name}]", quantity, NOT_NEGATIVE)


def resource_name(field: str, name: str) -> Iterator[Cause]:
    errors = qualified_name_errors(name)
    yield from named(field, name, errors)
    if errors or "/" in name or name in CONTAINER_RESOURCES or name.startswith("hugepages-"):
        return
    yield invalid_value(field, name, "must be a standard resource type or fully qualified")
    yield invalid_value(field, name, "must be a standard resource for containers")
