"""The guarded client as the platform's engineers have set it: which closed hosts it may call."""

from towpath.client.protocols import Reader
from towpath.engines.outbound import Outbound
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.machinery.errors import NotFound

ALLOWED = "towpath-outbound"
"""The ConfigMap in towpath-system whose key `allow` lists `host:port`, one a line."""


async def outbound(api: Reader) -> Outbound:
    try:
        found = await api.get(CONFIG_MAP, ALLOWED, SYSTEM_NAMESPACE)
    except NotFound:
        return Outbound()
    return Outbound(frozenset(str((found.get("data") or {}).get("allow", "")).lower().split()))
