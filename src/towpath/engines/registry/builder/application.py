"""What kind of application a folder holds and which command starts it.

python   pyproject.toml with uv.lock; [tool.towpath.image] may give `command` and `base`, and a
         Procfile the command of `web`
static   public/ or index.html, where there is no pyproject.toml
"""

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from towpath.engines.registry.builder.static_site import ROOT_IN_IMAGE, is_site
from towpath.engines.registry.port import ImageError

_SCRIPT = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_][\w.]*)")
_SETTINGS = {"command", "base"}


class BuildError(ImageError):
    """The image cannot be built; `str()` says what to change."""


@dataclass(frozen=True, slots=True)
class Application:
    kind: Literal["python", "static"]
    folder: Path
    title: str
    command: tuple[str, ...]
    base: str
    """The image that it declares to run on, "" when it does not say."""


def find_application(folder: Path) -> Application:
    """Raises BuildError."""
    if not folder.is_dir():
        raise BuildError(f"{folder} is not a folder")
    if (folder / "pyproject.toml").is_file():
        return _python(folder)
    if is_site(folder):
        command = ("python", "-m", "static_server", f"/{ROOT_IN_IMAGE}")
        return Application("static", folder, folder.resolve().name, command, "")
    raise BuildError(
        f"{folder} holds no application that can be built: a Python one has pyproject.toml and "
        "uv.lock, a static site has public/ or index.html"
    )


def _python(folder: Path) -> Application:
    try:
        settings = tomllib.loads((folder / "pyproject.toml").read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BuildError(f"{folder}/pyproject.toml cannot be read: {error}") from error
    project = settings.get("project") or {}
    title = project.get("name")
    if not title:
        raise BuildError(f"{folder}/pyproject.toml has no [project] name")
    if not (folder / "uv.lock").is_file():
        raise BuildError(
            f"{folder} has no uv.lock: run `uv lock` and commit the file, so that every build "
            "installs the same"
        )
    image = (settings.get("tool") or {}).get("towpath", {}).get("image", {})
    if unknown := sorted(set(image) - _SETTINGS):
        raise BuildError(f"[tool.towpath.image] has unknown settings: {', '.join(unknown)}")
    command = (
        _declared_command(image)
        or _web_process(folder / "Procfile")
        or _default_command(folder, title, project)
    )
    return Application("python", folder, title, command, str(image.get("base", "")))


def _declared_command(image: dict[str, Any]) -> tuple[str, ...]:
    command = image.get("command", [])
    if not isinstance(command, list) or not all(isinstance(word, str) for word in command):
        raise BuildError(
            "[tool.towpath.image] command must be a list of words, "
            f'as in ["python", "-m", "service"], not {json.dumps(command)}'
        )
    return tuple(command)


def _web_process(procfile: Path) -> tuple[str, ...]:
    """The line `web: <command>` is for a shell, which fills in $HOST and $PORT."""
    if not procfile.is_file():
        return ()
    for line in procfile.read_text(errors="replace").splitlines():
        process, colon, command = line.partition(":")
        if colon and process.strip() == "web" and command.strip():
            return ("sh", "-c", f"exec {command.strip()}")
    return ()


def _default_command(folder: Path, title: str, project: dict[str, Any]) -> tuple[str, ...]:
    """`python -m` of the package that can be run so, else the first script's function."""
    scripts = [str(script) for script in (project.get("scripts") or {}).values()]
    packages = [script.partition(":")[0].partition(".")[0] for script in scripts[:1]]
    packages.append(re.sub(r"[-.]+", "_", title))
    for package in packages:
        if any((root / package / "__main__.py").is_file() for root in (folder / "src", folder)):
            return ("python", "-m", package)
    if not scripts:
        raise BuildError(
            f"{folder}/pyproject.toml does not say what to start: give it [project.scripts], a "
            "package with __main__.py, `command` in [tool.towpath.image], or a Procfile with `web:`"
        )
    found = _SCRIPT.fullmatch(scripts[0])
    if found is None:
        raise BuildError(f"[project.scripts] has {scripts[0]!r}, which is not module:function")
    module, function = found.groups()
    root = function.partition(".")[0]
    code = f"import sys; from {module} import {root}; sys.exit({function}())"
    return ("python", "-c", code)
