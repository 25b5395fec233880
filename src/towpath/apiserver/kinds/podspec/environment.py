"""The environment of containers, and what else refers to fields of their pod.

Source of the rules: pkg/apis/core/validation of Kubernetes.
"""

import re
from collections.abc import Iterator

from towpath.apiserver.kinds.checks import named, no_backsteps
from towpath.machinery.causes import invalid_value, required, unsupported
from towpath.machinery.errors import Cause
from towpath.machinery.names import (
    content_key_errors,
    environment_name_errors,
    label_errors,
    qualified_name_errors,
    subdomain_errors,
)
from towpath.machinery.objects import RawObject
from towpath.machinery.quantities import canonical, parse_quantity

SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
FIELDS_OF_ENVIRONMENT = (
    *("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName"),
    *("spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP"),
    "status.podIPs",
)
FIELDS_OF_FILES = (
    *("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace"),
    "metadata.uid",
)
READABLE = frozenset(
    (
        *FIELDS_OF_ENVIRONMENT,
        *FIELDS_OF_FILES,
        *("spec.restartPolicy", "spec.schedulerName", "status.phase", "spec.host"),
    )
)
RESOURCES = (
    *("limits.cpu", "limits.ephemeral-storage", "limits.memory"),
    *("requests.cpu", "requests.ephemeral-storage", "requests.memory"),
)
HUGE = ("limits.hugepages-", "requests.hugepages-")
_SUBSCRIPTED = re.compile(r"(.+?)\['(.*)'\]", re.DOTALL)
_POWERS = ("1", *(f"1{unit}" for unit in ("k", "M", "G", "T", "P", "E")))
SIZES = (*_POWERS, *(f"1{unit}i" for unit in ("K", "M", "G", "T", "P", "E")))
DIVISORS = {
    "cpu": (("1m", "1"), "values 1m and 1 are supported with the cpu resource"),
    "memory": (SIZES, f"values {', '.join(SIZES)} are supported with the memory resource"),
    "ephemeral-storage": (
        SIZES,
        f"values {', '.join(SIZES)} are supported with the local ephemeral storage resource",
    ),
    "hugepages": (SIZES, f"values {', '.join(SIZES)} are supported with the hugepages resource"),
}


def validate_environment(variables: list[RawObject], field: str) -> Iterator[Cause]:
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
    given = [name for name in SOURCES if source.get(name) is not None]
    for name in given:
        where, chosen = f"{field}.{name}", source[name]
        match name:
            case "fieldRef":
                yield from field_reference(chosen, where, FIELDS_OF_ENVIRONMENT)
            case "resourceFieldRef":
                yield from resource_reference(chosen, where)
            case "fileKeyRef":
                yield from _file_key(chosen, where)
            case _:
                yield from _content_key(chosen, where)
    if not given:
        listed = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        yield invalid_value(field, "", f"must specify one of: {listed}")
    elif has_value:
        yield invalid_value(field, "", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        yield invalid_value(field, "", "may not have more than one field specified at a time")


def _content_key(chosen: RawObject, field: str) -> Iterator[Cause]:
    name, key = chosen.get("name") or "", chosen.get("key") or ""
    yield from named(f"{field}.name", name, subdomain_errors(name))
    if not key:
        yield required(f"{field}.key")
    else:
        yield from named(f"{field}.key", key, content_key_errors(key))


def _file_key(chosen: RawObject, field: str) -> Iterator[Cause]:
    for name, errors in (("key", environment_name_errors), ("volumeName", label_errors)):
        if text := chosen.get(name):
            yield from named(f"{field}.{name}", text, errors(text))
        else:
            yield required(f"{field}.{name}")
    if not chosen.get("path"):
        yield required(f"{field}.path")
    else:
        yield from no_backsteps(f"{field}.path", chosen["path"])


def field_reference(
    reference: RawObject, field: str, supported: tuple[str, ...]
) -> Iterator[Cause]:
    """To a field of the pod itself."""
    path, version = reference.get("fieldPath") or "", reference.get("apiVersion") or ""
    if not version:
        yield required(f"{field}.apiVersion")
        return
    if not path:
        yield required(f"{field}.fieldPath")
        return
    if words := _unreadable(path, version):
        words = f"error converting fieldPath: {words}"
        yield invalid_value(f"{field}.fieldPath", path, words)
        return
    path = "spec.nodeName" if path == "spec.host" else path
    if subscripted := _SUBSCRIPTED.fullmatch(path):
        key = subscripted[2]
        key = key.lower() if subscripted[1] == "metadata.annotations" else key
        yield from named(field, key, qualified_name_errors(key))
    elif path not in supported:
        yield unsupported(f"{field}.fieldPath", path, supported)


def _unreadable(path: str, version: str) -> str:
    if version != "v1":
        return f"unsupported pod version: {version}"
    if subscripted := _SUBSCRIPTED.fullmatch(path):
        if subscripted[1] in ("metadata.labels", "metadata.annotations"):
            return ""
        return f"field label does not support subscript: {path}"
    return "" if path in READABLE else f"field label not supported: {path}"


def resource_reference(
    reference: RawObject, field: str, *, names_container: bool = False
) -> Iterator[Cause]:
    """To what a container asks for or may use; files have to say of which."""
    resource = reference.get("resource") or ""
    if names_container and not reference.get("containerName"):
        yield required(f"{field}.containerName")
    elif not resource:
        yield required(f"{field}.resource")
    elif resource not in RESOURCES and not resource.startswith(HUGE):
        yield unsupported(f"{field}.resource", resource, RESOURCES)
    divisor = str(reference.get("divisor") or "0")
    if parse_quantity(divisor) == 0:
        return
    sort = "hugepages" if resource.startswith(HUGE) else resource.partition(".")[2]
    if (sort == "hugepages" or resource in RESOURCES) and sort in DIVISORS:
        allowed, words = DIVISORS[sort]
        if canonical(divisor) not in allowed:
            yield invalid_value(f"{field}.divisor", resource, f"only divisor's {words}")


def validate_environment_sources(sources: list[RawObject], field: str) -> Iterator[Cause]:
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
