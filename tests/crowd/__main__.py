"""Makes a platform with a crowd in a folder, to be started with `towpath up --data-dir`."""

import argparse
import asyncio
import sys
import time
from pathlib import Path

from tests.crowd.filling import SEED, SERVICES, prepare


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.crowd", description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--services", type=int, default=SERVICES)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--port", type=int, default=8080)
    given = parser.parse_args()
    began = time.monotonic()
    filled = asyncio.run(
        prepare(given.data_dir, port=given.port, services=given.services, seed=given.seed)
    )
    sys.stdout.write(
        f"{filled.services} services in {len(filled.projects)} projects: "
        f"{filled.objects} objects, {filled.log_lines} log lines "
        f"in {time.monotonic() - began:.1f} s.\n"
        f"towpath up --data-dir {given.data_dir} --port {given.port} --demo\n"
    )


if __name__ == "__main__":
    main()
