"""What files of other tools say of a repository: ports, databases, owners, languages."""

import re
from collections.abc import Iterator
from typing import Any

from towpath.capabilities.portal.templates.adoption.findings import Findings, Problem, Texts
from towpath.machinery.documents import DocumentError, load_document

COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")

_BUILT_ELSEWHERE = {
    "go.mod": "Go",
    "Cargo.toml": "Rust",
    "pom.xml": "Java (Maven)",
    "build.gradle": "Java (Gradle)",
    "build.gradle.kts": "Kotlin (Gradle)",
    "Gemfile": "Ruby",
    "composer.json": "PHP",
    "mix.exs": "Elixir",
    "deno.json": "Deno",
}
_STORES = ("mysql", "mariadb", "redis", "valkey", "mongo", "rabbitmq", "kafka", "elasticsearch")
_EXPOSE = re.compile(r"^\s*EXPOSE\s+(\d+)", re.IGNORECASE | re.MULTILINE)
_PROBE = re.compile(r"https?://[^/\s\"']{1,100}(/[^\s\"'|)]*)")
_CONTAINER_PORT = re.compile(r"(?:^|:)(\d+)(?:/tcp)?$")
_TEAM = re.compile(r"^\*\s+@(?:[\w.-]+/)?([\w.-]+)", re.MULTILINE)
_HEADING = re.compile(r"^(#|=|-|!\[|\[!|<)")


def language(texts: Texts) -> str:
    """The language of a repository that is neither Python nor a static site, "" for unknown."""
    for marker, name in _BUILT_ELSEWHERE.items():
        if marker in texts:
            return name
    if "package.json" in texts:
        return "Node.js"
    if any(path.endswith((".csproj", ".fsproj")) for path in texts):
        return ".NET"
    return ""


def cannot_build(texts: Texts) -> Problem:
    """By name, with what to do instead."""
    name = language(texts)
    marker = next((path for path in (*_BUILT_ELSEWHERE, "package.json") if path in texts), "")
    do = (
        "Build the image where you can (a Dockerfile does on GitHub or GitLab), push it to a "
        "registry, and end that pipeline with `towpath release create --image <name>@sha256:...`; "
        "once a workflow here does that, this repository can be adopted."
    )
    if name == "Node.js" and _is_built_by_npm(texts):
        return Problem(
            "This is a site that npm builds (package.json), and the image builder builds no "
            "JavaScript.",
            "Commit what `npm run build` writes as the folder public/, or let another pipeline do "
            "both. " + do,
        )
    if name:
        return Problem(
            f"This is {name}" + (f" ({marker})" if marker else "") + ", and the image builder "
            "makes images of Python applications and of static sites only.",
            do,
        )
    if "Dockerfile" in texts:
        return Problem(
            "There is a Dockerfile and nothing that the image builder knows: it needs no Docker, "
            "and makes images of Python applications (pyproject.toml or requirements.txt) and of "
            "static sites (public/ or index.html) only.",
            do,
        )
    return Problem(
        "There is no application that the image builder knows: a Python one has pyproject.toml or "
        "requirements.txt, a static site has public/ or index.html.",
        "Push one of these to main. " + do,
    )


def _is_built_by_npm(texts: Texts) -> bool:
    scripts = _document(texts, "package.json").get("scripts")
    return isinstance(scripts, dict) and "build" in scripts


def builds_itself(texts: Texts) -> bool:
    """Whether package.json means work before there is a site: a build, or a server of its own."""
    if "package.json" not in texts:
        return False
    description = _document(texts, "package.json")
    scripts = description.get("scripts")
    scripts = scripts if isinstance(scripts, dict) else {}
    return "build" in scripts or "node" in str(scripts.get("start", ""))


def read_containers(texts: Texts, found: Findings) -> None:
    """Dockerfile and compose: the port, the probe, what else is started beside it."""
    if "Dockerfile" in texts:
        text = texts["Dockerfile"]
        if port := _EXPOSE.search(text):
            found.port = int(port.group(1))
            found.tell("Port", found.port, "Dockerfile")
        _, _, check = text.partition("HEALTHCHECK")
        if probe := _PROBE.search(check[:500]):
            found.health_path = probe.group(1)
            found.tell("Health", found.health_path, "Dockerfile")
        found.notes.append(
            "The Dockerfile is not used: images are built without Docker. It stays as it is."
        )
    for path in COMPOSE:
        if path in texts:
            _read_compose(path, _document(texts, path), found)
            return


def _read_compose(path: str, document: dict[str, Any], found: Findings) -> None:
    services = document.get("services")
    for name, service in services.items() if isinstance(services, dict) else ():
        if not isinstance(service, dict):
            continue
        image = str(service.get("image", "")).rpartition("/")[2]
        if image.startswith(("postgres", "postgis", "timescaledb", "pgvector")):
            found.needs_database = True
            found.tell("Database", f"PostgreSQL, as the service {name}", path)
        elif store := next((one for one in _STORES if image.startswith(one)), ""):
            found.notes.append(
                f"{path} starts {store}, which the platform does not offer: name the address of "
                "one that you run in the variables of score.yaml."
            )
        elif "build" in service and not found.port and (port := _published(service)):
            found.port = port
            found.tell("Port", port, path)


def _published(service: dict[str, Any]) -> int:
    for entry in service.get("ports") or ():
        text = str(entry.get("target", "")) if isinstance(entry, dict) else str(entry)
        if port := _CONTAINER_PORT.search(text):
            return int(port.group(1))
    return 0


def read_owner(texts: Texts, found: Findings) -> None:
    for path in OWNERS:
        if path in texts and (team := _TEAM.search(texts[path])):
            found.tell("Owner", team.group(1), path)
            return


def first_paragraph(texts: Texts) -> str:
    """Of the README: one sentence for the catalogue."""
    for path in ("README.md", "README.rst", "README.txt", "README"):
        for block in re.split(r"\n\s*\n", texts.get(path, "")):
            lines = [line for line in block.splitlines() if not _HEADING.match(line.strip())]
            text = " ".join(" ".join(lines).split())
            if text and text[0].isalnum():
                sentence = text.partition(". ")[0].rstrip(".")
                return f"{sentence[:199]}."
    return ""


def _document(texts: Texts, path: str) -> dict[str, Any]:
    """Empty for what cannot be read: it is somebody else's file."""
    try:
        document = load_document(texts.get(path, ""))
    except DocumentError:
        return {}
    return document if isinstance(document, dict) else {}


def stores_in(names: set[str]) -> Iterator[str]:
    for name in sorted(names):
        if store := next((one for one in _STORES if name.startswith((one, f"py{one}"))), ""):
            yield store
