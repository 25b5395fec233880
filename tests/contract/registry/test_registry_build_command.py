"""`towpath image build` as a pipeline calls it: its output, its files, its refusals."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

MAIN = """
import sys
from towpath.capabilities.delivery.images import CAPABILITY
from towpath.cli.adapter import build
from towpath.cli.main import invoke
build(list(CAPABILITY.load_commands()), invoke, "")(prog_name="towpath")
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("<h1>hello</h1>")
    return folder


async def towpath(
    *arguments: str, environment: Mapping[str, str], stdin: str = ""
) -> tuple[int, str, str]:
    def run() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", MAIN, *arguments],
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
            input=stdin,
            timeout=60,
            check=False,
        )

    done = await asyncio.to_thread(run)
    return done.returncode, done.stdout, done.stderr


def pipeline(world: Any, tmp_path: Path) -> dict[str, str]:
    return {
        "HOME": str(tmp_path),
        "TOWPATH_REGISTRY": world.url.removeprefix("http://"),
        "TOWPATH_TOKEN": "token-alice",
        "TOWPATH_PROJECT": "demo",
        "TOWPATH_WORKLOAD": "site",
        "TOWPATH_CACHE": str(tmp_path / "cache"),
        "GITHUB_SHA": "a" * 40,
        "GITHUB_OUTPUT": str(tmp_path / "output"),
    }


async def test_in_a_pipeline(registry_world: Any, site: Path, tmp_path: Path) -> None:
    environment = pipeline(registry_world, tmp_path)
    code, output, errors = await towpath(
        "image", "build", str(site), "--push", environment=environment
    )
    assert code == 0, errors
    manifest = await registry_world.client.get(f"/v2/demo/site/manifests/{'a' * 40}")
    digest = manifest.headers["docker-content-digest"]
    reference = f"registry.towpath.dev/demo/site@{digest}"
    assert output == f"{reference}\n"
    assert (tmp_path / "output").read_text() == f"image={reference}\n"


async def test_against_another_registry_with_a_password(
    registry_world: Any, site: Path, tmp_path: Path
) -> None:
    host = registry_world.url.removeprefix("http://")
    code, output, errors = await towpath(
        "image", "build", str(site), "--push", "--registry", f"{host}/org", "--workload", "x",
        "--tag", "v1", "--username", "alice", "--password-stdin",
        environment={"HOME": str(tmp_path)}, stdin="token-alice\n",
    )  # fmt: skip
    assert code == 0, errors
    assert output.startswith(f"{host}/org/x@sha256:")
    answer = await registry_world.client.get("/v2/org/x/manifests/v1")
    assert answer.headers["docker-content-digest"] in output


async def test_without_push_nothing_needs_to_be_known(site: Path, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    code, output, errors = await towpath(
        "image", "build", str(site), "--layout", str(layout), environment={"HOME": str(tmp_path)}
    )
    assert code == 0, errors
    assert output.startswith("site@sha256:")
    assert (layout / "oci-layout").is_file()


async def test_a_base_that_cannot_be_had_is_declared(site: Path, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    code, _, errors = await towpath(
        "image", "build", str(site), "--layout", str(layout), "--base", "localhost:1/base:1",
        environment={"HOME": str(tmp_path)},
    )  # fmt: skip
    assert code == 0
    assert "only declared" in errors
    assert any(
        b'"dev.towpath.image.base":"declared"' in path.read_bytes()
        for path in (layout / "blobs/sha256").iterdir()
    )


@pytest.mark.parametrize(
    ("arguments", "changed", "words"),
    [
        pytest.param(["/nonexistent"], {}, "not a folder", id="no such folder"),
        pytest.param([], {"TOWPATH_TOKEN": "wrong"}, "who you are", id="a wrong token"),
        pytest.param([], {"TOWPATH_TOKEN": "token-bob"}, "DENIED", id="somebody without rights"),
        pytest.param([], {"TOWPATH_REGISTRY": "localhost:1"}, "does not answer", id="no registry"),
        pytest.param([], {"TOWPATH_REGISTRY": ""}, "where to push", id="no registry given"),
        pytest.param([], {"TOWPATH_WORKLOAD": ""}, "TOWPATH_WORKLOAD", id="no workload given"),
    ],
)
async def test_refusals_are_one_clear_error(
    registry_world: Any,
    site: Path,
    tmp_path: Path,
    arguments: list[str],
    changed: dict[str, str],
    words: str,
) -> None:
    environment = {**pipeline(registry_world, tmp_path), **changed}
    code, output, errors = await towpath(
        "image", "build", *(arguments or [str(site)]), "--push", environment=environment
    )
    assert code != 0
    assert output == ""
    assert words in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "output").exists()
