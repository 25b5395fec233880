"""Record what a Backstage answers: `python -m tests.parity.catalog.record http://localhost:7107`.

Beside this, `backstage` is one: `npm install` there, with a Node that better-sqlite3 can be built
for, and `node --no-node-snapshot index.js --config app-config.yaml`. It reads the corpus from here,
asks nobody who they are, and must know nothing else.
"""

import asyncio
import json
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.parity.catalog.asked import HERE
from tests.parity.catalog.asking import Said, answered
from tests.parity.catalog.everything import ALL

FOLDER = Path(__file__).parent
JSON = {"content-type": "application/json"}
STILL_S, POLL_S = 15.0, 1.0
"""So long nothing new has come: it has read everything, and its search has too."""


def said(peer: str, method: str, address: str, body: bytes, headers: Mapping[str, str]) -> Said:
    request = urllib.request.Request(peer + address, body or None, dict(headers), method=method)
    if body and not headers:
        request.add_unredirected_header("Content-type", "")
    try:
        with urllib.request.urlopen(request) as answer:
            found = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        found = error.code, error.headers, error.read()
    status, told, content = found
    return Said(status, {name.lower(): value for name, value in told.items()}, content)


def wait_until_all_is_read(peer: str) -> None:
    known, since = b"", time.monotonic()
    while time.monotonic() < since + STILL_S or len(known) < len('{"facets":{"kind":[]}}') + 1:
        threading.Event().wait(POLL_S)
        now = said(peer, "GET", "/api/catalog/entity-facets?facet=metadata.name", b"", {}).body
        if now != known:
            known, since = now, time.monotonic()


def main() -> None:
    peer = sys.argv[1]
    files = partial(SimpleHTTPRequestHandler, directory=str(FOLDER / "corpus"))
    port = urlsplit(HERE).port or 80
    server = ThreadingHTTPServer(("127.0.0.1", port), files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    location = json.dumps({"type": "url", "target": f"{HERE}/all.yaml"}).encode()
    assert said(peer, "POST", "/api/catalog/locations", location, JSON).status == 201
    wait_until_all_is_read(peer)

    async def send(method: str, address: str, body: bytes, headers: Mapping[str, str]) -> Said:
        return await asyncio.to_thread(said, peer, method, address, body, headers)

    async def record() -> dict[str, object]:
        return {asked.name: await answered(send, asked) for asked in ALL}

    found = asyncio.run(record())
    (FOLDER / "recorded.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    server.shutdown()


if __name__ == "__main__":
    main()
