"""A Python application: what it depends on, what starts it, where it listens."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from towpath.capabilities.portal.templates.adoption import others
from towpath.capabilities.portal.templates.adoption.findings import (
    PYTHON,
    WEB_PORT,
    Findings,
    Problem,
    Texts,
)

PYPROJECT, REQUIREMENTS = "pyproject.toml", "requirements.txt"

_NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_PLAIN = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*(\[[\w, .-]*\])?\s*([<>=!~][^#@]*)?(;[^#]*)?$")
_DRIVERS = {"asyncpg", "psycopg", "psycopg2", "psycopg2-binary", "pg8000", "aiopg"}
_ASGI = {"fastapi": "FastAPI", "starlette": "Starlette", "litestar": "Litestar", "quart": "Quart"}
_WSGI = {"flask": "Flask", "django": "Django", "bottle": "Bottle", "pyramid": "Pyramid"}
_OWN_SERVERS = {"aiohttp": "aiohttp", "tornado": "Tornado", "sanic": "Sanic"}
_ASGI_SERVERS = ("uvicorn", "hypercorn", "granian")
_WSGI_SERVERS = ("gunicorn", "waitress", "granian")
_APPLICATION = re.compile(
    r"^(\w+)\s*(?::[^=\n]+)?=\s*(FastAPI|Starlette|Litestar|Quart|Flask|Bottle)\(", re.MULTILINE
)
_DJANGO = re.compile(r"""DJANGO_SETTINGS_MODULE["'],\s*["']([\w.]+)\.settings""")
_PORT = re.compile(
    r"""\bport\s*=\s*(\d{2,5})\b|["']PORT["'],\s*["']?(\d{2,5})|--port[= ](\d{2,5})"""
    r"""|(?:-b|--bind)[= ]\S{0,60}?:(\d{2,5})"""
)
_HEALTH = re.compile(r"""["'](/(?:api/)?(?:healthz|health|readyz|livez|ping|-/healthy))/?["']""")
_READS = re.compile(
    r"""(?:environ\[|getenv\(\s*|environ\.get\(\s*)["']([A-Z][A-Z0-9_]+)["']\s*([\])])"""
)
_OURS = re.compile(r"HOST|PORT|DATABASE_URL|PG[A-Z]+|DJANGO_SETTINGS_MODULE|PATH|HOME|TMPDIR")
_TESTS = re.compile(r"(^|/)(tests?|conftest\.py|test_\w+\.py)(/|$)")


def is_python(texts: Texts) -> bool:
    return any(path in texts for path in (PYPROJECT, REQUIREMENTS, "setup.py", "Pipfile"))


def read_python(texts: Texts, found: Findings) -> None:
    found.kind = PYTHON
    project = _project(texts, found)
    names = {_normal(line) for line in (*_declared(project), *found.dependencies)}
    found.title = found.title or str(project.get("name") or "")
    found.description = str(project.get("description") or "")
    found.has_lock = "uv.lock" in texts
    found.has_tests = _has_tests(texts, project, names)
    _read_framework(names, found)
    _read_code(texts, found)
    _read_stores(names, texts, found)
    _read_process(texts, project, names, found)
    found.port = found.port or WEB_PORT
    if not found.has_lock:
        found.notes.append(
            "There is no uv.lock: the pipeline locks the dependencies at every run. Commit the "
            "file that `uv lock` writes, so that every build installs the same."
        )


def _project(texts: Texts, found: Findings) -> Mapping[str, Any]:
    """The table of pyproject.toml, with what else it says of tools under `tool`."""
    if PYPROJECT not in texts:
        _read_requirements(texts, found)
        return {}
    try:
        document = tomllib.loads(texts[PYPROJECT])
    except tomllib.TOMLDecodeError as error:
        found.problems.append(Problem(f"{PYPROJECT} cannot be read: {error}.", "Correct it first."))
        return {}
    tool = document.get("tool") or {}
    project = document.get("project") or {}
    if not project.get("name"):
        by_poetry = "poetry" in tool
        found.problems.append(
            Problem(
                f"{PYPROJECT} "
                + ("describes the project for Poetry only" if by_poetry else "names no project")
                + ", and the image builder reads the standard [project] table.",
                "`uvx migrate-to-uv` converts it."
                if by_poetry
                else "Add [project] with name and dependencies.",
            )
        )
    found.tell("Language", "Python", PYPROJECT)
    return {**project, "tool": tool, "groups": document.get("dependency-groups") or {}}


def _read_requirements(texts: Texts, found: Findings) -> None:
    if REQUIREMENTS not in texts:
        marker = "Pipfile" if "Pipfile" in texts else "setup.py"
        found.problems.append(
            Problem(
                f"Its dependencies are in {marker}, which the image builder does not read.",
                "Add a pyproject.toml with a [project] table, or a requirements.txt.",
            )
        )
        return
    found.tell("Language", "Python", REQUIREMENTS)
    lines = [line.split(" #")[0].strip() for line in texts[REQUIREMENTS].splitlines()]
    wanted = [line for line in lines if line and not line.startswith("#")]
    odd = [line for line in wanted if not _PLAIN.match(line)]
    if odd:
        found.problems.append(
            Problem(
                f"{REQUIREMENTS} has a line that is no plain requirement: {odd[0][:120]}",
                "Add a pyproject.toml that says it; `uv init --bare` and `uv add` write one.",
            )
        )
    found.dependencies = tuple(wanted)


def _declared(project: Mapping[str, Any]) -> Iterator[str]:
    for line in project.get("dependencies") or ():
        if isinstance(line, str):
            yield line


def _normal(line: str) -> str:
    found = _NAME.match(line)
    return re.sub(r"[-_.]+", "-", found.group(1)).lower() if found else ""


def _has_tests(texts: Texts, project: Mapping[str, Any], names: set[str]) -> bool:
    """Tests and what runs them: a pipeline that fails for want of pytest helps nobody."""
    groups = project.get("groups") or {}
    lines = [line for group in groups.values() for line in group if isinstance(line, str)]
    known = {_normal(line) for line in lines} | names
    return "pytest" in known and any(_TESTS.search(path) for path in texts)


def _read_framework(names: set[str], found: Findings) -> None:
    for known in (_ASGI, _WSGI, _OWN_SERVERS):
        for name, framework in known.items():
            if name in names:
                found.framework = framework
                found.tell(
                    "Framework", framework, REQUIREMENTS if found.dependencies else PYPROJECT
                )
                return


def _code(texts: Texts) -> Iterator[tuple[str, str]]:
    for path, text in sorted(texts.items(), key=lambda item: (item[0].count("/"), item[0])):
        if path.endswith(".py") and not _TESTS.search(path):
            yield path, text


def _read_code(texts: Texts, found: Findings) -> None:
    missing: dict[str, str] = {}
    for path, text in _code(texts):
        if not found.port and (port := _PORT.search(text)):
            found.port = int(next(group for group in port.groups() if group))
            found.tell("Port", found.port, path)
        if not found.health_path and (health := _HEALTH.search(text)):
            found.health_path = health.group(1)
            found.tell("Health", found.health_path, path)
        if not found.needs_database and re.search(r"""["']DATABASE_URL["']""", text):
            found.needs_database = True
            found.tell("Database", "PostgreSQL, by DATABASE_URL", path)
        for read in _READS.finditer(text):
            # A default makes it a setting; without one the program needs it.
            if not _OURS.fullmatch(read.group(1)):
                missing.setdefault(read.group(1), path)
    if missing:
        told = ", ".join(f"{name} ({path})" for name, path in list(missing.items())[:8])
        found.notes.append(
            f"The code reads {told} from its environment: give them values under `variables` in "
            "score.yaml where it needs them."
        )


def _read_stores(names: set[str], texts: Texts, found: Findings) -> None:
    if driver := next((name for name in sorted(names) if name in _DRIVERS), ""):
        if not found.needs_database:
            found.tell("Database", f"PostgreSQL, by {driver}", PYPROJECT)
        found.needs_database = True
    for store in others.stores_in(names):
        found.notes.append(
            f"It depends on {store}, which the platform does not offer: name the address of one "
            "that you run in the variables of score.yaml."
        )


def _read_process(
    texts: Texts, project: Mapping[str, Any], names: set[str], found: Findings
) -> None:
    """How it is started: as it says, else as its framework is."""
    image = ((project.get("tool") or {}).get("towpath") or {}).get("image") or {}
    if image.get("command"):
        found.tell("Started by", " ".join(map(str, image["command"])), PYPROJECT)
        return
    if declared := _web_process(texts.get("Procfile", "")):
        found.process = addressed(declared)
        found.overrides_process = found.process != declared
        found.tell("Started by", declared, "Procfile")
        return
    if runs := _package(texts, project):
        found.tell("Started by", f"python -m {runs}", _main_of(texts, runs) or PYPROJECT)
        return
    found.process = _framework_process(texts, names, found)
    if found.process:
        found.tell("Started by", found.process)
    elif not found.problems:
        found.problems.append(
            Problem(
                "Nothing says what to start.",
                "Fill in Command, `--set command=...`, or add a Procfile with the line "
                "`web: <command>`, a package with __main__.py, or [project.scripts] to "
                "pyproject.toml; it must listen at $HOST and $PORT.",
                of_start=True,
            )
        )


def _web_process(procfile: str) -> str:
    for line in procfile.splitlines():
        process, colon, command = line.partition(":")
        if colon and process.strip() == "web":
            return command.strip()
    return ""


def _package(texts: Texts, project: Mapping[str, Any]) -> str:
    """As the image builder finds it."""
    scripts = [str(script) for script in (project.get("scripts") or {}).values()]
    wanted = [script.partition(":")[0].partition(".")[0] for script in scripts[:1]]
    wanted.append(re.sub(r"[-.]+", "_", str(project.get("name") or "")))
    for name in wanted:
        if name and _main_of(texts, name):
            return name
    return scripts[0].partition(":")[0] if scripts else ""


def _main_of(texts: Texts, package: str) -> str:
    for root in ("src/", ""):
        if f"{root}{package}/__main__.py" in texts:
            return f"{root}{package}/__main__.py"
    return ""


def _framework_process(texts: Texts, names: set[str], found: Findings) -> str:
    target, is_asgi = _application(texts)
    if not target:
        return ""
    servers = _ASGI_SERVERS if is_asgi else _WSGI_SERVERS
    fastapi = "fastapi" in names and any("fastapi[" in line for line in texts.values())
    server = next((name for name in servers if name in names), "uvicorn" if fastapi else "")
    if not server:
        found.problems.append(
            Problem(
                f"It has {target}, and no server for it among the dependencies.",
                f"Add {servers[0]}: `uv add {servers[0]}`, or fill in Command, "
                "`--set command=...`.",
                of_start=True,
            )
        )
    interface = "asgi" if is_asgi else "wsgi"
    return {
        "uvicorn": f"python -m uvicorn {target} --host $HOST --port $PORT",
        "hypercorn": f"python -m hypercorn {target} --bind $HOST:$PORT",
        "granian": f"python -m granian --interface {interface} {target} --host $HOST --port $PORT",
        "gunicorn": f"python -m gunicorn {target} --bind $HOST:$PORT",
        "waitress": f"python -m waitress --host=$HOST --port=$PORT {target}",
    }.get(server, "")


def _application(texts: Texts) -> tuple[str, bool]:
    """`module:name` of the application object, and whether it speaks ASGI."""
    for path, text in _code(texts):
        if found := _DJANGO.search(text):
            return f"{found.group(1)}.wsgi:application", False
        if found := _APPLICATION.search(text):
            module = path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__")
            return f"{module.replace('/', '.')}:{found.group(1)}", found.group(2) not in (
                "Flask",
                "Bottle",
            )
    return "", False


def addressed(command: str) -> str:
    """The command so that it listens where it is told, and is found where scripts are not."""
    words = command.replace("${PORT}", "$PORT").split()
    if not words:
        return command
    program = {"waitress-serve": "waitress"}.get(words[0], words[0])
    if program not in (
        "uvicorn",
        "gunicorn",
        "hypercorn",
        "waitress",
        "granian",
        "daphne",
        "flask",
    ):
        return re.sub(r"\b0\.0\.0\.0\b", "$HOST", command)
    rest = [re.sub(r"\b0\.0\.0\.0\b", "$HOST", word) for word in words[1:]]
    text = " ".join(rest)
    if program in ("gunicorn", "hypercorn") and not re.search(r"(^|\s)(-b|--bind)", text):
        rest += ["--bind", "$HOST:$PORT"]
    elif program in ("uvicorn", "granian", "flask"):
        rest += [] if "--host" in text else ["--host", "$HOST"]
        rest += [] if "--port" in text else ["--port", "$PORT"]
    return " ".join(["python", "-m", program, *rest])
