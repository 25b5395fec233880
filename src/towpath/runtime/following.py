"""Following one object: as it is, then at every change, for commands and whoever waits."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from towpath.client.protocols import Client, EventType
from towpath.machinery.errors import Gone, NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import Key, RawObject


async def follow_object(
    client: Client, resource: Resource, key: Key
) -> AsyncGenerator[RawObject | None, None]:
    """The object now and whenever it changes; None once it is gone, and then no more.

    Close it with `aclose()`; it ends by itself only when the object has gone.
    """
    fields = f"metadata.name={key.name}"
    while True:
        try:
            found = await client.get(resource, key.name, key.namespace)
        except NotFound:
            yield None
            return
        yield found
        since = found["metadata"]["resourceVersion"]
        try:
            events = client.watch(resource, key.namespace, since=since, fields=fields)
            async with aclosing(events):
                async for event in events:
                    if event.type is EventType.DELETED:
                        yield None
                        return
                    if event.type is not EventType.BOOKMARK:
                        yield event.object
        except Gone:
            continue
