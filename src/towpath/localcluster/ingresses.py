"""Ingresses: say where they are reached, which is what waiting tools look for."""

from towpath.localcluster.nodes import NODE_ADDRESS
from towpath.localcluster.state import ClusterState
from towpath.machinery.core_kinds import INGRESS
from towpath.machinery.objects import Key, is_deleting
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Subscribed


def controller(state: ClusterState) -> Controller:
    async def reconcile(key: Key) -> float | None:
        ingress = state[INGRESS].get(key)
        if ingress is not None and not is_deleting(ingress):
            status = {"loadBalancer": {"ingress": [{"ip": NODE_ADDRESS}]}}
            await state[INGRESS].set_status(ingress, status)
        return None

    return Controller("ingresses", reconcile, [Subscribed(state[INGRESS].informer)])
