"""The parts of a local cluster's scenario: images made of one file, objects, and ways to wait."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import eventually, running_api_server

from towpath.client.protocols import Client
from towpath.engines.processes.host import SupervisedProcesses
from towpath.engines.registry.port import ImageNotFound
from towpath.localcluster.cluster import LocalCluster
from towpath.machinery.core_kinds import DEPLOYMENT, EVENT, POD, SERVICE
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

DEADLINE_S = 20.0


class OneFileImages:
    """An ImageUnpacker: `<name>` is an image whose /app/main.py is the text given."""

    def __init__(self, programs: dict[str, str]) -> None:
        self.programs = programs

    async def unpack(self, reference: str, target: Path) -> dict[str, object]:
        if reference not in self.programs:
            raise ImageNotFound(f"image {reference} is not in the registry")
        (target / "app").mkdir(parents=True, exist_ok=True)
        (target / "app" / "main.py").write_text(self.programs[reference])
        return {
            "config": {
                "Labels": {"dev.towpath.image.base": "declared"},
                "Entrypoint": ["python", "/app/main.py"],
                "Env": ["PYTHONPATH=/app"],
                "WorkingDir": "/app",
            }
        }


@dataclass
class World:
    client: Client
    cluster: LocalCluster
    processes: SupervisedProcesses
    images: OneFileImages
    data_dir: Path

    async def get(self, resource: Resource, name: str, namespace: str = "default") -> RawObject:
        return await self.client.get(resource, name, namespace)

    async def pods(self, labels: str = "app=web") -> list[RawObject]:
        return (await self.client.list(POD, "default", labels=labels)).items

    async def until(
        self, condition: Callable[[], Awaitable[Any]], what: str, deadline_s: float = DEADLINE_S
    ) -> Any:
        result: Any = None

        async def check() -> bool:
            nonlocal result
            result = await condition()
            return bool(result)

        try:
            await eventually(check, deadline_s=deadline_s, every_s=0.005)
        except TimeoutError:
            story = await self.story()
            raise AssertionError(f"not within {deadline_s:g} s: {what}; {story}") from None
        return result

    async def story(self) -> str:
        pods = await self.pods("")
        return str([(pod["metadata"]["name"], pod.get("status")) for pod in pods])

    async def rolled_out(self, name: str = "web") -> RawObject:
        async def complete() -> RawObject | None:
            deployment = await self.get(DEPLOYMENT, name)
            status = deployment.get("status") or {}
            wanted = deployment["spec"]["replicas"]
            numbers = ("replicas", "updatedReplicas", "availableReplicas")
            if status.get("observedGeneration") != deployment["metadata"]["generation"]:
                return None
            return deployment if all(status.get(n, 0) == wanted for n in numbers) else None

        found: RawObject = await self.until(complete, f"{name} is rolled out")
        return found

    async def gone(self, resource: Resource, name: str) -> None:
        async def is_gone() -> bool:
            try:
                await self.get(resource, name)
            except NotFound:
                return True
            return False

        await self.until(is_gone, f"{name} is gone")

    async def pod(self, name: str, namespace: str = "default") -> RawObject:
        return await self.get(POD, name, namespace)

    async def container(
        self, name: str, wanted: Callable[[RawObject], Any], what: str
    ) -> RawObject:
        """The first container's status of a pod, once it is as wanted."""

        async def found() -> RawObject | None:
            statuses = ((await self.pod(name)).get("status") or {}).get("containerStatuses") or ()
            return dict(statuses[0]) if statuses and wanted(statuses[0]) else None

        status: RawObject = await self.until(found, what)
        return status

    async def phase(self, name: str, wanted: str) -> RawObject:
        async def reached() -> RawObject | None:
            pod = await self.pod(name)
            return pod if (pod.get("status") or {}).get("phase") == wanted else None

        pod: RawObject = await self.until(reached, f"{name} is {wanted}")
        return pod

    async def logs(self, name: str, **options: Any) -> str:
        pod = await self.pod(name)
        lines = await self.cluster.pod_logs(pod, Options(**options))
        return b"".join([line async for line in lines]).decode()

    async def events(self, reason: str) -> list[str]:
        events = (await self.client.list(EVENT, "default")).items
        return [event["message"] for event in events if event["reason"] == reason]


@dataclass(frozen=True)
class Options:
    container: str = ""
    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    since_s: int | None = None
    since_time: str = ""


def pod(name: str, *command: str, image: str = "shell", **spec: Any) -> RawObject:
    """A pod of one container `app`; what is a container's field goes to it, the rest to the pod."""
    container: RawObject = {"name": "app", "image": image}
    if command:
        container["command"] = list(command)
    for field in _CONTAINER_FIELDS & set(spec):
        container[field] = spec.pop(field)
    made = POD.object(name, "default", spec={"containers": [container], **spec})
    made["spec"].setdefault("terminationGracePeriodSeconds", 1)
    return made


_CONTAINER_FIELDS = {
    "env",
    "envFrom",
    "args",
    "ports",
    "volumeMounts",
    "workingDir",
    "resources",
    "lifecycle",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
}


@asynccontextmanager
async def running_world(
    tmp_path: Path,
    programs: dict[str, str],
    *,
    isolations: tuple[str, ...] = ("uid", "userns", "none"),
) -> AsyncIterator[World]:
    data_dir = tmp_path / "data"
    images = OneFileImages(programs)
    async with (
        running_api_server(tmp_path / "store.db") as api,
        SupervisedProcesses(data_dir / "run", isolations=isolations, grace_s=1.0) as processes,
        running_cluster(api.client(), processes, images, tmp_path) as cluster,
    ):
        yield World(api.client(), cluster, processes, images, data_dir)


@asynccontextmanager
async def running_cluster(
    client: Client, processes: SupervisedProcesses, images: OneFileImages, tmp_path: Path
) -> AsyncIterator[LocalCluster]:
    cluster = LocalCluster(
        "local",
        client,
        processes=processes,
        images=images,
        data_dir=tmp_path / "data",
        cache_dir=tmp_path / "cache",
    )
    running = asyncio.create_task(cluster.run())
    try:
        yield cluster
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        if not running.cancelled() and running.exception() is not None:
            raise AssertionError("the cluster failed") from running.exception()


def deployment(
    name: str = "web",
    *,
    replicas: int = 1,
    image: str = "web",
    env: dict[str, str] | None = None,
    **spec: Any,
) -> RawObject:
    container: RawObject = {
        "name": "app",
        "image": image,
        "ports": [{"containerPort": 8000, "name": "http"}],
        "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
    }
    labels = {"app": name}
    pod: RawObject = {"containers": [container], "terminationGracePeriodSeconds": 5}
    return DEPLOYMENT.object(
        name,
        "default",
        spec={
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
            **spec,
        },
    )


def service(name: str = "web") -> RawObject:
    return SERVICE.object(
        name,
        "default",
        spec={"selector": {"app": name}, "ports": [{"port": 80, "targetPort": "http"}]},
    )
