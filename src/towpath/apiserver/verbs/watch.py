"""watch: the log of one collection from a revision on, through the caller's selectors.

An object that comes to match is ADDED, one that no longer matches is DELETED, whatever happened to
it. A watcher that does not keep up, or asks for history that is gone, gets Expired.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator

from towpath.apiserver import refusals
from towpath.apiserver.calls import Change, Target, WatchOptions
from towpath.apiserver.conversion import one_in_version
from towpath.apiserver.core import Core
from towpath.apiserver.encoding import dumps, with_resource_version
from towpath.apiserver.registry import Served
from towpath.apiserver.selection import Selection, select
from towpath.apiserver.verbs.list import parse_version, too_large_version
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo
from towpath.store.contract import Compacted, Event, FutureRevision, Stored, Subscription

BOOKMARK_EVERY_S = 60.0
STATE_PAGE = 500
INITIAL_EVENTS_END = "k8s.io/initial-events-end"


async def watch(
    core: Core, user: UserInfo, target: Target, options: WatchOptions
) -> AsyncGenerator[Change, None]:
    served = core.registry.find(target.resource)
    await core.require(user, "watch", target, options.field_selector)
    selection = select(served, target.namespace, options.label_selector, options.field_selector)
    since, with_state = _start(core, options)
    subscription = _subscribe(core, served, selection, since)
    try:
        if with_state:
            async for stored in _state(core, served, selection, since):
                yield Change("ADDED", await one_in_version(core, stored.value, served))
        if options.send_initial_events:
            yield Change("BOOKMARK", _bookmark(served, since, initial=True))
        deadline_s = _deadline(options.timeout_s)
        while True:
            events = await _next(subscription, options, deadline_s)
            for event in events or ():
                for change in _changes(event, selection):
                    yield Change(change.type, await one_in_version(core, change.object, served))
            if events is None:
                if options.bookmarks:
                    yield Change("BOOKMARK", _bookmark(served, subscription.position))
                if deadline_s is not None and _now_s() >= deadline_s:
                    return
    except Compacted:
        raise refusals.too_old() from None
    finally:
        subscription.close()


async def _state(
    core: Core, served: Served, selection: Selection, since: int
) -> AsyncIterator[Stored]:
    """What matches at a revision. A page at a time: many clients may take long to read theirs."""
    prefix, after = selection.key or selection.prefix, ""
    while True:
        page = core.store.scan_at(since, served.collection, prefix, after=after, limit=STATE_PAGE)
        for key, stored in page:
            if selection.takes(key, stored.value):
                yield stored
        if len(page) < STATE_PAGE:
            return
        after = page[-1][0]
        await asyncio.sleep(0)


def _start(core: Core, options: WatchOptions) -> tuple[int, bool]:
    """The revision to follow from, and whether the state comes first."""
    current = core.store.revision
    if options.resource_version in ("", "0"):
        return current, True
    wanted = parse_version(options.resource_version)
    if wanted > current:
        raise too_large_version(wanted, current)
    return (current, True) if options.send_initial_events else (wanted, False)


def _subscribe(core: Core, served: Served, selection: Selection, since: int) -> Subscription:
    prefix = selection.key or selection.prefix
    try:
        return core.store.watch(served.collection, prefix, since=since)
    except Compacted:
        raise refusals.too_old() from None
    except FutureRevision:
        raise too_large_version(since, core.store.revision) from None


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _deadline(timeout_s: float | None) -> float | None:
    return None if timeout_s is None else _now_s() + timeout_s


async def _next(
    subscription: Subscription, options: WatchOptions, deadline_s: float | None
) -> list[Event] | None:
    """The next events; None when it is time for a bookmark or for the end."""
    wake_s = deadline_s
    if options.bookmarks:
        bookmark_s = _now_s() + BOOKMARK_EVERY_S
        wake_s = bookmark_s if wake_s is None else min(wake_s, bookmark_s)
    if wake_s is None:
        return await subscription.batch()
    try:
        async with asyncio.timeout_at(wake_s):
            return await subscription.batch()
    except TimeoutError:
        return None


def _changes(event: Event, selection: Selection) -> Iterator[Change]:
    before = event.previous is not None and selection.takes(event.key, event.previous)
    if event.deleted:
        if before:
            yield Change("DELETED", event.value)
    elif selection.takes(event.key, event.value):
        yield Change("MODIFIED" if before else "ADDED", event.value)
    elif before:
        assert event.previous is not None
        last_match = with_resource_version(event.previous, event.revision)
        yield Change("DELETED", last_match)


def _bookmark(served: Served, revision: int, *, initial: bool = False) -> bytes:
    metadata: RawObject = {"resourceVersion": str(revision), "creationTimestamp": None}
    if initial:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    resource = served.resource
    return dumps({"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata})
