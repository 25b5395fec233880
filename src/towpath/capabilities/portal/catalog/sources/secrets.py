"""Secrets that a source names: read beside it, and sent only where the secret itself allows.

Whoever may make a source may not read secrets, so that a source alone cannot send one anywhere.
"""

from towpath.capabilities.portal.catalog.sources.place import Refused
from towpath.client.protocols import Client
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject


async def secret_of(api: Client, source: RawObject, name: str) -> RawObject:
    """Raises Refused."""
    try:
        return await api.get(SECRET, name, source["metadata"]["namespace"])
    except NotFound:
        raise Refused(f"there is no Secret {name} beside the source") from None
