"""Where containers mount the volumes of their pod.

Source of the rules: pkg/apis/core/validation of Kubernetes.
"""

from collections.abc import Iterator

from towpath.apiserver.kinds.checks import local_path
from towpath.machinery.causes import forbidden, invalid_value, not_found, required, unsupported
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject

PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
READ_ONLY_DEEPLY = ("Disabled", "Enabled", "IfPossible")
BLOCK_SOURCES = ("persistentVolumeClaim", "ephemeral")

Volumes = dict[str, RawObject]


def validate_mounts(container: RawObject, field: str, volumes: Volumes) -> Iterator[Cause]:
    devices = container.get("volumeDevices") or []
    names = {one.get("name") or "" for one in devices}
    device_paths = {one.get("devicePath") or "" for one in devices}
    paths: set[str] = set()
    for position, mount in enumerate(container.get("volumeMounts") or ()):
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
        if name in names:
            yield invalid_value(f"{where}.name", name, "must not already exist in volumeDevices")
        if path in device_paths:
            words = "must not already exist as a path in volumeDevices"
            yield invalid_value(f"{where}.mountPath", path, words)
        yield from _inner_paths(mount, field, where)
        yield from _sharing(mount, container, field)


def _inner_paths(mount: RawObject, field: str, where: str) -> Iterator[Cause]:
    """Their place is told without that of the mount, as by Kubernetes."""
    plain, computed = mount.get("subPath") or "", mount.get("subPathExpr") or ""
    yield from local_path(f"{field}.subPath", plain)
    if computed and plain:
        words = "subPathExpr and subPath are mutually exclusive"
        yield invalid_value(f"{where}.subPathExpr", computed, words)
    yield from local_path(f"{field}.subPathExpr", computed)


def _sharing(mount: RawObject, container: RawObject, field: str) -> Iterator[Cause]:
    where, propagation = f"{field}.mountPropagation", mount.get("mountPropagation")
    if propagation is not None and propagation not in PROPAGATIONS:
        yield unsupported(where, propagation, PROPAGATIONS)
    is_privileged = (container.get("securityContext") or {}).get("privileged")
    if propagation == "Bidirectional" and not is_privileged:
        words = "Bidirectional mount propagation is available only to privileged containers"
        yield forbidden(where, words)
    where, deeply = f"{field}.recursiveReadOnly", mount.get("recursiveReadOnly")
    if deeply is not None and deeply not in READ_ONLY_DEEPLY:
        yield unsupported(where, deeply, READ_ONLY_DEEPLY)
    elif deeply in READ_ONLY_DEEPLY[1:]:
        if not mount.get("readOnly"):
            yield forbidden(where, "may only be specified when readOnly is true")
        if propagation not in (None, "None"):
            words = "may only be specified when mountPropagation is None or not specified"
            yield forbidden(where, words)


def validate_devices(container: RawObject, field: str, volumes: Volumes) -> Iterator[Cause]:
    mounts = container.get("volumeMounts") or []
    mounted = {one.get("name") or "" for one in mounts}
    mount_paths = {one.get("mountPath") or "" for one in mounts}
    names: set[str] = set()
    paths: set[str] = set()
    for position, device in enumerate(container.get("volumeDevices") or ()):
        where = f"{field}[{position}]"
        name, path = device.get("name") or "", device.get("devicePath") or ""
        yield from _device_name(name, f"{where}.name", volumes, names)
        if not path:
            yield required(f"{where}.devicePath")
        if path in paths:
            yield invalid_value(f"{where}.devicePath", path, "must be unique")
        if ".." in path.split("/"):
            words = "can not contain backsteps ('..')"
            yield invalid_value(f"{where}.devicePath", path, words)
        else:
            paths.add(path)
        if name in mounted:
            yield invalid_value(f"{where}.name", name, "must not already exist in volumeMounts")
        if path in mount_paths:
            words = "must not already exist as a path in volumeMounts"
            yield invalid_value(f"{where}.devicePath", path, words)
        names |= {name} - {""}


def _device_name(name: str, field: str, volumes: Volumes, taken: set[str]) -> Iterator[Cause]:
    if not name:
        yield required(field)
    if name in taken:
        yield invalid_value(field, name, "must be unique")
    if name not in volumes:
        yield not_found(field, name)
    elif not any(volumes[name].get(source) is not None for source in BLOCK_SOURCES):
        words = (
            "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
        )
        yield invalid_value(field, name, words)
