"""The work queue: each key once, never two at a time, failures with growing delays."""

import asyncio

import pytest

from towpath.machinery.objects import Key
from towpath.runtime.queuemetrics import queue_lines
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


async def test_what_queues_do_is_told_in_the_names_of_kubernetes() -> None:
    queue = WorkQueue()
    queue.add(A)
    queue.add(A)
    queue.add(B)
    queue.done(await queue.get())
    queue.add_after_failure(A)
    await queue.get()
    lines = queue_lines({"things": queue})
    for name, count in (("adds_total", 2), ("depth", 0), ("retries_total", 1)):
        assert f'workqueue_{name}{{name="things"}} {count}' in lines
    assert 'workqueue_queue_duration_seconds_bucket{name="things",le="+Inf"} 2' in lines
    assert 'workqueue_work_duration_seconds_count{name="things"} 1' in lines
    assert sum(line.startswith("# TYPE workqueue_") for line in lines) == 7
    queue.close()
