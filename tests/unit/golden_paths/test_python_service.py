"""The golden path `python-service`: rendered as expected, and good for what it says."""

import asyncio
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import uv

from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.descriptor import parse_descriptor
from towpath.capabilities.portal.templates.parameters import parameter_errors
from towpath.capabilities.portal.templates.seeding import SHIPPED
from towpath.capabilities.portal.templates.testing import render_template, run_tests
from towpath.engines.git.port import File
from towpath.machinery.documents import load_document, load_documents

GOLDEN_PATH = SHIPPED / "python-service"
NAMES = ["order-service", "no", "aa", "calendar", "zebra-9", "a-service-with-a-long-name-xyz"]


def rendered(name: str, **parameters: Any) -> dict[str, str]:
    raw = load_document((GOLDEN_PATH / "template.yaml").read_text())
    values = {"name": name, **parameters}
    assert parameter_errors(raw, values) == []
    files: dict[str, str] = render_template(GOLDEN_PATH, parse_descriptor(raw), {}, values)["files"]
    return files


def written(folder: Path, files: dict[str, str]) -> Path:
    project = folder / "project"
    contents = {path: File(text.encode()) for path, text in files.items()}
    folders.write_files(project, contents, scratch=folder / "scratch")
    return project


def test_its_own_tests_pass() -> None:
    run_tests(GOLDEN_PATH, update=False)


@pytest.mark.parametrize("name", NAMES)
def test_the_lock_file_is_valid_for_the_name(name: str, tmp_path: Path) -> None:
    project = written(tmp_path, rendered(name))
    found = subprocess.run(
        [uv.find_uv_bin(), "lock", "--check", "--quiet", "--python", sys.executable],
        cwd=project,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 0, found.stderr


def test_the_lock_file_has_no_mirror_in_it() -> None:
    text = rendered("order-service")["uv.lock"]
    lock = tomllib.loads(text)
    registries = {package["source"].get("registry") for package in lock["package"]} - {None}
    assert registries == {"https://pypi.org/simple"}
    hosts = {line.split("://")[1].split("/")[0] for line in text.splitlines() if "url = " in line}
    assert hosts == {"files.pythonhosted.org"}


@pytest.mark.parametrize("name", NAMES)
def test_every_document_has_the_name_as_text(name: str) -> None:
    files = rendered(name)
    assert load_document(files["score.yaml"])["metadata"]["name"] == name
    component, api = load_documents(files["catalog-info.yaml"])
    assert (component["metadata"]["name"], api["metadata"]["name"]) == (name, name)
    assert component["spec"]["providesApis"] == [name]
    assert load_document(files["openapi.yaml"])["info"]["title"] == name
    assert tomllib.loads(files["pyproject.toml"])["project"]["name"] == name


def test_no_template_tag_is_left_where_none_belongs() -> None:
    left = {path for path, text in rendered("order-service").items() if "${{" in text}
    assert left == {".github/workflows/ci.yaml"}


def test_every_python_file_compiles() -> None:
    for path, text in rendered("order-service", greeting='Say """hi"""\\').items():
        if path.endswith(".py"):
            compile(text, path, "exec")


def test_the_service_answers_and_ends_without_a_database(tmp_path: Path) -> None:
    """Alive and not ready, and out within a moment of SIGTERM with exit code 0."""
    project = written(tmp_path, rendered("order-service"))

    async def ask(port: int, path: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        try:
            return await asyncio.wait_for(reader.read(), 5)
        finally:
            writer.close()

    async def scenario() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "order_service",
            env={
                "PYTHONPATH": str(project / "src"),
                "PORT": "0",
                "DRAIN_SECONDS": "0",
                "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            },
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        port = 0
        while not port:
            line = (await asyncio.wait_for(process.stdout.readline(), 10)).decode()
            assert line, "the service ended before it listened"
            if "running on" in line:
                port = int(line.split("127.0.0.1:")[1].split(" ")[0])
        assert b"200 OK" in await ask(port, "/healthz")
        assert b"503 Service" in await ask(port, "/readyz")
        process.terminate()
        await asyncio.wait_for(process.communicate(), 10)
        assert process.returncode == 0

    asyncio.run(scenario())


def test_the_folder_that_ships_has_no_python_that_our_own_tools_would_read() -> None:
    assert [path for path in folders.read_files(SHIPPED) if path.endswith((".py", ".pyc"))] == []
