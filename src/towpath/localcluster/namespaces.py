"""What every namespace of a cluster has: the service account `default`, for pods that name none."""

from towpath.localcluster.state import ClusterState
from towpath.machinery.core_kinds import NAMESPACE, SERVICE_ACCOUNT
from towpath.machinery.errors import AlreadyExists, Forbidden
from towpath.machinery.objects import Key, is_deleting
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Subscribed

DEFAULT = "default"


def controller(state: ClusterState) -> Controller:
    seen: set[str] = set()

    async def reconcile(key: Key) -> float | None:
        namespace = state[NAMESPACE].get(key)
        if namespace is None or is_deleting(namespace):
            return None
        uid = namespace["metadata"]["uid"]
        if uid in seen:
            return None
        try:
            await state.client.create(SERVICE_ACCOUNT, SERVICE_ACCOUNT.object(DEFAULT, key.name))
        except AlreadyExists:
            pass  # it is there: what we want
        except Forbidden:
            return None  # the namespace began to go just now
        seen.add(uid)
        return None

    return Controller("namespaces", reconcile, [Subscribed(state[NAMESPACE].informer)])
