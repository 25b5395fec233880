"""The pod of a workload: its containers, probes, limits, security, and mounted files."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from towpath.capabilities.delivery.promotions.render.environment import Resolve, container_env
from towpath.capabilities.delivery.promotions.render.files import MountedFiles
from towpath.capabilities.delivery.promotions.render.inputs import RenderInput
from towpath.capabilities.delivery.promotions.score import Container, Problem, ScoreError
from towpath.capabilities.delivery.promotions.score.parse import BUILT_HERE
from towpath.machinery.objects import RawObject

CONFIG_HASH_ANNOTATION = "towpath.dev/config-hash"
"""On the pod template: changed files roll the pods, for a mounted file does not change in place."""


@dataclass(frozen=True, slots=True)
class Pod:
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    spec: RawObject

    @property
    def template(self) -> RawObject:
        metadata: RawObject = {"labels": dict(self.labels)}
        if self.annotations:
            metadata["annotations"] = dict(self.annotations)
        return {"metadata": metadata, "spec": self.spec}


def pod(given: RenderInput, resolve: Resolve, files: MountedFiles) -> Pod:
    containers = [_container(given, container, resolve, files) for container in _images(given)]
    spec: RawObject = {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": given.defaults.run_as_user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": given.selector},
            }
        ],
        "containers": containers,
    }
    if files.volumes:
        spec["volumes"] = list(files.volumes)
    annotations = {}
    if files.content:
        digest = hashlib.sha256(files.content.encode()).hexdigest()[:16]
        annotations[CONFIG_HASH_ANNOTATION] = digest
    return Pod({**given.labels, "towpath.dev/release": given.release}, annotations, spec)


def _images(given: RenderInput) -> list[tuple[Container, str]]:
    """Each container with its image; `.`, or the only container there is, has the release's."""
    containers = given.score.containers
    if not any(container.image == BUILT_HERE for container in containers):
        if len(containers) > 1:
            names = ", ".join(container.name for container in containers)
            raise ScoreError(
                [
                    Problem(
                        "containers",
                        f"none of {names} runs the image built here; give one of them image: .",
                    )
                ]
            )
        return [(containers[0], given.image)]
    return [
        (container, given.image if container.image == BUILT_HERE else container.image)
        for container in containers
    ]


def _container(
    given: RenderInput,
    container_image: tuple[Container, str],
    resolve: Resolve,
    files: MountedFiles,
) -> RawObject:
    container, image = container_image
    if container.volumes:
        raise ScoreError(
            [
                Problem(
                    f"containers.{container.name}.volumes",
                    "volumes are not offered by this platform; keep data in a resource such as "
                    "postgres",
                )
            ]
        )
    rendered: RawObject = {"name": container.name, "image": image}
    if container.command is not None:
        rendered["command"] = list(container.command)
    if container.args is not None:
        rendered["args"] = list(container.args)
    if ports := _ports(given, container):
        rendered["ports"] = ports
    path = f"containers.{container.name}.variables"
    if env := container_env(given.workload, container.variables, path, resolve):
        rendered["env"] = env
    rendered["resources"] = _compute(given, container)
    rendered.update(_probes(given, container))
    rendered["securityContext"] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    if mounts := files.mounts.get(container.name):
        rendered["volumeMounts"] = list(mounts)
    return rendered


def _is_main(given: RenderInput, container: Container) -> bool:
    """The container that the service's ports lead to: the one that is built here."""
    containers = given.score.containers
    return len(containers) == 1 or container.image == BUILT_HERE


def _ports(given: RenderInput, container: Container) -> list[RawObject]:
    if not _is_main(given, container):
        return []
    ports: dict[tuple[int, str], RawObject] = {}
    for port in given.score.ports:
        # A port's name has 15 characters at most; a longer one stays the Service's only.
        entry: RawObject = {"name": port.name} if len(port.name) <= 15 else {}
        entry |= {"containerPort": port.target_port, "protocol": port.protocol}
        ports.setdefault((port.target_port, port.protocol), entry)
    return list(ports.values())


def _compute(given: RenderInput, container: Container) -> RawObject:
    requests = {**given.defaults.requests, **container.requests}
    limits = {**given.defaults.limits, **container.limits}
    for name in ("cpu", "memory"):
        # A limit of the author's below the platform's default request would be refused.
        if name in container.limits and name not in container.requests:
            requests[name] = container.limits[name]
    return {"requests": requests, "limits": limits}


def _probes(given: RenderInput, container: Container) -> RawObject:
    readiness = _handler(container.readiness) or _default_handler(given, container)
    liveness = _handler(container.liveness)
    probes: RawObject = {}
    if readiness:
        probes["startupProbe"] = {**readiness, "periodSeconds": 1, "failureThreshold": 60}
        probes["readinessProbe"] = {**readiness, "periodSeconds": 5, "failureThreshold": 2}
    if liveness:
        probes["livenessProbe"] = {**liveness, "periodSeconds": 10, "failureThreshold": 3}
    return probes


def _default_handler(given: RenderInput, container: Container) -> RawObject:
    """Without a probe of the author's: that somebody listens."""
    for port in given.score.ports:
        if port.protocol == "TCP" and _is_main(given, container):
            return {"tcpSocket": {"port": port.target_port}}
    return {}


def _handler(probe: RawObject | None) -> RawObject:
    if not probe:
        return {}
    if "exec" in probe:
        return {"exec": {"command": list(probe["exec"]["command"])}}
    http = probe["httpGet"]
    handler: RawObject = {"path": http["path"], "port": http["port"]}
    for name in ("host", "scheme"):
        if name in http:
            handler[name] = http[name]
    if headers := http.get("httpHeaders"):
        handler["httpHeaders"] = [dict(header) for header in headers]
    return {"httpGet": handler}
