"""Plug-ins for tests, installed as packages are: a module and what the package declares of itself.

with installed(tmp_path / "site", rota=SOURCE):
    ...
"""

import os
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HEAD = """
import asyncio, os, sys, threading, time
from towpath.plugin import *

async def quiet(service):
    return [Text("all is quiet")]
"""

PLAIN = """
PLUGIN = Plugin(name="{name}", api="1.0", summary="Of a test", tabs=[Tab("it", "It", {hook})])
"""


def module_of(name: str) -> str:
    return f"plugin_{name.replace('-', '_')}"


def install(site: Path, name: str, source: str, *, entry: str = "PLUGIN") -> Path:
    """Write a package with one plug-in into a folder of modules; its module's file."""
    module = module_of(name)
    site.mkdir(parents=True, exist_ok=True)
    file = site / f"{module}.py"
    file.write_text(textwrap.dedent(HEAD) + textwrap.dedent(source))
    about = site / f"{module}-1.0.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: towpath-{name}\nVersion: 1.0\nSummary: Of a test\n"
    )
    (about / "entry_points.txt").write_text(f"[towpath.plugins]\n{name} = {module}:{entry}\n")
    return file


@contextmanager
def importable(site: Path) -> Iterator[None]:
    """As PYTHONPATH does, for this process and for those it starts."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(site), before]))
    sys.path.append(str(site))
    try:
        yield
    finally:
        sys.path.remove(str(site))
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
