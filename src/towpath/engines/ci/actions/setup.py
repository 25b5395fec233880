"""actions/setup-python and astral-sh/setup-uv: what the host has, checked against what is asked."""

import re
import shutil
import subprocess
import sys
from asyncio import to_thread
from pathlib import Path

from towpath.engines.ci.actions.contract import ActionCall, ActionDefinition, ActionFailed
from towpath.engines.ci.tools import SYSTEM_PATH

PYTHON_INPUTS = frozenset(
    (
        "python-version",
        "python-version-file",
        "cache",
        "architecture",
        "check-latest",
        "token",
        "cache-dependency-path",
        "update-environment",
        "allow-prereleases",
        "freethreaded",
        "pip-version",
        "pip-install",
    )
)
UV_INPUTS = frozenset(
    (
        "version",
        "version-file",
        "python-version",
        "checksum",
        "github-token",
        "enable-cache",
        "cache-dependency-glob",
        "cache-suffix",
        "cache-local-path",
        "cache-python",
        "prune-cache",
        "save-cache",
        "restore-cache",
        "ignore-nothing-to-cache",
        "ignore-empty-workdir",
        "tool-dir",
        "tool-bin-dir",
        "activate-environment",
        "working-directory",
        "server-url",
        "manifest-file",
        "add-problem-matchers",
        "resolution-strategy",
        "no-project",
        "quiet",
    )
)
VERSION_QUERY_TIMEOUT_S = 10.0


async def setup_python(call: ActionCall) -> None:
    wanted = call.inputs.get("python-version", "").split()
    if call.inputs.get("python-version-file"):
        raise ActionFailed(
            "the input `python-version-file` is not implemented on this runner: "
            "name the version with `python-version`"
        )
    specification = wanted[-1] if wanted else ""
    own = ".".join(map(str, sys.version_info[:3]))
    if version_matches(specification, own):
        version, program = own, str(call.work.means.tools.python)
    else:
        version, program = await _other_python(specification, own)
        folder = call.work.place.control / "python"
        _link(folder, program, version)
        call.work.path.append(str(folder))
    call.outputs.update({"python-version": version, "python-path": program, "cache-hit": "false"})
    call.log.say(f"Python {version} of this host ({program})")


async def setup_uv(call: ActionCall) -> None:
    if not call.work.means.tools.uv.exists():
        raise ActionFailed("this runner has no uv: install the platform with its extra `embedded`")
    wanted = call.inputs.get("version", "")
    if wanted and wanted != "latest":
        call.log.say(f"uv {wanted} was asked for; this runner has one version of uv, and uses it")
    if call.inputs.get("activate-environment", "").lower() == "true":
        raise ActionFailed(
            "the input `activate-environment` is not implemented on this runner: use `uv run`"
        )
    if version := call.inputs.get("python-version", ""):
        call.work.env["UV_PYTHON"] = version
    call.outputs["cache-hit"] = "true"
    call.log.say("uv of this runner; its cache is the project's, kept from run to run")


def version_matches(specification: str, version: str) -> bool:
    """Whether `3.11.7` is what `3.11`, `3.x`, `>=3.10 <3.13` or `~3.11` ask for."""
    if not specification or specification in ("3", "x", "*"):
        return True
    parts = [int(part) for part in version.split(".")]
    clauses = re.findall(
        r"(>=|<=|>|<|==|=|~=|~|\^)?\s*v?(\d+(?:\.(?:\d+|x|\*)){0,2})", specification
    )
    return bool(clauses) and all(_clause_holds(sign, text, parts) for sign, text in clauses)


def _clause_holds(sign: str, text: str, version: list[int]) -> bool:
    numbers = [int(part) for part in text.split(".") if part.isdigit()]
    same = version[: len(numbers)] == numbers
    match sign:
        case ">=":
            return version >= numbers
        case "<=":
            return version <= numbers or same
        case ">":
            return version > numbers and not same
        case "<":
            return version < numbers
        case "~" | "~=":
            return version >= numbers and version[: max(len(numbers) - 1, 2)] == numbers[:2]
        case "^":
            return version >= numbers and version[0] == numbers[0]
        case _:
            return same


async def _other_python(specification: str, own: str) -> tuple[str, str]:
    """Another interpreter of this host. Raises ActionFailed."""
    for minor in range(20, 7, -1):
        program = shutil.which(f"python3.{minor}", path=SYSTEM_PATH)
        if program is None:
            continue
        version = await to_thread(_version_of, program)
        if version and version_matches(specification, version):
            return version, program
    raise ActionFailed(
        f"Python {specification} is asked for and this runner has {own}: install it on the host, "
        "ask for another version, or let `uv` bring its own with `uv python install`"
    )


def _version_of(program: str) -> str:
    query = "import platform; print(platform.python_version())"
    try:
        answer = subprocess.run(
            [program, "-I", "-S", "-c", query],
            capture_output=True,
            text=True,
            timeout=VERSION_QUERY_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""  # not an interpreter that works
    return answer.stdout.strip()


def _link(folder: Path, program: str, version: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in ("python", "python3", f"python{version.rpartition('.')[0]}"):
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(program)


SETUP_PYTHON = ActionDefinition(PYTHON_INPUTS, setup_python)
SETUP_UV = ActionDefinition(UV_INPUTS, setup_uv)
