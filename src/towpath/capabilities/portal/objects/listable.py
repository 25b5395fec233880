"""Which kinds the visitor may list somewhere: few questions, however many kinds there are.

For kinds in namespaces the API tells all its rules of a namespace at once (SelfSubjectRulesReview);
those rules do not say whether they hold outside of the namespace too, so a kind in no namespace is
asked for by itself. An API whose rules are not all told is asked kind by kind.
"""

import asyncio
from collections.abc import Sequence
from itertools import product

from towpath.client.protocols import Client
from towpath.hooks.showing import may
from towpath.machinery.errors import StatusError
from towpath.machinery.kinds import Resource

_REVIEW = Resource(
    "authorization.k8s.io",
    "v1",
    "SelfSubjectRulesReview",
    "selfsubjectrulesreviews",
    namespaced=False,
)
ANYWHERE = "default"
"""What holds everywhere holds there."""
ALL = "*"


async def listable(
    api: Client, resources: Sequence[Resource], namespaces: Sequence[str]
) -> list[Resource]:
    """Those that may be listed in one of the namespaces, or everywhere."""
    told = await asyncio.gather(*(_granted(api, one) for one in namespaces or (ANYWHERE,)))
    granted = None if None in told else {pair for pairs in told for pair in pairs or ()}

    async def is_listable(resource: Resource) -> bool:
        if resource.namespaced and granted is not None:
            groups, plurals = (resource.group, ALL), (resource.plural, ALL)
            return any(pair in granted for pair in product(groups, plurals))
        return await _may_list(api, resource, namespaces)

    allowed = await asyncio.gather(*map(is_listable, resources))
    return [one for one, is_allowed in zip(resources, allowed, strict=True) if is_allowed]


async def _granted(api: Client, namespace: str) -> set[tuple[str, str]] | None:
    """Group and plural of what may be listed there; None when the API does not tell everything."""
    try:
        review = await api.create(_REVIEW, _REVIEW.object("", spec={"namespace": namespace}))
    except StatusError:
        return None
    status = review.get("status") or {}
    if status.get("incomplete"):
        return None
    return {
        pair
        for rule in status.get("resourceRules") or ()
        if {"list", ALL} & set(rule["verbs"]) and not rule.get("resourceNames")
        for pair in product(rule.get("apiGroups") or (), rule.get("resources") or ())
    }


async def _may_list(api: Client, resource: Resource, namespaces: Sequence[str]) -> bool:
    if await may(api, "list", resource):
        return True
    if not resource.namespaced:
        return False
    for namespace in namespaces:
        if await may(api, "list", resource, namespace):
            return True
    return False
