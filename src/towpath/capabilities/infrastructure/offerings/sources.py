"""One list over several kinds and namespaces, a page at a time.

A cursor is `<which source>.<the API's own token>`: what was shown is never read again, and nothing
is read that is not shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from towpath.client.protocols import Client
from towpath.machinery.errors import BadRequest, StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject


@dataclass(frozen=True, slots=True)
class Found:
    resource: Resource
    obj: RawObject


@dataclass(frozen=True, slots=True)
class FoundPage:
    found: list[Found]
    cursor: str = ""
    """"" on the last page."""


async def read_page(
    api: Client,
    sources: Sequence[tuple[Resource, str]],
    *,
    cursor: str,
    limit: int,
    labels: str = "",
    words: str = "",
    reads_max: int = 20,
) -> FoundPage:
    """Until `limit` are found, or so many reads were made; names that hold the words count."""
    at, token = _position(cursor, len(sources))
    found: list[Found] = []
    for _ in range(reads_max):
        if at >= len(sources) or len(found) >= limit:
            break
        resource, namespace = sources[at]
        try:
            listed = await api.list(
                resource, namespace, labels=labels, limit=limit, continue_token=token
            )
        except StatusError:
            at, token = at + 1, ""  # gone meanwhile, or no right there any more
            continue
        found += [
            Found(resource, one) for one in listed.items if words in one["metadata"]["name"].lower()
        ]
        token = listed.continue_token
        if not token:
            at += 1
    is_last = at >= len(sources)
    return FoundPage(found, "" if is_last else f"{at}.{token}")


def _position(cursor: str, count: int) -> tuple[int, str]:
    if not cursor:
        return 0, ""
    at, _, token = cursor.partition(".")
    if not at.isdecimal() or int(at) >= max(count, 1):
        raise BadRequest("continue: it is not a page of this list")
    return int(at), token
