"""Nobody grants what they do not hold: the check on every write of a role or a binding.

A role may be written by whoever holds all its permissions, or may `escalate` it; a binding by
whoever holds all permissions of the bound role, or may `bind` it. system:masters hold everything.
"""

from towpath.apiserver.authz.index import RbacIndex, RoleRef, role_ref_of
from towpath.apiserver.authz.rules import Rule, compile_rules, gathered, uncovered
from towpath.apiserver.core import Admit, Core, Operation
from towpath.machinery.core_kinds import RBAC_GROUP
from towpath.machinery.errors import Cause, Forbidden, Invalid, NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import MASTERS, AccessRequest, UserInfo

EVERYTHING = (
    Rule(frozenset({"*"}), groups=frozenset({"*"}), resources=frozenset({"*"})),
    Rule(frozenset({"*"}), paths=("*",)),
)
LIFECYCLE = ("ownerReferences", "finalizers", "managedFields", "resourceVersion", "generation")


def escalation_check(index: RbacIndex) -> Admit:
    """The check as an admission function; it belongs among the validating ones."""

    async def admit(_core: Core, operation: Operation) -> None:
        if operation.kind != "DELETE":
            resource = operation.served.resource
            check_escalation(index, operation.user, resource, operation.obj, operation.old)

    return admit


def check_escalation(
    index: RbacIndex, user: UserInfo, resource: Resource, obj: RawObject, old: RawObject | None
) -> None:
    """Raises Forbidden, or Invalid when a binding's roleRef changes. Ignores all other kinds."""
    if resource.group != RBAC_GROUP:
        return
    if resource.kind in ("Role", "ClusterRole"):
        _check_role(index, user, resource, obj, old)
    elif resource.kind in ("RoleBinding", "ClusterRoleBinding"):
        _check_binding(index, user, resource, obj, old)


def _check_role(
    index: RbacIndex, user: UserInfo, resource: Resource, obj: RawObject, old: RawObject | None
) -> None:
    if _only_lifecycle_changed(obj, old):
        return
    request = _request("escalate", resource.plural, obj)
    if MASTERS in user.groups or index.allowed(user, request):
        return
    wanted = EVERYTHING if obj.get("aggregationRule") else compile_rules(obj.get("rules"))
    _refuse_uncovered(index, user, request, wanted)


def _check_binding(
    index: RbacIndex, user: UserInfo, resource: Resource, obj: RawObject, old: RawObject | None
) -> None:
    if old is not None and obj.get("roleRef") != old.get("roleRef"):
        raise _role_ref_is_immutable(resource, obj)
    if _only_lifecycle_changed(obj, old):
        return
    reference = role_ref_of(obj)
    bind = AccessRequest(
        verb="bind",
        group=RBAC_GROUP,
        resource="roles" if reference.namespace else "clusterroles",
        namespace=obj["metadata"].get("namespace", ""),
        name=reference.name,
    )
    if MASTERS in user.groups or index.allowed(user, bind):
        return
    write = _request("bind", resource.plural, obj)
    _require_role(index, reference, resource.plural)
    _refuse_uncovered(index, user, write, index.rules_at(reference))


def _refuse_uncovered(
    index: RbacIndex, user: UserInfo, request: AccessRequest, wanted: tuple[Rule, ...]
) -> None:
    missing = uncovered(index.rules_of(user, request.namespace), wanted)
    if not missing:
        return
    groups = " ".join(f'"{group}"' for group in user.groups)
    listed = "\n".join(sorted(str(rule) for rule in gathered(missing)))
    raise Forbidden(
        f'{request.resource}.{RBAC_GROUP} "{request.name}" is forbidden: user "{user.name}" '
        f"(groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n"
        f"{listed}",
        details={"name": request.name, "group": RBAC_GROUP, "kind": request.resource},
    )


def _only_lifecycle_changed(obj: RawObject, old: RawObject | None) -> bool:
    """The garbage collector must get by with what others have granted."""
    return old is not None and _granting(obj) == _granting(old)


def _granting(obj: RawObject) -> RawObject:
    metadata = {name: v for name, v in obj["metadata"].items() if name not in LIFECYCLE}
    return {**obj, "metadata": metadata}


def _require_role(index: RbacIndex, reference: RoleRef, plural: str) -> None:
    """Whoever may not `bind` cannot bind a role in advance of its being made."""
    if not index.is_known(reference):
        # A kube-apiserver names what is written here, not what is missing.
        raise NotFound(
            f'{plural}.{RBAC_GROUP} "{reference.name}" not found',
            details={"name": reference.name, "group": RBAC_GROUP, "kind": plural},
        )


def _role_ref_is_immutable(resource: Resource, obj: RawObject) -> Invalid:
    name = obj["metadata"]["name"]
    reference = obj.get("roleRef") or {}
    problem = f"Invalid value: {_go_struct(reference)}: cannot change roleRef"
    return Invalid(
        f'{resource.kind}.{resource.group} "{name}" is invalid: roleRef: {problem}',
        details={"name": name, "group": resource.group, "kind": resource.kind},
        causes=[Cause("FieldValueInvalid", problem, "roleRef")],
    )


def _go_struct(reference: RawObject) -> str:
    fields = (("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name"))
    values = ", ".join(f'{shown}:"{reference.get(name, "")}"' for shown, name in fields)
    return f"rbac.RoleRef{{{values}}}"


def _request(verb: str, plural: str, obj: RawObject) -> AccessRequest:
    metadata = obj["metadata"]
    return AccessRequest(
        verb=verb,
        group=RBAC_GROUP,
        resource=plural,
        namespace=metadata.get("namespace", ""),
        name=metadata.get("name", ""),
    )
