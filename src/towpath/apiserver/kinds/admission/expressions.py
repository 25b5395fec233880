"""What the expressions of admission policies and webhooks may name, and what they must give.

`object`, `oldObject` and `params` may be anything; `request` and `namespaceObject` have the fields
of Kubernetes. `variables` are known by name and type once those before them have been compiled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property

from towpath.machinery.causes import invalid_value
from towpath.machinery.cel import CelSyntaxError, Environment, Program, patches
from towpath.machinery.cel import types as cel
from towpath.machinery.cel.checker import FieldType
from towpath.machinery.cel.types import Type
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject

REQUEST_RESOURCE = "authorizer.requestResource"
_VARIABLES = "kubernetes.variables"
_TEXTS = cel.list_of(cel.STRING)
_LABELS = cel.map_of(cel.STRING, cel.STRING)
_KIND, _RESOURCE, _USER = (
    cel.struct(f"kubernetes.{name}")
    for name in ("GroupVersionKind", "GroupVersionResource", "UserInfo")
)
_METADATA, _SPEC, _STATUS, _CONDITION = (
    cel.struct(f"kubernetes.Namespace{name}")
    for name in ("Metadata", "Spec", "Status", "Condition")
)
_REQUEST, _NAMESPACE = cel.struct("kubernetes.AdmissionRequest"), cel.struct("kubernetes.Namespace")
_FIELDS: dict[Type, dict[str, Type]] = {
    _KIND: dict.fromkeys(("group", "version", "kind"), cel.STRING),
    _RESOURCE: dict.fromkeys(("group", "version", "resource"), cel.STRING),
    _USER: {
        "username": cel.STRING,
        "uid": cel.STRING,
        "groups": _TEXTS,
        "extra": cel.map_of(cel.STRING, _TEXTS),
    },
    _REQUEST: {
        "kind": _KIND,
        "resource": _RESOURCE,
        "requestKind": _KIND,
        "requestResource": _RESOURCE,
        "userInfo": _USER,
        "dryRun": cel.BOOL,
        "options": cel.DYN,
        **dict.fromkeys(("subResource", "requestSubResource", "name"), cel.STRING),
        **dict.fromkeys(("namespace", "operation"), cel.STRING),
    },
    _METADATA: {
        **dict.fromkeys(("name", "generateName", "namespace", "UID"), cel.STRING),
        "resourceVersion": cel.STRING,
        "labels": _LABELS,
        "annotations": _LABELS,
        "creationTimestamp": cel.TIMESTAMP,
        "deletionTimestamp": cel.TIMESTAMP,
        "deletionGracePeriodSeconds": cel.INT,
        "generation": cel.INT,
        "finalizers": _TEXTS,
    },
    _SPEC: {"finalizers": _TEXTS},
    _CONDITION: {
        **dict.fromkeys(("status", "type", "message", "reason"), cel.STRING),
        "lastTransitionTime": cel.TIMESTAMP,
    },
    _STATUS: {"conditions": cel.list_of(_CONDITION), "phase": cel.STRING},
    _NAMESPACE: {"metadata": _METADATA, "spec": _SPEC, "status": _STATUS},
}
_STRUCTS: dict[str, FieldType] = {one.name: fields.get for one, fields in _FIELDS.items()}

BOOL, TEXT = (cel.BOOL,), (cel.STRING,)
TEXT_OR_NULL = (cel.STRING, cel.NULL)


@cache
def environment(
    *, params: bool, authorizer: bool, mutating: bool, variables: tuple[tuple[str, Type], ...] = ()
) -> Environment:
    names = {
        "object": cel.DYN,
        "oldObject": cel.DYN,
        "namespaceObject": _NAMESPACE,
        "request": _REQUEST,
    }
    if params:
        names["params"] = cel.DYN
    if authorizer:
        names["authorizer"] = cel.NAMED["Authorizer"]
        names[REQUEST_RESOURCE] = cel.NAMED["ResourceCheck"]
    structs = dict(_STRUCTS)
    if variables:
        names["variables"] = cel.struct(_VARIABLES)
        structs[_VARIABLES] = dict(variables).get
    if not mutating:
        return Environment(names, structs)
    structs["JSONPatch"] = patches.FIELDS.get
    return Environment(names, structs, patches.PATCHES, open_structs="Object")


@dataclass(frozen=True)
class Language:
    """What one policy's expressions may name."""

    has_params: bool = False
    mutating: bool = False
    variables: tuple[RawObject, ...] = ()
    _known: dict[str, Program] = field(default_factory=dict)

    @cached_property
    def composed(self) -> Mapping[str, Program | CelSyntaxError]:
        """Each variable may use those before it; one that does not compile says why."""
        found: dict[str, Program | CelSyntaxError] = {}
        for variable in self.variables:
            try:
                program = self._environment(found, authorizer=True).compile(variable["expression"])
            except CelSyntaxError as error:
                found[variable["name"]] = error
            else:
                found[variable["name"]] = program
        return found

    def _environment(
        self, composed: Mapping[str, Program | CelSyntaxError], *, authorizer: bool
    ) -> Environment:
        variables = tuple(
            (name, program.result_type if isinstance(program, Program) else cel.DYN)
            for name, program in composed.items()
        )
        return environment(
            params=self.has_params,
            authorizer=authorizer,
            mutating=self.mutating,
            variables=variables,
        )

    def compile(self, expression: str, *, authorizer: bool = True) -> Program:
        """Raises CelSyntaxError."""
        return self._environment(self.composed, authorizer=authorizer).compile(expression)

    def condition(self, expression: str) -> Program:
        """Of a matchCondition, which knows no variables. Raises CelSyntaxError."""
        return self._environment({}, authorizer=True).compile(expression)


WEBHOOKS = Language()


def language_of(spec: RawObject, *, mutating: bool = False) -> Language:
    return Language(
        has_params=spec.get("paramKind") is not None,
        mutating=mutating,
        variables=tuple(
            one for one in spec.get("variables") or () if one.get("name") and one.get("expression")
        ),
    )


def wrong_result(program: Program, wanted: tuple[Type, ...]) -> str:
    """Why it cannot give what it must; "" when it can."""
    if program.result_type in wanted:
        return ""
    if len(wanted) == 1:
        return f"must evaluate to {wanted[0]} but got {program.result_type}"
    names = " ".join(one.runtime_name for one in wanted)
    return f"must evaluate to one of [{names}] but got {program.result_type}"


def expression_causes(
    where: str, expression: str, compiled: Program | CelSyntaxError, wanted: tuple[Type, ...]
) -> list[Cause]:
    if isinstance(compiled, CelSyntaxError):
        return [invalid_value(where, expression, f"compilation failed: {compiled.message}")]
    why = wrong_result(compiled, wanted) if wanted else ""
    return [invalid_value(where, expression, why)] if why else []
