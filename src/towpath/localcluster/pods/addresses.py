"""Which loopback address a pod has: one of its own out of 127.64.0.0/10, so that every pod can have
its port.

Deterministic by the pod's uid, kept in its status, and never one that another pod has. This is the
one place that knows how pods are reached.
"""

import hashlib
import ipaddress

FIRST = int(ipaddress.IPv4Address("127.64.0.1"))
SIZE = 2**22 - 2


class LoopbackAddresses:
    """Those of one local cluster. `seed` tells the clusters on a machine apart."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._by_pod: dict[str, str] = {}
        self._taken: dict[str, str] = {}

    def assign(self, pod_uid: str, known: str = "") -> str:
        """The pod's address: `known`, the one it had before, if nobody else has it now."""
        if pod_uid in self._by_pod:
            return self._by_pod[pod_uid]
        if known and self._taken.get(known, pod_uid) == pod_uid:
            return self._keep(pod_uid, known)
        attempt = 0
        while True:
            digest = hashlib.sha256(f"{self._seed}/{pod_uid}/{attempt}".encode()).digest()
            offset = int.from_bytes(digest[:8]) % SIZE
            address = str(ipaddress.IPv4Address(FIRST + offset))
            if address not in self._taken:
                return self._keep(pod_uid, address)
            attempt += 1

    def release(self, pod_uid: str) -> None:
        if address := self._by_pod.pop(pod_uid, None):
            del self._taken[address]

    def _keep(self, pod_uid: str, address: str) -> str:
        self._by_pod[pod_uid] = address
        self._taken[address] = pod_uid
        return address
