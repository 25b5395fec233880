"""A Policy of audit.k8s.io/v1, read strictly, and the level that it gives to a request. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from towpath.apiserver.auditing.asked import Asked
from towpath.machinery.causes import invalid_value, required, unsupported
from towpath.machinery.documents import DocumentError, load_document
from towpath.machinery.errors import Cause
from towpath.machinery.names import subdomain_errors

LEVELS = ("None", "Metadata", "Request", "RequestResponse")
STAGES = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")
SECRETIVE = frozenset(
    {("", "secrets", ""), ("", "serviceaccounts", "token")}
    | {("authentication.k8s.io", "tokenreviews", "")}
)
"""What holds secrets is told with its metadata at the most, whatever a rule says."""


class PolicyInvalid(Exception):
    """`str()` names each field and what is wrong with it."""


class _Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    pass


class GroupResources(_Struct, frozen=True):
    group: str = ""
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()


class Rule(_Struct, frozen=True):
    level: str = ""
    users: tuple[str, ...] = ()
    user_groups: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    resources: tuple[GroupResources, ...] = ()
    namespaces: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = msgspec.field(name="nonResourceURLs", default=())
    omit_stages: tuple[str, ...] = ()
    omit_managed_fields: bool | None = None

    def takes(self, asked: Asked) -> bool:
        if self.users and asked.user.name not in self.users:
            return False
        if self.user_groups and not set(self.user_groups) & set(asked.user.groups):
            return False
        if self.verbs and asked.verb not in self.verbs:
            return False
        if self.namespaces or self.resources:
            return self._takes_resource(asked)
        if self.non_resource_urls:
            return not asked.resource and any(
                url in ("*", asked.path) or (url.endswith("*") and asked.path.startswith(url[:-1]))
                for url in self.non_resource_urls
            )
        return True

    def _takes_resource(self, asked: Asked) -> bool:
        if not asked.resource or (self.namespaces and asked.namespace not in self.namespaces):
            return False
        whole = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
        patterns = {"*", whole}
        if asked.subresource:
            patterns |= {f"*/{asked.subresource}", f"{asked.resource}/*"}
        return not self.resources or any(
            one.group == asked.group
            and (
                not one.resources
                or (
                    (not one.resource_names or asked.name in one.resource_names)
                    and bool(patterns & set(one.resources))
                )
            )
            for one in self.resources
        )


@dataclass(frozen=True, slots=True)
class Decision:
    level: str
    omit_stages: frozenset[str] = frozenset()
    omit_managed_fields: bool = False


NOT_TOLD = Decision("None")


class Policy(_Struct, frozen=True):
    api_version: str = ""
    kind: str = ""
    metadata: dict[str, Any] = {}
    rules: tuple[Rule, ...] = ()
    omit_stages: tuple[str, ...] = ()
    omit_managed_fields: bool = False

    def decide(self, asked: Asked) -> Decision:
        """By the first rule that takes the request; what no rule takes is not told."""
        rule = next((rule for rule in self.rules if rule.takes(asked)), None)
        if rule is None or rule.level == "None":
            return NOT_TOLD
        level = rule.level
        if (asked.group, asked.resource, asked.subresource) in SECRETIVE:
            level = "Metadata"
        without = rule.omit_managed_fields
        return Decision(
            level,
            frozenset((*self.omit_stages, *rule.omit_stages)),
            self.omit_managed_fields if without is None else without,
        )


def read_policy(text: str) -> Policy:
    """Raises PolicyInvalid."""
    try:
        policy = msgspec.convert(load_document(text) or {}, Policy)
    except (DocumentError, msgspec.ValidationError) as error:
        raise PolicyInvalid(f"strict decoding error: {error}") from error
    if (policy.api_version, policy.kind) != ("audit.k8s.io/v1", "Policy"):
        raise PolicyInvalid(
            f"apiVersion and kind are {policy.api_version!r} and {policy.kind!r}; expected "
            "audit.k8s.io/v1 and Policy"
        )
    if not policy.rules:
        raise PolicyInvalid("rules: Required value: a policy without rules tells nothing")
    causes = list(_stage_causes(policy.omit_stages, "omitStages"))
    for index, rule in enumerate(policy.rules):
        causes += _rule_causes(rule, f"rules[{index}]")
    if causes:
        said = [f"{cause.field}: {cause.message}" for cause in causes]
        raise PolicyInvalid(said[0] if len(said) == 1 else f"[{', '.join(said)}]")
    return policy


def _rule_causes(rule: Rule, field: str) -> Iterator[Cause]:
    if not rule.level:
        yield required(f"{field}.level")
    elif rule.level not in LEVELS:
        yield unsupported(f"{field}.level", rule.level, LEVELS)
    for index, url in enumerate(rule.non_resource_urls):
        where = f"{field}.nonResourceURLs[{index}]"
        if url != "*" and not url.startswith("/"):
            yield invalid_value(
                where, url, "non-resource URL rules must begin with a '/' character"
            )
        if "*" in url[:-1]:
            why = "non-resource URL wildcards '*' must be the final character of the rule"
            yield invalid_value(where, url, why)
    for one in rule.resources:
        if one.group and (problems := subdomain_errors(one.group)):
            yield invalid_value(f"{field}.resources.group", one.group, ",".join(problems))
        if one.resource_names and not one.resources:
            why = "using resourceNames requires at least one resource"
            yield invalid_value(f"{field}.resources.resourceNames", list(one.resource_names), why)
    yield from _stage_causes(rule.omit_stages, f"{field}.omitStages")
    if rule.non_resource_urls and (rule.resources or rule.namespaces):
        why = "rules cannot apply to both regular resources and non-resource URLs"
        yield invalid_value(f"{field}.nonResourceURLs", list(rule.non_resource_urls), why)


def _stage_causes(stages: tuple[str, ...], field: str) -> Iterator[Cause]:
    for index, stage in enumerate(stages):
        if stage not in STAGES:
            yield invalid_value(
                f"{field}[{index}]", stage, f"allowed stages are {','.join(STAGES)}"
            )
