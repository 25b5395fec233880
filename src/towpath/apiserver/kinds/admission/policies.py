"""Admission policies and their bindings: defaults, and what is refused.

Expressions are compiled with the types they may name (expressions.py); what they cost is counted
when they run.
"""

import re
from collections.abc import Iterator, Sequence

from towpath.apiserver.kinds.admission.expressions import (
    BOOL,
    TEXT,
    TEXT_OR_NULL,
    Language,
    expression_causes,
    language_of,
)
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import (
    duplicate,
    forbidden,
    invalid_value,
    required,
    too_many,
    unsupported,
)
from towpath.machinery.cel import CelSyntaxError, Program
from towpath.machinery.cel import types as cel
from towpath.machinery.cel.patches import JSON_PATCH, OBJECT
from towpath.machinery.errors import Cause
from towpath.machinery.names import (
    dns1035_errors,
    path_segment_errors,
    qualified_name_errors,
    subdomain_errors,
)
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.celview import RESERVED
from towpath.machinery.selectors import selector_causes

FAILURE_POLICIES = ("Fail", "Ignore")
MATCH_POLICIES = ("Equivalent", "Exact")
ACTIONS = ("Audit", "Deny", "Warn")
REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
MUTATING_OPERATIONS = ("*", "CONNECT", "CREATE", "UPDATE")
SCOPES = ("*", "Cluster", "Namespaced")
PATCH_TYPES = ("ApplyConfiguration", "JSONPatch")
REINVOCATIONS = ("IfNeeded", "Never")
NOT_FOUND_ACTIONS = ("Deny", "Allow")
CONDITIONS_MAX = 64
AUDIT_ANNOTATIONS_MAX = 20
AUDIT_EXPRESSION_BYTES_MAX = 5 * 1024
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
Causes = Iterator[Cause]


# -- defaults ------------------------------------------------------------------------------------


def _default_match(match: RawObject) -> None:
    match.setdefault("namespaceSelector", {})
    match.setdefault("objectSelector", {})
    match.setdefault("matchPolicy", "Equivalent")
    for name in ("resourceRules", "excludeResourceRules"):
        for rule in match.get(name) or ():
            rule.setdefault("scope", "*")


def _default_policy(obj: RawObject) -> None:
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    spec.setdefault("failurePolicy", "Fail")
    if obj.get("kind") == "MutatingAdmissionPolicy":
        spec.setdefault("reinvocationPolicy", "Never")
    if isinstance(spec.get("matchConstraints"), dict):
        _default_match(spec["matchConstraints"])


def _default_binding(obj: RawObject) -> None:
    spec = obj.get("spec") or {}
    if isinstance(spec.get("matchResources"), dict):
        _default_match(spec["matchResources"])


# -- what both kinds of policies say -------------------------------------------------------------


def _failure_policy(spec: RawObject) -> Causes:
    found = spec.get("failurePolicy")
    if found is None:
        yield required("spec.failurePolicy")
    elif found not in FAILURE_POLICIES:
        yield unsupported("spec.failurePolicy", found, FAILURE_POLICIES)


def _param_kind(spec: RawObject) -> Causes:
    kind = spec.get("paramKind")
    if kind is None:
        return
    field = "spec.paramKind"
    api_version, name = kind.get("apiVersion") or "", kind.get("kind") or ""
    group, _, version = api_version.rpartition("/")
    if not api_version:
        yield required(f"{field}.apiVersion")
    elif api_version.count("/") > 1:
        words = f"unexpected GroupVersion string: {api_version}"
        yield invalid_value(f"{field}.apiVersion", api_version, words)
    elif not version:
        yield invalid_value(f"{field}.apiVersion", api_version, "version must be specified")
    else:
        for part, errors in (
            (group, subdomain_errors(group) if group else []),
            (version, dns1035_errors(version)),
        ):
            if errors:
                yield invalid_value(f"{field}.apiVersion", part, ",".join(errors))
    if not name:
        yield required(f"{field}.kind")
    elif errors := dns1035_errors(name.lower()):
        words = "may have mixed case, but should otherwise match: " + ",".join(errors)
        yield invalid_value(f"{field}.kind", name, words)


def _match(match: RawObject | None, field: str) -> Causes:
    if match is None:
        return
    policy = match.get("matchPolicy")
    if policy not in MATCH_POLICIES:
        yield unsupported(f"{field}.matchPolicy", policy, MATCH_POLICIES)
    for name in ("namespaceSelector", "objectSelector"):
        yield from selector_causes(match.get(name) or {}, f"{field}.{name}")
    for name in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(match.get(name) or ()):
            yield from _rule(rule, f"{field}.{name}[{index}]")


def _rule(rule: RawObject, field: str) -> Causes:
    names: set[str] = set()
    for index, name in enumerate(rule.get("resourceNames") or ()):
        where = f"{field}.resourceNames[{index}]"
        for words in path_segment_errors(name):
            yield invalid_value(where, name, words)
        if name in names:
            yield duplicate(where, name)
        names.add(name)
    operations = rule.get("operations") or []
    yield from _wildcard(f"{field}.operations", operations, "operations")
    for index, operation in enumerate(operations):
        if operation not in OPERATIONS:
            yield unsupported(f"{field}.operations[{index}]", operation, OPERATIONS)
    yield from _wildcard(f"{field}.apiGroups", rule.get("apiGroups") or [], "API groups")
    versions = rule.get("apiVersions") or []
    yield from _wildcard(f"{field}.apiVersions", versions, "API versions")
    for index, version in enumerate(versions):
        if not version:
            yield required(f"{field}.apiVersions[{index}]")
    yield from _resources(rule.get("resources") or [], f"{field}.resources")
    if (scope := rule.get("scope", "*")) not in SCOPES:
        yield unsupported(f"{field}.scope", scope, SCOPES)


def _wildcard(field: str, values: list[str], what: str) -> Causes:
    if not values:
        yield required(field)
    if len(values) > 1 and "*" in values:
        yield invalid_value(field, values, f"if '*' is present, must not specify other {what}")


def _resources(resources: list[str], field: str) -> Causes:
    if not resources:
        yield required(field)
    whole: set[str] = set()
    everywhere: set[str] = set()
    for index, name in enumerate(resources):
        where = f"{field}[{index}]"
        if not name:
            yield required(where)
            continue
        resource, slash, subresource = name.partition("/")
        if not slash:
            continue
        for pattern in (
            f"{resource}/*" if resource in whole else "",
            f"*/{subresource}" if subresource in everywhere else "",
        ):
            if pattern:
                words = f"if '{pattern}' is present, must not specify {name}"
                yield invalid_value(where, name, words)
        if subresource == "*":
            whole.add(resource)
        if resource == "*":
            everywhere.add(subresource)
    if len(resources) > 1 and "*/*" in resources:
        words = "if '*/*' is present, must not specify other resources"
        yield invalid_value(field, resources, words)
    if "*" in resources and any(name != "*" and "/" not in name for name in resources):
        words = "if '*' is present, must not specify other resources without subresources"
        yield invalid_value(field, resources, words)


def _constraints(spec: RawObject) -> Causes:
    match = spec.get("matchConstraints")
    if match is None:
        yield required("spec.matchConstraints")
        return
    yield from _match(match, "spec.matchConstraints")
    if not match.get("resourceRules"):
        yield required("spec.matchConstraints.resourceRules")


def condition_causes(
    conditions: Sequence[RawObject], language: Language, field: str = "spec.matchConditions"
) -> Causes:
    """Of policies and of webhooks."""
    if len(conditions) > CONDITIONS_MAX:
        yield too_many(field, len(conditions), CONDITIONS_MAX)
    names: set[str] = set()
    for index, condition in enumerate(conditions):
        where = f"{field}[{index}]"
        expression, name = condition.get("expression") or "", condition.get("name") or ""
        if not expression.strip():
            yield required(f"{where}.expression")
        else:
            compiled = _attempt(language, expression.strip(), "condition")
            yield from expression_causes(f"{where}.expression", expression.strip(), compiled, BOOL)
        if not name:
            yield required(f"{where}.name")
            continue
        for words in qualified_name_errors(name):
            yield invalid_value(f"{where}.name", name, words)
        if name in names:
            yield duplicate(f"{where}.name", name)
        names.add(name)


def _attempt(language: Language, expression: str, what: str = "") -> Program | CelSyntaxError:
    try:
        if what == "condition":
            return language.condition(expression)
        return language.compile(expression, authorizer=what != "message")
    except CelSyntaxError as error:
        return error


def _variables(spec: RawObject, language: Language) -> Causes:
    for index, variable in enumerate(spec.get("variables") or ()):
        field = f"spec.variables[{index}]"
        name, expression = variable.get("name") or "", variable.get("expression") or ""
        if not name.strip():
            yield required(f"{field}.name", "name is not specified")
        elif _IDENTIFIER.fullmatch(name) is None or name in RESERVED:
            yield invalid_value(f"{field}.name", name, "must be a valid CEL identifier")
        if not expression.strip():
            yield required(f"{field}.expression", "expression is not specified")
        elif name in language.composed:
            compiled = language.composed[name]
            yield from expression_causes(f"{field}.expression", expression, compiled, ())


# -- validating policies -------------------------------------------------------------------------


def _validate_policy(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    spec = obj.get("spec") or {}
    language = language_of(spec)
    return [
        *_failure_policy(spec),
        *_param_kind(spec),
        *_constraints(spec),
        *condition_causes(spec.get("matchConditions") or (), language),
        *_variables(spec, language),
        *_validations(obj["metadata"].get("name") or "", spec, language),
    ]


def _validations(name: str, spec: RawObject, language: Language) -> Causes:
    validations, annotations = spec.get("validations") or (), spec.get("auditAnnotations") or ()
    if not validations and not annotations:
        words = "validations or auditAnnotations must contain at least one item"
        yield required("spec.validations", words)
        yield required("spec.auditAnnotations", words)
    for index, validation in enumerate(validations):
        yield from _validation(validation, f"spec.validations[{index}]", language)
    if len(annotations) > AUDIT_ANNOTATIONS_MAX:
        words = f"must not have more than {AUDIT_ANNOTATIONS_MAX} auditAnnotations"
        yield invalid_value("spec.auditAnnotations", annotations, words)
    keys: set[str] = set()
    for index, annotation in enumerate(annotations):
        field, key = f"spec.auditAnnotations[{index}]", annotation.get("key") or ""
        yield from _audit_annotation(name, annotation, field, language)
        if key in keys:
            yield duplicate(f"{field}.key", key)
        keys.add(key)


def _validation(validation: RawObject, field: str, language: Language) -> Causes:
    expression, message = validation.get("expression") or "", validation.get("message") or ""
    if not expression.strip():
        yield required(f"{field}.expression", "expression is not specified")
    else:
        compiled = _attempt(language, expression)
        yield from expression_causes(f"{field}.expression", expression, compiled, BOOL)
    said = validation.get("messageExpression") or ""
    if said and not said.strip():
        yield invalid_value(f"{field}.messageExpression", said, "must be non-empty if specified")
    elif said:
        compiled = _attempt(language, said, "message")
        yield from expression_causes(f"{field}.messageExpression", said, compiled, TEXT)
    if message and not message.strip():
        yield invalid_value(f"{field}.message", message, "must be non-empty if specified")
    elif "\n" in message.strip() or "\r" in message.strip():
        yield invalid_value(f"{field}.message", message, "must not contain line breaks")
    reason = validation.get("reason")
    if reason is not None and reason not in REASONS:
        yield unsupported(f"{field}.reason", reason, REASONS)


def _audit_annotation(name: str, annotation: RawObject, field: str, language: Language) -> Causes:
    key, expression = annotation.get("key") or "", annotation.get("valueExpression") or ""
    for words in qualified_name_errors(f"{name}/{key}"):
        yield invalid_value(f"{field}.key", f"{name}/{key}", words)
    where = f"{field}.valueExpression"
    if not expression.strip():
        yield required(where, "valueExpression is not specified")
    elif len(expression.strip().encode()) > AUDIT_EXPRESSION_BYTES_MAX:
        yield required(where, f"must not exceed {AUDIT_EXPRESSION_BYTES_MAX} bytes in length")
    else:
        compiled = _attempt(language, expression.strip())
        yield from expression_causes(where, expression, compiled, TEXT_OR_NULL)


# -- mutating policies ---------------------------------------------------------------------------


def _validate_mutating(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    spec = obj.get("spec") or {}
    language = language_of(spec, mutating=True)
    return [
        *_failure_policy(spec),
        *_param_kind(spec),
        *_constraints(spec),
        *_mutating_operations(spec.get("matchConstraints"), "spec.matchConstraints"),
        *condition_causes(spec.get("matchConditions") or (), language),
        *_variables(spec, language),
        *_mutations(spec, language),
        *_reinvocation(spec),
    ]


def _mutating_operations(match: RawObject | None, field: str) -> Causes:
    for rule in (match or {}).get("resourceRules") or ():
        for operation in rule.get("operations") or ():
            if operation not in MUTATING_OPERATIONS:
                where = f"{field}.resourceRules.operations"
                yield unsupported(where, operation, MUTATING_OPERATIONS)


def _reinvocation(spec: RawObject) -> Causes:
    if not spec.get("reinvocationPolicy"):
        yield required("spec.reinvocationPolicy")
    elif spec["reinvocationPolicy"] not in REINVOCATIONS:
        yield unsupported("spec.reinvocationPolicy", spec["reinvocationPolicy"], REINVOCATIONS)


def _mutations(spec: RawObject, language: Language) -> Causes:
    if not spec.get("mutations"):
        yield required("spec.mutations", "mutations must contain at least one item")
    for index, mutation in enumerate(spec.get("mutations") or ()):
        field, patch_type = f"spec.mutations[{index}]", mutation.get("patchType") or ""
        if not patch_type:
            yield required(f"{field}.patchType")
        elif patch_type not in PATCH_TYPES:
            yield unsupported(f"{field}.patchType", patch_type, PATCH_TYPES)
        elif patch_type == "JSONPatch":
            wanted = (cel.list_of(JSON_PATCH),)
            yield from _mutation(
                mutation, field, ("jsonPatch", "applyConfiguration"), wanted, language
            )
        else:
            names = ("applyConfiguration", "jsonPatch")
            yield from _mutation(mutation, field, names, (OBJECT,), language)


def _mutation(
    mutation: RawObject,
    field: str,
    names: tuple[str, str],
    wanted: tuple[cel.Type, ...],
    language: Language,
) -> Causes:
    own, other = names
    patch_type = mutation["patchType"]
    if mutation.get(own) is None:
        yield required(f"{field}.{own}", f"must be specified when patchType is {patch_type}")
    else:
        expression = (mutation[own].get("expression") or "").strip()
        if not expression:
            yield required(f"{field}.{own}.expression")
        else:
            compiled = _attempt(language, expression)
            yield from expression_causes(f"{field}.{own}.expression", expression, compiled, wanted)
    if mutation.get(other) is not None:
        words = f"must not be specified when patchType is {patch_type}"
        yield invalid_value(f"{field}.{other}", f"{{{other}}}", words)


# -- bindings ------------------------------------------------------------------------------------


def _validate_binding(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    spec = obj.get("spec") or {}
    causes = [*_policy_name(spec), *_param_ref(spec.get("paramRef"))]
    match, field = spec.get("matchResources"), "spec.matchResources"
    causes += _match(match, field)
    if obj.get("kind") == "MutatingAdmissionPolicyBinding":
        causes += _mutating_operations(match, field)
    else:
        causes += _actions(spec.get("validationActions") or [], "spec.validationActions")
    return causes


def _policy_name(spec: RawObject) -> Causes:
    name = spec.get("policyName") or ""
    if not name:
        yield required("spec.policyName")
        return
    for words in subdomain_errors(name):
        yield invalid_value("spec.policyName", name, words)


def _param_ref(reference: RawObject | None) -> Causes:
    if reference is None:
        return
    field, name, selector = "spec.paramRef", reference.get("name") or "", reference.get("selector")
    for words in path_segment_errors(name) if name else ():
        yield invalid_value(f"{field}.name", name, words)
    if name and selector is not None:
        yield forbidden(f"{field}.name", "name and selector are mutually exclusive")
    if selector is not None:
        yield from selector_causes(selector, f"{field}.selector")
        if name:
            yield forbidden(f"{field}.selector", "name and selector are mutually exclusive")
    if not name and selector is None:
        yield required(field, "one of name or selector must be specified")
    action = reference.get("parameterNotFoundAction")
    if not action:
        yield required(f"{field}.parameterNotFoundAction")
    elif action not in NOT_FOUND_ACTIONS:
        yield unsupported(f"{field}.parameterNotFoundAction", action, NOT_FOUND_ACTIONS)


def _actions(actions: list[str], field: str) -> Causes:
    for index, action in enumerate(actions):
        if action in actions[:index]:
            yield duplicate(f"{field}[{index}]", action)
        if action not in ACTIONS:
            yield unsupported(f"{field}[{index}]", action, ACTIONS)
    if "Deny" in actions and "Warn" in actions:
        words = (
            "must not contain both Deny and Warn (repeating the same validation failure "
            "information in the API response and headers serves no purpose)"
        )
        yield invalid_value(field, actions, words)
    if not actions:
        yield required(field, "at least one validation action is required")


POLICY = Behaviour(default=_default_policy, validate=_validate_policy, counts_generations=True)
MUTATING_POLICY = Behaviour(
    default=_default_policy, validate=_validate_mutating, counts_generations=True
)
POLICY_BINDING = Behaviour(
    default=_default_binding, validate=_validate_binding, counts_generations=True
)
