"""Sequences that nobody wrote: drawn by chance, from the first seeds there are, the same on every
machine. `tests/conformance/campaign.py` asks any number of others.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from tests.conformance.campaign import (
    Differing,
    Sides,
    connect,
    differing_of,
    hold_controllers,
    told,
)
from tests.conformance.generated import ABOUT, mutations, sequence
from tests.conformance.sides import Side
from tests.engines.kube import Kube
from tests.wire import wired_api_server

T = TypeVar("T")
Found = list[tuple[int, str, list[Differing]]]
Ask = Callable[[list[tuple[int, str]], str], Found]
KINDS = (
    *("ConfigMap", "Secret", "Namespace", "Role", "RoleBinding", "ClusterRole"),
    *("ClusterRoleBinding", "Widget", "Listed", "Loose", "Deployment"),
)
SEEDS = range(15)
SEEDS_OF_MISTAKES = range(8)
MORE_KINDS = (
    *("StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "ReplicationController"),
    *("ControllerRevision", "Service", "Endpoints", "EndpointSlice", "Ingress", "IngressClass"),
    *("NetworkPolicy", "HorizontalPodAutoscaler", "PodDisruptionBudget", "PersistentVolume"),
    *("PersistentVolumeClaim", "StorageClass", "ResourceQuota", "LimitRange", "ServiceAccount"),
    *("PriorityClass", "Event", "Lease", "Node"),
)
FEW_SEEDS = range(2)
"""Of these kinds; a campaign asks more."""


@pytest.fixture(scope="module")
def ask(real_kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Asks both servers the sequences of some seeds and kinds; what differs."""
    folder = tmp_path_factory.mktemp("generated")
    with asyncio.Runner() as runner:
        opened: asyncio.Future[Sides] = runner.get_loop().create_future()
        done = asyncio.Event()
        serving = runner.get_loop().create_task(_serve(real_kube, folder, opened, done))
        sides = runner.run(_result(opened))
        runner.run(hold_controllers(sides[0]))
        yield lambda drawn, how: runner.run(differing_of(sides, drawn, how))
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


@pytest.mark.parametrize("kind", KINDS)
def test_generated_requests_are_answered_the_same(ask: Ask, kind: str) -> None:
    stories = _stories(ask([(seed, kind) for seed in SEEDS], "verbs"))
    assert not stories, stories


@pytest.mark.parametrize("how", ["verbs", "objects"])
def test_other_kinds_are_answered_the_same(ask: Ask, how: str) -> None:
    stories = _stories(ask([(seed, kind) for seed in FEW_SEEDS for kind in MORE_KINDS], how))
    assert not stories, stories


@pytest.mark.parametrize("kind", KINDS)
def test_objects_with_mistakes_are_refused_the_same(ask: Ask, kind: str) -> None:
    stories = _stories(ask([(seed, kind) for seed in SEEDS_OF_MISTAKES], "objects"))
    assert not stories, stories


def _stories(found: Found) -> str:
    return "\n".join(told(f"{seed} {kind}", *one) for seed, kind, some in found for one in some)


def test_every_kind_has_an_example() -> None:
    """That sequences can be made of each, without asking anybody."""
    for kind in ABOUT:
        assert sequence(Random(0), kind)
        assert mutations(Random(0), kind)
