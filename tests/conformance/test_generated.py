"""Sequences that nobody wrote, drawn by Hypothesis.

The same few examples every time here; `tests/conformance/campaign.py` asks thousands.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.conformance.campaign import Sides, connect, told, unexpected
from tests.conformance.generated import ABOUT, mutations, sequence
from tests.conformance.sides import Side, Step
from tests.engines.kube import Kube
from tests.wire import wired_api_server

T = TypeVar("T")
Ask = Callable[..., list[tuple[int, Step, list[str]]]]
EXAMPLES = 3
SEQUENCES_OF = ("ConfigMap", "Secret", "RoleBinding", "Role", "Widget", "Listed")
"""Kinds that no controller works at beside the test."""
OBJECTS_OF = ("ConfigMap", "Secret", "Role", "RoleBinding", "Lease", "Widget")
SAME_EVERY_TIME = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=EXAMPLES,
    # What differs is one request and told as such; to shrink what led to it takes minutes.
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def ask(real_kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Asks both servers a sequence; what differs. Hypothesis calls it from outside of any loop."""
    folder = tmp_path_factory.mktemp("generated")
    with asyncio.Runner() as runner:
        opened: asyncio.Future[Sides] = runner.get_loop().create_future()
        done = asyncio.Event()
        serving = runner.get_loop().create_task(_serve(real_kube, folder, opened, done))
        sides = runner.run(_result(opened))
        yield lambda steps, **options: runner.run(unexpected(sides, steps, **options))
        done.set()
        runner.run(_result(serving))


async def _serve(
    kube: Kube, folder: Path, opened: asyncio.Future[Sides], done: asyncio.Event
) -> None:
    async with AsyncExitStack() as stack:
        wired = await stack.enter_async_context(wired_api_server(folder))
        theirs = await stack.enter_async_context(connect(kube.connection()))
        ours = await stack.enter_async_context(connect(wired.connection()))
        opened.set_result((Side(theirs), Side(ours)))
        await done.wait()


async def _result(future: "asyncio.Future[T]") -> T:
    return await future


@pytest.mark.parametrize("kind", SEQUENCES_OF)
@SAME_EVERY_TIME
@given(random=st.randoms(use_true_random=False))
def test_generated_requests_are_answered_the_same(ask: Ask, kind: str, random: Random) -> None:
    found = ask(sequence(random, kind))
    assert not found, "\n".join(told(kind, *one) for one in found)


@pytest.mark.parametrize("kind", OBJECTS_OF)
@SAME_EVERY_TIME
@given(random=st.randoms(use_true_random=False))
def test_objects_with_mistakes_are_refused_the_same(ask: Ask, kind: str, random: Random) -> None:
    found = ask(mutations(random, kind), independent=True)
    assert not found, "\n".join(told(kind, *one) for one in found)


def test_every_kind_has_an_example() -> None:
    """That sequences can be made of each, without asking anybody."""
    for kind in ABOUT:
        assert sequence(Random(0), kind)
        assert mutations(Random(0), kind)
