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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
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


def test_a_stacked_image_runs_under_containerd(tmp_path: Path) -> None:
    base, app, layout = tmp_path / "base", tmp_path / "app", tmp_path / "layout"
    _make_base(base)
    _make_application(app)
    built = _run(
        *(str(TOWPATH), "image", "build", str(app), "--base", str(base), "--layout", str(layout)),
        *("--project", "demo", "--workload", "hello", "--commit", "1234567"),
    )
    digest = built.strip().rpartition("@")[2]
    archive = tmp_path / "layout.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(layout, ".")
    with _containerd(tmp_path / "containerd") as socket:
        ctr = ("ctr", "-a", str(socket))
        _run(*ctr, "images", "import", "--base-name", "towpath.test/hello", str(archive))
        assert digest in _run(*ctr, "images", "ls")
        image = "towpath.test/hello:1234567"
        said = _run(*ctr, "run", "--rm", "--snapshotter", "native", image, "one")
    assert said.strip() == "hello from /app"


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
