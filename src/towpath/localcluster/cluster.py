"""A local cluster: all of its controllers for one API server, run as one thing."""

import asyncio
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from towpath.client.protocols import Client
from towpath.engines.processes.port import ProcessError, ProcessHost
from towpath.engines.registry.port import ImageUnpacker
from towpath.localcluster.logs import FromNow, PodLogs, chosen_container
from towpath.localcluster.nodes import ensure_node
from towpath.localcluster.state import ClusterState
from towpath.machinery.core_kinds import POD
from towpath.machinery.errors import BadRequest, StatusError
from towpath.machinery.objects import RawObject, key_of
from towpath.runtime.controller import Controller

if TYPE_CHECKING:
    from towpath.localcluster.pods.agent import PodAgent
    from towpath.localcluster.pods.console import Attached
    from towpath.localcluster.pods.container import Container
    from towpath.localcluster.pods.execution import Execution

CONNECT_S_MAX = 10.0


class ExecOptions(Protocol):
    """What a command is executed with, as `pods/<name>/exec` says it."""

    @property
    def container(self) -> str: ...
    @property
    def command(self) -> Sequence[str]: ...
    @property
    def stdin(self) -> bool: ...
    @property
    def tty(self) -> bool: ...


class LocalCluster:
    """`client` has the platform's rights on the cluster's own API server."""

    def __init__(
        self,
        name: str,
        client: Client,
        *,
        processes: ProcessHost,
        images: ImageUnpacker,
        data_dir: Path,
        cache_dir: Path,
    ) -> None:
        self.name = name
        self.state = ClusterState(client)
        self._processes = processes
        self._images = images
        self._data_dir = data_dir
        self._cache_dir = cache_dir
        self.pod_logs = PodLogs(data_dir / "pods", self.state[POD].get)
        """For the API server's `pods/<name>/log`."""

    @cached_property
    def _agent(self) -> "PodAgent":
        # What runs pods is loaded when the cluster runs: servers are open before.
        from towpath.localcluster.pods.addresses import LoopbackAddresses
        from towpath.localcluster.pods.agent import PodAgent
        from towpath.localcluster.pods.images import Images

        return PodAgent(
            self.name,
            self.state,
            self._processes,
            Images(self._images, self._cache_dir),
            LoopbackAddresses(str(self._data_dir.absolute())),
            self._data_dir / "pods",
        )

    def _controllers(self) -> tuple[Controller, ...]:
        from towpath.localcluster import (
            cronjobs,
            daemonsets,
            deployments,
            ingresses,
            jobs,
            namespaces,
            replicasets,
            services,
            statefulsets,
            unenforced,
        )

        return (
            deployments.controller(self.state),
            *replicasets.controllers(self.state),
            services.controller(self.state),
            statefulsets.controller(self.state),
            daemonsets.controller(self.state),
            jobs.controller(self.state),
            cronjobs.controller(self.state),
            namespaces.controller(self.state),
            ingresses.controller(self.state),
            *unenforced.controllers(self.state),
        )

    async def execute(self, pod: RawObject, options: ExecOptions) -> "Execution":
        """A command in a container of the pod. Raises BadRequest, and StatusError when it fails."""
        container = self._container(pod, options)
        command = list(options.command)
        try:
            return await container.execute(command, terminal=options.tty, stdin=options.stdin)
        except ProcessError as error:
            raise StatusError(f"container {container.name} cannot execute it: {error}") from error

    async def attach(self, pod: RawObject, options: ExecOptions) -> "Attached":
        """To the program of a container that runs. Raises BadRequest."""
        container = self._container(pod, options)
        try:
            attached = container.attach(stdin=options.stdin)
        except ProcessError as error:
            raise BadRequest(f"cannot attach to pod {key_of(pod).name}: {error}") from error
        if attached is not None:
            return attached
        from towpath.localcluster.pods.console import Attached, as_output

        return Attached(as_output(await self.pod_logs(pod, FromNow(container.name))))

    def _container(self, pod: RawObject, options: ExecOptions) -> "Container":
        name = chosen_container(pod, options.container)
        container = self._agent.container(pod, name)
        if container is None:
            raise BadRequest(f"container {name} of pod {key_of(pod).name} is not running")
        return container

    async def connect(
        self, pod: RawObject, port: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """To a port of the pod. Raises BadRequest, and StatusError when nobody listens there."""
        if not (port.isdecimal() and 0 < int(port) < 2**16):
            raise BadRequest(f"port {port!r} is not a number from 1 to 65535")
        address = self._agent.address(pod)
        if address is None:
            raise BadRequest(f"pod {key_of(pod).name} is not running")
        try:
            async with asyncio.timeout(CONNECT_S_MAX):
                return await asyncio.open_connection(address, int(port))
        except OSError as error:
            raise StatusError(
                f"pod {key_of(pod).name} does not listen on {address}:{port}"
            ) from error

    async def run(self) -> None:
        """Run everything until cancelled."""
        # Made before the state runs, which writes the events of those that have told it of theirs.
        agent, controllers = self._agent, self._controllers()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.state.run(), name=f"{self.name}-state")
            await self.state.synced()
            await ensure_node(self.state.client, version("towpath"))
            tasks.create_task(agent.run(), name=f"{self.name}-pods")
            for controller in controllers:
                tasks.create_task(controller.run(), name=f"{self.name}-{controller.name}")
