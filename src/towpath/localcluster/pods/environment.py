"""The environment of a container: its image's, ours, and the pod's with its references. Pure.

Order, later wins: the image's, the address (HOST, PORT), envFrom, env. `$(NAME)` in a value, a
command or an argument stands for a variable defined before it; `$$(NAME)` is the text itself.
"""

import base64
import re
from collections.abc import Mapping
from typing import Protocol

from towpath.localcluster.nodes import NODE_ADDRESS, NODE_NAME
from towpath.machinery.objects import RawObject, annotations_of, key_of, labels_of, uid_of

_REFERENCE = re.compile(r"\$\$|\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)")
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


class ConfigMissing(Exception):
    """A ConfigMap, Secret or key that the pod refers to is not there; `str()` says which."""


class Sources(Protocol):
    """The ConfigMaps and Secrets of the pod's namespace, as text; None when there is none."""

    def config_map(self, name: str) -> Mapping[str, str] | None: ...

    def secret(self, name: str) -> Mapping[str, str] | None: ...


def expand(text: str, known: Mapping[str, str]) -> str:
    """Replace `$(NAME)` where NAME is known; leave it as it is where not, as Kubernetes does."""

    def replacement(match: re.Match[str]) -> str:
        if match.group() == "$$":
            return "$"
        return known.get(match.group(1), match.group())

    return _REFERENCE.sub(replacement, text)


def secret_text(secret: RawObject) -> dict[str, str]:
    """A Secret's data, decoded; what is no text cannot be in an environment anyway."""
    return {
        key: base64.b64decode(value).decode(errors="replace")
        for key, value in (secret.get("data") or {}).items()
    }


def environment(
    pod: RawObject,
    container: RawObject,
    *,
    base: Mapping[str, str],
    address: str,
    sources: Sources,
) -> dict[str, str]:
    """Raises ConfigMissing."""
    result = {**base, **injected(pod, container, address)}
    for source in container.get("envFrom") or ():
        result |= _from_all(source, sources)
    for variable in container.get("env") or ():
        if variable.get("valueFrom"):
            value = _referred(variable["valueFrom"], pod, container, address, sources)
            if value is not None:
                result[variable["name"]] = value
        else:
            result[variable["name"]] = expand(variable.get("value") or "", result)
    return result


def injected(pod: RawObject, container: RawObject, address: str) -> dict[str, str]:
    """Where to listen: the pod's own loopback address, and its first port."""
    ports = container.get("ports") or ()
    variables = {"HOSTNAME": key_of(pod).name, "HOST": address}
    if ports:
        variables["PORT"] = str(ports[0]["containerPort"])
    return variables


def _from_all(source: RawObject, sources: Sources) -> dict[str, str]:
    prefix = source.get("prefix") or ""
    for kind, read in (("configMapRef", sources.config_map), ("secretRef", sources.secret)):
        reference = source.get(kind)
        if reference is None:
            continue
        data = read(reference["name"])
        if data is None and not reference.get("optional"):
            raise ConfigMissing(_missing(kind, reference["name"]))
        return {prefix + key: value for key, value in (data or {}).items()}
    return {}


def _missing(kind: str, name: str) -> str:
    return f'{"configmap" if kind.startswith("configMap") else "secret"} "{name}" not found'


def _referred(
    reference: RawObject, pod: RawObject, container: RawObject, address: str, sources: Sources
) -> str | None:
    """The value that a valueFrom stands for; None when it is optional and absent."""
    for kind, read in (("configMapKeyRef", sources.config_map), ("secretKeyRef", sources.secret)):
        if chosen := reference.get(kind):
            data = read(chosen["name"])
            if data is not None and chosen["key"] in data:
                return data[chosen["key"]]
            if chosen.get("optional"):
                return None
            if data is None:
                raise ConfigMissing(_missing(kind, chosen["name"]))
            what = "ConfigMap" if kind.startswith("configMap") else "Secret"
            namespace = key_of(pod).namespace
            raise ConfigMissing(
                f"couldn't find key {chosen['key']} in {what} {namespace}/{chosen['name']}"
            )
    if chosen := reference.get("fieldRef"):
        return field_value(pod, chosen["fieldPath"], address)
    if chosen := reference.get("resourceFieldRef"):
        return resource_value(container, chosen)
    raise ConfigMissing(f"valueFrom {', '.join(reference)} is not known on a local cluster")


def field_value(pod: RawObject, path: str, address: str) -> str:
    """What the downward API says of the pod. Raises ConfigMissing for an unknown field."""
    key = key_of(pod)
    values = {
        "metadata.name": key.name,
        "metadata.namespace": key.namespace,
        "metadata.uid": uid_of(pod),
        "spec.nodeName": NODE_NAME,
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", "default"),
        "status.podIP": address,
        "status.podIPs": address,
        "status.hostIP": NODE_ADDRESS,
        "status.hostIPs": NODE_ADDRESS,
        "metadata.labels": _lines(labels_of(pod)),
        "metadata.annotations": _lines(annotations_of(pod)),
    }
    if path in values:
        return str(values[path])
    if match := _SUBSCRIPT.fullmatch(path):
        both = {"labels": labels_of(pod), "annotations": annotations_of(pod)}
        return both[match.group(1)].get(match.group(2), "")
    raise ConfigMissing(f"field {path} of a pod is not known to the downward API")


def _lines(values: Mapping[str, str]) -> str:
    return "\n".join(f'{key}="{value}"' for key, value in sorted(values.items()))


def resource_value(container: RawObject, reference: RawObject) -> str:
    kind, _, name = reference["resource"].partition(".")
    quantity = ((container.get("resources") or {}).get(kind) or {}).get(name)
    if quantity is None:
        return "0"
    amount, divisor = amount_of(quantity), amount_of(reference.get("divisor") or "1")
    return str(-(-amount // divisor) if divisor else amount)


_UNITS = {
    "": 1.0,
    "m": 0.001,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
}
_QUANTITY = re.compile(r"([0-9.]+(?:[eE][0-9]+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")


def amount_of(quantity: str | int | float) -> int:
    """A quantity as a whole number, rounded up; 0 when it is none."""
    match = _QUANTITY.fullmatch(str(quantity).strip())
    if match is None:
        return 0
    exact = float(match.group(1)) * _UNITS[match.group(2) or ""]
    return int(-(-exact // 1))
