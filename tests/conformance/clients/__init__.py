"""Programs that use our server with a stock client; each runs in a process of its own.

python -m tests.conformance.clients.<client> NAME        with KUBECONFIG; a failure is its exit code
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.wire import WiredApi

CHART = Path(__file__).parent.parent / "chart"
PROGRAM_S_MAX = 90


@asynccontextmanager
async def program(api: WiredApi, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Python with these arguments, until it ends or the block does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={**os.environ, "HOME": str(api.kubeconfig.parent), "KUBECONFIG": str(api.kubeconfig)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=Path(__file__).parents[3],
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def succeeds(api: WiredApi, client: str, name: str) -> None:
    async with program(api, "-m", f"{__name__}.{client}", name) as process:
        async with asyncio.timeout(PROGRAM_S_MAX):
            said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
