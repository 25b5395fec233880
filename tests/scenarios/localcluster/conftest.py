"""A whole local cluster on an API server in this process: real processes, no registry."""

import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.scenarios.localcluster.world import World, running_world

SERVICE = """
    import http.server, os, signal, sys, threading

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            greeting = os.environ.get("GREETING", "hello")
            body = f"{greeting} from {os.environ['HOSTNAME']}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *args):
            print(format % args, flush=True)

    address = os.environ["HOST"], int(os.environ["PORT"])
    server = http.server.ThreadingHTTPServer(address, Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print("serving", flush=True)
    server.serve_forever(poll_interval=0.02)
    print("stopped", flush=True)
"""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running_world(tmp_path, {"web": textwrap.dedent(SERVICE)}) as world:
        yield world
