"""What ten thousand open watches cost: memory for each, and how long an event takes to reach all.

Real connections over TLS, one process that serves and one that listens, on the same cores. At last
nobody reads any more, and much is written: memory stays within bounds, those who do not read are
dropped, and others are answered.
"""

import argparse
import asyncio
import resource
import selectors
import socket
import ssl
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import httpx2
import orjson
from tests.durability.process import ApiProcess

from bench.report import last_line, table

WATCHES = 10_000
MEMORY_BUDGET_MIB = 500.0
EVENTS = 5
UNREAD_WRITES = 200
UNREAD_BYTES = 100_000
WAIT_S_MAX = 300.0
CUT_OFF_AFTER_S = 30.0
MAPS = "/api/v1/namespaces/default/configmaps"


class Crowd:
    """Watches in one process, under one selector, that read what there is when they are asked."""

    def __init__(self, process: ApiProcess) -> None:
        self._process = process
        self._tls = process.tls()
        self._ready = selectors.DefaultSelector()
        self._open: list[ssl.SSLSocket] = []
        self._seen: dict[ssl.SSLSocket, int] = {}

    def open(self, count: int) -> None:
        query = "watch=true&allowWatchBookmarks=true&resourceVersion=0&timeoutSeconds=3000"
        head = (
            f"GET {MAPS}?{query}&labelSelector=bench HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {self._process.token}\r\n\r\n"
        ).encode()
        for _ in range(count):
            plain = socket.create_connection(("127.0.0.1", self._process.port), WAIT_S_MAX)
            secure = self._tls.wrap_socket(plain)
            secure.sendall(head)
            answer = secure.recv(4096)
            assert b" 200 " in answer, answer
            secure.setblocking(False)
            self._ready.register(secure, selectors.EVENT_READ)
            self._open.append(secure)
            self._seen[secure] = 0

    def hear(self, events: int) -> list[float]:
        """Read until everybody has seen so many events; when each of them had."""
        heard: list[float] = []
        waiting = {one for one in self._open if self._seen[one] < events}
        deadline = time.monotonic() + WAIT_S_MAX
        while waiting:
            assert time.monotonic() < deadline, f"{len(waiting)} watches have not heard"
            for key, _ in self._ready.select(1.0):
                one = key.fileobj
                assert isinstance(one, ssl.SSLSocket)
                self._seen[one] += self._read(one)
                if one in waiting and self._seen[one] >= events:
                    waiting.discard(one)
                    heard.append(time.monotonic())
        return heard

    @staticmethod
    def _read(one: ssl.SSLSocket) -> int:
        found = 0
        with suppress(ssl.SSLWantReadError):
            while data := one.recv(65536):
                found += data.count(b'{"type":"')
        return found

    def close(self) -> None:
        for one in self._open:
            one.close()
        self._open = []
        self._ready.close()


async def measure(folder: Path, watches: int) -> dict[str, float]:
    process = ApiProcess(folder)
    await process.start()
    crowd = Crowd(process)
    figures = {"watches": float(watches)}
    try:
        async with process.client() as client:
            await _write(client, "first", "x")
            figures["before_mib"] = process.memory_mib()
            began = time.monotonic()
            await asyncio.to_thread(crowd.open, watches)
            figures["opened_s"] = time.monotonic() - began
            figures["open_mib"] = process.memory_mib()
            delays = []
            for number in range(1, EVENTS + 1):
                began = time.monotonic()
                hearing = asyncio.create_task(asyncio.to_thread(crowd.hear, number))
                await _write(client, f"event-{number}", "x", {"bench": "yes"})
                delays.append([heard - began for heard in await hearing])
            figures["first_heard_s"] = min(map(min, delays))
            figures["all_heard_s"] = max(map(max, delays))
            figures["after_events_mib"] = process.memory_mib()
            for number in range(UNREAD_WRITES):
                await _write(client, f"unread-{number}", "x" * UNREAD_BYTES, {"bench": "yes"})
            began = time.monotonic()
            await client.get("/readyz")
            figures["answered_s"] = time.monotonic() - began
            figures["unread_mib"] = process.memory_mib()
            await asyncio.sleep(CUT_OFF_AFTER_S)
            figures["cut_off_mib"] = process.memory_mib()
    finally:
        crowd.close()
        await process.kill()
    return figures


async def _write(
    client: httpx2.AsyncClient, name: str, text: str, labels: dict[str, str] | None = None
) -> None:
    obj = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": labels or {}},
        "data": {"text": text},
    }
    answer = await client.post(MAPS, content=orjson.dumps(obj), timeout=WAIT_S_MAX)
    assert answer.status_code == 201, answer.text


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--watches", type=int, default=WATCHES)
    watches = parser.parse_known_args()[0].watches
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="towpath-bench-") as name:
        figures = asyncio.run(measure(Path(name), watches))
    each_kib = (figures["open_mib"] - figures["before_mib"]) * 1024 / watches
    table(
        [
            {"what": "memory before, MiB", "is": figures["before_mib"]},
            {"what": f"memory with {watches} watches, MiB", "is": figures["open_mib"]},
            {"what": "of it for each watch, KiB", "is": each_kib},
            {"what": "budget for 10,000, MiB", "is": MEMORY_BUDGET_MIB},
            {"what": "opened in s", "is": figures["opened_s"]},
            {"what": "an event reaches the first after s", "is": figures["first_heard_s"]},
            {"what": "and the last after s", "is": figures["all_heard_s"]},
            {"what": "memory when nobody reads 20 MB, MiB", "is": figures["unread_mib"]},
            {"what": "and half a minute later, MiB", "is": figures["cut_off_mib"]},
            {"what": "meanwhile /readyz takes s", "is": figures["answered_s"]},
        ]
    )
    last_line("watchers", {**figures, "each_kib": each_kib})


if __name__ == "__main__":
    main()
