"""Roles and bindings: defaults of their references, and that a binding keeps its role."""

from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import invalid_value, required, unsupported
from towpath.machinery.core_kinds import RBAC_GROUP
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject

SUBJECT_KINDS = ("ServiceAccount", "User", "Group")


def _default_binding(obj: RawObject) -> None:
    reference = obj.get("roleRef")
    if isinstance(reference, dict):
        reference.setdefault("apiGroup", RBAC_GROUP)
    for subject in obj.get("subjects") or ():
        if subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", RBAC_GROUP)


def _validate_binding(obj: RawObject, old: RawObject | None) -> list[Cause]:
    reference = obj.get("roleRef") or {}
    causes: list[Cause] = []
    roles = ("Role", "ClusterRole") if obj["kind"] == "RoleBinding" else ("ClusterRole",)
    if reference.get("kind") not in roles:
        causes.append(unsupported("roleRef.kind", reference.get("kind"), roles))
    if not reference.get("name"):
        causes.append(required("roleRef.name"))
    for index, subject in enumerate(obj.get("subjects") or ()):
        field = f"subjects[{index}]"
        if not subject.get("name"):
            causes.append(required(f"{field}.name"))
        if subject.get("kind") not in SUBJECT_KINDS:
            causes.append(unsupported(f"{field}.kind", subject.get("kind"), SUBJECT_KINDS))
        elif subject["kind"] == "ServiceAccount" and not subject.get("namespace"):
            causes.append(required(f"{field}.namespace"))
    if old is not None and old.get("roleRef") != obj.get("roleRef"):
        causes.append(invalid_value("roleRef", obj.get("roleRef"), "cannot change roleRef"))
    return causes


def _validate_role(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    return [
        required(f"rules[{index}].verbs", "verbs must contain at least one value")
        for index, rule in enumerate(obj.get("rules") or ())
        if not rule.get("verbs")
    ]


ROLE = Behaviour(name_pattern="path", validate=_validate_role)
BINDING = Behaviour(name_pattern="path", default=_default_binding, validate=_validate_binding)
