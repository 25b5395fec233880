"""Stock Kubernetes clients of Python against our server, each in a process of its own.

They are the dependency group `clients`, which .ci/run installs.
"""

import asyncio
import importlib.util
from pathlib import Path

import pytest
from tests.conformance.clients import PROGRAM_S_MAX, program, succeeds
from tests.conformance.processes import IMAGE, wired_cluster
from tests.support import eventually
from tests.wire import WiredApi

from towpath.machinery.core_kinds import CONFIG_MAP, POD
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource, custom_resource_definition

MISSING = [
    name for name in ("kopf", "kr8s", "kubernetes") if importlib.util.find_spec(name) is None
]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(MISSING), reason=f"{MISSING} not here: tools/install .venv --group clients"
    ),
]
WIDGETS = Resource("example.dev", "v1", "Widget", "widgets")
DEFINITIONS = Resource(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)


async def define_widgets(api: WiredApi) -> None:
    spec = {"type": "object", "properties": {"size": {"type": "integer"}}}
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    made = custom_resource_definition(WIDGETS, spec=spec, status=status)
    await api.front.client().create(DEFINITIONS, made)


@pytest.mark.parametrize(
    "name", ["typed_objects", "workloads", "dynamic_objects", "informers", "leader_election"]
)
async def test_the_official_client(api: WiredApi, name: str) -> None:
    await succeeds(api, "official", name)


async def test_a_watch_of_the_official_client_is_told_that_it_is_too_old(api: WiredApi) -> None:
    client = api.front.client()

    async def asked() -> bool:
        try:
            await client.get(CONFIG_MAP, "compact-now", "default")
        except NotFound:
            return False
        return True

    async def compact() -> None:
        await eventually(asked, deadline_s=PROGRAM_S_MAX)
        await api.store.compact(api.store.revision)
        await client.create(CONFIG_MAP, CONFIG_MAP.object("compacted", "default"))

    await asyncio.gather(succeeds(api, "official", "watches"), compact())


async def test_kr8s(api: WiredApi) -> None:
    await define_widgets(api)
    await succeeds(api, "small", "objects")
    await succeeds(api, "small", "custom_objects")


async def test_clients_inside_of_a_pod(tmp_path: Path) -> None:
    async with wired_cluster(tmp_path) as api:
        client = api.front.client()
        script = "echo hello; while :; do sleep 0.05; done"
        container = {"name": "p", "image": IMAGE, "command": ["sh", "-c", script]}
        await client.create(POD, POD.object("p", "default", spec={"containers": [container]}))

        async def ready() -> bool:
            status = (await client.get(POD, "p", "default")).get("status") or {}
            return any(one.get("ready") for one in status.get("containerStatuses") or ())

        await eventually(ready, deadline_s=30)
        await succeeds(api, "official", "execution")
        await succeeds(api, "small", "inside")


async def test_an_operator_of_kopf(api: WiredApi) -> None:
    await define_widgets(api)
    client = api.front.client()
    operator = Path(__file__).parent / "clients/operator.py"
    running = ("-m", "kopf", "run", "--standalone", "--namespace=default", str(operator))
    async with program(api, *running):
        await client.create(WIDGETS, WIDGETS.object("w", "default", spec={"size": 1}))

        async def settled() -> bool:
            status = (await client.get(WIDGETS, "w", "default")).get("status") or {}
            told = (status.get("impatient"), (status.get("sized") or {}).get("size"))
            return told == ("in the end", 1) and status.get("beats") == 3

        await eventually(settled, deadline_s=60)

        async def size() -> str:
            return str((await client.get(CONFIG_MAP, "w-size", "default"))["data"]["size"])

        assert await size() == "1"
        await client.patch(WIDGETS, "w", "default", {"spec": {"size": 2}})

        async def grown() -> bool:
            return await size() == "2"

        await eventually(grown, deadline_s=30)
        await client.delete(WIDGETS, "w", "default")

        async def gone() -> bool:
            for resource, name in ((WIDGETS, "w"), (CONFIG_MAP, "w-size")):
                try:
                    await client.get(resource, name, "default")
                except NotFound:
                    continue
                return False
            return True

        await eventually(gone, deadline_s=30)
        farewells = await client.get(CONFIG_MAP, "farewells", "default")
        assert farewells["data"] == {"w": "gone"}
