"""A template's descriptor, parsed once: steps and outputs, with every error and its place.

Follows the schema of scaffolder.backstage.io/v1beta3; what that leaves open and we do not do is
refused here by name, so that a template fails when it is offered and not when it is run.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.machinery.objects import RawObject

API_VERSION = "scaffolder.backstage.io/v1beta3"
STEPS_MAX = 100
PERMISSIONS = "backstage:permissions"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong, where it is."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class DescriptorInvalid(Exception):
    """The descriptor is no v1beta3 template; `errors` has every reason."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = tuple(errors)


@dataclass(frozen=True, slots=True)
class TemplateStep:
    id: str
    name: str
    action: str
    input: Mapping[str, Any]
    condition: Any
    """`if`: None when there is none."""
    each: Any


@dataclass(frozen=True, slots=True)
class Descriptor:
    name: str
    title: str
    description: str
    owner: str
    pages: tuple[Mapping[str, Any], ...]
    """The JSON Schemas of the form's pages."""
    steps: tuple[TemplateStep, ...]
    output: Mapping[str, Any]


def parse_descriptor(raw: RawObject) -> Descriptor:
    """Raises DescriptorInvalid."""
    errors = list(_errors(raw))
    if errors:
        raise DescriptorInvalid(errors)
    metadata, spec = raw["metadata"], raw["spec"]
    return Descriptor(
        name=metadata["name"],
        title=metadata.get("title") or metadata["name"],
        description=metadata.get("description") or "",
        owner=spec.get("owner") or "",
        pages=pages_of(raw),
        steps=tuple(_step(index, step) for index, step in enumerate(spec["steps"])),
        output=spec.get("output") or {},
    )


def pages_of(raw: RawObject) -> tuple[Mapping[str, Any], ...]:
    parameters = raw["spec"].get("parameters")
    if parameters is None:
        return ()
    return tuple(parameters) if isinstance(parameters, list) else (parameters,)


def _step(index: int, raw: RawObject) -> TemplateStep:
    return TemplateStep(
        id=raw.get("id") or f"step-{index + 1}",
        name=raw.get("name") or raw["action"],
        action=raw["action"],
        input=raw.get("input") or {},
        condition=raw.get("if"),
        each=raw.get("each"),
    )


def _errors(raw: RawObject) -> Iterator[FieldError]:
    if raw.get("apiVersion") != API_VERSION:
        yield FieldError("apiVersion", f"must be {API_VERSION}, not {raw.get('apiVersion')!r}")
    if raw.get("kind") != "Template":
        yield FieldError("kind", f"must be Template, not {raw.get('kind')!r}")
    metadata, spec = raw.get("metadata"), raw.get("spec")
    if not isinstance(metadata, dict) or not _is_text(metadata.get("name")):
        yield FieldError("metadata.name", "is required")
    if not isinstance(spec, dict):
        yield FieldError("spec", "is required")
        return
    if not _is_text(spec.get("type")):
        yield FieldError("spec.type", "is required, for example service")
    for name in ("owner", "lifecycle"):
        if name in spec and not _is_text(spec[name]):
            yield FieldError(f"spec.{name}", "must be a text that is not empty")
    yield from _parameter_errors(spec.get("parameters"))
    yield from _steps_errors(spec.get("steps"))
    yield from _output_errors(spec.get("output"))


def _parameter_errors(parameters: Any) -> Iterator[FieldError]:
    if parameters is None:
        return
    pages = parameters if isinstance(parameters, list) else [parameters]
    for index, page in enumerate(pages):
        where = f"spec.parameters[{index}]" if isinstance(parameters, list) else "spec.parameters"
        if not isinstance(page, dict):
            yield FieldError(where, "must be a JSON Schema, an object with `properties`")
            continue
        yield from _permission_errors(where, page)
        if not isinstance(page.get("properties", {}), dict):
            yield FieldError(f"{where}.properties", "must be an object of JSON Schemas")


def _permission_errors(where: str, part: RawObject) -> Iterator[FieldError]:
    """Tags for Backstage's policies: without those, more would be allowed than was meant."""
    if part.get(PERMISSIONS):
        yield FieldError(
            f"{where}.{PERMISSIONS}",
            "tags for Backstage's permission policies are not honoured here; leave them out, and "
            "say who may run a template by roles and admission policies",
        )


def _steps_errors(steps: Any) -> Iterator[FieldError]:
    if not isinstance(steps, list):
        yield FieldError("spec.steps", "must be a list of steps")
        return
    if len(steps) > STEPS_MAX:
        yield FieldError("spec.steps", f"must have at most {STEPS_MAX} steps, not {len(steps)}")
    seen: set[str] = set()
    for index, step in enumerate(steps):
        where = f"spec.steps[{index}]"
        if not isinstance(step, dict):
            yield FieldError(where, "must be an object with an `action`")
            continue
        yield from _step_errors(where, step)
        step_id = step.get("id") or f"step-{index + 1}"
        if step_id in seen:
            yield FieldError(f"{where}.id", f"{step_id!r} is the id of an earlier step too")
        seen.add(step_id)


def _step_errors(where: str, step: RawObject) -> Iterator[FieldError]:
    if not _is_text(step.get("action")):
        yield FieldError(f"{where}.action", "is required, for example fetch:template")
    if not isinstance(step.get("id", ""), str):
        yield FieldError(f"{where}.id", f"{step['id']!r} must be a text")
    if "name" in step and not isinstance(step["name"], str):
        yield FieldError(f"{where}.name", "must be a text")
    yield from _permission_errors(where, step)
    if not isinstance(step.get("input", {}), dict):
        yield FieldError(f"{where}.input", "must be an object")
    if not isinstance(step.get("if", ""), str | bool):
        yield FieldError(f"{where}.if", "must be a text or a boolean")


def _output_errors(output: Any) -> Iterator[FieldError]:
    if output is None:
        return
    if not isinstance(output, dict):
        yield FieldError("spec.output", "must be an object")
        return
    for key, value in output.items():
        if key in ("links", "text"):
            yield from _output_list_errors(f"spec.output.{key}", value)
        elif not isinstance(value, str):
            yield FieldError(f"spec.output.{key}", "must be a text")


def _output_list_errors(where: str, value: Any) -> Iterator[FieldError]:
    if not isinstance(value, list):
        yield FieldError(where, "must be a list")
        return
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            yield FieldError(f"{where}[{index}]", "must be an object")
            continue
        if not isinstance(item.get("if", ""), str | bool):
            yield FieldError(f"{where}[{index}].if", "must be a text or a boolean")
        for key in ("title", "url", "entityRef", "icon", "content"):
            if not isinstance(item.get(key, ""), str):
                yield FieldError(f"{where}[{index}].{key}", "must be a text")
        for key in ("url", "entityRef"):
            if item.get(key) == "":
                yield FieldError(f"{where}[{index}].{key}", "must not be empty")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)
