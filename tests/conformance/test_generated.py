"""Sequences that nobody wrote: drawn by chance, the same few on every machine.

`tests/conformance/campaign.py` asks thousands.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from tests.conformance.campaign import Sides, connect, told, unexpected
from tests.conformance.generated import ABOUT, mutations, sequence
from tests.conformance.sides import Side, Step
from tests.engines.kube import Kube
from tests.wire import wired_api_server

T = TypeVar("T")
Ask = Callable[..., list[tuple[int, Step, list[str]]]]
SEQUENCES_OF = {
    "ConfigMap": (0, 1, 4, 5),
    "Secret": (0, 2, 3),
    "Namespace": (0, 1),
    "RoleBinding": (0, 2, 3),
    "Role": (0, 1, 4),
    "Widget": (0, 1, 5),
    "Listed": (1, 5, 6, 7),
}
"""Kinds that no controller works at beside the test, with the seeds that are asked."""
OBJECTS_OF = {
    **dict.fromkeys(
        ("ConfigMap", "Secret", "Namespace", "Role", "RoleBinding", "Lease"), tuple(range(4))
    ),
    "Widget": (0, 2, 3, 4),
}
"""The first seeds, except of the Widget: plain, for what Hypothesis draws depends on what else is
loaded. Of a Widget the mistakes come in another order."""


def drawn(seeds: dict[str, tuple[int, ...]]) -> list[tuple[str, int]]:
    return [(kind, seed) for kind, some in seeds.items() for seed in some]


@pytest.fixture(scope="module")
def ask(real_kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Asks both servers a sequence; what differs."""
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


@pytest.mark.parametrize(("kind", "seed"), drawn(SEQUENCES_OF))
def test_generated_requests_are_answered_the_same(ask: Ask, kind: str, seed: int) -> None:
    found = ask(sequence(Random(seed), kind))
    assert not found, "\n".join(told(kind, *one) for one in found)


@pytest.mark.parametrize(("kind", "seed"), drawn(OBJECTS_OF))
def test_objects_with_mistakes_are_refused_the_same(ask: Ask, kind: str, seed: int) -> None:
    found = ask(mutations(Random(seed), kind), independent=True)
    assert not found, "\n".join(told(kind, *one) for one in found)


def test_every_kind_has_an_example() -> None:
    """That sequences can be made of each, without asking anybody."""
    for kind in ABOUT:
        assert sequence(Random(0), kind)
        assert mutations(Random(0), kind)
