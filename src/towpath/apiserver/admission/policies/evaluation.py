"""What the expressions of one policy see, and how they are asked.

A policy is compiled when it is read. Variables are evaluated when an expression first names them,
once for each object and parameter; all expressions of a policy share one budget.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct, field

from towpath.apiserver.core import Core, Operation
from towpath.apiserver.kinds.admission.expressions import REQUEST_RESOURCE, Language
from towpath.machinery.cel import CelError, CelSyntaxError, Meter, Program
from towpath.machinery.cel.authorization import (
    Answers,
    Authorizer,
    Decision,
    NeedsAnswer,
    ResourceCheck,
)
from towpath.machinery.cel.costs import MATCH_CONDITIONS_LIMIT
from towpath.machinery.objects import RawObject
from towpath.machinery.users import MASTERS

T = TypeVar("T")
Composed = Mapping[str, Program | CelSyntaxError]
"""A policy's variables by name."""
OUT_OF_BUDGET = (
    "validation failed due to running out of cost budget, no further validation rules will be run"
)


class OutOfBudget(CelError):
    """The expressions of a policy have cost as much together as they may."""


class Expression(Struct, frozen=True):
    """One of a policy's, compiled; or why it does not compile."""

    text: str
    program: Program | CelSyntaxError

    def value(self, bindings: Mapping[str, Any], meter: Meter) -> Any:
        """Raises CelError with the words that people are told."""
        if isinstance(self.program, CelSyntaxError):
            why = f"compilation error: compilation failed: {self.program.message}"
            raise CelError(why)
        failed: CelError | None = None
        value: Any = None
        try:
            value = self.program.value(bindings, meter)
        except CelError as error:
            failed = error
        if meter.left < 0:
            raise OutOfBudget(OUT_OF_BUDGET)
        if failed is not None:
            why = f"expression '{self.text}' resulted in error: {failed.message}"
            raise CelError(why) from failed
        return value


def expression(
    language: Language, text: str, *, authorizer: bool = True, condition: bool = False
) -> Expression:
    try:
        if condition:
            return Expression(text, language.condition(text))
        return Expression(text, language.compile(text, authorizer=authorizer))
    except CelSyntaxError as error:
        return Expression(text, error)


def conditions_of(spec: RawObject, language: Language) -> tuple[Expression, ...]:
    return tuple(
        expression(language, condition["expression"].strip(), condition=True)
        for condition in spec.get("matchConditions") or ()
    )


def conditions_hold(conditions: Sequence[Expression], bindings: Mapping[str, Any]) -> bool:
    """All are true. A false one decides, even when another one fails. Raises CelError."""
    meter, failed = Meter(MATCH_CONDITIONS_LIMIT), list[str]()
    for condition in conditions:
        try:
            if condition.value(bindings, meter) is False:
                return False
        except OutOfBudget:
            raise
        except CelError as error:
            failed.append(error.message)
    if failed:
        raise CelError(failed[0] if len(failed) == 1 else f"[{', '.join(dict.fromkeys(failed))}]")
    return True


class Variables(dict[str, Any]):
    """`variables`: each is evaluated when it is first named."""

    def __init__(
        self,
        composed: Mapping[str, Program | CelSyntaxError],
        bindings: dict[str, Any],
        meter: Meter,
    ) -> None:
        super().__init__()
        self._composed = composed
        self._bindings = bindings
        self._meter = meter

    def __contains__(self, name: object) -> bool:
        return name in self._composed

    def __missing__(self, name: str) -> Any:
        program = self._composed[name]
        if isinstance(program, CelSyntaxError):
            raise CelError(f'composited variable "{name}" fails to compile: {program.message}')
        try:
            value = program.value(self._bindings, self._meter)
        except CelError as error:
            words = f'composited variable "{name}" fails to evaluate: {error.message}'
            raise CelError(words) from error
        self[name] = value
        return value


class Scene(Struct):
    """One write, as the expressions about it see it."""

    operation: Operation
    namespace: RawObject | None
    answers: Answers = field(default_factory=Answers)
    api_version: str = ""
    """The version that a policy has matched, when it is not the one that was asked for."""

    def bindings(
        self,
        params: RawObject | None,
        composed: Composed | None = None,
        meter: Meter | None = None,
    ) -> dict[str, Any]:
        operation = self.operation
        deleting = operation.kind == "DELETE"
        resource, target = operation.served.resource, operation.target
        authorizer = Authorizer(operation.user, self.answers)
        bound: dict[str, Any] = {
            "object": None if deleting else self._in_version(operation.obj),
            "oldObject": self._in_version(operation.old),
            "request": {
                **request_of(operation, self.api_version),
                "options": options_of(operation),
            },
            "params": params,
            "namespaceObject": self.namespace,
            "authorizer": authorizer,
            REQUEST_RESOURCE: ResourceCheck(
                authorizer,
                resource.group,
                resource.plural,
                target.subresource,
                operation.namespace,
                operation.name,
            ),
        }
        if composed:
            assert meter is not None
            bound["variables"] = Variables(composed, bound, meter)
        return bound

    def _in_version(self, obj: RawObject | None) -> RawObject | None:
        if obj is None or not self.api_version or obj.get("apiVersion") == self.api_version:
            return obj
        return {**obj, "apiVersion": self.api_version}


async def answered(core: Core, answers: Answers, ask: Callable[[], T]) -> T:
    """Evaluate, finding out what the expressions ask the authoriser; then evaluate again."""
    while True:
        try:
            return ask()
        except NeedsAnswer as question:
            user = question.user
            allowed = MASTERS in user.groups or await _allowed(core, question)
            answers[question.key] = Decision(allowed)


def _allowed(core: Core, question: NeedsAnswer) -> Awaitable[bool]:
    return core.authorize(question.user, question.request)


OPTIONS = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}


def options_of(operation: Operation) -> RawObject:
    options: RawObject = {"kind": OPTIONS[operation.kind], "apiVersion": "meta.k8s.io/v1"}
    if operation.manager and operation.kind != "DELETE":
        options["fieldManager"] = operation.manager
    if operation.dry_run:
        options["dryRun"] = ["All"]
    return options


def request_of(operation: Operation, api_version: str = "") -> RawObject:
    """What `request` is to an expression, and most of what a webhook is sent."""
    resource, user = operation.served.resource, operation.user
    asked = {"group": resource.group, "version": resource.version}
    matched = {**asked, "version": api_version.rpartition("/")[2] or resource.version}
    return {
        "kind": {**matched, "kind": resource.kind},
        "resource": {**matched, "resource": resource.plural},
        "subResource": operation.target.subresource,
        "requestKind": {**asked, "kind": resource.kind},
        "requestResource": {**asked, "resource": resource.plural},
        "requestSubResource": operation.target.subresource,
        "name": operation.name,
        "namespace": operation.namespace,
        "operation": operation.kind,
        "userInfo": {
            "username": user.name,
            "uid": user.uid,
            "groups": list(user.groups),
            "extra": {name: list(values) for name, values in user.extra.items()},
        },
        "dryRun": operation.dry_run,
    }
