"""Push events: everybody hears everything, and a slow listener's backlog stays bounded."""

import asyncio
import gc
import itertools

import pytest

from towpath.engines.git.port import GitUnavailable, Push, RepositoryName
from towpath.engines.git.pushes import Listener, PushBoard
from towpath.machinery.objects import CommitSHA

APP = RepositoryName("demo", "app")


def push(number: int, ref: str = "refs/heads/main") -> Push:
    return Push(APP, ref, CommitSHA(f"{number}"), CommitSHA(f"{number + 1}"), "alice")


async def test_a_listener_hears_from_the_moment_it_is_made() -> None:
    board = PushBoard()
    board.announce([push(1)])
    listener = board.listen()
    board.announce([push(2), push(3)])
    assert [await anext(listener), await anext(listener)] == [push(2), push(3)]


async def test_a_full_backlog_is_merged_by_ref() -> None:
    listener = Listener(backlog=4)
    for number in range(10):
        listener.put(push(number))
    listener.close()
    heard = [found async for found in listener]
    assert len(heard) <= 4
    assert heard[0].old == "0"
    assert heard[-1].new == "10"
    for before, after in itertools.pairwise(heard):
        assert before.new == after.old


async def test_a_listener_with_too_many_refs_is_told_to_compare_heads() -> None:
    listener = Listener(backlog=4, backlog_max=8)
    for number in range(20):
        listener.put(push(number, f"refs/heads/{number}"))
    with pytest.raises(GitUnavailable):
        await anext(listener)


async def test_closing_ends_the_wait() -> None:
    board = PushBoard()
    listener = board.listen()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(_collect(listener))
        tasks.create_task(_close(board))
    assert waiting.result() == []


async def test_a_forgotten_listener_costs_nothing() -> None:
    board = PushBoard()
    board.listen()
    gc.collect()
    assert len(board._listeners) == 0


async def _close(board: PushBoard) -> None:
    board.close()


async def _collect(listener: Listener) -> list[Push]:
    return [found async for found in listener]
