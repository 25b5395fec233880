"""A Score file as values, or every problem in it with its path, the value and the remedy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jsonschema_rs

from towpath.capabilities.delivery.promotions.score.schema import SCORE_SCHEMA
from towpath.machinery.documents import DocumentError, load_document
from towpath.machinery.objects import RawObject

BUILT_HERE = "."
"""`image: .` is the image that this repository's pipeline builds."""


@dataclass(frozen=True, slots=True)
class Problem:
    path: str
    message: str
    """What is wrong with which value, and what to do about it."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ScoreError(ValueError):
    """The file cannot be delivered; `str()` names every problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class ServicePort:
    name: str
    port: int
    target_port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class FileMount:
    target: str
    mode: str
    content: str | None
    binary_content: str | None
    source: str | None
    expand: bool


@dataclass(frozen=True, slots=True)
class VolumeMount:
    target: str
    source: str
    path: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class Container:
    name: str
    image: str
    command: tuple[str, ...] | None
    args: tuple[str, ...] | None
    variables: dict[str, str]
    files: tuple[FileMount, ...]
    volumes: tuple[VolumeMount, ...]
    requests: dict[str, str]
    limits: dict[str, str]
    liveness: RawObject | None
    readiness: RawObject | None


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing the workload depends on. `class_` is "default" where the file names none."""

    name: str
    type: str
    class_: str
    id: str | None
    params: RawObject
    metadata: RawObject


@dataclass(frozen=True, slots=True)
class Score:
    name: str
    metadata: RawObject
    annotations: dict[str, str]
    ports: tuple[ServicePort, ...]
    containers: tuple[Container, ...]
    resources: dict[str, Resource] = field(default_factory=dict)


def resource_uid(workload: str, resource: Resource) -> str:
    """Score's identity: by `id` when there is one, and then the same in every workload."""
    identity = resource.id if resource.id is not None else f"{workload}.{resource.name}"
    return f"{resource.type}.{resource.class_}#{identity}"


def load_score(text: str | bytes) -> Score:
    """Raises ScoreError."""
    try:
        document = load_document(text)
    except DocumentError as error:
        raise ScoreError([Problem("", f"the Score file is not valid YAML: {error}")]) from error
    return parse_score(document)


def parse_score(document: Any) -> Score:
    """Raises ScoreError."""
    problems = [_problem(error) for error in _validator().iter_errors(document)]
    if problems:
        raise ScoreError(problems)
    metadata: RawObject = document["metadata"]
    score = Score(
        name=metadata["name"],
        metadata=metadata,
        annotations=dict(metadata.get("annotations") or {}),
        ports=tuple(
            ServicePort(name, port["port"], port.get("targetPort", port["port"]), _protocol(port))
            for name, port in sorted(((document.get("service") or {}).get("ports") or {}).items())
        ),
        containers=tuple(
            _container(name, raw) for name, raw in sorted(document["containers"].items())
        ),
        resources={
            name: _resource(name, raw)
            for name, raw in sorted((document.get("resources") or {}).items())
        },
    )
    if conflicts := _conflicts(score):
        raise ScoreError(conflicts)
    return score


def _protocol(port: RawObject) -> str:
    protocol: str = port.get("protocol", "TCP")
    return protocol


def _container(name: str, raw: RawObject) -> Container:
    resources = raw.get("resources") or {}
    return Container(
        name=name,
        image=raw["image"],
        command=_texts(raw.get("command")),
        args=_texts(raw.get("args")),
        variables=dict(raw.get("variables") or {}),
        files=tuple(_file(target, entry) for target, entry in _by_target(raw.get("files"))),
        volumes=tuple(
            VolumeMount(target, entry["source"], entry.get("path", ""), _flag(entry, "readOnly"))
            for target, entry in _by_target(raw.get("volumes"))
        ),
        requests=dict(resources.get("requests") or {}),
        limits=dict(resources.get("limits") or {}),
        liveness=raw.get("livenessProbe"),
        readiness=raw.get("readinessProbe"),
    )


def _texts(raw: list[str] | None) -> tuple[str, ...] | None:
    return None if raw is None else tuple(raw)


def _flag(entry: RawObject, name: str) -> bool:
    return bool(entry.get(name, False))


def _by_target(
    raw: list[RawObject] | Mapping[str, RawObject] | None,
) -> list[tuple[str, RawObject]]:
    if raw is None:
        return []
    if isinstance(raw, list):
        return sorted(((entry["target"], entry) for entry in raw), key=lambda pair: pair[0])
    return sorted(raw.items())


def _file(target: str, entry: RawObject) -> FileMount:
    return FileMount(
        target=target,
        mode=entry.get("mode", ""),
        content=entry.get("content"),
        binary_content=entry.get("binaryContent"),
        source=entry.get("source"),
        expand=not _flag(entry, "noExpand"),
    )


def _resource(name: str, raw: RawObject) -> Resource:
    return Resource(
        name=name,
        type=raw["type"],
        class_=raw.get("class", "default"),
        id=raw.get("id"),
        params=dict(raw.get("params") or {}),
        metadata=dict(raw.get("metadata") or {}),
    )


def _conflicts(score: Score) -> list[Problem]:
    """Two names for one resource must say the same about it."""
    first: dict[str, Resource] = {}
    problems = []
    for resource in score.resources.values():
        uid = resource_uid(score.name, resource)
        known = first.setdefault(uid, resource)
        if (known.params, known.metadata) != (resource.params, resource.metadata):
            problems.append(
                Problem(
                    f"resources.{resource.name}",
                    f"it is the same resource ({uid}) as {known.name!r}, with other params or "
                    "metadata; make them equal or give it another id",
                )
            )
    return problems


@cache
def _validator() -> Any:
    return jsonschema_rs.Draft202012Validator(SCORE_SCHEMA)


def _problem(error: Any) -> Problem:
    path = _path(error.instance_path)
    kind, value = error.kind, _shown(error.instance)
    match kind.name:
        case "const":
            return Problem(path, f"{value} is not supported; use {kind.expected_value}")
        case "additionalProperties":
            unexpected = ", ".join(sorted(repr(name) for name in kind.unexpected))
            return Problem(path, f"unknown field {unexpected}; remove it or correct its name")
        case "required":
            return Problem(_join(path, kind.property), "is missing; add it")
        case "oneOf":
            return Problem(path, "give exactly one of source, content and binaryContent")
        case "pattern":
            return Problem(path, f"{value} does not have the form {kind.pattern}")
        case "type":
            quote = "; put it in quotes" if kind.types == ["string"] else ""
            return Problem(path, f"{value} is not of type {' or '.join(kind.types)}{quote}")
        case "propertyNames":
            return Problem(path, f"a name in it is not allowed: {kind.error.message}")
        case _:
            return Problem(path, str(error.message))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _path(parts: Sequence[str | int]) -> str:
    path = ""
    for part in parts:
        path = f"{path}[{part}]" if isinstance(part, int) else _join(path, part)
    return path


def _join(path: str, part: str) -> str:
    return f"{path}.{part}" if path else part
