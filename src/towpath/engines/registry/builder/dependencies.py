"""The layer of locked dependencies: installed by uv once per lock, then a finished blob in a cache.

The key is the exported list of requirements with their hashes, the interpreter and the platform,
so that two applications with the same dependencies share one layer. Byte code is part of it, valid
by the hash of its source instead of a time, so that a process starts as fast the first time.
"""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from towpath.engines.registry.builder.application import BuildError
from towpath.engines.registry.builder.tars import Entry, LayerFacts, write_layer

FOLDER = "app/site-packages"
_OF_INSTALL = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
"""Of a package's metadata, what tells of this machine."""
_FORMAT = "1"
"""Part of the key: change it when the layer's making changes."""
_EXPORT_TIMEOUT_S = 60
_INSTALL_TIMEOUT_S = 900


@dataclass(frozen=True, slots=True)
class DependencyLayer:
    facts: LayerFacts
    blob: Path


def dependency_layer(
    folder: Path, cache: Path, say: Callable[[str], None]
) -> DependencyLayer | None:
    """None when the application needs nothing but Python. Raises BuildError."""
    requirements = _export(find_uv(), folder)
    if not requirements.strip():
        return None

    def install(packages: Path) -> None:
        say("Installing the locked dependencies")
        options = ["--quiet", "--no-deps", "--require-hashes", "--python", sys.executable]
        places = ["--target", str(packages), "--requirement", "-"]
        # In the application's folder, from which a locked wheel may be named by a relative path.
        _uv(
            find_uv(),
            ["pip", "install", *options, *places],
            folder,
            _INSTALL_TIMEOUT_S,
            requirements,
        )

    return _layer(_key(requirements), cache, install)


def own_layer(names: Sequence[str], cache: Path) -> DependencyLayer:
    """Of packages that are installed beside us: pure Python, in the versions that we are locked to.

    Raises BuildError.
    """
    try:
        found = [importlib.metadata.distribution(name) for name in names]
    except importlib.metadata.PackageNotFoundError as error:
        raise BuildError(
            f"{error.name} is not installed beside towpath; install it again"
        ) from error

    def copy(packages: Path) -> None:
        for distribution in found:
            for file in distribution.files or ():
                if (
                    ".." not in file.parts
                    and file.suffix != ".pyc"
                    and file.name not in _OF_INSTALL
                ):
                    target = packages / file
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(Path(str(distribution.locate_file(file))), target)

    return _layer(_key("".join(f"{one.name}=={one.version}\n" for one in found)), cache, copy)


def _layer(key: str, cache: Path, fill: Callable[[Path], None]) -> DependencyLayer:
    known = _cached(cache, key)
    if known is None:
        cache.mkdir(parents=True, exist_ok=True)
        with _only_one(cache / f"{key}.lock"):
            known = _cached(cache, key)
            if known is None:
                known = _make(fill, cache / key)
    return known


def find_uv() -> str:
    """The uv of our own environment, else of the PATH. Raises BuildError."""
    if importlib.util.find_spec("uv") is not None:
        from uv import find_uv_bin

        try:
            return find_uv_bin()
        except FileNotFoundError:
            pass
    found = shutil.which("uv")
    if found is None:
        raise BuildError(
            "uv is not installed, and it is what installs locked dependencies: "
            "`pip install uv` or `pip install 'towpath[embedded]'`"
        )
    return found


def _export(uv: str, folder: Path) -> str:
    arguments = ["export", "--frozen", "--no-dev", "--no-emit-project", "--no-annotate"]
    return _uv(uv, [*arguments, "--no-header", "--quiet"], folder, _EXPORT_TIMEOUT_S)


def _key(requirements: str) -> str:
    parts = [_FORMAT, sys.implementation.cache_tag or "", sys.platform, os.uname().machine]
    return hashlib.sha256("\n".join([*parts, requirements]).encode()).hexdigest()[:32]


def _cached(cache: Path, key: str) -> DependencyLayer | None:
    try:
        facts = LayerFacts(**json.loads((cache / f"{key}.json").read_text()))
        blob = cache / f"{key}.tar.gz"
        if blob.stat().st_size == facts.size:
            return DependencyLayer(facts, blob)
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        pass  # never made, or cut off by a crash: it is made again
    return None


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Builds of the same dependencies at the same time: one works, the others wait."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(fill: Callable[[Path], None], target: Path) -> DependencyLayer:
    folder = target.with_name(f"{target.name}.installing")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        packages = folder / "site-packages"
        fill(packages)
        _compile(packages)
        draft = folder / "layer"
        with draft.open("wb") as file:
            facts = write_layer(_installed(packages), file, 0)
        blob = target.with_name(f"{target.name}.tar.gz")
        draft.replace(blob)
        described = folder / "facts"
        described.write_text(json.dumps(asdict(facts)))
        described.replace(target.with_name(f"{target.name}.json"))
        return DependencyLayer(facts, blob)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _compile(packages: Path) -> None:
    """Byte code that does not depend on times; what does not compile stays source."""
    arguments = ["-q", "-q", "--invalidation-mode", "unchecked-hash"]
    places = ["-s", str(packages), "-p", f"/{FOLDER}", str(packages)]
    subprocess.run(
        [sys.executable, "-m", "compileall", *arguments, *places],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=_INSTALL_TIMEOUT_S,
        check=False,
    )


def _installed(packages: Path) -> Iterator[Entry]:
    """Scripts are left out: their first line names the interpreter of this machine."""
    for path in packages.rglob("*"):
        relative = path.relative_to(packages)
        if path.is_file() and relative.parts[0] not in ("bin", ".lock"):
            executable = bool(path.stat().st_mode & 0o100)
            yield Entry(f"{FOLDER}/{relative.as_posix()}", path, executable)


def _uv(uv: str, arguments: list[str], folder: Path, timeout_s: float, text: str = "") -> str:
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    try:
        done = subprocess.run(
            [uv, *arguments],
            cwd=folder,
            env=environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"uv {arguments[0]} took longer than {timeout_s:.0f} s") from error
    except OSError as error:
        raise BuildError(f"uv could not be started: {error}") from error
    if done.returncode != 0:
        raise BuildError(f"uv {arguments[0]} failed:\n{done.stderr.strip()[-2000:]}")
    return done.stdout
