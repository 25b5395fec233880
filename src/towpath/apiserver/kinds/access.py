"""Roles and bindings: defaults of their references, what they must say, what they may not."""

from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import invalid_value, required, unsupported
from towpath.machinery.core_kinds import RBAC_GROUP
from towpath.machinery.errors import Cause
from towpath.machinery.names import path_segment_errors, subdomain_errors
from towpath.machinery.objects import RawObject
from towpath.machinery.selectors import selector_causes

GO_NAMES = {"APIGroup": "apiGroup", "Kind": "kind", "Name": "name"}
"""Of a reference to a role, which is shown as Go writes it without names for JSON."""
SUBJECT_KINDS = ("ServiceAccount", "User", "Group")


def _default_binding(obj: RawObject) -> None:
    groups = [obj.setdefault("roleRef", {})]
    groups += [
        subject for subject in obj.get("subjects") or () if subject.get("kind") in ("User", "Group")
    ]
    for holder in groups:
        holder["apiGroup"] = holder.get("apiGroup") or RBAC_GROUP


def _validate_binding(obj: RawObject, old: RawObject | None) -> list[Cause]:
    reference = obj.get("roleRef") or {}
    causes: list[Cause] = []
    roles = ("Role", "ClusterRole") if obj["kind"] == "RoleBinding" else ("ClusterRole",)
    if (group := reference.get("apiGroup") or "") != RBAC_GROUP:
        causes.append(unsupported("roleRef.apiGroup", group, (RBAC_GROUP,)))
    if (kind := reference.get("kind") or "") not in roles:
        causes.append(unsupported("roleRef.kind", kind, roles))
    if not (name := reference.get("name") or ""):
        causes.append(required("roleRef.name"))
    else:
        causes += [invalid_value("roleRef.name", name, why) for why in path_segment_errors(name)]
    for index, subject in enumerate(obj.get("subjects") or ()):
        causes += _subject_causes(subject, f"subjects[{index}]", obj["kind"] == "RoleBinding")
    if old is not None and old.get("roleRef") != obj.get("roleRef"):
        shown = {name: reference.get(field) or "" for name, field in GO_NAMES.items()}
        causes.append(invalid_value("roleRef", shown, "cannot change roleRef"))
    return causes


def _subject_causes(subject: RawObject, field: str, namespaced: bool) -> list[Cause]:
    causes: list[Cause] = []
    kind, name = subject.get("kind") or "", subject.get("name") or ""
    group = subject.get("apiGroup") or ""
    if not name:
        causes.append(required(f"{field}.name"))
    if kind == "ServiceAccount":
        if name:
            problems = subdomain_errors(name)
            causes += [invalid_value(f"{field}.name", name, why) for why in problems]
        if group:
            causes.append(unsupported(f"{field}.apiGroup", group, ("",)))
        if not namespaced and not subject.get("namespace"):
            causes.append(required(f"{field}.namespace"))
    elif kind not in SUBJECT_KINDS:
        causes.append(unsupported(f"{field}.kind", kind, SUBJECT_KINDS))
    elif group != RBAC_GROUP:
        causes.append(unsupported(f"{field}.apiGroup", group, (RBAC_GROUP,)))
    return causes


def _validate_role(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    causes: list[Cause] = []
    for index, rule in enumerate(obj.get("rules") or ()):
        causes += _rule_causes(rule, f"rules[{index}]", obj["kind"] == "Role")
    return causes + (_aggregation_causes(obj) if obj["kind"] == "ClusterRole" else [])


def _rule_causes(rule: RawObject, field: str, namespaced: bool) -> list[Cause]:
    causes: list[Cause] = []
    if not rule.get("verbs"):
        causes.append(required(f"{field}.verbs", "verbs must contain at least one value"))
    if urls := rule.get("nonResourceURLs"):
        if namespaced:
            why = "namespaced rules cannot apply to non-resource URLs"
            causes.append(invalid_value(f"{field}.nonResourceURLs", urls, why))
        if any(rule.get(name) for name in ("apiGroups", "resources", "resourceNames")):
            why = "rules cannot apply to both regular resources and non-resource URLs"
            causes.append(invalid_value(f"{field}.nonResourceURLs", urls, why))
        return causes
    for name, what in (("apiGroups", "api group"), ("resources", "resource")):
        if not rule.get(name):
            why = f"resource rules must supply at least one {what}"
            causes.append(required(f"{field}.{name}", why))
    return causes


def _aggregation_causes(obj: RawObject) -> list[Cause]:
    rule, field = obj.get("aggregationRule"), "aggregationRule.clusterRoleSelectors"
    if rule is None:
        return []
    selectors = rule.get("clusterRoleSelectors") or ()
    if not selectors:
        why = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        return [required(field, why)]
    causes: list[Cause] = []
    for index, selector in enumerate(selectors):
        wrong = selector_causes(selector, f"{field}[{index}]")
        if wrong:
            wrong.append(invalid_value(f"{field}[{index}]", None, "invalid label selector."))
        causes += wrong
    return causes


ROLE = Behaviour(name_pattern="path", validate=_validate_role)
BINDING = Behaviour(name_pattern="path", default=_default_binding, validate=_validate_binding)
