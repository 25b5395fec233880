"""Secrets that a source names: read beside it, and sent only where the secret itself allows.

Whoever may make a source may not read secrets, so that a source alone cannot send one anywhere.
"""

import base64

from towpath.capabilities.portal.catalog.sources.place import Refused
from towpath.client.protocols import Client
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject, annotations_of

HOSTS_ANNOTATION = "towpath.dev/hosts"
"""On a Secret: the hosts to which it may be sent, over TLS; one that is written `http://<host>` is
sent it in the clear."""


async def secret_of(api: Client, source: RawObject, name: str) -> RawObject:
    """Raises Refused."""
    try:
        return await api.get(SECRET, name, source["metadata"]["namespace"])
    except NotFound:
        raise Refused(f"there is no Secret {name} beside the source") from None


def hosts_of(secret: RawObject) -> frozenset[str]:
    told = annotations_of(secret).get(HOSTS_ANNOTATION, "")
    return frozenset(told.replace(",", " ").lower().split())


def data_of(secret: RawObject) -> dict[str, str]:
    """Its texts, without the line ends that files leave at the end."""
    return {
        key: base64.b64decode(value).decode("utf-8", "replace").strip()
        for key, value in (secret.get("data") or {}).items()
    }
