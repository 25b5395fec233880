"""A Backstage that runs beside us: the same entities, and the same requests in the same run.

It must be there already, empty, answer whoever asks, and be allowed to read from localhost:7190,
as the one beside tests/parity/catalog is.
"""

import json
import threading
import time
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from bench.apiserver.client import Server
from bench.catalog.company import Company
from bench.catalog.loads import Asking, measured
from bench.report import table
from bench.start import cost_of

PORT = 7190
INGEST_S_MAX = 3600.0
POLL_S = 1.0
IDLE_S = 20.0
REQUESTS = 200
"""Of each sort: it answers a tenth as many in the same time."""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Thousands of files are read."""


@dataclass(frozen=True, slots=True)
class Peer:
    url: str
    pid: int

    def figures(self, folder: Path, known: Company) -> dict[str, Any]:
        took = self._ingest(folder, len(known.descriptors))
        before, since = cost_of(self.pid).cpu_s, time.monotonic()
        time.sleep(IDLE_S)
        idle = (cost_of(self.pid).cpu_s - before) / (time.monotonic() - since)
        head = f"Host: {urlsplit(self.url).netloc}\r\n\r\n"
        asking = Asking(Server(self.url, "", (self.pid,)), head)
        loads = measured(asking, known, REQUESTS)
        return {
            **took,
            "memory_mib": round(cost_of(self.pid).pss_mib, 1),
            "idle_core": round(idle, 4),
            "loads": loads,
        }

    def _ingest(self, folder: Path, entities: int) -> dict[str, float]:
        files = sorted(path.relative_to(folder) for path in folder.glob("*/catalog-info.yaml"))
        everything = {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Location",
            "metadata": {"name": "company"},
            "spec": {"targets": [f"./{path}" for path in files]},
        }
        (folder / "all.yaml").write_text(yaml.safe_dump(everything))
        handler = partial(_Quiet, directory=str(folder))
        server = ThreadingHTTPServer(("127.0.0.1", PORT), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with closing(server.socket):
            cpu, since = cost_of(self.pid).cpu_s, time.monotonic()
            target = f"http://localhost:{PORT}/all.yaml"
            self._ask("/locations", {"type": "url", "target": target})
            while self._known() < entities:
                assert time.monotonic() < since + INGEST_S_MAX, "the entities do not come"
                time.sleep(POLL_S)
            seconds = time.monotonic() - since
            server.shutdown()
        used = cost_of(self.pid).cpu_s - cpu
        return {"ingest_wall_s": round(seconds, 2), "ingest_cpu_s": round(used, 2)}

    def _known(self) -> int:
        total: int = self._ask("/entities/by-query?limit=0")["totalItems"]
        return total

    def _ask(self, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/catalog{path}", content)
        request.add_header("content-type", "application/json")
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


def show(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """`times` is how much better ours is."""
    names = {
        "ingest wall s": "ingest_wall_s",
        "ingest processor s": "ingest_cpu_s",
        "memory MiB": "memory_mib",
        "idle core": "idle_core",
    }
    table(
        [
            {
                f"{ours['entities']} entities": shown,
                "ours": ours[name],
                "peer": theirs[name],
                "times": round(theirs[name] / max(ours[name], 1e-4), 1),
            }
            for shown, name in names.items()
        ]
    )
    table(
        [
            {
                "8 clients": name,
                "ours /s": load["other"]["per_s"],
                "peer /s": theirs["loads"][name]["other"]["per_s"],
                "times": round(load["other"]["per_s"] / theirs["loads"][name]["other"]["per_s"], 1),
                "p99 ms": load["other"]["p99_ms"],
                "peer's p99 ms": theirs["loads"][name]["other"]["p99_ms"],
                "share of it": round(
                    load["other"]["p99_ms"] / theirs["loads"][name]["other"]["p99_ms"], 3
                ),
            }
            for name, load in ours["loads"].items()
        ]
    )
