"""A backup of a platform at work, and what comes to life from it elsewhere.

While the backup is made, one writer moves a number from object to object on two API servers,
another pushes commits and writes down the last one in an object, and visitors count in a
database. A backup and a restore are killed in the middle first.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.platform import TOWPATH, Finished, PlatformProcess
from tests.scenarios.spine.crashes import ask_for_service, greeting, settled
from tests.scenarios.spine.estate import Estate
from tests.support import eventually
from tests.world import World, end_processes_of, look

from towpath.cli.terminal import SELF_REVIEW
from towpath.client.kubernetes import KubernetesClient
from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.machinery.errors import Conflict, Gone

SERVICE = "order-service"
NAMESPACE = "kube-public"
REPOSITORY = "demo/scratch"
ANSWERS_DEADLINE_S = 90.0
CONVERGED_DEADLINE_S = 60.0
LOST = ("folders:", "memory groups:", "processes: python towpath up")
"""What is made anew where it is needed, and the platform itself, which is called differently."""


@dataclass(slots=True)
class Writers:
    """What they have been told is written."""

    number: int = 0
    commits: int = 0


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_platform_at_work_comes_back_elsewhere_as_it_was(tmp_path: Path) -> None:
    original = PlatformProcess(tmp_path / "original")
    restored = PlatformProcess(tmp_path / "restored", original.port, arguments=())
    file = tmp_path / "backup.tar.gz"
    try:
        await original.start()
        await ask_for_service(original)
        await eventually(lambda: answers_with_visits(original), deadline_s=ANSWERS_DEADLINE_S)
        expected = await settled(original)
        token = await Estate(original).token("alice")
        visits = (await said(original))["visits"]
        trail = await audited(original)
        revisions = await revisions_of(original)
        async with writing(original, tmp_path) as writers:
            await killed_in_the_middle(original, backup_command(original, file))
            assert not file.exists()
            before = Writers(writers.number, writers.commits)
            done = await original.run(*backup_command(original, file))
            assert done.code == 0, done.stderr
            after = Writers(writers.number + 1, writers.commits + 1)
            visits_after = (await said(original))["visits"]
        assert not list(original.data_dir.glob("backup.*")), "nothing is left in the directory"
        await original.stop()
        await restored_from(file, restored)
        await restored.start()
        assert visits < await converges(restored, expected) <= visits_after
        await is_one_moment(restored, before, after)
        await former_clients_are_told(restored, revisions)
        assert await person(restored, token) == "alice"
        assert trail <= await audited(restored)
        assert await restored.stop() == 0
    finally:
        for platform in (original, restored):
            end_processes_of(platform.data_dir)
            await platform.forget()


def backup_command(platform: PlatformProcess, file: Path) -> tuple[str, ...]:
    return (str(TOWPATH), "backup", str(file), "--data-dir", str(platform.data_dir))


async def answers_with_visits(platform: PlatformProcess) -> bool:
    return await greeting(platform) is not None


async def said(platform: PlatformProcess) -> dict[str, int]:
    found = await greeting(platform)
    assert found is not None, "the service answers"
    return found


async def revisions_of(platform: PlatformProcess) -> dict[str, str]:
    found = {}
    for context in ("platform", "local"):
        async with platform.client(context) as client:
            found[context] = (await client.list(CONFIG_MAP)).resource_version
    return found


# -- writers ---------------------------------------------------------------------------------


@asynccontextmanager
async def writing(platform: PlatformProcess, folder: Path) -> AsyncIterator[Writers]:
    writers, stop = Writers(), asyncio.Event()
    async with platform.client("platform") as first, platform.client("local") as second:
        tasks = [
            asyncio.create_task(_move_a_number(writers, first, second, stop)),
            asyncio.create_task(_push(writers, Estate(platform), first, folder, stop)),
        ]
        await eventually(lambda: _are_at_work(writers), deadline_s=20)
        try:
            yield writers
        finally:
            stop.set()
            await asyncio.gather(*tasks)


async def _are_at_work(writers: Writers) -> bool:
    return writers.number > 10 and writers.commits > 1


async def put(client: KubernetesClient, name: str, data: dict[str, str]) -> None:
    await client.apply(CONFIG_MAP, CONFIG_MAP.object(name, NAMESPACE, data=data), manager="test")


async def read(client: KubernetesClient, name: str) -> dict[str, str]:
    data: dict[str, str] = (await client.get(CONFIG_MAP, name, NAMESPACE))["data"]
    return data


async def _move_a_number(
    writers: Writers, first: KubernetesClient, second: KubernetesClient, stop: asyncio.Event
) -> None:
    while not stop.is_set():
        number = str(writers.number + 1)
        await put(first, "number", {"is": number})
        await put(second, "number", {"is": number})
        writers.number += 1


async def _push(
    writers: Writers, estate: Estate, client: KubernetesClient, folder: Path, stop: asyncio.Event
) -> None:
    clone = folder / "scratch"
    clone.mkdir()
    await estate.git("init", "-q", "-b", "main", cwd=clone)
    while not stop.is_set():
        (clone / "number").write_text(str(writers.commits))
        for command in (
            ("add", "-A"),
            ("commit", "-q", "-m", str(writers.commits)),
            ("push", "-q", estate.repository(REPOSITORY), "HEAD:main"),
        ):
            done = await estate.git(*command, cwd=clone)
            assert done.code == 0, done.stderr
        commit = (await estate.git("rev-parse", "HEAD", cwd=clone)).stdout.strip()
        await put(client, "pushed", {"commit": commit, "number": str(writers.commits)})
        writers.commits += 1


# -- killed in the middle --------------------------------------------------------------------


async def killed_in_the_middle(platform: PlatformProcess, command: tuple[str, ...]) -> None:
    """Kill -9 as soon as it has something of its own on the disk; then the platform is well."""
    process = await asyncio.create_subprocess_exec(
        *command, stderr=asyncio.subprocess.PIPE, env=platform.environment
    )
    assert process.stderr is not None
    line = await process.stderr.readline()
    assert b"databases" in line, line
    process.kill()
    await process.communicate()
    assert (await platform.towpath("status")).code == 0


async def restored_from(file: Path, platform: PlatformProcess) -> None:
    target = platform.data_dir
    command = (str(TOWPATH), "restore", str(file), "--data-dir", str(target))
    process = await asyncio.create_subprocess_exec(*command, env=platform.environment)

    async def has_begun() -> bool:
        return any(target.parent.glob(f".{target.name}.restoring.*/postgres"))

    await eventually(has_begun, deadline_s=20, every_s=0.001)
    process.kill()
    await process.wait()
    assert not target.exists()
    listed = await platform.run(str(TOWPATH), "restore", str(file), "--list")
    assert "Whole and unharmed" in listed.stdout, listed.stderr
    done: Finished = await platform.run(*command)
    assert done.code == 0, done.stderr
    assert not list(target.parent.glob(f".{target.name}.*")), "what the killed one left is gone"


# -- the restored world ----------------------------------------------------------------------


async def converges(platform: PlatformProcess, expected: World) -> int:
    """Wait until the world is as it was; which visit of the service ours is, that one included."""
    differences: list[str] = []
    answer: list[dict[str, int]] = []

    async def it_does() -> bool:
        differences[:] = [
            sentence
            for sentence in (await look(platform)).differences(expected)
            if not sentence.startswith(LOST) and not is_a_writers(sentence)
        ]
        if not differences and (found := await greeting(platform)):
            answer.append(found)
        return bool(answer)

    try:
        await eventually(it_does, deadline_s=CONVERGED_DEADLINE_S, every_s=0.3)
    except TimeoutError:
        pytest.fail("\n".join(["another world:", *differences]))
    return answer[0]["visits"]


def is_a_writers(sentence: str) -> bool:
    return any(f"{NAMESPACE}/{name}" in sentence for name in ("number", "pushed")) or (
        REPOSITORY in sentence
    )


async def is_one_moment(platform: PlatformProcess, before: Writers, after: Writers) -> None:
    """What was acknowledged before is there; what came later is in no part of it."""
    async with platform.client("platform") as first, platform.client("local") as second:
        numbers = [int((await read(client, "number"))["is"]) for client in (first, second)]
        pushed = await read(first, "pushed")
    assert numbers[1] <= numbers[0] <= numbers[1] + 1, "the second follows the first"
    assert before.number <= numbers[1] <= numbers[0] <= after.number + 1
    assert before.commits - 1 <= int(pushed["number"]) <= after.commits
    place = platform.data_dir / "git" / f"{REPOSITORY}.git"
    git = ("git", "-c", "safe.directory=*", "-C", str(place))
    for command in (("fsck", "--full"), ("merge-base", "--is-ancestor", pushed["commit"], "main")):
        done = await platform.run(*git, *command)
        assert done.code == 0, done.stderr


async def former_clients_are_told(platform: PlatformProcess, revisions: dict[str, str]) -> None:
    """Whoever knew the former life has to list anew, and cannot write by what it knew."""
    for context, revision in revisions.items():
        async with platform.client(context) as client:
            with pytest.raises(Gone):
                async for _ in client.watch(CONFIG_MAP, since=revision):
                    pytest.fail("a watch goes on over a gap")
            known = await client.get(CONFIG_MAP, "number", NAMESPACE)
            later = str(int(known["metadata"]["resourceVersion"]) + 5)
            known["metadata"]["resourceVersion"] = later
            with pytest.raises(Conflict):
                await client.update(CONFIG_MAP, known)


async def person(platform: PlatformProcess, token: str) -> str:
    """Whose token it is."""
    async with KubernetesClient(Estate(platform).connection(token)) as client:
        review = await client.create(SELF_REVIEW, SELF_REVIEW.object(""))
    name: str = review["status"]["userInfo"]["username"]
    return name


async def audited(platform: PlatformProcess) -> set[tuple[str, ...]]:
    """Who created what, and when, as far as it is on record."""
    async with Estate(platform).http(Estate(platform).admin) as http:
        answer = await http.get("/api/v1/audit", params={"verb": "create", "limit": 1000})
    return {tuple(map(str, entry.values())) for entry in answer.json()["entries"]}
