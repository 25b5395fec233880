"""Which writes a policy or binding is about: operations, resources, namespaces, objects."""

from collections.abc import Sequence

from towpath.apiserver.core import Core, Operation
from towpath.apiserver.encoding import loads
from towpath.machinery.objects import RawObject, labels_of
from towpath.machinery.selectors import from_object

EXEMPT = frozenset(
    (
        "admissionregistration.k8s.io/validatingadmissionpolicies",
        "admissionregistration.k8s.io/validatingadmissionpolicybindings",
        "admissionregistration.k8s.io/mutatingwebhookconfigurations",
        "admissionregistration.k8s.io/validatingwebhookconfigurations",
    )
)
"""No policy may stand in the way of changing policies."""


def is_about(core: Core, operation: Operation, match: RawObject | None) -> bool:
    """Whether matchConstraints or matchResources take this write; None takes every write."""
    if match is None:
        return True
    rules: Sequence[RawObject] = match.get("resourceRules") or ()
    if rules and not any(_rule_takes(rule, operation) for rule in rules):
        return False
    if any(_rule_takes(rule, operation) for rule in match.get("excludeResourceRules") or ()):
        return False
    if not _namespace_matches(core, operation, match.get("namespaceSelector")):
        return False
    return _object_matches(operation, match.get("objectSelector"))


def _rule_takes(rule: RawObject, operation: Operation) -> bool:
    resource = operation.served.resource
    names = rule.get("resourceNames")
    return (
        _among(rule.get("operations"), operation.kind)
        and _among(rule.get("apiGroups"), resource.group)
        # matchPolicy Equivalent: all versions of a resource are the same resource to a policy.
        and bool(rule.get("apiVersions"))
        and any(_resource_takes(pattern, operation) for pattern in rule.get("resources") or ())
        and (not names or operation.name in names)
        and rule.get("scope", "*") in ("*", "Namespaced" if resource.namespaced else "Cluster")
    )


def _among(patterns: Sequence[str] | None, value: str) -> bool:
    return patterns is not None and ("*" in patterns or value in patterns)


def _resource_takes(pattern: str, operation: Operation) -> bool:
    plural, slash, subresource = pattern.partition("/")
    if plural not in ("*", operation.served.resource.plural):
        return False
    wanted = operation.target.subresource
    if not slash:
        return not wanted
    return subresource == "*" or subresource == wanted


def _namespace_matches(core: Core, operation: Operation, selector: RawObject | None) -> bool:
    if not selector:
        return True
    if operation.served.collection == "core/namespaces":
        return from_object(selector).matches(labels_of(operation.obj))
    if not operation.served.resource.namespaced:
        return True
    namespace = namespace_object(core, operation)
    return namespace is not None and from_object(selector).matches(labels_of(namespace))


def namespace_object(core: Core, operation: Operation) -> RawObject | None:
    if not operation.served.resource.namespaced:
        return None
    stored = core.store.get("core/namespaces", operation.namespace)
    return loads(stored.value) if stored is not None else None


def _object_matches(operation: Operation, selector: RawObject | None) -> bool:
    if not selector:
        return True
    parsed = from_object(selector)
    candidates = [operation.obj] if operation.old is None else [operation.obj, operation.old]
    return any(parsed.matches(labels_of(candidate)) for candidate in candidates)
