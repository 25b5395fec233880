"""The guarded client as the platform's engineers have set it: which closed hosts it may call, and
which secrets may go where."""

import base64

from towpath.client.protocols import Reader
from towpath.engines.outbound import Outbound
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject, annotations_of

ALLOWED = "towpath-outbound"
"""The ConfigMap in towpath-system whose key `allow` lists `host:port`, one a line."""

HOSTS_ANNOTATION = "towpath.dev/hosts"
"""On a Secret: the hosts to which it may be sent, over TLS; one that is written `http://<host>` is
sent it in the clear."""


async def outbound(api: Reader) -> Outbound:
    try:
        found = await api.get(CONFIG_MAP, ALLOWED, SYSTEM_NAMESPACE)
    except NotFound:
        return Outbound()
    return Outbound(frozenset(str((found.get("data") or {}).get("allow", "")).lower().split()))


def hosts_of(secret: RawObject) -> frozenset[str]:
    told = annotations_of(secret).get(HOSTS_ANNOTATION, "")
    return frozenset(told.replace(",", " ").lower().split())


def data_of(secret: RawObject) -> dict[str, str]:
    """Its texts, without the line ends that files leave at the end."""
    return {
        key: base64.b64decode(value).decode("utf-8", "replace").strip()
        for key, value in (secret.get("data") or {}).items()
    }
