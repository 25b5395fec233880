"""Every role and binding in memory, arranged so that a decision touches only the asker's bindings.

The index is told of changes one object at a time and answers at once from what it has been told;
it does no I/O. Roles are found when a question is asked, so that order of arrival does not matter.
"""

from collections.abc import Iterator
from itertools import chain

from msgspec import Struct, field

from towpath.apiserver.authz.rules import Rule, compile_rules
from towpath.machinery.errors import BadRequest
from towpath.machinery.objects import Key, RawObject, key_of
from towpath.machinery.selectors import LabelSelector, from_object
from towpath.machinery.users import MASTERS, AccessRequest, UserInfo

HELD_MAX = 4096
"""Of users in namespaces is remembered what they hold."""
ASKER_LENGTH_MAX = 4096
"""Of names of somebody, of their groups and of a namespace, all of which clients may make up."""

Subject = tuple[str, str]
"""("User" or "Group", name); a ServiceAccount is the User that Kubernetes names for it."""


class RoleRef(Struct, frozen=True):
    """Namespace "" is a ClusterRole."""

    namespace: str
    name: str


class Bound(Struct, frozen=True):
    """What a binding says: the role, and the subjects as decisions are explained with them."""

    reference: RoleRef
    subjects: dict[Subject, str]


class ClusterRole(Struct):
    rules: tuple[Rule, ...]
    labels: dict[str, str]
    selectors: list[LabelSelector]
    """Of the aggregationRule; empty when the role has none."""


class RbacIndex(Struct):
    """Kept current by `following`; asked through `allowed` or, as an `Authorize`, `authorize`."""

    roles: dict[RoleRef, tuple[Rule, ...]] = field(default_factory=dict)
    cluster_roles: dict[str, ClusterRole] = field(default_factory=dict)
    bindings: dict[tuple[str, str], Bound] = field(default_factory=dict)
    """Each binding by namespace ("" for a ClusterRoleBinding) and name."""
    grants: dict[tuple[str, Subject], dict[str, RoleRef]] = field(default_factory=dict)
    """Namespace and subject to the roles bound there, by the name of the binding."""
    aggregated: dict[str, tuple[Rule, ...]] = field(default_factory=dict)
    """Computed on use, forgotten when any ClusterRole changes."""
    held: dict[tuple[str, tuple[str, ...], str], tuple[Rule, ...]] = field(default_factory=dict)
    """What a user with those groups may in a namespace: the same, forgotten with any change."""

    async def authorize(self, user: UserInfo, request: AccessRequest) -> bool:
        return self.allowed(user, request)

    def allowed(self, user: UserInfo, request: AccessRequest) -> bool:
        if MASTERS in user.groups:
            return True
        return any(rule.allows(request) for rule in self.rules_of(user, request.namespace))

    def explain(self, user: UserInfo, request: AccessRequest) -> str:
        """Why it is allowed: the binding, role and subject; else which bound roles are missing.

        "" when there is nothing to say. For reviews only; decisions are made by `allowed`.
        """
        missing = {}
        for scope, subject, name in self._bound_to(user, request.namespace):
            bound = self.bindings[(scope, name)]
            rules = self.rules_at(bound.reference)
            if any(rule.allows(request) for rule in rules):
                binding = (
                    f'RoleBinding "{name}/{scope}"' if scope else f'ClusterRoleBinding "{name}"'
                )
                kind = "Role" if bound.reference.namespace else "ClusterRole"
                return (
                    f'RBAC: allowed by {binding} of {kind} "{bound.reference.name}" '
                    f"to {bound.subjects[subject]}"
                )
            if not rules and not self.is_known(bound.reference):
                kind = "role" if bound.reference.namespace else "clusterrole"
                missing[f'{kind}.rbac.authorization.k8s.io "{bound.reference.name}" not found'] = 1
        if not missing:
            return ""
        return "RBAC: " + (next(iter(missing)) if len(missing) == 1 else f"[{', '.join(missing)}]")

    def rules_of(self, user: UserInfo, namespace: str) -> tuple[Rule, ...]:
        """Everything that roles allow the user in a namespace, cluster-wide ones included."""
        key = (user.name, user.groups, namespace)
        known = self.held.get(key)
        if known is None:
            known = tuple(chain.from_iterable(self._held(user, namespace)))
            if len(user.name) + len(namespace) + sum(map(len, user.groups)) <= ASKER_LENGTH_MAX:
                if len(self.held) >= HELD_MAX:
                    self.held.clear()
                self.held[key] = known
        return known

    def is_known(self, reference: RoleRef) -> bool:
        if reference.namespace:
            return reference in self.roles
        return reference.name in self.cluster_roles

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
        self.held.clear()
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
        self.held.clear()
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

    def _bound_to(self, user: UserInfo, namespace: str) -> list[tuple[str, Subject, str]]:
        """Namespace, subject and name of each binding of the user, those of the cluster first."""
        subjects = (("User", user.name), *(("Group", group) for group in user.groups))
        return [
            (scope, subject, name)
            for scope in (("", namespace) if namespace else ("",))
            for subject in subjects
            for name in sorted(self.grants.get((scope, subject), {}))
        ]

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
        bound = Bound(role_ref_of(obj), dict(_subjects(obj)))
        self.bindings[(key.namespace, key.name)] = bound
        for subject in bound.subjects:
            self.grants.setdefault((key.namespace, subject), {})[key.name] = bound.reference

    def _unbind(self, key: Key) -> None:
        bound = self.bindings.pop((key.namespace, key.name), None)
        for subject in bound.subjects if bound else ():
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
        selectors=[found for one in selectors if (found := _selector(one)) is not None],
    )


def _selector(obj: RawObject) -> LabelSelector | None:
    """None for one that was stored before it was checked: it selects nothing."""
    try:
        return from_object(obj)
    except BadRequest:
        return None


def _subjects(binding: RawObject) -> Iterator[tuple[Subject, str]]:
    """Each with the words that name it."""
    for subject in binding.get("subjects") or ():
        kind, name = subject.get("kind", ""), subject.get("name", "")
        if kind == "ServiceAccount":
            namespace = subject.get("namespace") or binding["metadata"].get("namespace", "")
            user = f"system:serviceaccount:{namespace}:{name}"
            yield ("User", user), f'ServiceAccount "{name}/{namespace}"'
        elif kind in ("User", "Group"):
            yield (kind, name), f'{kind} "{name}"'
