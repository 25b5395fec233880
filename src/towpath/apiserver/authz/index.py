"""Every role and binding in memory, arranged so that a decision touches only the asker's bindings.

The index is told of changes one object at a time and answers at once from what it has been told;
it does no I/O. Roles are found when a question is asked, so that order of arrival does not matter.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from towpath.apiserver.authz.rules import Rule, compile_rules
from towpath.machinery.objects import Key, RawObject, key_of
from towpath.machinery.selectors import LabelSelector, from_object
from towpath.machinery.users import MASTERS, AccessRequest, UserInfo

Subject = tuple[str, str]
"""("User" or "Group", name); a ServiceAccount is the User that Kubernetes names for it."""


@dataclass(frozen=True, slots=True)
class RoleRef:
    """Namespace "" is a ClusterRole."""

    namespace: str
    name: str


@dataclass(slots=True)
class ClusterRole:
    rules: tuple[Rule, ...]
    labels: dict[str, str]
    selectors: list[LabelSelector]
    """Of the aggregationRule; empty when the role has none."""


@dataclass(slots=True)
class RbacIndex:
    """Kept current by `following`; asked through `allowed` or, as an `Authorize`, `authorize`."""

    roles: dict[RoleRef, tuple[Rule, ...]] = field(default_factory=dict)
    cluster_roles: dict[str, ClusterRole] = field(default_factory=dict)
    bindings: dict[tuple[str, str], tuple[RoleRef, tuple[Subject, ...]]] = field(
        default_factory=dict
    )
    """Each binding by namespace ("" for a ClusterRoleBinding) and name."""
    grants: dict[tuple[str, Subject], dict[str, RoleRef]] = field(default_factory=dict)
    """Namespace and subject to the roles bound there, by the name of the binding."""
    aggregated: dict[str, tuple[Rule, ...]] = field(default_factory=dict)
    """Computed on use, forgotten when any ClusterRole changes."""

    async def authorize(self, user: UserInfo, request: AccessRequest) -> bool:
        return self.allowed(user, request)

    def allowed(self, user: UserInfo, request: AccessRequest) -> bool:
        if MASTERS in user.groups:
            return True
        for rules in self._held(user, request.namespace):
            for rule in rules:
                if rule.allows(request):
                    return True
        return False

    def rules_of(self, user: UserInfo, namespace: str) -> list[Rule]:
        """Everything that the user may do in a namespace, cluster-wide permissions included."""
        if MASTERS in user.groups:
            everything = frozenset({"*"})
            return [Rule(everything, everything, everything), Rule(everything, paths=("*",))]
        return [rule for rules in self._held(user, namespace) for rule in rules]

    def rules_at(self, reference: RoleRef) -> tuple[Rule, ...]:
        """The rules of a role; none when there is no such role."""
        if reference.namespace:
            return self.roles.get(reference, ())
        role = self.cluster_roles.get(reference.name)
        if role is None:
            return ()
        if not role.selectors:
            return role.rules
        if reference.name not in self.aggregated:
            self.aggregated[reference.name] = ()  # ends the descent when roles select each other
            self.aggregated[reference.name] = self._aggregate(reference.name, role)
        return self.aggregated[reference.name]

    def put(self, kind: str, obj: RawObject) -> None:
        """An object of one of the four kinds was made or changed."""
        key = key_of(obj)
        match kind:
            case "Role":
                self.roles[RoleRef(key.namespace, key.name)] = compile_rules(obj.get("rules"))
            case "ClusterRole":
                self.cluster_roles[key.name] = _cluster_role(obj)
                self.aggregated.clear()
            case "RoleBinding" | "ClusterRoleBinding":
                self._unbind(key)
                self._bind(key, obj)

    def remove(self, kind: str, key: Key) -> None:
        match kind:
            case "Role":
                self.roles.pop(RoleRef(key.namespace, key.name), None)
            case "ClusterRole":
                self.cluster_roles.pop(key.name, None)
                self.aggregated.clear()
            case "RoleBinding" | "ClusterRoleBinding":
                self._unbind(key)

    def _held(self, user: UserInfo, namespace: str) -> Iterator[tuple[Rule, ...]]:
        scopes = ("", namespace) if namespace else ("",)
        for subject in (("User", user.name), *(("Group", group) for group in user.groups)):
            for scope in scopes:
                for reference in self.grants.get((scope, subject), {}).values():
                    yield self.rules_at(reference)

    def _aggregate(self, name: str, role: ClusterRole) -> tuple[Rule, ...]:
        rules = dict.fromkeys(
            rule
            for other_name, other in sorted(self.cluster_roles.items())
            if other_name != name
            and any(selector.matches(other.labels) for selector in role.selectors)
            for rule in self.rules_at(RoleRef("", other_name))
        )
        return tuple(rules)

    def _bind(self, key: Key, obj: RawObject) -> None:
        reference = role_ref_of(obj)
        subjects = tuple(_subjects(obj))
        self.bindings[(key.namespace, key.name)] = (reference, subjects)
        for subject in subjects:
            self.grants.setdefault((key.namespace, subject), {})[key.name] = reference

    def _unbind(self, key: Key) -> None:
        _, subjects = self.bindings.pop((key.namespace, key.name), (None, ()))
        for subject in subjects:
            granted = self.grants[(key.namespace, subject)]
            granted.pop(key.name, None)
            if not granted:
                del self.grants[(key.namespace, subject)]


def role_ref_of(binding: RawObject) -> RoleRef:
    """What a binding binds: a Role of its own namespace, or a ClusterRole."""
    reference = binding.get("roleRef") or {}
    namespace = ""
    if reference.get("kind") == "Role":
        namespace = binding["metadata"].get("namespace", "")
    return RoleRef(namespace, reference.get("name", ""))


def _cluster_role(obj: RawObject) -> ClusterRole:
    selectors = (obj.get("aggregationRule") or {}).get("clusterRoleSelectors") or ()
    return ClusterRole(
        rules=compile_rules(obj.get("rules")),
        labels=obj["metadata"].get("labels") or {},
        selectors=[from_object(selector) for selector in selectors],
    )


def _subjects(binding: RawObject) -> Iterator[Subject]:
    for subject in binding.get("subjects") or ():
        kind, name = subject.get("kind", ""), subject.get("name", "")
        if kind == "ServiceAccount":
            namespace = subject.get("namespace") or binding["metadata"].get("namespace", "")
            yield "User", f"system:serviceaccount:{namespace}:{name}"
        elif kind in ("User", "Group"):
            yield kind, name
