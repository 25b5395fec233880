"""The image of a static site, unpacked and started: what a browser gets of it."""

import asyncio
import re
import sys
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from towpath.engines.registry.builder.image import LAYER_TYPE, Origin, build_image

DEADLINE_S = 20.0
TIME_S = 1_700_000_000
PAGE = "<!doctype html><title>Harbour</title><p>" + "water " * 200


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def image_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("static")
    public = folder / "site" / "public"
    for path, text in {
        "index.html": PAGE,
        "404.html": "<h1>Not here</h1>",
        "about.html": "<h1>About</h1>",
        "guide/index.html": "<h1>Guide</h1>",
        "style.css": "p { color: teal }",
        "app-3f9a1c07.js": "export {}",
        "bridge.svg": "<svg/>",
        "bridge.webp": "x",
    }.items():
        (public / path).parent.mkdir(parents=True, exist_ok=True)
        (public / path).write_text(text)
    image = build_image(folder / "site", cache=folder / "cache", origin=Origin(time_s=TIME_S))
    root = folder / "root"
    for content in image.contents:
        if content.media_type == LAYER_TYPE:
            with content.open() as file, tarfile.open(fileobj=file) as layer:
                layer.extractall(root, filter="data")
    return root / "app"


@pytest.fixture(scope="module")
async def site(image_root: Path) -> AsyncIterator[httpx2.AsyncClient]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "static_server", str(image_root / "public")),
        env={
            "PYTHONPATH": str(image_root / "site-packages"),
            "HOST": "127.0.0.1",
            "PORT": "0",
            "DRAIN_SECONDS": "0",
        },
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE_S):
        first = (await process.stdout.readline()).decode()
    found = re.search(r"http://\S+:[0-9]+", first)
    assert found is not None, first
    async with httpx2.AsyncClient(base_url=found.group(), trust_env=False) as client:
        yield client
    process.terminate()
    async with asyncio.timeout(DEADLINE_S):
        rest, _ = await process.communicate()
    assert process.returncode == 0
    assert b"/healthz" not in rest, "probes are not logged"


@pytest.mark.parametrize(
    ("path", "status", "kind", "cache"),
    [
        ("/", 200, "text/html", "max-age=0, public"),
        ("/style.css", 200, "text/css", "max-age=0, public"),
        ("/app-3f9a1c07.js", 200, "text/javascript", "immutable"),
        ("/bridge.svg", 200, "image/svg+xml", "max-age=0, public"),
        ("/bridge.webp", 200, "image/webp", "max-age=3600, public"),
        ("/about", 200, "text/html", "max-age=0, public"),
        ("/guide/", 200, "text/html", "max-age=0, public"),
        ("/guide", 302, "", ""),
        ("/nothing", 404, "text/html", "no-cache"),
        ("/style.css.gz", 404, "text/html", "no-cache"),
        ("/healthz", 200, "text/plain", "no-store"),
        ("/readyz", 200, "text/plain", "no-store"),
        ("/%2e%2e/site-packages/static_server.py", 404, "text/html", "no-cache"),
        ("/..%2fsite-packages/static_server.py", 404, "text/html", "no-cache"),
        ("//etc/passwd", 404, "text/html", "no-cache"),
    ],
)
async def test_answers(
    site: httpx2.AsyncClient, path: str, status: int, kind: str, cache: str
) -> None:
    answer = await site.get(path)
    assert answer.status_code == status
    assert answer.headers.get("content-type", "").startswith(kind)
    assert cache in answer.headers.get("cache-control", "")
    assert "server" not in answer.headers


async def test_what_a_browser_has_is_not_sent_again(site: httpx2.AsyncClient) -> None:
    tag = (await site.get("/")).headers["etag"]
    again = await site.get("/", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    changed = await site.get("/", headers={"if-none-match": 'W/"other"'})
    assert changed.status_code == 200


async def test_text_is_sent_compressed_to_who_takes_it(site: httpx2.AsyncClient) -> None:
    packed = await site.get("/", headers={"accept-encoding": "gzip"})
    plain = await site.get("/", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text == PAGE
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])


async def test_what_is_not_there_has_the_sites_own_page(site: httpx2.AsyncClient) -> None:
    assert (await site.get("/nothing")).text == "<h1>Not here</h1>"
    assert (await site.head("/nothing")).content == b""
    assert (await site.post("/")).status_code == 405
