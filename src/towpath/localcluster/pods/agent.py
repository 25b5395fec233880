"""The kubelet's loop: one worker per pod object of this node."""

import asyncio
import logging
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from towpath.engines.processes.port import ProcessHost
from towpath.localcluster.nodes import NODE_NAME
from towpath.localcluster.pods.addresses import LoopbackAddresses
from towpath.localcluster.pods.container import Container
from towpath.localcluster.pods.images import Images
from towpath.localcluster.pods.preparation import PodPlace, Preparation
from towpath.localcluster.pods.worker import PodWorker, Surroundings
from towpath.localcluster.state import ClusterState
from towpath.machinery.core_kinds import CONFIG_MAP, NAMESPACE, POD, SECRET
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import Key, RawObject, is_deleting, key_of, labels_of, uid_of

log = logging.getLogger(__name__)

PROJECT_LABEL = "towpath.dev/project"
RETRY_WORKER_S = 2.0
CLUSTER_MARK = "cluster"
"""A file in each pod's folder: whose it is, for clusters share the folder of pods."""


class PodAgent:
    def __init__(
        self,
        cluster: str,
        state: ClusterState,
        processes: ProcessHost,
        images: Images,
        network: LoopbackAddresses,
        pods_dir: Path,
    ) -> None:
        self._cluster = cluster
        self._state = state
        self._network = network
        self._pods_dir = pods_dir
        self._workers: dict[str, PodWorker] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._config_changes: dict[str, asyncio.Event] = {}
        self._around = Surroundings(
            pods=state[POD],
            processes=processes,
            preparation=Preparation(state.client, images, processes),
            events=state.happenings("kubelet"),
            config_changed=self._next_config_change,
        )

    async def run(self) -> None:
        """Run the pods of this node until cancelled; their processes are the host's to end."""
        await asyncio.to_thread(self._pods_dir.mkdir, parents=True, exist_ok=True)
        await self._forget_gone_pods()
        self._keep_addresses()
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for kind in (CONFIG_MAP, SECRET):
                self._state[kind].subscribe(self._config_has_changed)
            self._state[POD].subscribe(self._pod_has_changed)
            await asyncio.Event().wait()

    def container(self, pod: RawObject, name: str) -> Container | None:
        worker = self._workers.get(uid_of(pod))
        return worker.container(name) if worker else None

    def address(self, pod: RawObject) -> str | None:
        """Where the pod's processes listen; its status is not believed."""
        worker = self._workers.get(uid_of(pod))
        return worker.address if worker else None

    def _keep_addresses(self) -> None:
        """Pods that have an address keep it; before any new pod can be given it."""
        for pod in self._state[POD].all():
            if known := (pod.get("status") or {}).get("podIP"):
                self._network.assign(uid_of(pod), known)

    # -- pods --------------------------------------------------------------------------------

    def _pod_has_changed(self, pod: RawObject) -> None:
        uid = uid_of(pod)
        if pod["spec"].get("nodeName", NODE_NAME) != NODE_NAME:
            return
        current = self._state[POD].informer.get(key_of(pod))
        is_gone = current is None or uid_of(current) != uid
        worker = self._workers.get(uid)
        if worker is None:
            if not is_gone:
                self._begin(pod)
            return
        worker.update(pod)
        if is_gone or is_deleting(pod):
            worker.leave()

    def _begin(self, pod: RawObject) -> None:
        assert self._tasks is not None
        uid = uid_of(pod)
        place = PodPlace(
            folder=self._pods_dir / uid,
            address=self._network.assign(uid, (pod.get("status") or {}).get("podIP", "")),
            project=self._project_of(key_of(pod).namespace),
        )
        worker = self._workers[uid] = PodWorker(pod, place, self._around)
        if is_deleting(pod):
            worker.leave()
        self._tasks.create_task(self._look_after(uid, worker, place), name=f"pod-{uid}")

    async def _look_after(self, uid: str, worker: PodWorker, place: PodPlace) -> None:
        try:
            await asyncio.to_thread(self._make_folder, place.folder)
            if not worker.pod["spec"].get("nodeName"):
                await self._bind(worker.pod)
            await worker.run()
        except Exception:
            # One pod's trouble is not another's: this one is begun again.
            log.exception("pod worker failed", extra={"pod": str(key_of(worker.pod))})
            await asyncio.sleep(RETRY_WORKER_S)
        else:
            await asyncio.to_thread(remove_folder, place.folder)
        finally:
            self._workers.pop(uid, None)
            self._network.release(uid)
        if current := self._state[POD].get(key_of(worker.pod)):
            self._pod_has_changed(current)

    async def _bind(self, pod: RawObject) -> None:
        """A pod made by hand has no node yet; ours is the only one."""
        try:
            await self._state[POD].patch(pod, {"spec": {"nodeName": NODE_NAME}})
            self._around.events.normal(
                pod, "Scheduled", f"Successfully assigned {key_of(pod)} to {NODE_NAME}"
            )
        except StatusError as error:
            log.warning("pod not bound", extra={"pod": str(key_of(pod)), "error": str(error)})

    def _project_of(self, namespace: str) -> str:
        """Whose processes these are. A namespace of no project is a tenant of its own."""
        found = self._state[NAMESPACE].get(Key("", namespace))
        project = labels_of(found).get(PROJECT_LABEL) if found else None
        return project or f"{self._cluster}/{namespace}"

    # -- folders -----------------------------------------------------------------------------

    def _make_folder(self, folder: Path) -> None:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        (folder / CLUSTER_MARK).write_text(self._cluster)

    async def _forget_gone_pods(self) -> None:
        """Folders of pods that were deleted while the platform was down."""
        known = {str(uid_of(pod)) for pod in self._state[POD].all()}
        for folder in await asyncio.to_thread(self._own_folders):
            if folder.name not in known:
                await asyncio.to_thread(remove_folder, folder)

    def _own_folders(self) -> Iterable[Path]:
        marks = self._pods_dir.glob(f"*/{CLUSTER_MARK}")
        return [mark.parent for mark in marks if mark.read_text() == self._cluster]

    # -- configuration -----------------------------------------------------------------------

    def _next_config_change(self, namespace: str) -> asyncio.Event:
        return self._config_changes.setdefault(namespace, asyncio.Event())

    def _config_has_changed(self, obj: RawObject) -> None:
        if event := self._config_changes.pop(key_of(obj).namespace, None):
            event.set()


def remove_folder(folder: Path) -> None:
    """A pod's folder; its mark goes last, so that a removal cut off is found at the next start."""
    for entry in [*os.scandir(folder)] if folder.is_dir() else ():
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        elif entry.name != CLUSTER_MARK:
            Path(entry.path).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
