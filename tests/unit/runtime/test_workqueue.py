"""The work queue: each key once, never two at a time, failures with growing delays."""

import asyncio

import pytest

from towpath.machinery.objects import Key
from towpath.runtime.workqueue import BACKOFF_FIRST_S, BACKOFF_MAX_S, WorkQueue

A, B = Key("ns", "a"), Key("ns", "b")


async def test_a_key_added_twice_is_handed_out_once() -> None:
    queue = WorkQueue()
    queue.add(A)
    queue.add(A)
    assert await queue.get() == A
    assert len(queue) == 0


async def test_a_key_added_while_it_is_processed_comes_again_only_after_done() -> None:
    queue = WorkQueue()
    queue.add(A)
    queue.add(B)
    assert await queue.get() == A
    queue.add(A)
    assert await queue.get() == B
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 0.01)
    queue.done(A)
    assert await asyncio.wait_for(queue.get(), 1) == A


async def test_an_earlier_wish_replaces_a_later_one_and_an_add_replaces_both() -> None:
    queue = WorkQueue()
    queue.add_after(A, 3600)
    queue.add_after(A, 0.01)
    assert await asyncio.wait_for(queue.get(), 1) == A
    queue.done(A)
    queue.add_after(B, 3600)
    queue.add(B)
    assert await asyncio.wait_for(queue.get(), 1) == B


async def test_failures_wait_longer_each_time_up_to_the_maximum_and_success_forgets_them() -> None:
    queue = WorkQueue()
    delays = [queue.add_after_failure(A) for _ in range(30)]
    assert delays[:3] == [BACKOFF_FIRST_S, BACKOFF_FIRST_S * 2, BACKOFF_FIRST_S * 4]
    assert delays[-1] == BACKOFF_MAX_S
    queue.forget_failures(A)
    assert queue.add_after_failure(A) == BACKOFF_FIRST_S
    queue.close()
