"""The digest that a local cluster runs as a process runs unmodified under containerd (12.8).

The base is made here from the system's own Python, so that nothing is fetched.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.platform import free_port
from tests.support import wait_until

PYTHON = Path("/usr/bin/python3.11")
LIBRARY = Path("/usr/lib/python3.11")
TOWPATH = Path(sys.executable).with_name("towpath")
NEEDED = ("containerd", "ctr", "runc", "ldd")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="containerd needs root"),
    pytest.mark.skipif(
        not all(map(shutil.which, NEEDED)) or not PYTHON.exists(),
        reason="needs containerd, runc and Debian's python3.11; .ci/run installs them",
    ),
]


def test_stacked_images_run_under_containerd(tmp_path: Path) -> None:
    base, app, site = tmp_path / "base", tmp_path / "app", tmp_path / "site"
    _make_base(base)
    _make_application(app)
    (site / "public").mkdir(parents=True)
    (site / "public" / "index.html").write_text("<h1>Harbour</h1>")
    with _containerd(tmp_path / "containerd") as socket:
        ctr = ("ctr", "-a", str(socket))
        hello = _imported(ctr, app, base)
        run = ("run", "--snapshotter", "native")
        assert _run(*ctr, *run, "--rm", hello, "one").strip() == "hello from /app"
        port = free_port()
        address = ("--env", "HOST=127.0.0.1", "--env", f"PORT={port}", "--env", "DRAIN_SECONDS=0")
        detached = ("--detach", "--net-host", *address)
        _run(*ctr, *run, *detached, _imported(ctr, site, base), "two")
        try:
            assert wait_until(lambda: _page(port) == "<h1>Harbour</h1>", deadline_s=20)
        finally:
            _run(*ctr, "tasks", "kill", "--signal", "SIGTERM", "two")
        assert wait_until(lambda: "STOPPED" in _run(*ctr, "tasks", "ls"), deadline_s=20)
        _run(*ctr, "tasks", "rm", "two")


def _imported(ctr: tuple[str, ...], source: Path, base: Path) -> str:
    """The image of that folder, known to containerd by its digest."""
    name, layout = source.name, source.with_name(f"{source.name}-layout")
    built = _run(
        *(str(TOWPATH), "image", "build", str(source), "--base", str(base)),
        *("--layout", str(layout), "--project", "demo", "--workload", name, "--commit", "1234567"),
    )
    archive = layout.with_suffix(".tar")
    with tarfile.open(archive, "w") as tar:
        tar.add(layout, ".")
    _run(*ctr, "images", "import", "--base-name", f"towpath.test/{name}", str(archive))
    assert built.strip().rpartition("@")[2] in _run(*ctr, "images", "ls")
    return f"towpath.test/{name}:1234567"


def _page(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def _make_application(folder: Path) -> None:
    package = folder / "src" / "hello"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import os; print('hello from', os.getcwd())\n")
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "hello"\nversion = "1"\nrequires-python = ">=3.11"\n'
        '[tool.towpath.image]\ncommand = ["python", "-m", "hello"]\n'
    )
    _run(str(Path(sys.executable).with_name("uv")), "lock", "-q", "--directory", str(folder))


def _make_base(folder: Path) -> None:
    """An OCI layout with Python, the C library and nothing else."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", dereference=True) as tar:
        tar.add(PYTHON, "usr/local/bin/python")
        tar.add(LIBRARY, str(LIBRARY).lstrip("/"), filter=_without_ballast)
        for library in sorted(_shared_libraries()):
            tar.add(library, library.lstrip("/"))
    layer = gzip.compress(packed.getvalue(), 1)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/usr/local/bin:/usr/bin", "PYTHONHOME=/usr"]},
        "rootfs": {"type": "layers", "diff_ids": [_digest(packed.getvalue())]},
    }
    kind = "application/vnd.oci.image"
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}.manifest.v1+json",
        "config": _put(folder, json.dumps(config).encode(), f"{kind}.config.v1+json"),
        "layers": [_put(folder, layer, f"{kind}.layer.v1.tar+gzip")],
    }
    index = [_put(folder, json.dumps(manifest).encode(), f"{kind}.manifest.v1+json")]
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": index}))


def _without_ballast(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    ballast = ("/test", "__pycache__", "config-3.11", "dist-packages")
    return None if any(word in entry.name for word in ballast) else entry


def _shared_libraries() -> set[str]:
    found: set[str] = set()
    for program in (PYTHON, *(LIBRARY / "lib-dynload").glob("*.so")):
        found |= {word for word in _run("ldd", str(program)).split() if word.startswith("/")}
    return found


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _put(folder: Path, content: bytes, media_type: str) -> dict[str, object]:
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    digest = _digest(content)
    (blobs / digest.removeprefix("sha256:")).write_bytes(content)
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


@contextmanager
def _containerd(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    socket = folder / "socket"
    (folder / "config.toml").write_text(
        f'version = 2\nroot = "{folder}/root"\nstate = "{folder}/state"\n'
        'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
        f'[grpc]\naddress = "{socket}"\n'
    )
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(
            ["containerd", "-c", str(folder / "config.toml")], stdout=log, stderr=log
        )
    try:
        assert wait_until(socket.exists, deadline_s=20), (folder / "log").read_text()
        yield socket
    finally:
        daemon.terminate()
        daemon.wait(20)


def _run(*command: str) -> str:
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
