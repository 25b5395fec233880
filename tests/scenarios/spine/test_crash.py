"""Kill -9 at any moment of the golden path: the next start comes to the same end.

Each case is one data directory: ask for a service, kill the platform at the moments that the case
names, start it again each time, and wait until the world is the same as after an undisturbed run:
nothing twice, nothing lost, nothing orphaned. The service must answer with what its database knows.
It is asked for only once: a platform that forgot what it had acknowledged would never get there.
"""

import asyncio
import json
import os
import random
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.scenarios.spine.crashes import (
    CASE_S_MAX,
    CRASHES_IN_A_ROW,
    answers,
    ask_for_service,
    converges,
    in_a_row,
    killed_at_each,
    names_of,
    platform_at,
    settled,
)
from tests.scenarios.spine.effects import (
    Effect,
    fleeting,
    named,
    of_database,
    of_file,
    of_object,
    phase,
    ready,
    watching,
)
from tests.world import World, processes_of

from towpath.capabilities.delivery.gitops.kinds import APPLICATION
from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import RELEASE, WORKLOAD
from towpath.capabilities.governance.secrets.kinds import EXTERNAL_SECRET
from towpath.capabilities.infrastructure.databases.kinds import DATABASE, GRANT, ROLE
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.machinery.core_kinds import DEPLOYMENT, POD, REPLICA_SET, SECRET
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

INSTANCE = Resource(
    "offerings.towpath.dev", "v1alpha1", "PostgreSQLInstance", "postgresqlinstances"
)
OURS = "like 'order-service-%'"


def steps_done(number: int) -> Effect:
    def enough(run: RawObject) -> bool:
        steps = (run.get("status") or {}).get("steps") or ()
        return sum(step["phase"] == "Succeeded" for step in steps) >= number

    return of_object(f"template step {number} done", TEMPLATE_RUN, enough)


def pipeline_steps_done(number: int) -> Effect:
    def enough(run: RawObject) -> bool:
        jobs = (run.get("status") or {}).get("jobs") or ()
        done = sum(step["phase"] == "Succeeded" for job in jobs for step in job["steps"])
        return done >= number

    return of_object(f"pipeline step {number} done", PIPELINE_RUN, enough)


def application(name: str, *, infra: bool, synced: bool) -> Effect:
    def matches(app: RawObject) -> bool:
        if app["metadata"]["name"].endswith("-infra") != infra:
            return False
        sync = ((app.get("status") or {}).get("sync") or {}).get("status")
        return sync == "Synced" or not synced

    return of_object(name, APPLICATION, matches)


def a_job_runs(run: RawObject) -> bool:
    jobs = (run.get("status") or {}).get("jobs") or ()
    return any(job["phase"] == "Running" for job in jobs)


def has_commit(promotion: RawObject) -> bool:
    return bool((promotion.get("status") or {}).get("commit"))


def a_container_runs(pod: RawObject) -> bool:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return any("running" in (one.get("state") or {}) for one in statuses)


TELLING = (
    steps_done(2),
    pipeline_steps_done(4),
    of_object("release created", RELEASE),
    of_database("database made", f"SELECT 1 FROM pg_database WHERE datname {OURS}"),
    ready("pod ready", POD, context="local"),
)
"""The side effects that one sitting of `make test` has time for."""

EFFECTS = (
    fleeting(phase("template run begun", TEMPLATE_RUN, "Running")),
    steps_done(1),
    of_file("repository created", "git/demo/order-service.git"),
    of_file("repository pushed", "git/demo/order-service.git/refs/heads/main"),
    of_object("workload created", WORKLOAD),
    steps_done(3),
    of_object("catalogue source created", CATALOG_SOURCE),
    phase("template run succeeded", TEMPLATE_RUN, "Succeeded"),
    of_object("pipeline run created", PIPELINE_RUN),
    fleeting(of_object("job started", PIPELINE_RUN, a_job_runs)),
    pipeline_steps_done(1),
    pipeline_steps_done(3),
    fleeting(of_file("upload begun", "registry/uploads/*")),
    of_file("image pushed", "registry/images/*/tags/*"),
    phase("pipeline run succeeded", PIPELINE_RUN, "Succeeded"),
    of_object("promotion created", PROMOTION),
    of_file("deployments commit made", "git/demo/deployments.git/refs/heads/main"),
    of_object("deployments commit recorded", PROMOTION, has_commit),
    application("infrastructure application created", infra=True, synced=False),
    application("workload application created", infra=False, synced=False),
    of_object("composite created", INSTANCE),
    application("infrastructure synced", infra=True, synced=True),
    of_object("database object created", DATABASE),
    fleeting(
        of_database(
            "database begun", "SELECT 1 FROM pg_database WHERE datname LIKE 'towpath-new-%'"
        )
    ),
    of_database("role made", f"SELECT 1 FROM pg_roles WHERE rolname {OURS}"),
    ready("role ready", ROLE),
    ready("database ready", DATABASE),
    ready("grant ready", GRANT),
    named("connection secret made", SECRET, "order-service-staging-db-connection"),
    ready("composite ready", INSTANCE),
    of_object("external secret created", EXTERNAL_SECRET, context="local"),
    named("external secret synced", SECRET, "order-service-db", context="local"),
    of_object("deployment created", DEPLOYMENT, context="local"),
    of_object("replica set created", REPLICA_SET, context="local"),
    of_object("pod created", POD, context="local"),
    of_object("pod started", POD, a_container_runs, context="local"),
    application("workload synced", infra=False, synced=True),
    phase("promotion succeeded", PROMOTION, "Succeeded"),
    ready("workload ready", WORKLOAD),
)


@dataclass(frozen=True, slots=True)
class Moment:
    """Seconds from when it runs (again), or from the beginning of one more start."""

    seconds: float
    of_start: bool


_random = random.Random(20261121)
_moments = tuple(
    Moment(round(_random.uniform(0.0, 1.2), 3), of_start=number % 4 == 3) for number in range(40)
)
MOMENTS = [
    _moments[number : number + CRASHES_IN_A_ROW]
    for number in range(0, len(_moments), CRASHES_IN_A_ROW)
]
"""The golden path takes two to three seconds, and a start one: ten are killed while it recovers."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The world after a golden path during which nothing happened."""

    async def story() -> World:
        async with platform_at(tmp_path_factory.mktemp("undisturbed") / "data") as platform:
            ready_at_last = ready("workload ready", WORKLOAD)
            async with watching(platform, ready_at_last) as seen:
                await ask_for_service(platform)
                await seen
            await answers(platform)
            finished = phase("pipeline run succeeded", PIPELINE_RUN, "Succeeded")
            async with watching(platform, finished) as seen:
                await seen
            return await settled(platform)

    return asyncio.run(story())


async def kill_when_seen(data: Path, effects: Sequence[Effect], expected: World) -> None:
    async with platform_at(data) as platform:

        async def ask_once() -> None:
            await ask_for_service(platform)

        await killed_at_each(platform, effects, ask_once, again=False)
        await answers(platform)
        await converges(platform, expected)


def test_every_effect_is_in_one_row_in_the_order_of_the_story() -> None:
    rows = in_a_row(EFFECTS)
    assert sorted(EFFECTS.index(effect) for row in rows for effect in row) == [*range(len(EFFECTS))]
    for row in rows:
        assert list(row) == sorted(row, key=EFFECTS.index)
        assert all(effect.lasts for effect in row[1:])
        assert len(row) <= CRASHES_IN_A_ROW


@pytest.mark.timeout(CASE_S_MAX)
async def test_killed_when_it_is_telling(tmp_path: Path, undisturbed: World) -> None:
    await kill_when_seen(tmp_path / "data", TELLING, undisturbed)


async def test_the_database_keeps_its_address_though_its_server_dies_slowly(
    tmp_path: Path,
) -> None:
    """Workloads have the address in their environment: it must not move because of a crash."""
    data = tmp_path / "data"
    async with platform_at(data) as platform:
        before = json.loads((data / "settings.json").read_text())
        server = next(one.pid for one in processes_of(data) if one.role == "PostgreSQL")
        os.kill(server, signal.SIGSTOP)
        await platform.kill()
        starting = asyncio.create_task(platform.start())
        await asyncio.wait([starting], timeout=1.0)
        os.kill(server, signal.SIGCONT)
        await starting
        assert json.loads((data / "settings.json").read_text()) == before


@pytest.mark.slow
@pytest.mark.timeout(CASE_S_MAX)
@pytest.mark.parametrize("effects", in_a_row(EFFECTS), ids=names_of)
async def test_killed_as_soon_as(
    effects: Sequence[Effect], tmp_path: Path, undisturbed: World
) -> None:
    await kill_when_seen(tmp_path / "data", effects, undisturbed)


@pytest.mark.slow
@pytest.mark.timeout(CASE_S_MAX)
@pytest.mark.parametrize("moments", MOMENTS, ids=lambda moments: f"{moments[0].seconds} and more")
async def test_killed_after_seconds(
    moments: Sequence[Moment], tmp_path: Path, undisturbed: World
) -> None:
    async with platform_at(tmp_path / "data") as platform:
        await ask_for_service(platform)
        for moment in moments:
            if moment.of_start:
                await platform.kill()
                with suppress(TimeoutError):
                    await platform.start(deadline_s=moment.seconds)
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.Event().wait(), moment.seconds)
            await platform.kill()
            await platform.start()
        await answers(platform)
        await converges(platform, undisturbed)
