"""What containers ask for and may use: processors, memory, devices.

Source of the rules: pkg/apis/core/validation of Kubernetes.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction

from towpath.apiserver.kinds.checks import NOT_NEGATIVE, named
from towpath.machinery.causes import duplicate, forbidden, invalid_value, required, unsupported
from towpath.machinery.errors import Cause
from towpath.machinery.names import label_errors, qualified_name_errors
from towpath.machinery.objects import RawObject
from towpath.machinery.quantities import parse_quantity

CheckName = Callable[[str, str], Iterator[Cause]]
CONTAINER_RESOURCES = ("cpu", "memory", "ephemeral-storage")
COMPUTE = frozenset(("cpu", "memory"))
POD_RESOURCES = ("cpu", "hugepages-", "memory")
HUGE = "hugepages-"
NATIVE = "kubernetes.io/"
NOT_STANDARD = "must be a standard resource type or fully qualified"


def validate_resources(
    resources: RawObject, field: str, claims: tuple[str, ...] = ()
) -> Iterator[Cause]:
    """Of a container; `claims` are the names of its pod's."""
    yield from _requirements(resources, field, resource_name)
    yield from _claims(resources.get("claims") or [], f"{field}.claims", claims)


def validate_pod_resources(
    spec: RawObject, field: str, claims: tuple[str, ...] = ()
) -> Iterator[Cause]:
    """Of a whole pod."""
    resources = spec.get("resources")
    if resources is None:
        return
    if (spec.get("os") or {}).get("name") == "windows":
        yield forbidden(field, "may not be set for a windows pod")
        return
    if resources.get("claims") is not None:
        words = "claims may not be set for Resources at pod-level"
        yield forbidden(f"{field}.claims", words)
    yield from _requirements(resources, field, _pod_resource_name)
    yield from _claims(resources.get("claims") or [], f"{field}.claims", claims)
    yield from _limits_of_all(spec, resources, field)


def _limits_of_all(spec: RawObject, resources: RawObject, field: str) -> Iterator[Cause]:
    """No container may use more than its pod."""
    limits = resources.get("limits") or {}
    for position, container in enumerate(spec.get("containers") or ()):
        for name, quantity in ((container.get("resources") or {}).get("limits") or {}).items():
            if name in limits and parse_quantity(quantity) > parse_quantity(limits[name]):
                words = f"must be less than or equal to pod limits of {limits[name]}"
                where = f"{field}.containers[{position}][{name}].limits"
                yield invalid_value(where, quantity, words)


def _requirements(resources: RawObject, field: str, check_name: CheckName) -> Iterator[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for name, quantity in limits.items():
        yield from check_name(f"{field}.limits[{name}]", name)
        yield from _amount(f"{field}.limits[{name}]", name, quantity)
    for name, quantity in requests.items():
        yield from check_name(f"{field}.requests[{name}]", name)
        yield from _amount(f"{field}.requests[{name}]", name, quantity)
        yield from _within(name, quantity, limits.get(name), field)
    names = {*limits, *requests}
    if any(name.startswith(HUGE) for name in names) and not names & COMPUTE:
        yield forbidden(field, "HugePages require cpu or memory")


def _within(name: str, quantity: str, limit: str | None, field: str) -> Iterator[Cause]:
    """What is asked for is not more than may be used; of what is not shared it is as much."""
    is_shared = _is_native(name) and not name.startswith(HUGE)
    if limit is None:
        if not is_shared:
            yield required(f"{field}.limits", "Limit must be set for non overcommitable resources")
        return
    asked, allowed = parse_quantity(quantity), parse_quantity(limit)
    if asked != allowed and not is_shared:
        words = f"must be equal to {name} limit of {limit}"
        yield invalid_value(f"{field}.requests", quantity, words)
    elif asked > allowed:
        words = f"must be less than or equal to {name} limit of {limit}"
        yield invalid_value(f"{field}.requests", quantity, words)


def _is_native(name: str) -> bool:
    return "/" not in name or NATIVE in name


def _amount(field: str, name: str, quantity: str) -> Iterator[Cause]:
    amount = parse_quantity(quantity)
    if amount < 0:
        yield invalid_value(field, quantity, NOT_NEGATIVE)
    if name.startswith(HUGE) and not _is_in_pages(amount, name.removeprefix(HUGE)):
        words = f"{quantity} is not positive integer multiple of {name}"
        yield invalid_value(field, quantity, words)
    if not _is_native(name) and amount.denominator != 1:
        yield invalid_value(field, quantity, "must be an integer")


def _is_in_pages(amount: Fraction, size: str) -> bool:
    try:
        page = parse_quantity(size)
    except ValueError:
        return False
    return page > 0 and amount % page == 0


def resource_name(field: str, name: str) -> Iterator[Cause]:
    """Of what a container can ask for."""
    errors = qualified_name_errors(name)
    yield from named(field, name, errors)
    if "/" in name:
        if not _is_native(name) and _is_reserved(name):
            yield invalid_value(field, name, "doesn't follow extended resource name standard")
        return
    if name in CONTAINER_RESOURCES or name.startswith(HUGE):
        return
    if not errors:
        yield invalid_value(field, name, NOT_STANDARD)
    yield invalid_value(field, name, "must be a standard resource for containers")


def _is_reserved(name: str) -> bool:
    return name.startswith("requests.") or bool(qualified_name_errors(f"requests.{name}"))


def _pod_resource_name(field: str, name: str) -> Iterator[Cause]:
    errors = qualified_name_errors(name)
    yield from named(field, name, errors)
    if errors or name in COMPUTE or name.startswith(HUGE):
        return
    if "/" not in name and name not in CONTAINER_RESOURCES:
        yield invalid_value(field, name, NOT_STANDARD)
    else:
        yield unsupported(field, name, POD_RESOURCES)


def _claims(claims: list[RawObject], field: str, known: tuple[str, ...]) -> Iterator[Cause]:
    """Devices that a container takes out of what its pod has claimed."""
    taken: set[str] = set()
    for position, claim in enumerate(claims):
        where = f"{field}[{position}]"
        name, request = claim.get("name") or "", claim.get("request") or ""
        if not name:
            yield required(where)
            continue
        if name in taken:
            yield duplicate(where, name)
        else:
            key = f"{name}/{request}" if request else name
            if request:
                yield from named(f"{where}.request", request, label_errors(request))
            if key in taken:
                yield duplicate(where, key)
            elif not request and any(one.partition("/")[0] == name for one in taken):
                yield duplicate(where, name)
            taken.add(key)
        if name not in known:
            listed = f": {', '.join(sorted(known))}" if known else " which is empty"
            words = f"must be one of the names in pod.spec.resourceClaims{listed}"
            yield Cause("FieldValueNotFound", f'Not found: "{name}": {words}', where)
