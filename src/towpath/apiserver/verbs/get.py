"""get: one object, as it is stored."""

from towpath.apiserver import refusals
from towpath.apiserver.calls import Target
from towpath.apiserver.core import Core, key_for
from towpath.apiserver.encoding import served_as
from towpath.machinery.users import UserInfo


async def get(core: Core, user: UserInfo, target: Target) -> bytes:
    served = core.registry.find(target.resource)
    await core.require(user, "get", target)
    stored = core.store.get(served.collection, key_for(served, target.namespace, target.name))
    if stored is None:
        raise refusals.not_found(served, target.name)
    return served_as(stored.value, served)
