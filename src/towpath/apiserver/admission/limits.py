"""LimitRange: what a container asks for when it says nothing, and how much and little it may.

Only limits of type Container are served; ranges of other types are refused when they are made.
"""

from towpath.apiserver import refusals
from towpath.apiserver.core import Core, Operation
from towpath.apiserver.encoding import loads
from towpath.apiserver.kinds.pods import containers_of
from towpath.machinery.objects import RawObject
from towpath.machinery.quantities import parse_quantity

RANGES, PODS = "core/limitranges", "core/pods"


def _ranges(core: Core, operation: Operation) -> list[RawObject]:
    if operation.served.collection != PODS or operation.kind != "CREATE":
        return []
    found = core.store.scan(RANGES, f"{operation.namespace}/")
    return [
        limit
        for _, stored in found
        for limit in (loads(stored.value).get("spec") or {}).get("limits") or ()
    ]


async def default_limits(core: Core, operation: Operation) -> None:
    for limit in _ranges(core, operation):
        for container in containers_of(operation.obj.get("spec") or {}):
            resources = container.setdefault("resources", {})
            stated = set(resources.get("limits") or ()) | set(resources.get("requests") or ())
            for part, defaults in (("limits", "default"), ("requests", "defaultRequest")):
                for name, quantity in (limit.get(defaults) or limit.get("default") or {}).items():
                    if part == "limits" or name not in stated:
                        resources.setdefault(part, {}).setdefault(name, quantity)


async def check_limits(core: Core, operation: Operation) -> None:
    for limit in _ranges(core, operation):
        for container in containers_of(operation.obj.get("spec") or {}):
            for why in _violations(limit, container):
                raise refusals.forbidden(operation.served, operation.name, why)


def _violations(limit: RawObject, container: RawObject) -> list[str]:
    resources = container.get("resources") or {}
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    found = []
    for name, least in (limit.get("min") or {}).items():
        asked = requests.get(name, limits.get(name))
        if asked is None:
            found.append(f"minimum {name} usage per Container is {least}.  No request is specified")
        elif parse_quantity(str(asked)) < parse_quantity(str(least)):
            found.append(f"minimum {name} usage per Container is {least}, but request is {asked}")
    for name, most in (limit.get("max") or {}).items():
        allowed = limits.get(name)
        if allowed is None:
            found.append(f"maximum {name} usage per Container is {most}.  No limit is specified")
        elif parse_quantity(str(allowed)) > parse_quantity(str(most)):
            found.append(f"maximum {name} usage per Container is {most}, but limit is {allowed}")
    return found
