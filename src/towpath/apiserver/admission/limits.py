"""LimitRange: what a container asks for when it says nothing, and how much and little it, its pod
or a claim may ask for.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction

from towpath.apiserver import refusals
from towpath.apiserver.core import Core, Operation
from towpath.apiserver.encoding import loads
from towpath.apiserver.kinds.pods import CONTAINER_LISTS, containers_of
from towpath.machinery.objects import RawObject
from towpath.machinery.quantities import format_quantity, parse_quantity

RANGES, PODS, CLAIMS = "core/limitranges", "core/pods", "core/persistentvolumeclaims"
ANNOTATION = "kubernetes.io/limit-ranger"
Amounts = dict[str, str]


def _limits(core: Core, operation: Operation) -> list[RawObject]:
    wanted = {PODS: ("CREATE",), CLAIMS: ("CREATE", "UPDATE")}.get(operation.served.collection, ())
    if operation.kind not in wanted or operation.target.subresource:
        return []
    found = core.store.scan(RANGES, f"{operation.namespace}/")
    return [
        limit
        for _, stored in found
        for limit in (loads(stored.value).get("spec") or {}).get("limits") or ()
    ]


async def default_limits(core: Core, operation: Operation) -> None:
    if operation.served.collection != PODS:
        return
    limits = [one for one in _limits(core, operation) if one.get("type") == "Container"]
    set_now: list[str] = []
    for name, word in zip(CONTAINER_LISTS, ("init container", "container"), strict=True):
        for container in (operation.obj.get("spec") or {}).get(name) or ():
            for limit in limits:
                set_now += _fill(container, limit, word)
    if set_now:
        annotations = operation.obj["metadata"].setdefault("annotations", {})
        annotations[ANNOTATION] = f"LimitRanger plugin set: {'; '.join(set_now)}"


def _fill(container: RawObject, limit: RawObject, word: str) -> Iterator[str]:
    """Fill in what the container leaves open; says what that was."""
    resources = container.setdefault("resources", {})
    for part, defaults in (("requests", "defaultRequest"), ("limits", "default")):
        given = resources.get(part) or {}
        missing = {
            name: quantity
            for name, quantity in sorted((limit.get(defaults) or {}).items())
            if name not in given
        }
        if missing:
            resources[part] = {**given, **missing}
            yield f"{', '.join(missing)} {part[:-1]} for {word} {container.get('name', '')}"


async def check_limits(core: Core, operation: Operation) -> None:
    problems = [
        problem
        for limit in _limits(core, operation)
        for requests, limits in _asked(limit.get("type", ""), operation)
        for problem in _violations(limit, requests, limits)
    ]
    if problems:
        why = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
        raise refusals.forbidden(operation.served, operation.name, why)


def _asked(kind: str, operation: Operation) -> Iterator[tuple[Amounts, Amounts]]:
    """The requests and limits of all that a limit of this type is about."""
    spec = operation.obj.get("spec") or {}
    if operation.served.collection == CLAIMS:
        if kind == "PersistentVolumeClaim":
            requests = (spec.get("resources") or {}).get("requests") or {}
            yield requests, requests
    elif kind == "Container":
        for container in containers_of(spec):
            yield _part(container, "requests"), _part(container, "limits")
    elif kind == "Pod":
        yield _of_pod(spec, "requests"), _of_pod(spec, "limits")


def _part(container: RawObject, part: str) -> Amounts:
    return (container.get("resources") or {}).get(part) or {}


def _of_pod(spec: RawObject, part: str) -> Amounts:
    """Of all containers together, or of an initial one that asks for more than they do."""
    sums: dict[str, Fraction] = {}
    likes: Amounts = {}
    for container in spec.get("containers") or ():
        for name, quantity in _part(container, part).items():
            sums[name] = sums.get(name, Fraction(0)) + parse_quantity(str(quantity))
            likes.setdefault(name, str(quantity))
    for container in spec.get("initContainers") or ():
        for name, quantity in _part(container, part).items():
            sums[name] = max(sums.get(name, Fraction(0)), parse_quantity(str(quantity)))
            likes.setdefault(name, str(quantity))
    return {name: format_quantity(value, likes[name]) for name, value in sums.items()}


def _violations(limit: RawObject, requests: Amounts, limits: Amounts) -> Iterator[str]:
    checks: tuple[tuple[str, Callable[[str, str, str | None, str | None], Iterator[str]]], ...] = (
        ("min", _too_little),
        ("max", _too_much),
        ("maxLimitRequestRatio", _too_far_apart),
    )
    kind = limit.get("type", "")
    for part, check in checks:
        for name, bound in sorted((limit.get(part) or {}).items()):
            words = f"{name} usage per {kind}"
            if check is _too_far_apart:
                words = f"{name} max limit to request ratio per {kind}"
            yield from check(words, str(bound), requests.get(name), limits.get(name))


def _too_little(what: str, least: str, request: str | None, limit: str | None) -> Iterator[str]:
    words = f"minimum {what} is {least}"
    if request is None:
        yield f"{words}.  No request is specified"
    elif parse_quantity(str(request)) < parse_quantity(least):
        yield f"{words}, but request is {request}"
    if (
        limit is not None
        and limit != request
        and parse_quantity(str(limit)) < parse_quantity(least)
    ):
        yield f"{words}, but limit is {limit}"


def _too_much(what: str, most: str, request: str | None, limit: str | None) -> Iterator[str]:
    words = f"maximum {what} is {most}"
    is_claim = what.endswith("PersistentVolumeClaim")
    if limit is None and not is_claim:
        yield f"{words}.  No limit is specified"
    elif limit is not None and not is_claim and parse_quantity(str(limit)) > parse_quantity(most):
        yield f"{words}, but limit is {limit}"
    is_said = request == limit and not is_claim
    if request is not None and not is_said and parse_quantity(str(request)) > parse_quantity(most):
        yield f"{words}, but request is {request}"


def _too_far_apart(what: str, most: str, request: str | None, limit: str | None) -> Iterator[str]:
    words = f"{what} is {most}"
    asked = parse_quantity(str(request)) if request is not None else Fraction(0)
    allowed = parse_quantity(str(limit)) if limit is not None else Fraction(0)
    if not asked:
        yield f"{words}, but no request is specified or request is 0"
    if not allowed:
        yield f"{words}, but no limit is specified or limit is 0"
    if asked and allowed and allowed / asked > parse_quantity(most):
        yield f"{words}, but provided ratio is {float(allowed / asked):f}"
