"""LimitRange: what a container asks for when it says nothing, and how much and little it, its pod
or a claim may ask for.
"""

from collections.abc import Iterator
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
    kind = limit.get("type", "")
    for name, least in _bounds(limit, "min"):
        words = f"minimum {name} usage per {kind} is {least}"
        yield from _too_little(words, least, requests.get(name), limits.get(name))
    for name, most in _bounds(limit, "max"):
        words = f"maximum {name} usage per {kind} is {most}"
        if kind != "PersistentVolumeClaim":
            yield from _too_much(words, most, requests.get(name), limits.get(name))
        elif _is_more(requests.get(name), most):
            yield f"{words}, but request is {requests[name]}"
    for name, most in _bounds(limit, "maxLimitRequestRatio"):
        words = f"{name} max limit to request ratio per {kind} is {most}"
        yield from _too_far_apart(words, most, requests.get(name), limits.get(name))


def _bounds(limit: RawObject, part: str) -> Iterator[tuple[str, str]]:
    for name, bound in sorted((limit.get(part) or {}).items()):
        yield name, str(bound)


def _is_more(one: str | None, other: str) -> bool:
    return one is not None and parse_quantity(str(one)) > parse_quantity(other)


def _is_less(one: str | None, other: str) -> bool:
    return one is not None and parse_quantity(str(one)) < parse_quantity(other)


def _too_little(words: str, least: str, request: str | None, limit: str | None) -> Iterator[str]:
    if request is None:
        yield f"{words}.  No request is specified"
    elif _is_less(request, least):
        yield f"{words}, but request is {request}"
    if limit != request and _is_less(limit, least):
        yield f"{words}, but limit is {limit}"


def _too_much(words: str, most: str, request: str | None, limit: str | None) -> Iterator[str]:
    if limit is None:
        yield f"{words}.  No limit is specified"
    elif _is_more(limit, most):
        yield f"{words}, but limit is {limit}"
    if request != limit and _is_more(request, most):
        yield f"{words}, but request is {request}"


def _too_far_apart(words: str, most: str, request: str | None, limit: str | None) -> Iterator[str]:
    asked = parse_quantity(str(request)) if request is not None else Fraction(0)
    allowed = parse_quantity(str(limit)) if limit is not None else Fraction(0)
    if not asked:
        yield f"{words}, but no request is specified or request is 0"
    if not allowed:
        yield f"{words}, but no limit is specified or limit is 0"
    if asked and allowed and allowed / asked > parse_quantity(most):
        yield f"{words}, but provided ratio is {float(allowed / asked):f}"
