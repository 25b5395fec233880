"""Who may ask for an upgrade: whoever may push to the repository. And nobody in another's name.

The rules are admission policies, so that any API server enforces them; the controllers act on what
has been admitted, with the platform's own rights.
"""

from towpath.capabilities.portal.templates.upgrades.kinds import (
    TEMPLATE_UPGRADE,
    UPGRADE_CAMPAIGN,
)
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM

_API_VERSION = "admissionregistration.k8s.io/v1"
_LABELS = {"app.kubernetes.io/managed-by": "towpath"}
_IS_PLATFORM = f"request.userInfo.username == '{PLATFORM.name}'"
_ME = "request.userInfo.username"
_MAY_PUSH = (
    "authorizer.group('git.towpath.dev').resource('repositories')"
    ".namespace(object.metadata.namespace){name}.check('update').allowed()"
)


def _policy(resource: Resource, validations: list[RawObject]) -> tuple[RawObject, RawObject]:
    name = f"towpath-{resource.plural}"
    policy: RawObject = {
        "apiVersion": _API_VERSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name, "labels": _LABELS},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [resource.group],
                        "apiVersions": [resource.version],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": [resource.plural],
                    }
                ]
            },
            "matchConditions": [{"name": "not-the-platform", "expression": f"!({_IS_PLATFORM})"}],
            "validations": validations,
        },
    }
    binding: RawObject = {
        "apiVersion": _API_VERSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name, "labels": _LABELS},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    return policy, binding


def _said_by_me(expression: str, field: str) -> RawObject:
    return {
        "expression": expression,
        "messageExpression": f"'spec.{field} must be the user who sends the request: ' + {_ME}",
        "reason": "Forbidden",
    }


_REQUESTED = _said_by_me(
    f"request.operation != 'CREATE' || object.spec.requestedBy == {_ME}", "requestedBy"
)
_MERGED = _said_by_me(
    f"!has(object.spec.merge) || object.spec.merge.by == {_ME} || "
    "(oldObject != null && has(oldObject.spec.merge) && "
    "oldObject.spec.merge == object.spec.merge)",
    "merge.by",
)
_REPOSITORY = _MAY_PUSH.format(name=".name(object.spec.repository)")

OBJECTS: tuple[RawObject, ...] = (
    *_policy(
        TEMPLATE_UPGRADE,
        [
            _REQUESTED,
            _MERGED,
            {
                "expression": _REPOSITORY,
                "messageExpression": f"{_ME} + ' may not push to ' + object.spec.repository + "
                "', which an upgrade of it does'",
                "reason": "Forbidden",
            },
        ],
    ),
    *_policy(
        UPGRADE_CAMPAIGN,
        [
            _REQUESTED,
            {
                "expression": f"object.metadata.namespace == '{SYSTEM_NAMESPACE}' || "
                + _MAY_PUSH.format(name=""),
                "messageExpression": f"{_ME} + ' may not push to the repositories of ' + "
                "object.metadata.namespace + ', which a campaign does'",
                "reason": "Forbidden",
            },
        ],
    ),
)
