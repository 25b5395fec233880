"""The resource types that a Score file can ask for here, and what each gives to a workload.

An output is either a value that is known when rendering, or a key of the connection Secret. The
table below is the platform's answer to "which types are available"; an unknown one is refused by
name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from towpath.capabilities.delivery.promotions.render.inputs import RenderInput
from towpath.capabilities.delivery.promotions.score import Problem, Resource, ScoreError
from towpath.capabilities.delivery.promotions.score.substitution import Reference
from towpath.capabilities.delivery.workloads.kinds import composite_name
from towpath.machinery.objects import RawObject

CONNECTION_SUFFIX = "-connection"
SIZES = ("small", "medium", "large")


@dataclass(frozen=True, slots=True)
class SecretOutput:
    """A key of the Secret that an ExternalSecret brings to the workload's namespace."""

    resource: str
    key: str


Output = str | SecretOutput


@dataclass(frozen=True, slots=True)
class Provisioned:
    """One Score resource: its outputs by name, and the composites that make it."""

    outputs: Mapping[str, Output]
    composites: tuple[RawObject, ...] = ()
    connection: str = ""
    """The connection Secret in the project's namespace, "" when there is none."""
    keys: tuple[str, ...] = field(default=())


Provision = Callable[[RenderInput, Resource], Provisioned]

POSTGRES_OUTPUTS = ("host", "port", "name", "username", "password")


def _postgres(given: RenderInput, resource: Resource) -> Provisioned:
    _only(resource, "params", {"size"})
    size = resource.params.get("size", "small")
    if size not in SIZES:
        raise _error(resource, "params.size", f"{size!r} is not offered; use {', '.join(SIZES)}")
    name = composite_name(given.workload, given.environment, resource.name)
    composite = {
        "apiVersion": "offerings.towpath.dev/v1alpha1",
        "kind": "PostgreSQLInstance",
        "metadata": {"name": name, "namespace": given.project, "labels": given.labels},
        "spec": {"size": size, "deletionPolicy": "Orphan" if given.retain_data else "Delete"},
    }
    return Provisioned(
        outputs={key: SecretOutput(resource.name, key) for key in POSTGRES_OUTPUTS},
        composites=(composite,),
        connection=f"{name}{CONNECTION_SUFFIX}",
        keys=POSTGRES_OUTPUTS,
    )


def _dns(given: RenderInput, resource: Resource) -> Provisioned:
    _only(resource, "params", set())
    if not given.host:
        raise _error(resource, "type", "no gateway gives this environment's workloads a host")
    return Provisioned(outputs={"host": given.host})


TYPES: dict[str, Provision] = {"dns": _dns, "postgres": _postgres}


def provision(given: RenderInput) -> dict[str, Provisioned]:
    """Every resource of the Score file by its name. Raises ScoreError."""
    problems: list[Problem] = []
    provisioned = {}
    for name, resource in given.score.resources.items():
        try:
            provisioned[name] = _provision_one(given, resource)
        except ScoreError as error:
            problems += error.problems
    if problems:
        raise ScoreError(problems)
    return provisioned


def _provision_one(given: RenderInput, resource: Resource) -> Provisioned:
    if resource.type not in TYPES:
        available = ", ".join(sorted(TYPES))
        raise _error(
            resource, "type", f"unknown resource type {resource.type!r}; available: {available}"
        )
    if resource.class_ != "default":
        raise _error(
            resource,
            "class",
            f"class {resource.class_!r} of type {resource.type} is not offered; leave class out",
        )
    if resource.id is not None:
        raise _error(
            resource,
            "id",
            f"{resource.id!r} would be shared between workloads, which is not implemented; leave "
            "id out and the workload gets a resource of its own",
        )
    return TYPES[resource.type](given, resource)


def output_of(
    given: RenderInput, provisioned: Mapping[str, Provisioned], reference: Reference, path: str
) -> Output:
    """What a placeholder stands for. Raises ScoreError that names `path`."""
    root, *rest = reference.parts
    if root == "metadata" and rest:
        return _metadata(given.score.metadata, reference, rest, path)
    if root == "resources" and rest:
        return _resource_output(provisioned, reference, rest, path)
    raise ScoreError(
        [
            Problem(
                path,
                f"${{{reference.raw}}} names nothing; use metadata.* or resources.<name>.<output>, "
                "or write $$ for a dollar sign",
            )
        ]
    )


def _metadata(metadata: RawObject, reference: Reference, keys: list[str], path: str) -> str:
    value: object = metadata
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            raise ScoreError([Problem(path, f"${{{reference.raw}}}: metadata has no {key!r}")])
        value = value[key]
    if not isinstance(value, str | int | float | bool):
        raise ScoreError([Problem(path, f"${{{reference.raw}}} is not a single value")])
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _resource_output(
    provisioned: Mapping[str, Provisioned], reference: Reference, keys: list[str], path: str
) -> Output:
    name = keys[0]
    if name not in provisioned:
        known = ", ".join(provisioned) or "none"
        raise ScoreError(
            [
                Problem(
                    path,
                    f"${{{reference.raw}}}: there is no resource {name!r} in this file; "
                    f"there are: {known}",
                )
            ]
        )
    outputs = provisioned[name].outputs
    output = ".".join(keys[1:])
    if output not in outputs:
        known = ", ".join(outputs)
        raise ScoreError(
            [
                Problem(
                    path,
                    f"${{{reference.raw}}}: resource {name!r} has no output {output!r}; "
                    f"it has: {known}",
                )
            ]
        )
    return outputs[output]


def _only(resource: Resource, what: str, allowed: set[str]) -> None:
    if unknown := sorted(set(resource.params) - allowed):
        known = ", ".join(sorted(allowed)) or "none"
        raise _error(
            resource,
            what,
            f"unknown parameter {', '.join(unknown)}; type {resource.type} takes: {known}",
        )


def _error(resource: Resource, part: str, message: str) -> ScoreError:
    return ScoreError([Problem(f"resources.{resource.name}.{part}", message)])
