"""Configurations of admission webhooks: what is filled in, and what is refused.

Source: the defaults and validation of `admissionregistration.k8s.io/v1`.
"""

from collections.abc import Iterator, Sequence

from towpath.apiserver.kinds.admission.client_configs import check_client
from towpath.apiserver.kinds.admission.expressions import WEBHOOKS as LANGUAGE
from towpath.apiserver.kinds.admission.policies import FAILURE_POLICIES, condition_causes
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import invalid_value, required, unsupported
from towpath.machinery.errors import Cause
from towpath.machinery.names import subdomain_errors
from towpath.machinery.objects import RawObject

SIDE_EFFECTS = ("None", "NoneOnDryRun")
MATCH_POLICIES = ("Equivalent", "Exact")
REINVOCATION_POLICIES = ("IfNeeded", "Never")
OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
VERSION = "v1"
TIMEOUT_S_MAX = 30


def _default(obj: RawObject) -> None:
    mutating = obj.get("kind") == "MutatingWebhookConfiguration"
    for hook in obj.get("webhooks") or ():
        hook.setdefault("failurePolicy", "Fail")
        hook.setdefault("matchPolicy", "Equivalent")
        hook.setdefault("namespaceSelector", {})
        hook.setdefault("objectSelector", {})
        hook.setdefault("timeoutSeconds", 10)
        if mutating:
            hook.setdefault("reinvocationPolicy", "Never")
        if not hook.get("rules"):
            hook.pop("rules", None)
        for rule in hook.get("rules") or ():
            rule.setdefault("scope", "*")
        service = (hook.get("clientConfig") or {}).get("service")
        if isinstance(service, dict):
            service.setdefault("port", 443)


def _validate(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    causes: list[Cause] = []
    for index, hook in enumerate(obj.get("webhooks") or ()):
        field = f"webhooks[{index}]"
        name = hook.get("name") or ""
        causes += _check_hook(field, name, hook)
    return causes


def _check_hook(field: str, name: str, hook: RawObject) -> Iterator[Cause]:
    yield from _check_name(f"{field}.name", name)
    choices = {
        "failurePolicy": FAILURE_POLICIES,
        "matchPolicy": MATCH_POLICIES,
        "reinvocationPolicy": REINVOCATION_POLICIES,
    }
    for key, values in choices.items():
        if key in hook and hook[key] not in values:
            yield unsupported(f"{field}.{key}", hook[key], values)
    if hook.get("sideEffects") is None:
        yield required(f"{field}.sideEffects", f"must specify one of {', '.join(SIDE_EFFECTS)}")
    elif hook["sideEffects"] not in SIDE_EFFECTS:
        yield unsupported(f"{field}.sideEffects", hook["sideEffects"], SIDE_EFFECTS)
    if not 1 <= (hook.get("timeoutSeconds") or 0) <= TIMEOUT_S_MAX:
        words = f"the timeout value must be between 1 and {TIMEOUT_S_MAX} seconds"
        yield invalid_value(f"{field}.timeoutSeconds", hook.get("timeoutSeconds"), words)
    versions = hook.get("admissionReviewVersions") or ()
    if not versions:
        words = f"must specify one of {VERSION}, v1beta1"
        yield required(f"{field}.admissionReviewVersions", words)
    elif VERSION not in versions:
        words = f"must include at least one of {VERSION}, v1beta1"
        yield invalid_value(f"{field}.admissionReviewVersions", versions, words)
    yield from _check_rules(f"{field}.rules", hook.get("rules") or ())
    conditions = hook.get("matchConditions") or ()
    yield from condition_causes(conditions, LANGUAGE, f"{field}.matchConditions")
    yield from check_client(f"{field}.clientConfig", hook.get("clientConfig") or {})


def _check_name(field: str, name: str) -> Iterator[Cause]:
    if not name:
        yield required(field)
        return
    for problem in subdomain_errors(name):
        yield invalid_value(field, name, problem)
    if len(name.split(".")) < 3:
        words = "should be a domain with at least three segments separated by dots"
        yield invalid_value(field, name, words)


def _check_rules(field: str, rules: Sequence[RawObject]) -> Iterator[Cause]:
    for index, rule in enumerate(rules):
        at = f"{field}[{index}]"
        for key in ("operations", "apiGroups", "apiVersions", "resources"):
            if not rule.get(key):
                yield required(f"{at}.{key}")
        for position, operation in enumerate(rule.get("operations") or ()):
            if operation not in OPERATIONS:
                yield unsupported(f"{at}.operations[{position}]", operation, OPERATIONS)


WEBHOOKS = Behaviour(default=_default, validate=_validate, counts_generations=True)
