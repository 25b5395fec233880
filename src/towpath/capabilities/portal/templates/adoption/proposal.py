"""What a repository lacks to be delivered, written out: findings and answers in, new files out."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from towpath.capabilities.portal.templates.adoption.findings import (
    PYTHON,
    STATIC,
    WEB_PORT,
    Findings,
)
from towpath.capabilities.portal.templates.adoption.reading import CATALOG, SCORE, WORKFLOWS
from towpath.machinery.references import EntityRef

WORKFLOW = f"{WORKFLOWS}towpath.yaml"
VARIABLES = {
    "PGHOST": "${resources.db.host}",
    "PGPORT": "${resources.db.port}",
    "PGDATABASE": "${resources.db.name}",
    "PGUSER": "${resources.db.username}",
    "PGPASSWORD": "${resources.db.password}",
    "DATABASE_URL": "postgresql://${resources.db.username}:${resources.db.password}"
    "@${resources.db.host}:${resources.db.port}/${resources.db.name}",
}


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person may decide otherwise than it was found. "" and 0 stand for what was found."""

    repository: str
    name: str
    project: str
    owner: EntityRef
    description: str = ""
    port: int = 0
    health_path: str = ""
    process: str = ""
    database: str = ""
    """yes, no, or "" for what was found."""
    database_size: str = "small"


@dataclass(frozen=True, slots=True)
class Proposal:
    files: Mapping[str, str]
    """New files by path; none of them is there."""
    kept: tuple[str, ...] = ()
    """What is there already and stays as it is."""
    notes: tuple[str, ...] = field(default=())


def workload_name(repository: str) -> str:
    """Of a repository's name, what a service may be called."""
    return re.sub(r"[._]+", "-", repository)


def propose(found: Findings, answers: Answers, paths: Mapping[str, object]) -> Proposal:
    """`paths`: what is there, by path. Nothing of it is written over."""
    wanted = dict(_files(found, answers, any(map(_is_docs, paths))))
    kept = tuple(path for path in (found.score, found.pipeline, found.catalog) if path)
    return Proposal(
        files={path: text for path, text in wanted.items() if path not in paths},
        kept=kept + tuple(path for path in wanted if path in paths),
        notes=tuple(found.notes),
    )


def _files(found: Findings, answers: Answers, has_docs: bool) -> Iterator[tuple[str, str]]:
    if not found.score:
        yield SCORE, _score(found, answers)
    if not found.pipeline:
        yield WORKFLOW, _workflow(found, answers)
    if not found.catalog:
        yield CATALOG, _catalog(found, answers, has_docs)
    if found.kind == PYTHON:
        if found.dependencies:
            yield "pyproject.toml", _pyproject(found, answers)
        process = answers.process or found.process
        if process and not found.overrides_process:
            yield "Procfile", f"web: {process}\n"


def _is_docs(path: str) -> bool:
    return path in ("README.md", "mkdocs.yml") or (
        path.startswith("docs/") and path.endswith(".md")
    )


def needs_database(found: Findings, answers: Answers) -> bool:
    return answers.database == "yes" or (answers.database != "no" and found.needs_database)


def _score(found: Findings, answers: Answers) -> str:
    port = answers.port or found.port or WEB_PORT
    lines = [
        "# What runs and what it needs, in every environment: https://score.dev",
        "apiVersion: score.dev/v1b1",
        "metadata:",
        f"  name: {_text(answers.name)}",
        "containers:",
        "  main:",
        "    # The image that the pipeline has built from this repository.",
        "    image: .",
    ]
    process = answers.process or (found.process if found.overrides_process else "")
    if process and (found.overrides_process or answers.process):
        lines.append(f"    command: [sh, -c, {_text(f'exec {process}')}]")
    lines += _variables(found, answers, port)
    memory = ("32Mi", "128Mi") if found.kind == STATIC else ("64Mi", "512Mi")
    lines += [
        "    resources:",
        "      requests:",
        "        cpu: 50m",
        f"        memory: {memory[0]}",
        "      limits:",
        f"        memory: {memory[1]}",
    ]
    if path := (answers.health_path or found.health_path):
        lines += [*_probe("livenessProbe", path, port), *_probe("readinessProbe", path, port)]
    lines += ["service:", "  ports:", "    http:", "      port: 80", f"      targetPort: {port}"]
    if needs_database(found, answers):
        lines += [
            "resources:",
            "  db:",
            "    type: postgres",
            "    params:",
            f"      size: {answers.database_size}",
        ]
    return "\n".join(lines) + "\n"


def _variables(found: Findings, answers: Answers, port: int) -> Iterator[str]:
    given = {} if found.kind == STATIC else {"PORT": str(port)}
    if needs_database(found, answers):
        given |= VARIABLES
    if given:
        yield "    variables:"
        for name, value in given.items():
            yield f"      {name}: {_text(value)}"


def _probe(name: str, path: str, port: int) -> list[str]:
    inner = ["      httpGet:", f"        path: {_text(path)}", f"        port: {port}"]
    return [f"    {name}:", *inner]


def _workflow(found: Findings, answers: Answers) -> str:
    of = f" --workload {answers.name}" if answers.name != answers.repository else ""
    steps = ["      - uses: actions/checkout@v5", ""]
    steps += _step("Find the tools", _tools(found))
    if found.kind == PYTHON:
        if not found.has_lock:
            steps += _step("Lock the dependencies", "uv lock")
        steps += _step("Install the dependencies", "uv sync --locked")
        if found.has_tests:
            steps += _step("Test", "uv run --no-sync pytest")
    build = f'image="$(towpath image build . --push{of})"\necho "image=$image" >> "$GITHUB_OUTPUT"'
    steps += _step("Build the image", build, id_="image")
    release = 'towpath release create --image "${{ steps.image.outputs.image }}" --score score.yaml'
    steps += _step("Create the release", release + of)
    return "\n".join([*_WORKFLOW_HEAD, *steps]).rstrip("\n") + "\n"


_WORKFLOW_HEAD = (
    "# Runs on Towpath's own runner and on GitHub alike. On GitHub it needs two settings of the",
    "# repository: the variable TOWPATH_SERVER and the secret TOWPATH_TOKEN.",
    "name: Towpath",
    "",
    "on:",
    "  push:",
    "    branches: [main]",
    "",
    "permissions:",
    "  contents: read",
    "",
    "jobs:",
    "  build:",
    "    runs-on: ubuntu-latest",
    "    timeout-minutes: 15",
    "    steps:",
)


def _tools(found: Findings) -> str:
    lines = ["command -v towpath >/dev/null || pip install --quiet towpath"]
    if found.kind == PYTHON:
        lines.insert(0, "command -v uv >/dev/null || pip install --quiet uv")
    return "\n".join(lines)


def _step(name: str, run: str, *, id_: str = "") -> list[str]:
    lines = [f"      - name: {name}"]
    if id_:
        lines.append(f"        id: {id_}")
    if "\n" in run:
        lines.append("        run: |")
        lines += [f"          {line}" for line in run.splitlines()]
    else:
        lines.append(f"        run: {run}")
    return [*lines, ""]


def _catalog(found: Findings, answers: Answers, has_docs: bool) -> str:
    owner = answers.owner
    description = answers.description or found.description or f"{answers.name}, adopted as it was."
    lines = [
        "apiVersion: backstage.io/v1alpha1",
        "kind: Component",
        "metadata:",
        f"  name: {_text(answers.name)}",
        f"  namespace: {_text(answers.project)}",
        f"  description: {_text(description)}",
    ]
    tags = ["website"] if found.kind == STATIC else [found.kind, found.framework.lower()]
    if tags := [tag for tag in tags if tag]:
        lines.append(f"  tags: [{', '.join(tags)}]")
    if has_docs:
        lines += ["  annotations:", "    backstage.io/techdocs-ref: dir:."]
    lines += [
        "spec:",
        f"  type: {'website' if found.kind == STATIC else 'service'}",
        "  lifecycle: production",
        f"  owner: {_text(f'{owner.kind.lower()}:{owner.namespace}/{owner.name}')}",
        f"  system: {_text(answers.project)}",
    ]
    return "\n".join(lines) + "\n"


def _pyproject(found: Findings, answers: Answers) -> str:
    """Of a repository that has a requirements.txt only: the same, where tools look today."""
    lines = ["[project]", f"name = {_text(answers.name)}", 'version = "0.1.0"']
    if description := (answers.description or found.description):
        lines.append(f"description = {_text(description)}")
    lines += ['requires-python = ">=3.11"', "dependencies = ["]
    lines += [f"    {_text(line)}," for line in found.dependencies]
    lines += ["]", "", "[tool.uv]", "package = false"]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """Quoted for YAML and TOML alike, whatever is in it."""
    return json.dumps("".join(one for one in value if one.isprintable()), ensure_ascii=False)


def diff_of(path: str, text: str, old: str | None = None) -> str:
    """As `git diff` shows it; `old` None is a file that is not there."""
    before = [] if old is None else old.splitlines(keepends=True)
    name = "/dev/null" if old is None else f"a/{path}"
    return "".join(difflib.unified_diff(before, text.splitlines(keepends=True), name, f"b/{path}"))
