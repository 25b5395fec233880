"""Serves a folder over HTTP at HOST:PORT: the program inside the images of static sites.

WhiteNoise learns at the start which files there are, so that no address leads to any other; it
sends them with their types and caching headers, compressed where the image holds them so. Waitress
speaks HTTP. Ours are entity tags of the content, addresses without `.html`, the site's own page for
what is not there, and the answers to probes.

This file is copied into images, where the platform's own package is not: it stands alone.
"""

import hashlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

from waitress import create_server  # type: ignore[import-untyped]
from whitenoise import WhiteNoise  # type: ignore[import-untyped]
from whitenoise.string_utils import decode_path_info  # type: ignore[import-untyped]

THREADS = 8
KEEP_PICTURES_S = 3600
PROBES = ("/healthz", "/readyz")

_STAMPED = re.compile(r"[.-](?=[0-9a-f]*[0-9])[0-9a-f]{8,}\.[a-z0-9]+$")
"""`app-3f9a1c07.css`: the name changes with the content, so it can be kept for ever."""
_PICTURE = re.compile(r"\.(avif|gif|ico|jpe?g|otf|png|ttf|webp|woff2?)$", re.IGNORECASE)
_SAFE = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
)

StartResponse = Callable[..., Any]


class Site(WhiteNoise):  # type: ignore[misc]
    def __init__(self, folder: str) -> None:
        super().__init__(
            self.missing,
            folder,
            max_age=0,
            allow_all_origins=False,
            index_file=True,
            immutable_file_test=lambda path, url: bool(_STAMPED.search(url)),
            add_headers_function=_add_headers,
        )
        self.draining = False
        page = Path(folder, "404.html")
        self._page = page.read_bytes() if page.is_file() else b""

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path: str = decode_path_info(environ.get("PATH_INFO", ""))
        if path in PROBES:
            return self.probe(path, start_response)
        found = self.files.get(path) or self.files.get(f"{path}.html")
        if found is None:
            return self.missing(environ, start_response)
        answer: Iterable[bytes] = self.serve(found, environ, start_response)
        return answer

    def probe(self, path: str, start_response: StartResponse) -> Iterable[bytes]:
        draining = self.draining and path == "/readyz"
        body = b"draining\n" if draining else b"ok\n"
        start_response(
            "503 Service Unavailable" if draining else "200 OK",
            [("Content-Type", "text/plain"), ("Cache-Control", "no-store")],
        )
        return [body]

    def missing(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        kind = "text/html" if self._page else "text/plain"
        body = self._page or b"There is nothing here.\n"
        length = ("Content-Length", str(len(body)))
        headers = [("Content-Type", f"{kind}; charset=utf-8"), length, *_SAFE]
        start_response("404 Not Found", [*headers, ("Cache-Control", "no-cache")])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _add_headers(headers: Headers, path: str, url: str) -> None:
    """Of one file, once at the start."""
    with Path(path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    # Weak: the same tag stands for the file and for its compressed form.
    headers["ETag"] = f'W/"{digest[:32]}"'
    if _PICTURE.search(url) and "immutable" not in (headers["Cache-Control"] or ""):
        headers["Cache-Control"] = f"max-age={KEEP_PICTURES_S}, public"
    for name, value in _SAFE:
        headers[name] = value


def logged(site: Site) -> Callable[[dict[str, Any], StartResponse], Iterable[bytes]]:
    """One line of JSON for each request, but for probes."""

    def answer(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        path = environ.get("PATH_INFO", "")

        def started(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            if path not in PROBES:
                line = {
                    "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                    "level": "INFO",
                    "message": f"{environ['REQUEST_METHOD']} {path} {status[:3]}",
                    "path": path,
                    "status": int(status[:3]),
                    "duration_ms": round((time.perf_counter() - began) * 1000, 2),
                }
                sys.stdout.write(json.dumps(line) + "\n")
                sys.stdout.flush()
            return start_response(status, headers, *more)

        return site(environ, started)

    return answer


def main() -> None:
    site = Site(sys.argv[1])
    host, port = os.environ.get("HOST") or "0.0.0.0", int(os.environ.get("PORT") or "8080")  # noqa: S104
    drain_s = float(os.environ.get("DRAIN_SECONDS") or "1")
    server = create_server(
        logged(site),
        host=host,
        port=port,
        threads=THREADS,
        ident=None,
        clear_untrusted_proxy_headers=True,
    )

    def drain(*_: Any) -> None:
        """Go on serving while everybody learns that this one goes; then end."""
        if site.draining or drain_s <= 0:
            sys.exit(0)
        site.draining = True
        signal.setitimer(signal.ITIMER_REAL, drain_s)

    def end(*_: Any) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, drain)
    signal.signal(signal.SIGALRM, end)
    port = getattr(server, "effective_port", port)
    sys.stdout.write(f"running on http://{host}:{port}, {len(site.files)} addresses\n")
    sys.stdout.flush()
    server.run()


if __name__ == "__main__":
    main()
