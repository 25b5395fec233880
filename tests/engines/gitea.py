"""A real Gitea on loopback, with its database in a file; `tools/real-gitea` builds it."""

import os
import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.support import wait_until

VERSION = "1.26.0"
"""As tools/real-gitea builds it."""
HOME = Path(os.environ.get("TOWPATH_ENGINES") or Path.home() / ".cache/towpath-engines")
FOLDER = HOME / f"gitea-{VERSION}"
BINARY = FOLDER / "gitea"
NOT_BUILT = "not built: run tools/real-gitea"
START_S_MAX = 60.0
USER = "alice"

_SETTINGS = """\
RUN_MODE = prod
WORK_PATH = {folder}
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = http://127.0.0.1:{port}/
STATIC_ROOT_PATH = {static}
OFFLINE_MODE = true
DISABLE_SSH = true
LFS_START_SERVER = false
[database]
DB_TYPE = sqlite3
PATH = {folder}/gitea.db
[security]
INSTALL_LOCK = true
SECRET_KEY = {secret}
[repository]
ROOT = {folder}/repositories
[log]
LEVEL = Warn
[cron]
ENABLED = false
"""


@dataclass(frozen=True, slots=True)
class Gitea:
    host: str
    token: str
    """Of an administrator."""

    def ask(self, method: str, path: str, body: object = None) -> httpx2.Response:
        headers = {"authorization": f"token {self.token}"}
        url = f"http://{self.host}/api/v1{path}"
        return httpx2.request(method, url, headers=headers, json=body, timeout=30)


@contextmanager
def running_gitea(folder: Path) -> Iterator[Gitea]:
    """Until the block ends; everything it writes is below `folder`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = folder / "app.ini"
    secret = secrets.token_hex(16)
    settings.write_text(_SETTINGS.format(folder=folder, port=port, static=FOLDER, secret=secret))
    surroundings = {
        **os.environ,
        "HOME": str(folder),
        "GITEA_WORK_DIR": str(folder),
        "GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT": "true",
    }

    def command(*words: str) -> list[str]:
        return [str(BINARY), "--config", str(settings), *words]

    def run(*words: str) -> str:
        done = subprocess.run(
            command(*words), env=surroundings, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    run("migrate")
    account = ("--username", USER, "--email", "alice@example.org", "--admin")
    run("admin", "user", "create", *account, "--random-password", "--must-change-password=false")
    words = ("admin", "user", "generate-access-token", "--username", USER, "--scopes", "all")
    token = run(*words, "--raw").splitlines()[-1]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command("web"), env=surroundings, stdout=log, stderr=log)
    try:
        gitea = Gitea(f"127.0.0.1:{port}", token)
        wait_until(lambda: _answers(gitea), deadline_s=START_S_MAX)
        yield gitea
    finally:
        server.terminate()
        server.wait(30)


def _answers(gitea: Gitea) -> bool:
    try:
        return gitea.ask("GET", "/version").status_code == 200
    except httpx2.TransportError:
        return False
