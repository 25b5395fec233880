"""One RBAC rule, compiled: does it allow a request, and does it cover another rule. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from msgspec import Struct
from msgspec.structs import replace

from towpath.machinery.objects import RawObject
from towpath.machinery.users import AccessRequest

ALL = "*"


class Rule(Struct, frozen=True):
    """A PolicyRule. An empty `names` allows every name."""

    verbs: frozenset[str]
    groups: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()

    def allows(self, request: AccessRequest) -> bool:
        if request.verb not in self.verbs and ALL not in self.verbs:
            return False
        if request.path:
            return _path_matches(self.paths, request.path)
        if request.group not in self.groups and ALL not in self.groups:
            return False
        if self.names and request.name not in self.names:
            return False
        return _resource_matches(self.resources, request.resource, request.subresource)

    def to_object(self) -> RawObject:
        """The PolicyRule as it stands in a Role."""
        fields = {
            "apiGroups": sorted(self.groups),
            "nonResourceURLs": list(self.paths),
            "resourceNames": sorted(self.names),
            "resources": sorted(self.resources),
        }
        return {"verbs": sorted(self.verbs)} | {name: v for name, v in fields.items() if v}

    def __str__(self) -> str:
        """As Kubernetes words it: `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`."""
        parts = []
        for name, values in (
            ("NonResourceURLs", self.paths),
            ("APIGroups", sorted(self.groups)),
            ("Resources", sorted(self.resources)),
            ("ResourceNames", sorted(self.names)),
            ("Verbs", sorted(self.verbs)),
        ):
            if values:
                quoted = " ".join(f'"{value}"' for value in values)
                parts.append(f"{name}:[{quoted}]")
        return "{" + ", ".join(parts) + "}"


def compile_rules(rules: Iterable[RawObject] | None) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            verbs=frozenset(rule.get("verbs") or ()),
            groups=frozenset(rule.get("apiGroups") or ()),
            resources=frozenset(rule.get("resources") or ()),
            names=frozenset(rule.get("resourceNames") or ()),
            paths=tuple(rule.get("nonResourceURLs") or ()),
        )
        for rule in rules or ()
    )


def uncovered(held: Sequence[Rule], wanted: Sequence[Rule]) -> list[Rule]:
    """Which of the single permissions in `wanted` no rule in `held` gives."""
    return [
        single
        for rule in wanted
        for single in _single_permissions(rule)
        if not any(_covers(owner, single) for owner in held)
    ]


def gathered(singles: Sequence[Rule]) -> list[Rule]:
    """Single permissions with those on one thing put together, for people to read."""
    verbs: dict[Rule, frozenset[str]] = {}
    for single in singles:
        thing = replace(single, verbs=frozenset())
        # Paths stay single: Kubernetes gathers resources only.
        key = single if single.paths else thing
        verbs[key] = verbs.get(key, frozenset()) | single.verbs
    return [replace(key, verbs=of) for key, of in verbs.items()]


def _single_permissions(rule: Rule) -> Iterator[Rule]:
    """The rule as one rule for each verb, group, resource and name, or each verb and path."""
    for verb, path in product(sorted(rule.verbs), rule.paths):
        yield Rule(verbs=frozenset({verb}), paths=(path,))
    combinations = product(sorted(rule.groups), sorted(rule.resources), sorted(rule.verbs))
    for group, resource, verb in combinations:
        for name in sorted(rule.names) or [""]:
            yield Rule(
                verbs=frozenset({verb}),
                groups=frozenset({group}),
                resources=frozenset({resource}),
                names=frozenset({name}) if name else frozenset(),
            )


def _covers(owner: Rule, single: Rule) -> bool:
    if ALL not in owner.verbs and not single.verbs <= owner.verbs:
        return False
    if single.paths:
        return all(_path_matches(owner.paths, path) for path in single.paths)
    if ALL not in owner.groups and not single.groups <= owner.groups:
        return False
    if owner.names and (not single.names or not single.names <= owner.names):
        return False
    (resource,) = single.resources
    base, _, subresource = resource.partition("/")
    return _resource_matches(owner.resources, base, subresource)


def _resource_matches(resources: frozenset[str], resource: str, subresource: str) -> bool:
    if ALL in resources:
        return True
    if not subresource:
        return resource in resources
    return f"{resource}/{subresource}" in resources or f"*/{subresource}" in resources


def _path_matches(paths: tuple[str, ...], path: str) -> bool:
    return any(
        rule in (ALL, path) or (rule.endswith(ALL) and path.startswith(rule[:-1])) for rule in paths
    )
