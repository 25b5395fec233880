"""Serves a folder over HTTP at HOST:PORT. Runs inside images of static sites: stdlib only."""

import functools
import http.server
import os
import signal
import sys


def main() -> None:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
    address = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8080"))  # noqa: S104
    server = http.server.ThreadingHTTPServer(address, handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
