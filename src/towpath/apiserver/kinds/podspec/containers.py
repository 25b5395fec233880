"""Containers: what a kube-apiserver refuses in them, in its order and words.

Source of the rules: pkg/apis/core/validation of Kubernetes. Paths begin where the caller says.
"""

from collections.abc import Iterator

from msgspec import Struct

from towpath.apiserver.kinds.checks import maybe_one_of, named, one_of
from towpath.apiserver.kinds.podspec.environment import (
    validate_environment,
    validate_environment_sources,
)
from towpath.apiserver.kinds.podspec.handlers import PROBES, validate_handlers
from towpath.apiserver.kinds.podspec.mounts import Volumes, validate_devices, validate_mounts
from towpath.apiserver.kinds.podspec.resources import validate_resources
from towpath.apiserver.kinds.podspec.security import containers_in, validate_security
from towpath.machinery.causes import (
    duplicate,
    forbidden,
    invalid_value,
    not_found,
    required,
    unsupported,
)
from towpath.machinery.errors import Cause
from towpath.machinery.names import label_errors, port_name_errors, port_number_errors
from towpath.machinery.objects import RawObject

PROTOCOLS = ("SCTP", "TCP", "UDP")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
RESIZABLE = ("cpu", "memory")
RESIZE_POLICIES = ("NotRequired", "RestartContainer")
RESTART_POLICIES = ("Always", "Never", "OnFailure")
RESTART_RULES_MAX = 20
EXIT_CODE_OPERATORS = ("In", "NotIn")
EXIT_CODES_MAX = 255
ONLY_SIDECARS = "may not be set for init containers without restartPolicy=Always"
NOT_EPHEMERAL = "cannot be set for an Ephemeral Container"
EPHEMERAL_LACKS = (
    *("ports", "resources", *PROBES, "lifecycle"),
    *("resizePolicy", "restartPolicy", "restartPolicyRules"),
)


class Around(Struct, frozen=True):
    """What the rules of a container have to know of its pod."""

    volumes: Volumes
    claims: tuple[str, ...]
    grace_s: int
    restart_policy: str
    host_users: bool


def validate_containers(spec: RawObject, path: str, volumes: Volumes) -> Iterator[Cause]:
    around = Around(
        volumes,
        tuple(claim.get("name") or "" for claim in spec.get("resourceClaims") or ()),
        spec.get("terminationGracePeriodSeconds", 0),
        spec.get("restartPolicy") or "",
        spec.get("hostUsers") is not False,
    )
    containers = spec.get("containers") or []
    if not containers:
        yield required(f"{path}.containers")
    names: set[str] = set()
    for position, container in enumerate(containers):
        field = f"{path}.containers[{position}]"
        yield from _common(container, field, around)
        yield from _new_name(container, field, names)
        yield from validate_handlers(container, field, around.grace_s)
        yield from _restart_rules(container, field)
    yield from _host_ports(containers, f"{path}.containers")
    for position, container in enumerate(spec.get("initContainers") or ()):
        field = f"{path}.initContainers[{position}]"
        yield from _common(container, field, around)
        yield from _first(container, field, around, names)
        yield from _host_ports([container], f"{path}.initContainers")
    yield from _ephemeral(spec, path, around, names)
    yield from _files_of_volumes(spec, path)


def _new_name(container: RawObject, field: str, names: set[str]) -> Iterator[Cause]:
    name = container.get("name") or ""
    if name in names:
        yield duplicate(f"{field}.name", name)
    names.add(name)


def _first(container: RawObject, field: str, around: Around, names: set[str]) -> Iterator[Cause]:
    """A container that runs before the others, or beside them for as long as the pod lives."""
    is_sidecar = container.get("restartPolicy") == "Always"
    if is_sidecar and container.get("restartPolicyRules"):
        words = "restartPolicyRules are not allowed for init containers with restart policy Always"
        yield forbidden(f"{field}.restartPolicyRules", words)
    elif container.get("restartPolicy") is None and container.get("restartPolicyRules"):
        yield required(f"{field}.restartPolicy", RULES_NEED_POLICY)
    elif not is_sidecar:
        yield from _restart_rules(container, field)
    name = container.get("name") or ""
    if name in names:
        yield duplicate(f"{field}.name", name)
    names |= {name} - {""}
    if is_sidecar:
        yield from validate_handlers(container, field, around.grace_s)
        return
    for forbidden_field in ("lifecycle", *PROBES):
        if container.get(forbidden_field) is not None:
            yield forbidden(f"{field}.{forbidden_field}", ONLY_SIDECARS)


RULES_NEED_POLICY = "must specify restartPolicy when restart rules are used"


def _restart_rules(container: RawObject, field: str) -> Iterator[Cause]:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or []
    if policy is None and rules:
        yield required(f"{field}.restartPolicy", RULES_NEED_POLICY)
    yield from maybe_one_of(f"{field}.restartPolicy", policy, RESTART_POLICIES)
    if len(rules) > RESTART_RULES_MAX:
        words = f"Too long: may not be more than {RESTART_RULES_MAX} bytes"
        yield Cause("FieldValueTooLong", words, f"{field}.restartPolicyRules")
    for position, rule in enumerate(rules):
        where = f"{field}.restartPolicyRules[{position}]"
        if (action := rule.get("action") or "") != "Restart":
            yield unsupported(f"{where}.action", action, ("Restart",))
        codes = rule.get("exitCodes")
        if codes is None:
            yield required(f"{where}.exitCodes", "must be specified")
        elif (operator := codes.get("operator") or "") not in EXIT_CODE_OPERATORS:
            yield unsupported(f"{where}.exitCodes.operator", operator, EXIT_CODE_OPERATORS)


def _ephemeral(spec: RawObject, path: str, around: Around, others: set[str]) -> Iterator[Cause]:
    """Containers that somebody adds to look at a running pod."""
    names = {*others}
    for position, container in enumerate(spec.get("ephemeralContainers") or ()):
        field = f"{path}.ephemeralContainers[{position}]"
        yield from _common(container, field, around)
        image = container.get("image") or ""
        if image != image.strip():
            words = "must not have leading or trailing whitespace"
            yield invalid_value(f"{field}.image", image, words)
        yield from _new_name(container, field, names)
        target = container.get("targetContainerName")
        if target and target not in others:
            yield not_found(f"{field}.targetContainerName", target)
        for name in EPHEMERAL_LACKS:
            if container.get(name) not in (None, {}) or container.get(name) == []:
                yield forbidden(f"{field}.{name}", NOT_EPHEMERAL)
        for index, mount in enumerate(container.get("volumeMounts") or ()):
            for name in ("subPath", "subPathExpr"):
                if mount.get(name):
                    where = f"{field}.volumeMounts[{index}].{name}"
                    yield forbidden(where, NOT_EPHEMERAL)


def _files_of_volumes(spec: RawObject, path: str) -> Iterator[Cause]:
    """Who reads its environment from a file says in which empty volume of the pod it is."""
    volumes = {volume.get("name") or "": volume for volume in spec.get("volumes") or ()}
    for where, container in containers_in(spec, path):
        for position, variable in enumerate(container.get("env") or ()):
            chosen = (variable.get("valueFrom") or {}).get("fileKeyRef")
            if chosen is None:
                continue
            field = f"{where}.env[{position}].valueFrom.fileKeyRef.volumeName"
            name = chosen.get("volumeName") or ""
            if name not in volumes:
                yield not_found(field, name)
            elif volumes[name].get("emptyDir") is None:
                words = "referenced volume must be of type emptyDir"
                yield invalid_value(field, name, words)


def _common(container: RawObject, field: str, around: Around) -> Iterator[Cause]:
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
    yield from validate_environment(container.get("env") or [], f"{field}.env")
    yield from validate_environment_sources(container.get("envFrom") or [], f"{field}.envFrom")
    yield from validate_mounts(container, f"{field}.volumeMounts", around.volumes)
    yield from validate_devices(container, f"{field}.volumeDevices", around.volumes)
    yield from one_of(f"{field}.imagePullPolicy", container.get("imagePullPolicy"), PULL_POLICIES)
    resources = container.get("resources") or {}
    yield from validate_resources(resources, f"{field}.resources", around.claims)
    policies = container.get("resizePolicy") or []
    yield from _resize_policies(policies, f"{field}.resizePolicy", around.restart_policy)
    context = container.get("securityContext")
    yield from validate_security(context, f"{field}.securityContext", host_users=around.host_users)


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


def _resize_policies(policies: list[RawObject], field: str, restart_policy: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for position, policy in enumerate(policies):
        name, restart = policy.get("resourceName") or "", policy.get("restartPolicy") or ""
        if name in seen:
            yield duplicate(f"{field}[{position}]", name)
        seen.add(name)
        yield from one_of(field, name, RESIZABLE)
        yield from one_of(field, restart, RESIZE_POLICIES)
        if restart_policy == "Never" and restart != "NotRequired":
            words = "must be 'NotRequired' when `restartPolicy` is 'Never'"
            yield invalid_value(field, restart, words)
