"""Who may see the platform's own actions, and the rules of runs that the API keeps itself."""

from towpath.capabilities.portal.actions.kinds import (
    CANCELLED_BY,
    FINALIZER,
    UNDO_ATTEMPT,
    UNDONE_BY,
)
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.core_kinds import RBAC_GROUP
from towpath.machinery.kinds import GROUP
from towpath.machinery.objects import RawObject
from towpath.machinery.users import MASTERS, PLATFORM

_OFFERED = "towpath:offered-actions"
_MARKS = "towpath-action-run-marks"
_LABELS = {"app.kubernetes.io/managed-by": "towpath"}
_METADATA: RawObject = {"name": _OFFERED, "namespace": SYSTEM_NAMESPACE, "labels": _LABELS}


def _only_oneself(who: str, annotation: str = "") -> RawObject:
    """Whoever sets the annotation is named by `who`, which is the annotation itself by default."""
    annotation = annotation or who
    has = f"has(object.metadata.annotations) && '{annotation}' in object.metadata.annotations"
    had = (
        "oldObject != null && has(oldObject.metadata.annotations) && "
        f"'{annotation}' in oldObject.metadata.annotations && "
        f"oldObject.metadata.annotations['{annotation}'] == "
        f"object.metadata.annotations['{annotation}']"
    )
    mine = (
        f"'{who}' in object.metadata.annotations && "
        f"object.metadata.annotations['{who}'] == request.userInfo.username"
    )
    return {
        "expression": f"!({has}) || ({had}) || ({mine})",
        "messageExpression": f"'the annotation {who} must name who sends the request: ' "
        "+ request.userInfo.username",
        "reason": "Forbidden",
    }


_COUNTED: RawObject = {
    "expression": "!has(object.metadata.annotations) || "
    f"!('{UNDO_ATTEMPT}' in object.metadata.annotations) || "
    f"object.metadata.annotations['{UNDO_ATTEMPT}'].matches('^[1-9][0-9]{{0,8}}$')",
    "message": f"the annotation {UNDO_ATTEMPT} must be a number, such as 2",
}

_FINALIZER_STAYS: RawObject = {
    "expression": "oldObject == null || !has(oldObject.metadata.finalizers) || "
    f"!('{FINALIZER}' in oldObject.metadata.finalizers) || "
    f"(has(object.metadata.finalizers) && '{FINALIZER}' in object.metadata.finalizers) || "
    f"request.userInfo.username == '{PLATFORM.name}' || "
    f"request.userInfo.groups.exists(one, one == '{MASTERS}')",
    "message": f"the finalizer {FINALIZER} is the platform's to take away",
    "reason": "Forbidden",
}

OBJECTS: tuple[RawObject, ...] = (
    {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": "Role",
        "metadata": _METADATA,
        "rules": [
            {
                "apiGroups": [GROUP],
                "resources": ["actions"],
                "verbs": ["get", "list", "watch"],
            }
        ],
    },
    {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": _METADATA,
        "roleRef": {"apiGroup": RBAC_GROUP, "kind": "Role", "name": _OFFERED},
        "subjects": [{"apiGroup": RBAC_GROUP, "kind": "Group", "name": "system:authenticated"}],
    },
    {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": _MARKS, "labels": _LABELS},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [GROUP],
                        "apiVersions": ["v1alpha1"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": ["actionruns"],
                    }
                ]
            },
            "validations": [
                _only_oneself(CANCELLED_BY),
                _only_oneself(UNDONE_BY),
                _only_oneself(UNDONE_BY, UNDO_ATTEMPT),
                _COUNTED,
                _FINALIZER_STAYS,
            ],
        },
    },
    {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": _MARKS, "labels": _LABELS},
        "spec": {"policyName": _MARKS, "validationActions": ["Deny"]},
    },
)
