"""kr8s: a small client, written for people."""

import asyncio

import kr8s.asyncio
from kr8s.asyncio.objects import ConfigMap, Deployment, Pod, new_class
from tests.conformance.clients.tries import run


def objects() -> None:
    asyncio.run(_objects())


async def _objects() -> None:
    api = await kr8s.asyncio.api()
    assert "v1" in (await api.version())["gitVersion"]
    made = await ConfigMap(
        {"metadata": {"name": "c", "labels": {"app": "demo"}}, "data": {"a": "1"}}
    )
    await made.create()
    await made.patch({"data": {"b": "2"}})
    await made.label(tier="web")
    await made.refresh()
    assert made.raw["data"] == {"a": "1", "b": "2"}
    found = [one async for one in api.get("configmaps", label_selector={"tier": "web"})]
    assert [one.name for one in found] == ["c"]
    labels = {"app": "web"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "main", "image": "example.dev/app"}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    deployment = await Deployment({"metadata": {"name": "web"}, "spec": spec})
    await deployment.create()
    await deployment.scale(0)
    assert deployment.replicas == 0
    await made.delete()
    assert not await made.exists()


def custom_objects() -> None:
    asyncio.run(_custom_objects())


async def _custom_objects() -> None:
    kind = new_class(kind="Widget", version="example.dev/v1", namespaced=True)
    widget = await kind({"metadata": {"name": "w"}, "spec": {"size": 1}})
    await widget.create()
    async for event, seen in widget.api.watch("widgets.example.dev"):
        assert (event, seen.name) == ("ADDED", "w")
        break
    await widget.delete()


def inside() -> None:
    asyncio.run(_inside())


async def _inside() -> None:
    """Of the running pod `p`."""
    pod = await Pod.get("p")
    done = await pod.exec(["sh", "-c", "echo out"])
    assert done.stdout == b"out\n"
    assert "hello" in [line async for line in pod.logs()]


if __name__ == "__main__":
    run(objects, custom_objects, inside)
