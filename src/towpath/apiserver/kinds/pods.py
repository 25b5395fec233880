"""Pods and pod templates: the defaults that kubectl users see, and what is refused.

The same functions serve every kind that carries a template; paths in causes begin where the
caller says.
"""

from collections.abc import Iterator

from towpath.machinery.causes import (
    duplicate,
    forbidden,
    invalid_value,
    required,
    unsupported,
)
from towpath.machinery.errors import Cause
from towpath.machinery.names import label_errors
from towpath.machinery.objects import RawObject

PORT_MAX = 65535
GRACE_PERIOD_S = 30
FILE_MODE = 0o644
RESTART_POLICIES = ("Always", "OnFailure", "Never")
PROTOCOLS = ("SCTP", "TCP", "UDP")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
CONTAINER_LISTS = ("initContainers", "containers")
MUTABLE_POD_FIELDS = (
    "activeDeadlineSeconds",
    "terminationGracePeriodSeconds",
    "tolerations",
    "nodeName",
    "schedulingGates",
)


def default_pod_spec(spec: RawObject) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("terminationGracePeriodSeconds", GRACE_PERIOD_S)
    if spec.get("securityContext") is None:
        spec["securityContext"] = {}
    if account := spec.get("serviceAccountName"):
        spec["serviceAccount"] = account
    for container in containers_of(spec):
        _default_container(container)
    for volume in spec.get("volumes") or ():
        _default_volume(volume)


def containers_of(spec: RawObject) -> Iterator[RawObject]:
    for name in CONTAINER_LISTS:
        for container in spec.get(name) or ():
            if isinstance(container, dict):
                yield container


def _default_container(container: RawObject) -> None:
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    if container.get("resources") is None:
        container["resources"] = {}
    if image := container.get("image"):
        container.setdefault("imagePullPolicy", _pull_policy(image))
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for variable in container.get("env") or ():
        field = (variable.get("valueFrom") or {}).get("fieldRef")
        if field:
            field.setdefault("apiVersion", "v1")
    for name in PROBES:
        if probe := container.get(name):
            _default_probe(probe)
    for hook in (container.get("lifecycle") or {}).values():
        if isinstance(hook, dict):
            _default_http_get(hook)


def _pull_policy(image: str) -> str:
    """Always for what may change under its name."""
    if "@" in image:
        return "IfNotPresent"
    _, colon, tag = image.rpartition(":")
    untagged = not colon or "/" in tag
    return "Always" if untagged or tag == "latest" else "IfNotPresent"


def _default_probe(probe: RawObject) -> None:
    probe.setdefault("timeoutSeconds", 1)
    probe.setdefault("periodSeconds", 10)
    probe.setdefault("successThreshold", 1)
    probe.setdefault("failureThreshold", 3)
    _default_http_get(probe)


def _default_http_get(handler: RawObject) -> None:
    if http := handler.get("httpGet"):
        http.setdefault("path", "/")
        http.setdefault("scheme", "HTTP")


def _default_volume(volume: RawObject) -> None:
    if set(volume) <= {"name"}:
        volume["emptyDir"] = {}
    for name in ("secret", "configMap", "projected", "downwardAPI"):
        if (source := volume.get(name)) is not None:
            source.setdefault("defaultMode", FILE_MODE)


def default_pod(obj: RawObject) -> None:
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    default_pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in containers_of(spec):
        # What is limited and not asked for is asked for as much as it is limited.
        resources = container["resources"]
        for name, quantity in (resources.get("limits") or {}).items():
            resources.setdefault("requests", {}).setdefault(name, quantity)


def prepare_pod(obj: RawObject, old: RawObject | None) -> None:
    if old is None:
        spec = obj.get("spec") or {}
        spec.setdefault("serviceAccountName", "default")
        spec["serviceAccount"] = spec["serviceAccountName"]
        spec.setdefault("priority", 0)
        spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
        obj["status"] = {"phase": "Pending", "qosClass": _quality(spec)}


def _quality(spec: RawObject) -> str:
    asked = [container.get("resources") or {} for container in containers_of(spec)]
    if not any(resources.get("requests") or resources.get("limits") for resources in asked):
        return "BestEffort"
    for resources in asked:
        limits = resources.get("limits") or {}
        if not {"cpu", "memory"} <= set(limits) or (resources.get("requests") or limits) != limits:
            return "Burstable"
    return "Guaranteed"


def validate_pod(obj: RawObject, old: RawObject | None) -> list[Cause]:
    causes = validate_pod_spec(obj.get("spec") or {}, "spec")
    if old is not None and not causes:
        causes += _validate_pod_change(obj["spec"], old.get("spec") or {})
    return causes


def _validate_pod_change(spec: RawObject, old: RawObject) -> list[Cause]:
    """Images, deadlines and tolerations of a pod change; nothing else does."""

    def fixed(one: RawObject) -> RawObject:
        kept = {name: value for name, value in one.items() if name not in MUTABLE_POD_FIELDS}
        for name in CONTAINER_LISTS:
            kept[name] = [
                {**container, "image": None, "resources": None} for container in one.get(name) or ()
            ]
        return kept

    if old.get("nodeName") and spec.get("nodeName") != old["nodeName"]:
        return [forbidden("spec.nodeName", "a pod stays on the node it was given")]
    if fixed(spec) == fixed(old):
        return []
    words = (
        "pod updates may not change fields other than `spec.containers[*].image`,"
        "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
        "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be "
        "set to 1 if it was previously negative)"
    )
    return [forbidden("spec", words)]


def validate_pod_spec(
    spec: RawObject, path: str, restart_policies: tuple[str, ...] = RESTART_POLICIES
) -> list[Cause]:
    causes: list[Cause] = []
    if not spec.get("containers"):
        causes.append(required(f"{path}.containers"))
    policy = spec.get("restartPolicy")
    if policy not in restart_policies:
        causes.append(unsupported(f"{path}.restartPolicy", policy, restart_policies))
    volumes = _validate_volumes(spec, path, causes)
    seen: set[str] = set()
    for name in CONTAINER_LISTS:
        for index, container in enumerate(spec.get(name) or ()):
            field = f"{path}.{name}[{index}]"
            causes += _validate_container(container, field, seen, volumes)
    return causes


def _validate_volumes(spec: RawObject, path: str, causes: list[Cause]) -> set[str]:
    names: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or ()):
        field = f"{path}.volumes[{index}].name"
        name = volume.get("name") or ""
        if not name:
            causes.append(required(field))
        elif name in names:
            causes.append(duplicate(field, name))
        else:
            causes += [invalid_value(field, name, words) for words in label_errors(name)]
        names.add(name)
    return names


def _validate_container(
    container: RawObject, field: str, seen: set[str], volumes: set[str]
) -> list[Cause]:
    causes: list[Cause] = []
    name = container.get("name") or ""
    if not name:
        causes.append(required(f"{field}.name"))
    elif name in seen:
        causes.append(duplicate(f"{field}.name", name))
    else:
        causes += [invalid_value(f"{field}.name", name, words) for words in label_errors(name)]
    seen.add(name)
    if not container.get("image"):
        causes.append(required(f"{field}.image"))
    for index, port in enumerate(container.get("ports") or ()):
        causes += validate_port(port.get("containerPort"), f"{field}.ports[{index}].containerPort")
        if port.get("protocol", "TCP") not in PROTOCOLS:
            where = f"{field}.ports[{index}].protocol"
            causes.append(unsupported(where, port["protocol"], PROTOCOLS))
    for index, variable in enumerate(container.get("env") or ()):
        if not variable.get("name"):
            causes.append(required(f"{field}.env[{index}].name"))
        if variable.get("value") and variable.get("valueFrom"):
            words = "may not be specified when `value` is not empty"
            causes.append(invalid_value(f"{field}.env[{index}].valueFrom", "", words))
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        where = f"{field}.volumeMounts[{index}]"
        if mount.get("name") not in volumes:
            causes.append(
                Cause("FieldValueNotFound", f'Not found: "{mount.get("name")}"', f"{where}.name")
            )
        if not mount.get("mountPath"):
            causes.append(required(f"{where}.mountPath"))
    return causes


def validate_port(port: object, field: str) -> list[Cause]:
    if port is None:
        return [required(field)]
    if not isinstance(port, int) or not 1 <= port <= PORT_MAX:
        return [invalid_value(field, port, f"must be between 1 and {PORT_MAX}, inclusive")]
    return []
