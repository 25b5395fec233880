"""A start does what it must: what nobody has asked for is not loaded, what is there is not written.

Seconds are measured by `bench start` and `bench apiserver`; here is what they are made of.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from towpath.apiserver.authn.pki import open_pki
from towpath.apiserver.front import Front
from towpath.app.capabilities import BUILT_IN
from towpath.app.installed import Installed
from towpath.app.objects import apply_kinds, apply_objects, ensure_namespaces
from towpath.app.people import ADMINISTRATORS_BINDING
from towpath.client.protocols import Client
from towpath.hooks.platform import ARGOCD_NAMESPACE, SYSTEM_NAMESPACE
from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.store.memory import MemoryStore
from towpath.store.sqlite import SqliteStore

SERVE = """
import asyncio, ssl, sys
from pathlib import Path

from towpath.apiserver.authn.pki import open_pki
from towpath.apiserver.front import Front
from towpath.apiserver.http.wire.listener import Listener
from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.store.memory import MemoryStore
from towpath.store.sqlite import SqliteStore

async def ask(port, pki, path):
    trust = ssl.create_default_context(cadata=pki.ca_pem.decode())
    reader, writer = await asyncio.open_connection("localhost", port, ssl=trust)
    head = f"GET {path} HTTP/1.1\\r\\nhost: localhost\\r\\nauthorization: Bearer {pki.admin_token}"
    writer.write(f"{head}\\r\\nconnection: close\\r\\n\\r\\n".encode())
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    writer.close()

async def serve(folder):
    pki = open_pki(folder / "pki")
    store = await SqliteStore.open(folder / "store.db")
    front = await Front.open(store, pki, name="test")
    async with Listener(front.application, port=0, tls=pki.server_context()) as listener:
        await ask(listener.port, pki, "/readyz")
        await ask(listener.port, pki, "/api/v1/namespaces/default")
        await ask(listener.port, pki, "/api/v1/namespaces")
        front.application.end_streams()
    await store.close()

asyncio.run(serve(Path(sys.argv[1])))
print(" ".join(sys.modules))
"""
PLATFORM = """
import sys
import towpath.app.platform
print(" ".join(sys.modules))
"""


def loaded_by(script: str, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Of a second start, which answers: keys and roles are there."""
    folder = tmp_path_factory.mktemp("server")
    loaded_by(SERVE, str(folder))
    return loaded_by(SERVE, str(folder))


@pytest.fixture(scope="module")
def platform() -> set[str]:
    return loaded_by(PLATFORM)


@pytest.mark.parametrize(
    "module",
    [
        *("cryptography.x509", "ctypes", "h2", "httpx2", "joserfc", "jsonschema_rs", "starlette"),
        *("towpath.apiserver.auditing.policy", "towpath.apiserver.authn.oidc"),
        *("towpath.machinery.cel", "uvicorn", "websockets", "yaml", "zoneinfo"),
    ],
)
def test_an_api_server_that_answers_has_not_loaded(module: str, serving: set[str]) -> None:
    assert "towpath.apiserver.http.wire.http1" in serving
    assert module not in serving


@pytest.mark.parametrize(
    "module",
    [
        *("asyncpg", "cryptography.x509", "dulwich", "h2", "httpx2", "joserfc"),
        *("jsonschema_rs", "towpath.apiserver.authn.oidc", "towpath.localcluster.pods.agent"),
        *("towpath.machinery.cel.compiling", "uvicorn", "websockets", "yaml"),
    ],
)
def test_a_platform_that_starts_has_not_loaded(module: str, platform: set[str]) -> None:
    assert "towpath.web.portal" in platform
    assert module not in platform


async def test_a_second_start_writes_nothing(tmp_path: Path) -> None:
    revisions = [await revision_after_start(tmp_path) for _ in range(2)]
    assert revisions[0] == revisions[1]


async def test_what_was_brought_is_brought_again_only_when_something_has_changed(
    tmp_path: Path,
) -> None:
    store = MemoryStore()
    front = await Front.open(store, open_pki(tmp_path / "pki"), name="test")
    client, note = front.client(), tmp_path / "installed.json"
    shipped = [CONFIG_MAP.object(name, "default", data={"a": "1"}) for name in ("one", "two")]
    applied: list[str] = []

    async def start(objects: list[RawObject]) -> list[str]:
        applied.clear()
        installed = Installed(_Told(client, applied), note)
        await apply_objects(installed, objects)
        installed.save()
        return list(applied)

    assert await start(shipped) == ["one", "two"]
    assert await start(shipped) == []
    changed = CONFIG_MAP.object("two", "default", data={"a": "2"})
    assert await start([shipped[0], changed]) == ["two"]
    await client.delete(CONFIG_MAP, "one", "default")
    assert await start([shipped[0], changed]) == ["one"]
    await client.patch(CONFIG_MAP, "one", "default", {"data": {"a": "theirs"}})
    assert await start([shipped[0], changed]) == ["one"]
    assert (await client.get(CONFIG_MAP, "one", "default"))["data"] == {"a": "1"}
    note.write_bytes(b"no JSON")
    assert await start([shipped[0], changed]) == ["one", "two"]
    await store.close()


class _Told:
    """A client that tells what is applied."""

    def __init__(self, client: Client, applied: list[str]) -> None:
        self._client = client
        self._applied = applied

    async def apply(self, resource: Resource, obj: RawObject, **options: Any) -> RawObject:
        self._applied.append(obj["metadata"]["name"])
        return await self._client.apply(resource, obj, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


async def revision_after_start(folder: Path) -> int:
    """With everything that the platform brings to its API."""
    store = await SqliteStore.open(folder / "store.db")
    front = await Front.open(store, open_pki(folder / "pki"), name="test")
    client = front.client()
    await apply_kinds(client, [crd for one in BUILT_IN for crd in one.load_kinds()])
    await ensure_namespaces(client, (SYSTEM_NAMESPACE, ARGOCD_NAMESPACE))
    objects = [obj for one in BUILT_IN for obj in one.load_objects()]
    await apply_objects(client, [ADMINISTRATORS_BINDING, *objects])
    revision = store.revision
    await store.close()
    return revision
