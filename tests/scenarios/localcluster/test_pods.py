"""Pods by themselves: what they get, how they fail, how they are started again and how they go."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.scenarios.localcluster.world import (
    OneFileImages,
    Options,
    World,
    pod,
    running_cluster,
    running_world,
)
from tests.support import running_api_server

from towpath.engines.processes.host import SupervisedProcesses
from towpath.machinery.conditions import get_condition
from towpath.machinery.core_kinds import CONFIG_MAP, POD, SECRET
from towpath.machinery.errors import BadRequest

FOREVER = "while :; do sleep 0.02; done"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running_world(tmp_path, {"shell": ""}) as world:
        yield world


async def test_environment_comes_from_everywhere(world: World) -> None:
    await world.client.create(CONFIG_MAP, CONFIG_MAP.object("c", "default", data={"A": "1"}))
    secret = SECRET.object("s", "default", stringData={"password": "hunter2"})
    await world.client.create(SECRET, secret)
    env = [
        {"name": "PLAIN", "value": "x"},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "password"}}},
        {"name": "URL", "value": "db://user:$(PASSWORD)@host/$(UNKNOWN)/$$(PLAIN)"},
        {"name": "ME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}},
    ]
    made = pod(
        "env",
        "sh",
        "-c",
        "echo $A $PLAIN $URL $ME $MEMORY $PORT $HOST",
        env=env,
        envFrom=[{"configMapRef": {"name": "c"}}],
        ports=[{"containerPort": 8080}],
        resources={"limits": {"memory": "64Mi"}},
        restartPolicy="Never",
    )
    await world.client.create(POD, made)
    status = (await world.phase("env", "Succeeded"))["status"]
    expected = f"1 x db://user:hunter2@host/$(UNKNOWN)/$(PLAIN) env {64 << 20} 8080 "
    assert await world.logs("env") == expected + status["podIP"] + "\n"


async def test_a_pod_waits_for_its_secret_and_starts_when_it_comes(world: World) -> None:
    env = [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "late", "key": "p"}}}]
    await world.client.create(POD, pod("waiting", "sh", "-c", FOREVER, env=env))
    status = await world.container(
        "waiting",
        lambda one: one["state"].get("waiting", {}).get("reason") == "CreateContainerConfigError",
        "it says what is missing",
    )
    assert 'secret "late" not found' in status["state"]["waiting"]["message"]
    secret = SECRET.object("late", "default", stringData={"p": "1"})
    await world.client.create(SECRET, secret)
    began_s = time.perf_counter()
    await world.container("waiting", lambda one: one["ready"], "it runs")
    assert time.perf_counter() - began_s < 2


async def test_a_container_that_keeps_ending_is_started_again_later_and_later(
    world: World,
) -> None:
    await world.client.create(POD, pod("crash", "sh", "-c", "echo going down; exit 3"))
    status = await world.container(
        "crash",
        lambda one: one["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff",
        "it is in back-off",
    )
    assert status["restartCount"] == 1
    assert status["lastState"]["terminated"]["exitCode"] == 3
    assert (await world.pod("crash"))["status"]["phase"] == "Running"
    assert await world.logs("crash") == "going down\n"
    assert await world.logs("crash", previous=True) == "going down\n"
    # Deleting it does not wait for the back-off.
    await world.client.delete(POD, "crash", "default")
    await world.gone(POD, "crash")


async def test_an_image_that_is_not_there_is_named(world: World) -> None:
    await world.client.create(POD, pod("noimage", image="nowhere"))
    status = await world.container(
        "noimage",
        lambda one: one["state"].get("waiting", {}).get("reason") == "ImagePullBackOff",
        "the image is missing",
    )
    assert "nowhere" in status["state"]["waiting"]["message"]
    world.images.programs["nowhere"] = "import signal; signal.pause()"
    await world.container("noimage", lambda one: one["ready"], "it is pulled in the end")


async def test_a_process_that_does_not_listen_is_told_how(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from towpath.localcluster.pods import probes

    monkeypatch.setattr(probes, "NOT_LISTENING_AFTER_S", 0.1)
    ports = [{"containerPort": 8080}]
    await world.client.create(POD, pod("deaf", "sh", "-c", FOREVER, ports=ports))

    async def told() -> str | None:
        condition = get_condition(await world.pod("deaf"), "Ready") or {}
        return condition.get("message") if condition.get("reason") == "NotListening" else None

    message = await world.until(told, "the condition names it")
    assert "$HOST" in message


async def test_init_containers_volumes_and_two_containers(world: World) -> None:
    config = CONFIG_MAP.object("files", "default", data={"a.txt": "from config\n"})
    await world.client.create(CONFIG_MAP, config)
    mounts = [
        {"name": "shared", "mountPath": "/shared"},
        {"name": "config", "mountPath": "/config"},
    ]
    made = pod(
        "several",
        "sh",
        "-c",
        "cat /shared/made /config/a.txt; touch /config/x || echo refused",
        volumeMounts=mounts,
        volumes=[
            {"name": "shared", "emptyDir": {}},
            {"name": "config", "configMap": {"name": "files"}},
        ],
        initContainers=[
            {
                "name": "first",
                "image": "shell",
                "command": ["sh", "-c", "echo from init > /shared/made"],
                "volumeMounts": mounts[:1],
            }
        ],
        restartPolicy="Never",
    )
    made["spec"]["containers"].append(
        {"name": "side", "image": "shell", "command": ["sh", "-c", "echo side"]}
    )
    await world.client.create(POD, made)
    if world.processes.isolation == "none":
        pytest.skip("nothing can be mounted here")
    await world.phase("several", "Succeeded")
    text = await world.logs("several", container="app")
    assert text.startswith("from init\nfrom config\n")
    assert text.endswith("refused\n")
    assert await world.logs("several", container="side") == "side\n"
    with pytest.raises(BadRequest):
        await world.logs("several")


async def test_a_failed_liveness_probe_restarts_the_container(world: World) -> None:
    probe = {
        "exec": {"command": ["sh", "-c", "exit 1"]},
        "periodSeconds": 1,
        "failureThreshold": 1,
    }
    await world.client.create(POD, pod("ill", "sh", "-c", FOREVER, livenessProbe=probe))
    await world.container("ill", lambda one: one["restartCount"] == 1, "it is restarted")

    async def told() -> bool:
        return any("failed liveness probe" in text for text in await world.events("Killing"))

    await world.until(told, "an event says why")


async def test_a_pod_has_its_grace_and_no_more(world: World) -> None:
    stubborn = f"trap '' TERM; echo up; {FOREVER}"
    polite = f"trap 'echo bye; exit 0' TERM; echo up; {FOREVER}"
    await world.client.create(POD, pod("stubborn", "sh", "-c", stubborn))
    await world.client.create(POD, pod("polite", "sh", "-c", polite))
    pids = []
    for name in ("stubborn", "polite"):
        status = await world.container(name, lambda one: one["ready"], "it runs")
        pids.append(status["containerID"].removeprefix("process://"))
    began_s = time.perf_counter()
    for name in ("stubborn", "polite"):
        await world.client.delete(POD, name, "default")
    assert (await world.pod("stubborn"))["metadata"]["deletionTimestamp"]
    await world.gone(POD, "polite")
    await world.gone(POD, "stubborn")
    assert time.perf_counter() - began_s >= 1.0
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)

    async def folders_are_gone() -> bool:
        return list((world.data_dir / "pods").iterdir()) == []

    await world.until(folders_are_gone, "their folders are gone")


async def test_a_hook_runs_before_the_end(world: World) -> None:
    hook = {"preStop": {"exec": {"command": ["sh", "-c", "touch $HOME/hooked"]}}}
    script = f"trap 'ls $HOME; exit 0' TERM; echo up; {FOREVER}"
    await world.client.create(POD, pod("hooked", "sh", "-c", script, lifecycle=hook))
    await world.container("hooked", lambda one: one["ready"], "it runs")
    lines = await world.cluster.pod_logs(await world.pod("hooked"), Options(follow=True))
    await world.client.delete(POD, "hooked", "default")
    assert b"hooked\n" in b"".join([line async for line in lines])


async def test_too_much_memory_is_named(world: World) -> None:
    if os.geteuid() != 0:
        pytest.skip("only a cgroup tells that it was memory")
    world.images.programs["hog"] = "x = b'x' * (300 << 20)"
    made = pod("hog", image="hog", resources={"limits": {"memory": "64Mi"}}, restartPolicy="Never")
    await world.client.create(POD, made)
    await world.phase("hog", "Failed")
    status = (await world.pod("hog"))["status"]["containerStatuses"][0]
    assert status["state"]["terminated"]["reason"] in ("OOMKilled", "Error")


async def test_a_deadline_ends_a_pod(world: World) -> None:
    await world.client.create(POD, pod("slow", "sh", "-c", FOREVER, activeDeadlineSeconds=1))
    failed = await world.phase("slow", "Failed")
    assert failed["status"]["reason"] == "DeadlineExceeded"


async def test_logs_can_be_followed_cut_and_dated(world: World) -> None:
    script = "for n in 1 2 3 4 5; do echo line $n; done; sleep 0.3; echo last"
    await world.client.create(POD, pod("talker", "sh", "-c", script, restartPolicy="Never"))
    await world.container("talker", lambda one: one.get("containerID"), "it runs")
    followed = await world.logs("talker", follow=True)
    assert followed == "line 1\nline 2\nline 3\nline 4\nline 5\nlast\n"
    assert await world.logs("talker", tail_lines=2) == "line 5\nlast\n"
    assert await world.logs("talker", since_s=3600) == followed
    assert await world.logs("talker", since_time="2999-01-01T00:00:00Z") == ""
    stamped = await world.logs("talker", timestamps=True, tail_lines=1)
    assert stamped.endswith("Z last\n")
    with pytest.raises(BadRequest):
        await world.logs("talker", container="other")
    with pytest.raises(BadRequest):
        await world.logs("talker", previous=True)


async def test_pods_go_on_after_the_platform_was_killed(tmp_path: Path) -> None:
    """The platform's end takes the processes along; its next start brings them back in place."""
    images = OneFileImages({"shell": ""})
    async with running_api_server(tmp_path / "store.db") as api:
        client = api.client()

        async def world_until_ready(restarts: int) -> World:
            world = World(client, cluster, processes, images, tmp_path / "data")
            await world.container(
                "stays",
                lambda one: one["ready"] and one["restartCount"] == restarts,
                f"it runs, restarted {restarts} times",
            )
            return world

        run_dir = tmp_path / "data" / "run"
        async with (
            SupervisedProcesses(run_dir, grace_s=0.5) as processes,
            running_cluster(client, processes, images, tmp_path) as cluster,
        ):
            await client.create(POD, pod("stays", "sh", "-c", FOREVER))
            once = pod("once", "sh", "-c", FOREVER, restartPolicy="Never")
            await client.create(POD, once)
            world = await world_until_ready(0)
            await world.container("once", lambda one: one["ready"], "it runs")
            address = (await world.pod("stays"))["status"]["podIP"]
        async with (
            SupervisedProcesses(run_dir, grace_s=0.5) as processes,
            running_cluster(client, processes, images, tmp_path) as cluster,
        ):
            world = await world_until_ready(1)
            stays = (await world.pod("stays"))["status"]
            assert stays["podIP"] == address
            last = stays["containerStatuses"][0]["lastState"]["terminated"]
            assert last["exitCode"] == 137
            await world.phase("once", "Failed")


async def test_without_namespaces_images_run_where_they_were_unpacked(tmp_path: Path) -> None:
    program = "import os, sys; print(os.getcwd(), sys.path, os.environ['PYTHONPATH'], flush=True)"
    async with running_world(tmp_path, {"app": program}, isolations=("none",)) as world:
        await world.client.create(POD, pod("plain", image="app", restartPolicy="Never"))
        await world.phase("plain", "Succeeded")
        text = await world.logs("plain")
        assert str(tmp_path / "cache" / "images") in text.split()[0]
        assert ".venv" not in text


async def test_many_pods_at_once_have_an_address_each(world: World) -> None:
    count = 30
    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            made = pod(f"many-{number}", "sh", "-c", FOREVER)
            made["metadata"]["labels"] = {"app": "many"}
            tasks.create_task(world.client.create(POD, made))

    async def all_ready() -> bool:
        pods = await world.pods("app=many")
        return all(
            (one.get("status") or {}).get("containerStatuses", [{}])[0].get("ready") for one in pods
        )

    await world.until(all_ready, "all are ready")
    addresses = {one["status"]["podIP"] for one in await world.pods("app=many")}
    assert len(addresses) == count
