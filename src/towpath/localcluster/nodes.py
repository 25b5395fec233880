"""The one node, `local`: this machine, as far as anybody asks."""

import asyncio
import contextlib
import os
import platform

from towpath.client.protocols import Client
from towpath.machinery.conditions import now
from towpath.machinery.core_kinds import NODE
from towpath.machinery.errors import AlreadyExists
from towpath.machinery.objects import RawObject

NODE_NAME = "local"
NODE_ADDRESS = "127.0.0.1"
PODS_MAX = 110


async def ensure_node(client: Client, version: str) -> None:
    """Make or refresh the node's object."""
    node = await asyncio.to_thread(_node, version)
    status = node.pop("status")
    with contextlib.suppress(AlreadyExists):  # of an earlier run: only its status changes
        await client.create(NODE, node)
    await client.patch(NODE, NODE_NAME, "", {"status": status}, subresource="status")


def _node(version: str) -> RawObject:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    labels = {
        "kubernetes.io/hostname": NODE_NAME,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": machine,
        "node-role.kubernetes.io/control-plane": "",
    }
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    capacity = {
        "cpu": str(os.cpu_count() or 1),
        "memory": f"{pages // 1024}Ki",
        "pods": str(PODS_MAX),
    }
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "pods run as processes of this machine",
        "lastHeartbeatTime": now(),
        "lastTransitionTime": now(),
    }
    node = NODE.object(NODE_NAME, spec={})
    node["metadata"]["labels"] = labels
    node["status"] = {
        "capacity": capacity,
        "allocatable": capacity,
        "conditions": [ready],
        "addresses": [
            {"type": "InternalIP", "address": NODE_ADDRESS},
            {"type": "Hostname", "address": NODE_NAME},
        ],
        "nodeInfo": {
            "architecture": machine,
            "operatingSystem": "linux",
            "kernelVersion": platform.release(),
            "osImage": platform.platform(terse=True),
            "containerRuntimeVersion": f"process://{version}",
            "kubeletVersion": f"v1.35.0+towpath-{version}",
            "kubeProxyVersion": "",
            "machineID": "",
            "systemUUID": "",
            "bootID": "",
        },
    }
    return node
