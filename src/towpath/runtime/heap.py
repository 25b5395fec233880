"""What lives as long as the platform is not looked through for garbage again and again.

Python's collector now and then goes through every object there is, and nobody is served meanwhile:
half a second with a few thousand services in memory. Nearly all of them are what is kept for good,
objects of informers and indexes. They are set aside, in ever longer steps after the start; what
comes later is looked through as always, and what was set aside still goes when nothing refers to it
any more, except in circles.

The young are looked through less often than Python would: a handful of requests under way has more
objects than it waits for, and what is looked through while it is used was looked through in vain.
"""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager

from towpath.machinery.memory import give_back

FIRST_S = 5.0
LAST_S = 3600.0
GIVEN_BACK_EVERY_S = 20.0
THRESHOLDS = (10_000, 5, 5)
"""Objects that are made and not gone again before the young ones are looked through, and how often
those before older ones are: seldom for a request, and still before garbage is a matter of memory.
"""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Around what loads much that stays: nothing of it is looked through."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*THRESHOLDS)
        gc.enable()


async def set_aside() -> None:
    """Until cancelled."""
    after_s = FIRST_S
    while True:
        await asyncio.sleep(after_s)
        gc.freeze()
        after_s = min(after_s * 4, LAST_S)


async def given_back() -> None:
    """Until cancelled: what was freed meanwhile goes back to the system, by another thread."""
    while True:
        await asyncio.sleep(GIVEN_BACK_EVERY_S)
        await asyncio.to_thread(give_back)
