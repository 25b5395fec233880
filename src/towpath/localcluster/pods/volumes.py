"""Volumes as folders: emptyDir, configMap, secret, downwardAPI and projected.

Others are refused by name: a local cluster has no disks to attach.
"""

import base64
import shutil
from collections.abc import Mapping
from pathlib import Path

from towpath.localcluster.pods.environment import ConfigMissing, field_value
from towpath.machinery.objects import RawObject

Files = dict[str, tuple[bytes, int]]
"""Content and mode by path inside the volume."""


class VolumeRefused(Exception):
    """A kind of volume that a local cluster does not have; `str()` says which."""


Data = Mapping[str, Mapping[str, RawObject | None]]
"""ConfigMaps and Secrets by kind (`configMap`, `secret`) and name, as read for the pod."""


def references(pod: RawObject) -> set[tuple[str, str]]:
    """Which ConfigMaps and Secrets the pod's volumes need: (`configMap` or `secret`, name)."""
    found = set()
    for volume in pod["spec"].get("volumes") or ():
        for source in [volume, *((volume.get("projected") or {}).get("sources") or ())]:
            if source.get("configMap"):
                found.add(("configMap", source["configMap"]["name"]))
            if chosen := source.get("secret"):
                found.add(("secret", chosen.get("secretName") or chosen["name"]))
    return found


def files_of(volume: RawObject, pod: RawObject, address: str, data: Data) -> Files | None:
    """The files that the volume holds; None for an empty folder. Raises ConfigMissing, Refused."""
    if "emptyDir" in volume:
        return None
    if "projected" in volume:
        projected = volume["projected"] or {}
        mode = projected.get("defaultMode", 0o644)
        files: Files = {}
        for source in projected.get("sources") or ():
            if "serviceAccountToken" not in source:
                files |= _source_files(source, pod, address, data, mode)
        return files
    return _source_files(volume, pod, address, data, 0o644)


def _source_files(source: RawObject, pod: RawObject, address: str, data: Data, mode: int) -> Files:
    if chosen := source.get("configMap"):
        found = data["configMap"].get(chosen["name"])
        return _chosen(chosen, "configmap", chosen["name"], found, mode)
    if chosen := source.get("secret"):
        name = chosen.get("secretName") or chosen["name"]
        return _chosen(chosen, "secret", name, data["secret"].get(name), mode)
    if (chosen := source.get("downwardAPI")) is not None:
        return {
            item["path"]: (field_value(pod, item["fieldRef"]["fieldPath"], address).encode(), mode)
            for item in chosen.get("items") or ()
            if item.get("fieldRef")
        }
    kind = next((key for key in source if key != "name"), "unknown")
    raise VolumeRefused(
        f"volume {source.get('name', '')} is a {kind}, which a local cluster does not have; "
        "use emptyDir, configMap, secret, downwardAPI or projected"
    )


def _chosen(chosen: RawObject, kind: str, name: str, found: RawObject | None, mode: int) -> Files:
    if found is None:
        if chosen.get("optional"):
            return {}
        raise ConfigMissing(f'{kind} "{name}" not found')
    mode = chosen.get("defaultMode", mode)
    content = content_of(found)
    if not chosen.get("items"):
        return {key: (value, mode) for key, value in content.items()}
    files: Files = {}
    for item in chosen["items"]:
        if item["key"] in content:
            files[item["path"]] = (content[item["key"]], item.get("mode", mode))
        elif not chosen.get("optional"):
            raise ConfigMissing(f"references non-existent key {item['key']} in {kind} {name}")
    return files


def content_of(obj: RawObject) -> dict[str, bytes]:
    """The data of a ConfigMap or Secret, as bytes."""
    if obj["kind"] == "Secret":
        return {key: base64.b64decode(value) for key, value in (obj.get("data") or {}).items()}
    content = {key: value.encode() for key, value in (obj.get("data") or {}).items()}
    binary = obj.get("binaryData") or {}
    return content | {key: base64.b64decode(value) for key, value in binary.items()}


def write(folder: Path, files: Files | None) -> None:
    """Make the folder hold exactly these files. An emptyDir keeps what it holds."""
    folder.mkdir(parents=True, exist_ok=True)
    if files is None:
        return
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for path, (content, mode) in files.items():
        target = (fresh / path).resolve()
        if not target.is_relative_to(fresh.resolve()):
            raise VolumeRefused(f"path {path} leads out of its volume")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        # Readable for the project's user; nobody else can reach the folder.
        target.chmod(mode | 0o444)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
