# ruff: noqa: T201, BLE001, SIM115 - a program of its own, whose output is its result
"""What a hostile step or pod tries. Runs inside it; a line an attempt: `refused: ...`, `GOT: ...`.

Standard library only. The targets, which it could guess or find, are JSON in SPY_TARGETS.
"""

import contextlib
import json
import os
import signal
import socket
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

TARGETS: dict[str, Any] = json.loads(os.environ["SPY_TARGETS"])


def tried(what: str, act: Callable[[], object]) -> None:
    try:
        got = act()
    except Exception as error:
        print(f"refused: {what} ({type(error).__name__}: {error})", flush=True)
        return
    print(f"{'GOT' if got else 'refused'}: {what} {str(got)[:200]}", flush=True)


def read(path: str) -> str:
    """A file's beginning, or what a folder holds."""
    place = Path(path)
    if place.is_dir():
        return ",".join(sorted(child.name for child in place.iterdir()))
    with place.open("rb") as file:
        return repr(file.read(40))


def files() -> None:
    for path in TARGETS["files"]:
        tried(f"read {path}", lambda path=path: read(path))
        # Existing files only: in a private /tmp anybody may make new ones.
        tried(f"write to {path}", lambda path=path: Path(path).open("r+b"))


def processes() -> None:
    for pid in TARGETS["pids"]:
        for part in ("environ", "cmdline", "root", "cwd", "fd"):
            tried(f"read {part} of process {pid}", lambda p=pid, n=part: read(f"/proc/{p}/{n}"))
        tried(f"signal process {pid}", lambda p=pid: os.kill(p, signal.SIGCONT) is None)
    strangers = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if int(entry.name) != os.getpid() and "towpath up" in (
                entry / "cmdline"
            ).read_text().replace("\0", " "):
                strangers.append(entry.name)
    tried("find the platform", lambda: strangers)


def environment() -> None:
    tried("the platform's environment", lambda: os.environ.get("PLANTED_IN_PLATFORM"))


class Api:
    """The platform's API, with this step's own token."""

    def __init__(self) -> None:
        self._context = ssl.create_default_context(cafile=os.environ["TOWPATH_CA_FILE"])
        self._server = os.environ["TOWPATH_SERVER"]

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> object:
        request = urllib.request.Request(
            self._server + path,
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={
                "Authorization": f"Bearer {os.environ['TOWPATH_TOKEN']}",
                "Content-Type": "application/json",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )
        with urllib.request.urlopen(request, context=self._context, timeout=10) as response:
            return response.read(200)


def api() -> None:
    if "TOWPATH_TOKEN" not in os.environ:
        tried("a token of the platform", lambda: os.environ.get("TOWPATH_SERVER"))
        return
    ask = Api()
    # The token is good for something, so what follows is refused for want of rights.
    allowed = "/apis/towpath.dev/v1alpha1/namespaces/demo/workloads"
    print("allowed:", ask("GET", allowed)[:40], flush=True)  # type: ignore[index]
    for method, path, body in TARGETS["api"]:
        tried(f"{method} {path}", lambda m=method, p=path, b=body: ask(m, p, b))
    secrets = "/api/v1/namespaces/other/secrets"
    tried("be the administrator", lambda: ask("GET", secrets, Impersonate_User="admin"))
    tried(
        "be a master",
        lambda: ask("GET", secrets, Impersonate_User="x", Impersonate_Group="system:masters"),
    )


def plain_http() -> None:
    """Git, registry and reads on the plain port."""
    token = os.environ.get("TOWPATH_TOKEN", "")
    for method, path, body in TARGETS["http"]:
        request = urllib.request.Request(
            TARGETS["portal"] + path,
            method=method,
            data=body.encode() if body else None,
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )

        def ask(request: urllib.request.Request = request) -> object:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.read(200)

        tried(f"{method} {path}", ask)


def database() -> None:
    """PostgreSQL asks everybody for a password."""

    def connect() -> object:
        with socket.create_connection(("127.0.0.1", TARGETS["postgres"]), timeout=5) as server:
            words = b"user\0towpath\0database\0postgres\0\0"
            message = (196608).to_bytes(4, "big") + words
            server.sendall((len(message) + 4).to_bytes(4, "big") + message)
            answer = server.recv(64)
        # R + length + 0 would be "you are in".
        return answer if answer[:1] == b"R" and answer[5:9] == b"\0\0\0\0" else None

    tried("the database server without a password", connect)


def stay() -> None:
    """Become a daemon that outlives this step."""
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.execv(sys.executable, [sys.executable, "-c", TARGETS["daemon"], "towpath-test-daemon"])
    os.wait()


for part in (files, processes, environment, api, plain_http, database, stay):
    part()
print("the spy has tried everything", flush=True)
