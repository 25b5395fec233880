"""Which writes a policy or binding is about: operations, resources, namespaces, objects."""

from collections.abc import Sequence

from towpath.apiserver.core import Core, Operation
from towpath.apiserver.encoding import loads
from towpath.machinery.objects import RawObject, labels_of
from towpath.machinery.selectors import from_object

_GROUP = "admissionregistration.k8s.io"
EXEMPT = frozenset(
    f"{_GROUP}/{plural}"
    for plural in (
        *("validatingadmissionpolicies", "validatingadmissionpolicybindings"),
        *("mutatingadmissionpolicies", "mutatingadmissionpolicybindings"),
        *("mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
    )
)
"""No policy may stand in the way of changing policies."""


def is_about(core: Core, operation: Operation, match: RawObject | None) -> str:
    """The apiVersion in which matchConstraints or matchResources take this write; "" if not."""
    own = operation.served.resource.api_version
    if match is None:
        return own
    if not _namespace_matches(core, operation, match.get("namespaceSelector")):
        return ""
    if not _object_matches(operation, match.get("objectSelector")):
        return ""
    fuzzy = match.get("matchPolicy", "Equivalent") != "Exact"
    if _matched_version(core, operation, match.get("excludeResourceRules") or (), fuzzy=fuzzy):
        return ""
    rules = match.get("resourceRules") or ()
    return _matched_version(core, operation, rules, fuzzy=fuzzy) if rules else own


def _matched_version(
    core: Core, operation: Operation, rules: Sequence[RawObject], *, fuzzy: bool
) -> str:
    """The version asked for, if a rule names it; else another one of the same resource."""
    resource = operation.served.resource
    taking = [rule for rule in rules if _rule_takes(rule, operation)]
    if any(_among(rule.get("apiVersions"), resource.version) for rule in taking):
        return resource.api_version
    if fuzzy and taking:
        for version in core.registry.group_versions().get(resource.group, ()):
            if core.registry.at(resource.group, version, resource.plural) is not None and any(
                version in rule.get("apiVersions", ()) for rule in taking
            ):
                return f"{resource.group}/{version}" if resource.group else version
    return ""


def _rule_takes(rule: RawObject, operation: Operation) -> bool:
    """Whatever the version."""
    resource = operation.served.resource
    names = rule.get("resourceNames")
    return (
        _among(rule.get("operations"), operation.kind)
        and _among(rule.get("apiGroups"), resource.group)
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
