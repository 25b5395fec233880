"""get: one object, as it is stored."""

from towpath.apiserver import refusals
from towpath.apiserver.calls import Target
from towpath.apiserver.conversion import one_in_version
from towpath.apiserver.core import Core, key_for
from towpath.apiserver.encoding import dumps, loads
from towpath.apiserver.scale import scale_of
from towpath.apiserver.verbs.list import parse_version, too_large_version
from towpath.machinery.users import UserInfo

READABLE = ("", "approval", "status", "scale", "resize", "ephemeralcontainers")


async def get(core: Core, user: UserInfo, target: Target, version: str = "") -> bytes:
    """`version` is the oldest that is wanted: what there is is the newest."""
    served = core.registry.find(target.resource)
    await core.require(user, "get", target)
    if version and (wanted := parse_version(version)) > core.store.revision:
        raise too_large_version(wanted, core.store.revision)
    if target.subresource not in READABLE:
        raise refusals.method_not_allowed()
    if target.subresource and target.subresource not in served.subresources:
        raise refusals.not_found(served, target.name)
    stored = core.store.get(served.collection, key_for(served, target.namespace, target.name))
    if stored is None:
        raise refusals.not_found(served, target.name)
    value = await one_in_version(core, stored.value, served)
    if target.subresource == "scale" and served.scale is not None:
        return dumps(scale_of(loads(value), served.scale, must_exist=True))
    return value
