"""What a container needs before it can start, gathered into the request to the process host."""

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from towpath.client.protocols import Reader
from towpath.engines.processes.host import base_python
from towpath.engines.processes.port import Limits, ProcessHost, ProcessSpec
from towpath.localcluster.pods import volumes
from towpath.localcluster.pods.commands import (
    Relocation,
    base_environment,
    command_of,
    working_dir_of,
)
from towpath.localcluster.pods.environment import amount_of, environment, secret_text
from towpath.localcluster.pods.images import Image, Images
from towpath.localcluster.pods.volumes import VolumeRefused
from towpath.machinery.core_kinds import CONFIG_MAP, SECRET
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject, key_of, uid_of

_KINDS = {"configMap": CONFIG_MAP, "secret": SECRET}


@dataclass(frozen=True, slots=True)
class PodPlace:
    """Where one pod lives: its folder, its address, and whose process it is."""

    folder: Path
    address: str
    project: str

    def log(self, container: str, restart: int) -> Path:
        return self.folder / "logs" / container / f"{restart}.log"

    @property
    def home(self) -> Path:
        return self.folder / "home"


@dataclass(frozen=True, slots=True)
class _Read:
    """A Sources of what has been read for one container."""

    data: Mapping[str, Mapping[str, RawObject | None]]

    def config_map(self, name: str) -> Mapping[str, str] | None:
        found = self.data["configMap"].get(name)
        return None if found is None else dict(found.get("data") or {})

    def secret(self, name: str) -> Mapping[str, str] | None:
        found = self.data["secret"].get(name)
        return None if found is None else secret_text(found)


class Preparation:
    """Raises what makes it wait: ImageError, ImageRefused, ConfigMissing, VolumeRefused."""

    def __init__(self, client: Reader, images: Images, processes: ProcessHost) -> None:
        self._client = client
        self._images = images
        self._processes = processes
        self._probe_numbers = itertools.count(1)

    async def image(self, container: RawObject, project: str) -> Image:
        return await self._images.image(str(container["image"]), project)

    async def request(
        self, pod: RawObject, container: RawObject, image: Image, place: PodPlace, restart: int
    ) -> ProcessSpec:
        mounted = self._processes.isolation != "none"
        relocation = Relocation() if mounted else image.relocation()
        data = await self._read(pod, container)
        programs = self._images.programs()
        base = base_environment(
            image.config, home=place.home, programs=programs, relocation=relocation
        )
        env = environment(pod, container, base=base, address=place.address, sources=_Read(data))
        mounts = image.mounts() if mounted else {}
        own, writable = await self._volumes(pod, container, place, data)
        if own and not mounted:
            raise VolumeRefused(
                f"{', '.join(own)} cannot be mounted: this machine allows no namespaces"
            )
        argv = command_of(container, image.config, env, python=base_python(), relocation=relocation)
        return ProcessSpec(
            id=f"pod-{uid_of(pod)}-{container['name']}",
            project=place.project,
            argv=argv,
            cwd=Path(working_dir_of(container, image.config, relocation)),
            env=env,
            log=place.log(container["name"], restart),
            writable=(place.home, *writable),
            readable=(programs,),
            mounts={**mounts, **own},
            limits=limits_of(container),
        )

    def probe_request(self, request: ProcessSpec, command: list[str]) -> ProcessSpec:
        """The same surroundings, another command, its output beside the container's log."""
        return ProcessSpec(
            id=f"{request.id}-probe-{next(self._probe_numbers)}",
            project=request.project,
            argv=command,
            cwd=request.cwd,
            env=request.env,
            log=request.log.with_name("probes.out"),
            writable=request.writable,
            readable=request.readable,
            mounts=request.mounts,
            limits=request.limits,
        )

    async def _read(
        self, pod: RawObject, container: RawObject
    ) -> dict[str, dict[str, RawObject | None]]:
        wanted = sorted(volumes.references(pod) | _environment_references(container))
        objects = await asyncio.gather(
            *(self._get(kind, name, key_of(pod).namespace) for kind, name in wanted)
        )
        data: dict[str, dict[str, RawObject | None]] = {kind: {} for kind in _KINDS}
        for (kind, name), found in zip(wanted, objects, strict=True):
            data[kind][name] = found
        return data

    async def _get(self, kind: str, name: str, namespace: str) -> RawObject | None:
        try:
            return await self._client.get(_KINDS[kind], name, namespace)
        except NotFound:
            return None

    async def _volumes(
        self, pod: RawObject, container: RawObject, place: PodPlace, data: volumes.Data
    ) -> tuple[dict[str, Path], list[Path]]:
        """Folders by where the container wants them, and those of them that it may write to."""
        by_name = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
        mounts: dict[str, Path] = {}
        writable: list[Path] = []
        for mount in container.get("volumeMounts") or ():
            volume = by_name.get(mount["name"])
            if volume is None:
                raise VolumeRefused(f"volume {mount['name']} is not among the pod's volumes")
            if _is_token(volume):
                continue
            files = volumes.files_of(volume, pod, place.address, data)
            folder = place.folder / "volumes" / mount["name"]
            await asyncio.to_thread(volumes.write, folder, files)
            if files is None and not mount.get("readOnly"):
                writable.append(folder)
            mounts[mount["mountPath"]] = folder / _sub_path(mount, is_scratch=files is None)
        return mounts, writable


def _sub_path(mount: RawObject, *, is_scratch: bool) -> str:
    path = mount.get("subPath") or ""
    if path and (is_scratch or ".." in Path(path).parts or path.startswith("/")):
        # Inside a folder that the program writes, a path could be a link to anywhere.
        raise VolumeRefused(f"subPath {path} is only possible in configMap and secret volumes")
    return path


def _is_token(volume: RawObject) -> bool:
    """The service account token that Kubernetes mounts by itself; there is none here."""
    sources = (volume.get("projected") or {}).get("sources") or ()
    return any("serviceAccountToken" in source for source in sources)


def _environment_references(container: RawObject) -> set[tuple[str, str]]:
    found = set()
    for source in container.get("envFrom") or ():
        for kind, field in (("configMap", "configMapRef"), ("secret", "secretRef")):
            if source.get(field):
                found.add((kind, source[field]["name"]))
    for variable in container.get("env") or ():
        reference = variable.get("valueFrom") or {}
        for kind, field in (("configMap", "configMapKeyRef"), ("secret", "secretKeyRef")):
            if reference.get(field):
                found.add((kind, reference[field]["name"]))
    return found


def limits_of(container: RawObject) -> Limits:
    limits = (container.get("resources") or {}).get("limits") or {}
    return Limits(memory_bytes=amount_of(limits.get("memory", 0)))
