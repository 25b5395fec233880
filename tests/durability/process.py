"""An API server in a process of its own, over TLS, that can be killed and started again."""

import asyncio
import os
import signal
import ssl
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from tests.platform import free_port
from tests.support import eventually

READY_S_MAX = 60.0
STOP_S_MAX = 20.0
ANSWER_S_MAX = 30.0
CONNECTIONS_MAX = 64


@dataclass(slots=True)
class ApiProcess:
    folder: Path
    port: int = field(default_factory=free_port)
    program: tuple[str, ...] = (sys.executable, "-m", "tests.durability.serve")
    environment: dict[str, str] = field(default_factory=dict)
    _process: asyncio.subprocess.Process | None = None
    _tls: ssl.SSLContext | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server has not been started"
        return self._process.pid

    @property
    def database(self) -> Path:
        return self.folder / "store.db"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def token(self) -> str:
        return (self.folder / "pki" / "admin.token").read_text().strip()

    def tls(self) -> ssl.SSLContext:
        """Made once: the certificate stays over all starts."""
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=str(self.folder / "pki" / "ca.crt"))
            self._tls.check_hostname = False
        return self._tls

    def client(self, token: str | None = None) -> httpx2.AsyncClient:
        """Close it."""
        chosen = self.token if token is None else token
        limits = httpx2.Limits(max_connections=CONNECTIONS_MAX)
        return httpx2.AsyncClient(
            base_url=f"https://127.0.0.1:{self.port}",
            headers={"authorization": f"Bearer {chosen}"} if chosen else {},
            verify=self.tls(),
            timeout=ANSWER_S_MAX,
            limits=limits,
            trust_env=False,
        )

    async def start(self) -> None:
        """Returns when it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self.program,
                str(self.folder),
                str(self.port),
                stdout=output,
                stderr=output,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        await eventually(self.is_ready, deadline_s=READY_S_MAX, every_s=0.03)

    async def is_ready(self) -> bool:
        assert self._process is not None, "the server has not been started"
        if self._process.returncode is not None:
            raise AssertionError(f"the server has ended:\n{self.log.read_text()[-4000:]}")
        with suppress(httpx2.TransportError, OSError):
            async with self.client() as client:
                return (await client.get("/readyz")).status_code == 200
        return False

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.send_signal(how)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S_MAX)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise

    def memory_mib(self) -> float:
        """Resident just now."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise AssertionError("a running process has memory")

    def processor_s(self) -> float:
        """What it has computed so far, in all of its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def open_files(self) -> int:
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())
