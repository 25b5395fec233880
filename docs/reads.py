"""The table of the read API: the paths that the capabilities contribute."""

from typing import Any, cast

from towpath.app.capabilities import BUILT_IN
from towpath.app.plugins.plugins import plugins_read
from towpath.hooks.platform import Platform


class _NoPlatform:
    """Reads are asked for their paths only; whatever they would use is not there."""

    def __getattr__(self, name: str) -> Any:
        return _NoPlatform()


def paths() -> dict[str, str]:
    """Each path of the read API, and the capability that answers it."""
    platform = cast(Platform, _NoPlatform())
    found = {
        f"/api/v1/{read.path}": capability.name
        for capability in BUILT_IN
        for read in capability.load_reads(platform)
    }
    return {**found, f"/api/v1/{plugins_read(cast(Any, None)).path}": "the platform itself"}


def table() -> str:
    lines = ["| path | answered by |", "|---|---|"]
    lines += [f"| `{path}` | {name} |" for path, name in sorted(paths().items())]
    return "\n".join(lines)
