"""From a folder to a running image: build, push, pull with skopeo, unpack, start."""

import asyncio
import http.server
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.contract.registry.conftest import descriptor, layer_of, sha256

from towpath.engines.registry.builder.application import BuildError
from towpath.engines.registry.builder.base_image import load_base
from towpath.engines.registry.builder.dependencies import find_uv
from towpath.engines.registry.builder.image import BuiltImage, Origin, build_image
from towpath.engines.registry.builder.layout import write_layout
from towpath.engines.registry.client import Credentials, RegistryClient, RegistryRefused
from towpath.engines.registry.manifests import OCI_INDEX, OCI_MANIFEST
from towpath.engines.registry.port import LOGICAL_HOST, ImageError, ImageNotFound
from towpath.engines.registry.unpack import EmbeddedImages

APP = "demo/order-service"
ORIGIN = Origin("c" * 40, "https://example.com/demo/order-service", 1_700_000_000)


def make_wheel(folder: Path) -> None:
    """A wheel of our own, so that nothing is downloaded."""
    folder.mkdir(parents=True)
    info = "tiny_dep-1.0.dist-info"
    files = {
        "tiny_dep/__init__.py": "ANSWER = 42\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tiny-dep\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    records = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / "tiny_dep-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in {**files, f"{info}/RECORD": records}.items():
            wheel.writestr(zipfile.ZipInfo(name), text)


@pytest.fixture
def python_app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    make_wheel(folder / "wheels")
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "order-service"\nversion = "1"\nrequires-python = ">=3.11"\n'
        'dependencies = ["tiny-dep"]\n'
        '[tool.uv.sources]\ntiny-dep = {path = "wheels/tiny_dep-1.0-py3-none-any.whl"}\n'
    )
    package = folder / "src/order_service"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("from tiny_dep import ANSWER\nprint(ANSWER)\n")
    (folder / ".gitignore").write_text("ignored\n")
    (folder / "ignored").write_text("x")
    subprocess.run([find_uv(), "lock", "--offline", "-q"], cwd=folder, check=True)
    return folder


def build(folder: Path, cache: Path, **options: Any) -> BuiltImage:
    return build_image(folder, cache=cache, origin=ORIGIN, **options)


async def push(world: Any, image: BuiltImage, name: str = APP, tag: str = "v1") -> None:
    client = client_of(world)
    try:
        await asyncio.to_thread(image.push, client, name, tag)
    finally:
        client.close()


def client_of(world: Any, token: str = "token-alice") -> RegistryClient:
    host = world.url.removeprefix("http://")
    return RegistryClient(host, Credentials("x", token))


async def test_a_python_app_is_built_pushed_unpacked_and_runs(
    registry_world: Any, python_app: Path, tmp_path: Path
) -> None:
    image = build(python_app, tmp_path / "cache")
    await push(registry_world, image)
    images = EmbeddedImages(registry_world.registry.images)
    target = tmp_path / "unpacked" / "x"
    reference = f"{LOGICAL_HOST}/{APP}@{image.digest}"
    configs = await asyncio.gather(*(images.unpack(reference, target) for _ in range(4)))
    config: Any = configs[0]
    assert config["config"]["Cmd"] == ["python", "-m", "order_service"]
    labels = config["config"]["Labels"]
    assert labels["dev.towpath.image.base"] == "declared"
    assert labels["org.opencontainers.image.revision"] == ORIGIN.revision
    assert not (target / "app/ignored").exists()
    assert list((target / "app/site-packages/tiny_dep/__pycache__").iterdir())
    paths = dict(entry.split("=", 1) for entry in config["config"]["Env"])["PYTHONPATH"]
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, *config["config"]["Cmd"][1:]],
        env={"PYTHONPATH": paths.replace("/app", str(target / "app"))},
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"42\n"


def test_the_same_sources_give_the_same_digest(python_app: Path, tmp_path: Path) -> None:
    first = build(python_app, tmp_path / "cache1")
    for path in python_app.rglob("*.py"):
        os.utime(path, (1, 1))
    assert build(python_app, tmp_path / "cache2").digest == first.digest
    (python_app / "src/order_service/__main__.py").write_text("print(1)\n")
    changed = build(python_app, tmp_path / "cache2")
    assert changed.digest != first.digest
    assert changed.contents[0].digest == first.contents[0].digest


def test_a_warm_build_installs_nothing(python_app: Path, tmp_path: Path) -> None:
    said: list[str] = []
    build(python_app, tmp_path / "cache", say=said.append)
    assert len(said) == 1
    build(python_app, tmp_path / "cache", say=said.append)
    assert len(said) == 1


def test_a_cut_cache_is_made_again(python_app: Path, tmp_path: Path) -> None:
    first = build(python_app, tmp_path / "cache")
    for blob in (tmp_path / "cache").rglob("*.tar.gz"):
        blob.write_bytes(b"cut")
    assert build(python_app, tmp_path / "cache").digest == first.digest


async def test_a_dependency_layer_is_sent_once_for_all_images(
    registry_world: Any, python_app: Path, tmp_path: Path
) -> None:
    (python_app / "big").write_bytes(os.urandom(2 * 2**20))
    image = build(python_app, tmp_path / "cache")
    await push(registry_world, image, "demo/one")
    await push(registry_world, image, "demo/two")
    manifest = await registry_world.client.get("/v2/demo/two/manifests/v1")
    assert sha256(manifest.content) == image.digest


async def test_a_static_site_is_served(registry_world: Any, tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "public").mkdir(parents=True)
    (site / "public/index.html").write_text("<h1>hello</h1>")
    image = build(site, tmp_path / "cache")
    await push(registry_world, image, "demo/site")
    target = tmp_path / "unpacked"
    config: Any = await EmbeddedImages(registry_world.registry.images).unpack(
        f"{LOGICAL_HOST}/demo/site:v1", target
    )
    assert config["config"]["Cmd"] == ["python", "-m", "static_server", "/app/public"]
    assert (target / "app/public/index.html").exists()
    assert (target / "app/site-packages/static_server.py").exists()


def base_layout(folder: Path) -> str:
    """A base image made here: one file, one variable."""
    layer = layer_of({"usr/lib/base": b"from below"})
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["PATH=/usr/bin", "PYTHONPATH=/old"], "Entrypoint": ["/bin/sh"]},
            "rootfs": {"type": "layers", "diff_ids": [sha256(b"x")]},
            "history": [{"created_by": "base"}],
        }
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(config, "application/vnd.oci.image.config.v1+json"),
            "layers": [descriptor(layer, "application/vnd.oci.image.layer.v1.tar+gzip")],
        }
    ).encode()
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)
    for content in (layer, config, manifest):
        (blobs / sha256(content).removeprefix("sha256:")).write_bytes(content)
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [descriptor(manifest, OCI_MANIFEST)],
    }
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return sha256(manifest)


async def test_an_image_is_stacked_on_a_base_from_a_layout_or_a_registry(
    registry_world: Any, python_app: Path, tmp_path: Path
) -> None:
    digest = base_layout(tmp_path / "base")
    client = client_of(registry_world)
    layout = load_base(str(tmp_path / "base"), lambda host: client, tmp_path / "cache")
    image = build(python_app, tmp_path / "cache", base=layout, base_name="example.com/base:1")
    manifest = json.loads(image.manifest)
    assert manifest["annotations"]["org.opencontainers.image.base.digest"] == digest
    assert manifest["annotations"]["org.opencontainers.image.base.name"] == "example.com/base:1"
    await push(registry_world, image)

    answer = await registry_world.client.get(f"/v2/{APP}/manifests/v1")
    config = (
        await registry_world.client.get(f"/v2/{APP}/blobs/{answer.json()['config']['digest']}")
    ).json()
    assert config["config"]["Env"][0] == "PATH=/usr/bin"
    assert "PYTHONPATH=/old" not in config["config"]["Env"]
    assert "Entrypoint" not in config["config"]
    assert len(config["rootfs"]["diff_ids"]) == len(manifest["layers"]) == 3
    assert config["config"]["Labels"]["dev.towpath.image.base"] == "stacked"

    # The same image as the base of another, from the registry this time.
    host = registry_world.url.removeprefix("http://")
    pulled = await asyncio.to_thread(
        load_base, f"{host}/{APP}:v1", lambda host: client, tmp_path / "cache"
    )
    assert pulled.digest == image.digest
    assert len(pulled.layers) == 3
    await asyncio.to_thread(client.close)

    # A local cluster is the base itself: it takes our layers alone.
    target = tmp_path / "unpacked"
    await EmbeddedImages(registry_world.registry.images).unpack(f"{LOGICAL_HOST}/{APP}:v1", target)
    assert [path.name for path in target.iterdir()] == ["app"]


async def test_skopeo_reads_a_layout_of_ours(
    registry_world: Any, python_app: Path, tmp_path: Path
) -> None:
    from tests.contract.registry.test_registry_distribution import skopeo

    image = build(python_app, tmp_path / "cache")
    write_layout(image, tmp_path / "layout", "v1")
    try:
        code, output = await skopeo("inspect", f"oci:{tmp_path}/layout:v1", home=tmp_path)
    except FileNotFoundError:
        pytest.skip("skopeo is not installed")
    assert code == 0, output
    assert json.loads(output)["Digest"] == image.digest
    await push(registry_world, image)
    host = registry_world.url.removeprefix("http://")
    code, output = await skopeo(
        "copy", "--src-tls-verify=false", "--src-creds", "alice:token-alice",
        f"docker://{host}/{APP}:v1", f"oci:{tmp_path}/pulled:v1", home=tmp_path,
    )  # fmt: skip
    assert code == 0, output


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param(f"{LOGICAL_HOST}/demo/none:v1", id="an unknown image"),
        pytest.param(f"{LOGICAL_HOST}/demo/none@sha256:{'0' * 64}", id="an unknown digest"),
        pytest.param("ghcr.io/org/app:v1", id="another registry"),
        pytest.param("Not A Reference", id="no reference"),
        pytest.param(f"{LOGICAL_HOST}/alone:v1", id="no project"),
    ],
)
async def test_what_cannot_be_unpacked_is_refused(
    registry_world: Any, tmp_path: Path, reference: str
) -> None:
    images = EmbeddedImages(registry_world.registry.images)
    with pytest.raises(ImageError):
        await images.unpack(reference, tmp_path / "target")
    assert not (tmp_path / "target").exists()


async def test_a_lost_blob_is_said_and_leaves_nothing(
    registry_world: Any, python_app: Path, tmp_path: Path
) -> None:
    image = build(python_app, tmp_path / "cache")
    await push(registry_world, image)
    images = registry_world.registry.images
    images.blobs.path(image.contents[1].digest).unlink()
    with pytest.raises(ImageNotFound):
        await EmbeddedImages(images).unpack(f"{LOGICAL_HOST}/{APP}:v1", tmp_path / "t" / "x")
    assert [path.name for path in (tmp_path / "t").iterdir()] == [".layers"]


def test_a_lock_that_does_not_fit_is_said_by_uv(python_app: Path, tmp_path: Path) -> None:
    (python_app / "uv.lock").write_text("rubbish")
    with pytest.raises(BuildError, match="uv export failed"):
        build(python_app, tmp_path / "cache")


def test_a_wheel_that_was_changed_is_not_installed(python_app: Path, tmp_path: Path) -> None:
    wheel = next((python_app / "wheels").iterdir())
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("tiny_dep/evil.py", "x")
    with pytest.raises(BuildError, match=r"[Hh]ash"):
        build(python_app, tmp_path / "cache")


def test_a_link_out_of_the_application_is_refused(python_app: Path, tmp_path: Path) -> None:
    (python_app / "link").symlink_to("/etc/passwd")
    with pytest.raises(BuildError, match="outside"):
        build(python_app, tmp_path / "cache")


async def test_a_registry_that_says_no_is_quoted(
    registry_world: Any, python_app: Path, tmp_path: Path
) -> None:
    image = build(python_app, tmp_path / "cache")
    registry_world.people.rights.add(("bob", "get", "images"))
    for token, words in (("token-bob", "DENIED"), ("wrong", "--password-stdin")):
        client = client_of(registry_world, token)
        with pytest.raises(RegistryRefused, match=words):
            await asyncio.to_thread(image.push, client, APP, "v1")
        client.close()
    nowhere = RegistryClient("localhost:1", Credentials("x", "y"))
    with pytest.raises(RegistryRefused, match="does not answer"):
        await asyncio.to_thread(image.push, nowhere, APP, "v1")


class _TokenRegistry(http.server.BaseHTTPRequestHandler):
    """Signs in as Docker Hub and ghcr.io do it, then refuses everything for want of room."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = self.headers.get("Authorization", "")
        self._answer(200 if asked.startswith("Basic ") else 401, b'{"token": "short-lived"}')

    def do_HEAD(self) -> None:
        if self.headers.get("Authorization") != "Bearer short-lived":
            port = self.server.server_address[1]
            realm = f'Bearer realm="http://localhost:{port}/token",service="s",scope="x"'
            self._answer(401, b"", ("WWW-Authenticate", realm))
        else:
            self._answer(404, b"")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(507, b'{"errors": [{"code": "UNKNOWN", "message": "the disk is full"}]}')

    def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def token_registry() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _TokenRegistry)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_token_is_fetched_where_the_registry_asks_for_one(
    token_registry: str, python_app: Path, tmp_path: Path
) -> None:
    image = build(python_app, tmp_path / "cache")
    client = RegistryClient(token_registry, Credentials("x", "y"))
    with pytest.raises(RegistryRefused, match="the disk is full"):
        image.push(client, APP, "v1")
    client.close()
