"""Immutability of what a CRD rule cannot see.

A CEL rule in a CRD compares the declared fields; the Score file is carried as it is, and what is in
it has no declared fields. An admission policy sees the whole object.
"""

from towpath.capabilities.delivery.workloads.kinds import RELEASE
from towpath.machinery.objects import RawObject

NAME = "towpath-releases-are-immutable"
_API_VERSION = "admissionregistration.k8s.io/v1"
_LABELS = {"app.kubernetes.io/managed-by": "towpath"}

OBJECTS: tuple[RawObject, ...] = (
    {
        "apiVersion": _API_VERSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": NAME, "labels": _LABELS},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [RELEASE.group],
                        "apiVersions": [RELEASE.version],
                        "operations": ["UPDATE"],
                        "resources": [RELEASE.plural],
                    }
                ]
            },
            "validations": [
                {
                    "expression": "object.spec == oldObject.spec",
                    "message": "a release is immutable; build the commit again to make another one",
                    "reason": "Invalid",
                }
            ],
        },
    },
    {
        "apiVersion": _API_VERSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": NAME, "labels": _LABELS},
        "spec": {"policyName": NAME, "validationActions": ["Deny"]},
    },
)
