"""Pods and pod templates: the defaults that kubectl users see, and what is refused.

The same functions serve every kind that carries a template; paths in causes begin where the
caller says.
"""

from collections.abc import Iterator

from towpath.apiserver.kinds.affinity import affinity_causes
from towpath.apiserver.kinds.containers import (
    PROBES,
    local_path,
    named,
    one_of,
    validate_containers,
)
from towpath.machinery.causes import (
    duplicate,
    forbidden,
    invalid_value,
    required,
    unsupported,
)
from towpath.machinery.errors import Cause
from towpath.machinery.names import (
    address_errors,
    annotation_causes,
    label_causes,
    label_errors,
    label_value_errors,
    qualified_name_errors,
    subdomain_errors,
)
from towpath.machinery.objects import RawObject
from towpath.machinery.selectors import selector_causes

INT32_MAX = (1 << 31) - 1
FILE_MODE_MAX = 0o777
GREATER_THAN_ZERO = "must be greater than zero"
GRACE_PERIOD_S = 30
LOST_NODE_S = 300
FILE_MODE = 0o644
RESTART_POLICIES = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
PREEMPTION_POLICIES = ("Never", "PreemptLowerPriority")
UNSATISFIABLE = ("DoNotSchedule", "ScheduleAnyway")
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
NAMED_FIELDS = (
    ("serviceAccountName", subdomain_errors),
    ("nodeName", subdomain_errors),
    ("hostname", label_errors),
    ("subdomain", label_errors),
)
CONTAINER_LISTS = ("initContainers", "containers")
MUTABLE_POD_FIELDS = (
    "ephemeralContainers",  # by a subresource of their own, which `writing.confine` sees to
    "activeDeadlineSeconds",
    "tolerations",
    "schedulingGates",
)
GATED: RawObject = {
    "lastProbeTime": None,
    "message": "Scheduling is blocked due to non-empty scheduling gates",
    "reason": "SchedulingGated",
    "status": "False",
    "type": "PodScheduled",
}
"""The condition of a pod that begins with gates."""
GATED_POD_FIELDS = ("nodeSelector", "affinity")


def default_pod_spec(spec: RawObject) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("terminationGracePeriodSeconds", GRACE_PERIOD_S)
    if spec.get("securityContext") is None:
        spec["securityContext"] = {}
    if account := spec.get("serviceAccountName"):
        spec["serviceAccount"] = account
    for container in (*containers_of(spec), *(spec.get("ephemeralContainers") or ())):
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
        if (probe := container.get(name)) is not None:
            _default_probe(probe)
    for hook in (container.get("lifecycle") or {}).values():
        if isinstance(hook, dict):
            _default_http_get(hook)


def _pull_policy(image: str) -> str:
    """Always for what may change under its name, which is not said of what is no name."""
    if "@" in image or not image[0].isalnum():
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
    if (path := volume.get("hostPath")) is not None:
        path.setdefault("type", "")
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
        if spec.get("hostNetwork"):
            for port in container.get("ports") or ():
                port.setdefault("hostPort", port.get("containerPort"))
        # What is limited and not asked for is asked for as much as it is limited.
        resources = container["resources"]
        for name, quantity in (resources.get("limits") or {}).items():
            resources.setdefault("requests", {}).setdefault(name, quantity)


def prepare_pod(obj: RawObject, old: RawObject | None) -> None:
    if isinstance(obj.get("spec"), dict):
        _tolerate_lost_nodes(obj["spec"])
    if old is None:
        spec = obj.get("spec") or {}
        spec.setdefault("serviceAccountName", "default")
        spec["serviceAccount"] = spec["serviceAccountName"]
        obj["status"] = {"phase": "Pending", "qosClass": quality_of(spec)}
        if spec.get("schedulingGates"):
            obj["status"]["conditions"] = [{**GATED, "lastTransitionTime": None}]


def _tolerate_lost_nodes(spec: RawObject) -> None:
    """For some minutes, unless the pod says how long."""
    tolerations = spec.get("tolerations") or []
    for name in ("not-ready", "unreachable"):
        key = f"node.kubernetes.io/{name}"
        if not any(
            one.get("key") in (key, None, "") and one.get("effect") in ("NoExecute", None, "")
            for one in tolerations
        ):
            tolerations.append(
                {
                    "key": key,
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": LOST_NODE_S,
                }
            )
    spec["tolerations"] = tolerations


def quality_of(spec: RawObject) -> str:
    asked = [container.get("resources") or {} for container in containers_of(spec)]
    if not any(resources.get("requests") or resources.get("limits") for resources in asked):
        return "BestEffort"
    for resources in asked:
        limits = resources.get("limits") or {}
        if not {"cpu", "memory"} <= set(limits) or (resources.get("requests") or limits) != limits:
            return "Burstable"
    return "Guaranteed"


def validate_pod(obj: RawObject, old: RawObject | None) -> list[Cause]:
    causes = list(validate_pod_spec(obj.get("spec") or {}, "spec"))
    if old is None and (obj.get("spec") or {}).get("ephemeralContainers"):
        causes.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if old is not None:
        causes += _validate_pod_change(obj.get("spec") or {}, old.get("spec") or {})
    return causes


def _validate_pod_change(spec: RawObject, old: RawObject) -> list[Cause]:
    """Images, deadlines and tolerations of a pod change; nothing else does."""
    for name in CONTAINER_LISTS[::-1]:
        if len(spec.get(name) or ()) != len(old.get(name) or ()):
            words = "pod updates may not add or remove containers"
            return [forbidden(f"spec.{name}", words)]
    causes = [*_deadline_causes(spec, old), *_toleration_changes(spec, old)]
    causes += _gate_changes(spec, old)
    gated = bool(old.get("schedulingGates"))
    if not old.get("nodeName"):
        # Who schedules writes it; there by a subresource of its own.
        old = {**old, "nodeName": spec.get("nodeName")}
    if _fixed(spec, gated) != _fixed(old, gated):
        causes.append(forbidden("spec", FIXED_WORDS))
    return causes


FIXED_WORDS = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be "
    "set to 1 if it was previously negative)"
)


def _fixed(one: RawObject, gated: bool) -> RawObject:
    """What stays as it is; where a pod runs is open as long as a gate holds it back."""
    open_fields = (*MUTABLE_POD_FIELDS, *(GATED_POD_FIELDS if gated else ()))
    kept = {name: one[name] for name in one if name not in open_fields and one[name] is not None}
    for name in CONTAINER_LISTS:
        kept[name] = [{**container, "image": None} for container in one.get(name) or ()]
    return kept


def _deadline_causes(spec: RawObject, old: RawObject) -> Iterator[Cause]:
    field = "spec.activeDeadlineSeconds"
    after, before = spec.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds")
    if after is not None:
        if not 0 <= after <= INT32_MAX:
            yield invalid_value(field, after, f"must be between 0 and {INT32_MAX}, inclusive")
        elif before is not None and after > before:
            yield invalid_value(field, after, "must be less than or equal to previous value")
    elif before is not None:
        yield invalid_value(field, None, "must not update from a positive integer to nil value")


def _gate_changes(spec: RawObject, old: RawObject) -> Iterator[Cause]:
    known = [gate.get("name") for gate in old.get("schedulingGates") or ()]
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        if (name := gate.get("name")) not in known:
            words = f"only deletion is allowed, but found new scheduling gate '{name}'"
            yield forbidden(f"spec.schedulingGates[{index}].name", words)


def _toleration_changes(spec: RawObject, old: RawObject) -> Iterator[Cause]:
    """Tolerations are added; of those that are there only the seconds change."""

    def plain(toleration: RawObject) -> RawObject:
        return {name: value for name, value in toleration.items() if name != "tolerationSeconds"}

    now = [plain(toleration) for toleration in spec.get("tolerations") or ()]
    if any(plain(before) not in now for before in old.get("tolerations") or ()):
        words = "existing toleration can not be modified except its tolerationSeconds"
        yield forbidden("spec.tolerations", words)


def validate_template(template: RawObject, path: str) -> Iterator[Cause]:
    """The metadata and the spec of a pod template."""
    metadata = template.get("metadata") or {}
    yield from label_causes(metadata.get("labels") or {}, f"{path}.labels")
    yield from annotation_causes(metadata.get("annotations") or {}, f"{path}.annotations")
    yield from validate_pod_spec(template.get("spec") or {}, f"{path}.spec")


def validate_pod_spec(spec: RawObject, path: str) -> Iterator[Cause]:
    """In the order of a kube-apiserver."""
    causes: list[Cause] = []
    volumes = _validate_volumes(spec, path, causes)
    yield from causes
    yield from validate_containers(spec, path, volumes)
    yield from one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), RESTART_POLICIES)
    yield from one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), DNS_POLICIES)
    yield from label_causes(spec.get("nodeSelector") or {}, f"{path}.nodeSelector")
    for position, secret in enumerate(spec.get("imagePullSecrets") or ()):
        if not secret.get("name"):
            yield required(f"{path}.imagePullSecrets[{position}].name")
    spread = spec.get("topologySpreadConstraints") or ()
    for position, constraint in enumerate(spread):
        yield from _spread(constraint, f"{path}.topologySpreadConstraints[{position}]")
    for name, errors in NAMED_FIELDS:
        if text := spec.get(name):
            yield from named(f"{path}.{name}", text, errors(text))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= INT32_MAX:
        words = f"must be between 1 and {INT32_MAX}, inclusive"
        yield invalid_value(f"{path}.activeDeadlineSeconds", deadline, words)
    for position, toleration in enumerate(spec.get("tolerations") or ()):
        yield from _toleration(toleration, f"{path}.tolerations[{position}]")
    for position, alias in enumerate(spec.get("hostAliases") or ()):
        field = f"{path}.hostAliases[{position}]"
        yield from named(f"{field}.ip", alias.get("ip", ""), address_errors(alias.get("ip", "")))
        for number, host in enumerate(alias.get("hostnames") or ()):
            yield from named(f"{field}.hostnames[{number}]", host, subdomain_errors(host))
    if affinity := spec.get("affinity"):
        yield from affinity_causes(affinity, f"{path}.affinity")
    if text := spec.get("priorityClassName"):
        yield from named(f"{path}.priorityClassName", text, subdomain_errors(text))
    policy = spec.get("preemptionPolicy")
    if policy is not None:
        yield from one_of(f"{path}.preemptionPolicy", policy, PREEMPTION_POLICIES)
    if (system := spec.get("os")) is not None:
        found = system.get("name") or ""
        if not found:
            yield required(f"{path}.os.name")
        elif found not in ("linux", "windows"):
            yield unsupported(f"{path}.os", found, ("linux", "windows"))


def _spread(constraint: RawObject, field: str) -> Iterator[Cause]:
    if constraint.get("maxSkew", 0) <= 0:
        yield invalid_value(f"{field}.maxSkew", constraint.get("maxSkew", 0), GREATER_THAN_ZERO)
    if not constraint.get("topologyKey"):
        yield required(f"{field}.topologyKey", "can not be empty")
    else:
        key = constraint["topologyKey"]
        yield from named(f"{field}.topologyKey", key, qualified_name_errors(key))
    found = constraint.get("whenUnsatisfiable")
    if found not in UNSATISFIABLE:
        yield unsupported(f"{field}.whenUnsatisfiable", found or "", UNSATISFIABLE)
    if (selector := constraint.get("labelSelector")) is not None:
        yield from selector_causes(selector, f"{field}.labelSelector")


def _toleration(toleration: RawObject, field: str) -> Iterator[Cause]:
    key, operator = toleration.get("key") or "", toleration.get("operator") or ""
    effect, value = toleration.get("effect") or "", toleration.get("value") or ""
    if key:
        yield from named(f"{field}.key", key, qualified_name_errors(key))
    elif operator != "Exists":
        words = (
            "operator must be Exists when `key` is empty, which means "
            '"match all values and all keys"'
        )
        yield invalid_value(f"{field}.operator", operator, words)
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        words = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        yield invalid_value(f"{field}.effect", effect, words)
    if operator in ("Equal", ""):
        if errors := label_value_errors(value):
            yield invalid_value(f"{field}.operator", value, ";".join(errors))
    elif operator == "Exists":
        if value:
            words = "value must be empty when `operator` is 'Exists'"
            yield invalid_value(f"{field}.operator", value, words)
    else:
        yield unsupported(f"{field}.operator", operator, ("Equal", "Exists"))
    if effect and effect not in EFFECTS:
        yield unsupported(f"{field}.effect", effect, EFFECTS)


def _validate_volumes(spec: RawObject, path: str, causes: list[Cause]) -> set[str]:
    """The names of those that can be mounted."""
    names: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or ()):
        field = f"{path}.volumes[{index}]"
        name = volume.get("name") or ""
        wrong = list(_volume_source(volume, field))
        if not name:
            wrong.append(required(f"{field}.name"))
        else:
            wrong += named(f"{field}.name", name, label_errors(name))
        if name in names:
            wrong.append(duplicate(f"{field}.name", name))
        if not wrong:
            names.add(name)
        causes += wrong
    return names


def _volume_source(volume: RawObject, field: str) -> Iterator[Cause]:
    given = [name for name in volume if name != "name"]
    for name in given[1:]:
        yield forbidden(f"{field}.{name}", "may not specify more than 1 volume type")
    if not given:
        yield required(field, "must specify a volume type")
        return
    name, source = given[0], volume[given[0]]
    where = f"{field}.{name}"
    if name in ("configMap", "secret"):
        own = "name" if name == "configMap" else "secretName"
        if not source.get(own):
            yield required(f"{where}.{own}")
        yield from _file_mode(source.get("defaultMode"), f"{where}.defaultMode")
        for position, item in enumerate(source.get("items") or ()):
            at = f"{where}.items[{position}]"
            for part in ("key", "path"):
                if not item.get(part):
                    yield required(f"{at}.{part}")
            yield from local_path(f"{at}.path", item.get("path") or "")
            yield from _file_mode(item.get("mode"), f"{at}.mode")
    elif name == "persistentVolumeClaim" and not source.get("claimName"):
        yield required(f"{where}.claimName")
    elif name == "hostPath" and not source.get("path"):
        yield required(f"{where}.path")


def _file_mode(mode: object, field: str) -> Iterator[Cause]:
    if isinstance(mode, int) and not 0 <= mode <= FILE_MODE_MAX:
        words = "must be a number between 0 and 0777 (octal), both inclusive"
        yield invalid_value(field, mode, words)
