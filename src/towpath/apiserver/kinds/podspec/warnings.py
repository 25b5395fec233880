"""What people are told whose pods are taken, and will not do what they seem to say.

Source of the words: pkg/api/pod/warnings.go of Kubernetes. Pods are warned about when they are
made; templates also when they change.
"""

import itertools
from collections.abc import Callable, Iterator

from towpath.apiserver.kinds.podspec.affinity import PREFERRED, REQUIRED
from towpath.apiserver.kinds.podspec.security import containers_in
from towpath.machinery.causes import quote
from towpath.machinery.names import label_errors
from towpath.machinery.objects import RawObject
from towpath.machinery.quantities import parse_quantity

Warn = Callable[[RawObject, RawObject | None], list[str]]
NODE_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": (
        'deprecated since v1.17; use "topology.kubernetes.io/region" instead'
    ),
    "failure-domain.beta.kubernetes.io/zone": (
        'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'
    ),
    "beta.kubernetes.io/instance-type": (
        'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'
    ),
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": (
        "deprecated since v1.22; use Taints and Tolerations instead"
    ),
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}
VOLUMES = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
NULL_SELECTOR = "a null labelSelector results in matching no pod"
BYTES = ("memory", "ephemeral-storage")


def for_pod(obj: RawObject, old: RawObject | None) -> list[str]:
    if old is not None:
        return []
    spec = obj.get("spec") or {}
    return [*_about_name(obj, "the Pod's hostname"), *_about_spec(spec, "spec")]


def for_template(*steps: str, names_pods: bool = True) -> Warn:
    """Of a kind whose template is at these steps; the names of its pods may begin with its own."""
    path = ".".join(steps)

    def warn(obj: RawObject, old: RawObject | None) -> list[str]:
        if old is not None and obj.get(steps[0]) == old.get(steps[0]):
            return []
        template = obj
        for step in steps:
            template = template.get(step) or {}
        named = _about_name(obj, "Pod names and hostnames") if names_pods and old is None else ()
        return [*named, *_about_spec(template.get("spec") or {}, f"{path}.spec")]

    return warn


def _about_name(obj: RawObject, use: str) -> Iterator[str]:
    if errors := label_errors(obj["metadata"].get("name") or ""):
        listed = " ".join(errors)
        yield (
            f"metadata.name: this is used in {use}, which can result in surprising behavior; a DNS "
            f"label is recommended: [{listed}]"
        )


def _about_spec(spec: RawObject, path: str) -> Iterator[str]:
    for key in spec.get("nodeSelector") or {}:
        if key in NODE_LABELS:
            yield f"{path}.nodeSelector[{key}]: {NODE_LABELS[key]}"
    for index, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        where, key = f"{path}.topologySpreadConstraints[{index}]", constraint.get("topologyKey")
        if key in NODE_LABELS:
            yield f"{where}.topologyKey: {key} is {NODE_LABELS[key]}"
        if constraint.get("labelSelector") is None:
            yield f"{where}.labelSelector: {NULL_SELECTOR}"
    yield from _about_volumes(spec.get("volumes") or [], f"{path}.volumes")
    yield from _repeated(spec.get("hostAliases") or [], f"{path}.hostAliases", "ip")
    secrets = spec.get("imagePullSecrets") or []
    yield from _repeated(secrets, f"{path}.imagePullSecrets", "name")
    for index, secret in enumerate(secrets):
        if not secret.get("name"):
            yield f'{path}.imagePullSecrets[{index}].name: invalid empty name ""'
    yield from _fractions(spec.get("overhead") or {}, f"{path}.overhead")
    for where, container in containers_in(spec, path):
        yield from _about_container(container, where)
    yield from _about_ports(spec, path)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        words = "must be >= 0; negative values are invalid and will be treated as 1"
        yield f"{path}.terminationGracePeriodSeconds: {words}"
    for name in ("podAffinity", "podAntiAffinity"):
        wanted = (spec.get("affinity") or {}).get(name) or {}
        yield from _about_neighbours(wanted, f"{path}.affinity.{name}")


def _about_volumes(volumes: list[RawObject], path: str) -> Iterator[str]:
    for index, volume in enumerate(volumes):
        for name, words in VOLUMES.items():
            if volume.get(name) is not None:
                shown = "storageOS" if name == "storageos" else name
                yield f"{path}[{index}].{shown}: {words}"
    for volume in volumes:
        for name, kind, own in (
            ("configMap", "ConfigMap", "name"),
            ("secret", "Secret", "secretName"),
        ):
            source = volume.get(name) or {}
            about = f"{kind} {quote(source.get(own) or '')}"
            paths = sorted(item.get("path") or "" for item in source.get("items") or ())
            for shorter, longer in itertools.pairwise(paths):
                if longer == shorter or longer.startswith(f"{shorter}/"):
                    overlap = f"overlapping paths: {quote(longer)} with {quote(shorter)}"
                    yield f"volume {quote(volume.get('name') or '')} ({about}): {overlap}"


def _repeated(items: list[RawObject], path: str, name: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        if (value := item.get(name) or "") in seen:
            yield f"{path}[{index}].{name}: duplicate {name} {quote(value)}"
        seen.add(value)


def _fractions(quantities: RawObject, path: str) -> Iterator[str]:
    for name in BYTES:
        if name in quantities and parse_quantity(quantities[name]).denominator != 1:
            shown = quote(quantities[name])
            yield f"{path}[{name}]: fractional byte value {shown} is invalid, must be an integer"


def about_claim(spec: RawObject, path: str) -> Iterator[str]:
    """The size that a claim asks for."""
    for part in ("limits", "requests"):
        quantities = (spec.get("resources") or {}).get(part) or {}
        if "storage" in quantities and parse_quantity(quantities["storage"]).denominator != 1:
            shown = quote(quantities["storage"])
            words = f"fractional byte value {shown} is invalid, must be an integer"
            yield f"{path}.resources.{part}[storage]: {words}"


def _about_container(container: RawObject, path: str) -> Iterator[str]:
    resources = container.get("resources") or {}
    for part in ("limits", "requests"):
        yield from _fractions(resources.get(part) or {}, f"{path}.resources.{part}")
    seen: set[str] = set()
    for index, variable in enumerate(container.get("env") or ()):
        name, value = variable.get("name") or "", variable.get("value") or ""
        reference = f"$({name})"
        hides = "valueFrom" in variable or value == reference or reference not in value
        if name in seen and hides:
            yield (
                f"{path}.env[{index}]: hides previous definition of {quote(name)}, which may be "
                "dropped when using apply"
            )
        seen.add(name)


def _about_ports(spec: RawObject, path: str) -> Iterator[str]:
    known: list[tuple[str, RawObject]] = []
    names: dict[str, str] = {}
    more: list[str] = []
    for holder, container in containers_in(spec, path):
        for index, port in enumerate(container.get("ports") or ()):
            where = f"{holder}.ports[{index}]"
            for other, before in known:
                if sort := _clash(port, before):
                    yield f"{where}: {sort} port definition with {other}"
            known.append((where, port))
            if not (name := port.get("name")):
                continue
            if first := names.get(name):
                more.append(
                    f"{where}: duplicate port name {quote(name)} with {first}, services and probes "
                    f"that select ports by name will use {first}"
                )
            names.setdefault(name, where)
    yield from more


def _clash(port: RawObject, other: RawObject) -> str:
    if any(port.get(name) != other.get(name) for name in ("containerPort", "protocol")):
        return ""
    hosts = port.get("hostPort", 0), other.get("hostPort", 0)
    addresses = port.get("hostIP") or "", other.get("hostIP") or ""
    if hosts[0] == hosts[1] and addresses[0] == addresses[1]:
        return "duplicate"
    if not all(hosts):
        return "overlapping"
    is_ambiguous = hosts[0] == hosts[1] and bool(addresses[0]) is not bool(addresses[1])
    return "dangerously ambiguous" if is_ambiguous else ""


def _about_neighbours(wanted: RawObject, path: str) -> Iterator[str]:
    for index, term in enumerate(wanted.get(REQUIRED) or ()):
        if term.get("labelSelector") is None:
            yield f"{path}.{REQUIRED}[{index}].labelSelector: {NULL_SELECTOR}"
    for index, preferred in enumerate(wanted.get(PREFERRED) or ()):
        if (preferred.get("podAffinityTerm") or {}).get("labelSelector") is None:
            yield f"{path}.{PREFERRED}[{index}].podAffinityTerm.labelSelector: {NULL_SELECTOR}"
