"""Objects taken from one cluster to another: ours to ours, ours to a real one, and back.

Typed as people type it: `towpath export`, `towpath import`, with the kubeconfigs of both sides.
"""

import asyncio
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from tests.engines.kube import Kube
from tests.support import eventually
from tests.wire import wired_api_server

from towpath.client.exporting import portable
from towpath.client.kubeconfig import from_kubeconfig
from towpath.client.kubernetes import KubernetesClient
from towpath.hooks.commands import CONFLICT, FAILED
from towpath.machinery.core_kinds import CONFIG_MAP, DEPLOYMENT, NAMESPACE, SECRET
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource, custom_resource_definition
from towpath.machinery.objects import RawObject

TOWPATH = Path(sys.executable).with_name("towpath")
DEFINITION = Resource(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)
SERVICE = Resource("", "v1", "Service", "services")
ROLE = Resource("rbac.authorization.k8s.io", "v1", "Role", "roles")
ROLE_BINDING = Resource("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
ACCOUNT = Resource("", "v1", "ServiceAccount", "serviceaccounts")
SPEC = {"type": "object", "properties": {"size": {"type": "integer", "default": 3}}}
GROUP = "rbac.authorization.k8s.io"


class Side:
    """One cluster, by its kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    @asynccontextmanager
    async def client(self) -> AsyncIterator[KubernetesClient]:
        async with KubernetesClient(from_kubeconfig(self.kubeconfig), manager="test") as client:
            yield client

    async def typed(
        self, *arguments: str, code: int = 0, said: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = [TOWPATH, *arguments, "--kubeconfig", str(self.kubeconfig)]
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, input=said, timeout=90
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done


EVERY_WAY = pytest.mark.parametrize(
    "sides",
    [
        pytest.param(("ours", "ours"), id="ours to ours"),
        pytest.param(("ours", "real"), id="ours to a real one", marks=pytest.mark.slow),
        pytest.param(("real", "ours"), id="a real one to ours", marks=pytest.mark.slow),
    ],
    indirect=True,
)


@pytest.fixture
async def sides(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Side, Side]]:
    async with AsyncExitStack() as stack:
        found = []
        for number, name in enumerate(getattr(request, "param", ("ours", "ours"))):
            if name == "real":
                kube: Kube = request.getfixturevalue("real_kube")
                found.append(Side(kube.folder / "kubeconfig"))
            else:
                wired = await stack.enter_async_context(wired_api_server(tmp_path / str(number)))
                found.append(Side(wired.kubeconfig))
        yield found[0], found[1]


class Shop:
    """What is taken along: names of its own, for the real cluster is everybody's."""

    def __init__(self) -> None:
        mark = uuid.uuid4().hex[:8]
        self.namespace = f"shop-{mark}"
        self.widget = Resource(f"{mark}.transfer.example", "v1", "Widget", "widgets")
        self.definition = custom_resource_definition(self.widget, spec=SPEC)

    async def open(self, client: KubernetesClient) -> None:
        await client.create(NAMESPACE, NAMESPACE.object(self.namespace))
        await client.create(DEFINITION, self.definition)
        for resource, obj in self.objects():
            await eventually(lambda r=resource, o=obj: made(client, r, o), deadline_s=20)
        parent = await client.get(CONFIG_MAP, "parent", self.namespace)
        child = CONFIG_MAP.object("child", self.namespace, data={"of": "parent"})
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "parent"}
        child["metadata"]["ownerReferences"] = [{**owner, "uid": parent["metadata"]["uid"]}]
        await client.create(CONFIG_MAP, child)

    def objects(self) -> list[tuple[Resource, RawObject]]:
        place = self.namespace
        template = {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main", "image": "example.org/web:1"}]},
        }
        selector = {"matchLabels": {"app": "web"}}
        rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]
        subject = {"kind": "ServiceAccount", "name": "app", "namespace": place}
        reference = {"apiGroup": GROUP, "kind": "Role", "name": "reader"}
        ports = [{"port": 80, "targetPort": 8080, "protocol": "TCP"}]
        deployment = {"replicas": 0, "selector": selector, "template": template}
        binding = ROLE_BINDING.object("reader", place, roleRef=reference, subjects=[subject])
        return [
            (CONFIG_MAP, CONFIG_MAP.object("parent", place, data={"a": "1", "b": "---\nx: y\n"})),
            (SECRET, SECRET.object("password", place, stringData={"is": "planted"})),
            (ACCOUNT, ACCOUNT.object("app", place)),
            (ROLE, ROLE.object("reader", place, rules=rules)),
            (ROLE_BINDING, binding),
            (SERVICE, SERVICE.object("web", place, spec={"ports": ports, "type": "ClusterIP"})),
            (DEPLOYMENT, DEPLOYMENT.object("web", place, spec=deployment)),
            (self.widget, self.widget.object("w", place, spec={"size": 5})),
        ]


async def made(client: KubernetesClient, resource: Resource, obj: RawObject) -> bool:
    """A definition is not served at once everywhere."""
    try:
        await client.create(resource, obj)
    except NotFound:
        return False
    return True


@pytest.fixture
async def shop(sides: tuple[Side, Side]) -> AsyncIterator[Shop]:
    shop = Shop()
    async with sides[0].client() as client:
        await shop.open(client)
    yield shop
    for side in sides:
        async with side.client() as client:
            for resource, name in (
                (NAMESPACE, shop.namespace),
                (DEFINITION, f"widgets.{shop.widget.group}"),
            ):
                try:
                    await client.delete(resource, name)
                except NotFound:
                    continue


def files_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.yaml"))
    }


@EVERY_WAY
async def test_what_is_taken_along_is_the_same_there(
    sides: tuple[Side, Side], shop: Shop, tmp_path: Path
) -> None:
    source, target = sides
    folder = tmp_path / "taken"
    taken = ("export", "--to", str(folder), "-n", shop.namespace, "--secrets")
    await source.typed(*taken)
    first = files_of(folder)
    await source.typed(*taken)
    assert files_of(folder) == first, "the same objects are the same text"
    assert not any("uid:" in text or "managedFields" in text for text in first.values())

    dry = await target.typed("import", str(folder), "--dry-run", "--secrets")
    assert "Widget" in dry.stdout and "would be created" in dry.stdout
    async with target.client() as client:
        with pytest.raises(NotFound):
            await client.get(NAMESPACE, shop.namespace)

    brought = await target.typed("import", str(folder), "--secrets")
    assert f"{len(first)} created" in brought.stderr
    async with source.client() as here, target.client() as there:
        for resource, obj in [*shop.objects(), (CONFIG_MAP, CONFIG_MAP.object("child"))]:
            name = obj["metadata"]["name"]
            original = await here.get(resource, name, shop.namespace)
            copy = await there.get(resource, name, shop.namespace)
            assert copy["metadata"]["uid"] != original["metadata"]["uid"]
            assert portable(copy) == portable(original), name
        parent = await there.get(CONFIG_MAP, "parent", shop.namespace)
        child = await there.get(CONFIG_MAP, "child", shop.namespace)
        (reference,) = child["metadata"]["ownerReferences"]
        assert reference["uid"] == parent["metadata"]["uid"]

    again = await target.typed("import", str(folder), "--secrets")
    assert f"{len(first)} unchanged" in again.stderr
    assert again.stdout == ""
    back = tmp_path / "back"
    await target.typed("export", "--to", str(back), "-n", shop.namespace, "--secrets")
    assert files_of(back) == first, "and it could be taken back"


@EVERY_WAY
async def test_changes_are_shown_and_what_others_own_is_a_conflict(
    sides: tuple[Side, Side], shop: Shop
) -> None:
    source, target = sides
    stream = (await source.typed("export", "-n", shop.namespace, "configmaps", "widgets")).stdout
    await target.typed("import", "-", said=stream)
    changed = {"data": {"a": "2"}}
    async with target.client() as client:
        await client.patch(CONFIG_MAP, "parent", shop.namespace, changed)
    dry = await target.typed("import", "-", "--dry-run", "--force", said=stream)
    assert 'would be changed\n  ~ data.a: "2" -> "1"' in dry.stdout
    refused = await target.typed("import", "-", said=stream, code=CONFLICT)
    assert f"ConfigMap {shop.namespace}/parent: conflict" in refused.stdout
    assert ".data.a" in refused.stdout
    forced = await target.typed("import", "-", "--force", said=stream)
    assert "1 changed" in forced.stderr
    async with target.client() as client:
        assert (await client.get(CONFIG_MAP, "parent", shop.namespace))["data"]["a"] == "1"


async def test_secrets_are_taken_only_when_asked_for(sides: tuple[Side, Side], shop: Shop) -> None:
    source, target = sides
    without = await source.typed("export", "-n", shop.namespace)
    assert "password" not in without.stdout
    assert "without --secrets" in without.stderr
    everything = await source.typed("export", "-n", shop.namespace, "--secrets")
    brought = await target.typed("import", "-", said=everything.stdout)
    assert "1 Secrets left out" in brought.stderr
    async with target.client() as client:
        with pytest.raises(NotFound):
            await client.get(SECRET, "password", shop.namespace)


async def test_one_that_fails_keeps_no_other_from_being_brought(
    sides: tuple[Side, Side], shop: Shop
) -> None:
    source, target = sides
    stream = (await source.typed("export", "-n", shop.namespace, "configmaps")).stdout
    broken = stream.replace("name: parent", "name: Not_A_Name")
    refused = await target.typed("import", "-", said=broken, code=FAILED)
    assert "Not_A_Name: failed" in refused.stdout
    assert "child: created" in refused.stdout
    resumed = await target.typed("import", "-", said=stream)
    assert "1 created" in resumed.stderr
