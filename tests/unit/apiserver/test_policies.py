"""ValidatingAdmissionPolicies, from the write that makes one to the write that it denies."""

from typing import Any

import pytest
from tests.support import RunningApi, running_api_server

from towpath.machinery.core_kinds import CONFIG_MAP, NAMESPACE
from towpath.machinery.errors import Forbidden, Invalid
from towpath.machinery.kinds import Resource
from towpath.machinery.users import MASTERS, UserInfo

GROUP, VERSION = "admissionregistration.k8s.io", "v1"
POLICY = Resource(
    GROUP, VERSION, "ValidatingAdmissionPolicy", "validatingadmissionpolicies", namespaced=False
)
BINDING = Resource(
    GROUP,
    VERSION,
    "ValidatingAdmissionPolicyBinding",
    "validatingadmissionpolicybindings",
    namespaced=False,
)
RULES = [
    {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["configmaps"],
    }
]


async def policy(api: RunningApi, *, binding: dict[str, Any] | None = None, **spec: Any) -> None:
    client = api.client()
    constraints = {"resourceRules": RULES}
    await client.create(POLICY, POLICY.object("p", spec={"matchConstraints": constraints, **spec}))
    bound = {"policyName": "p", "validationActions": ["Deny"], **(binding or {})}
    await client.create(BINDING, BINDING.object("b", spec=bound))


async def test_a_validation_that_is_false_denies_with_its_message() -> None:
    async with running_api_server() as api:
        await policy(
            api,
            variables=[{"name": "owner", "expression": "object.data.owner"}],
            validations=[
                {
                    "expression": "variables.owner == request.userInfo.username",
                    "messageExpression": "'owner is ' + variables.owner",
                    "reason": "Forbidden",
                }
            ],
        )
        alice = api.client(UserInfo("alice", (MASTERS,)))
        await alice.create(CONFIG_MAP, CONFIG_MAP.object("a", "default", data={"owner": "alice"}))
        with pytest.raises(Forbidden) as caught:
            await alice.create(CONFIG_MAP, CONFIG_MAP.object("b", "default", data={"owner": "bob"}))
        assert caught.value.message.endswith("denied request: owner is bob")


async def test_an_expression_that_fails_denies_unless_failures_are_ignored() -> None:
    validations = [{"expression": "object.data.missing == 'x'"}]
    async with running_api_server() as api:
        await policy(api, validations=validations)
        with pytest.raises(Invalid):
            await api.client().create(CONFIG_MAP, CONFIG_MAP.object("a", "default", data={}))
    async with running_api_server() as api:
        await policy(api, validations=validations, failurePolicy="Ignore")
        await api.client().create(CONFIG_MAP, CONFIG_MAP.object("a", "default", data={}))


async def test_a_policy_is_about_what_it_matches_only() -> None:
    async with running_api_server() as api:
        client = api.client()
        labelled = NAMESPACE.object("strict")
        labelled["metadata"]["labels"] = {"strict": "yes"}
        await client.create(NAMESPACE, labelled)
        await policy(
            api,
            validations=[{"expression": "false"}],
            matchConditions=[{"name": "named", "expression": "object.metadata.name != 'free'"}],
            binding={"matchResources": {"namespaceSelector": {"matchLabels": {"strict": "yes"}}}},
        )
        await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default"))
        await client.create(CONFIG_MAP, CONFIG_MAP.object("free", "strict"))
        with pytest.raises(Invalid):
            await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "strict"))
        await client.delete(CONFIG_MAP, "free", "strict")


async def test_old_and_new_are_compared_on_update() -> None:
    async with running_api_server() as api:
        client = api.client()
        await policy(
            api, validations=[{"expression": "oldObject == null || object.data == oldObject.data"}]
        )
        made = await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default", data={"k": "1"}))
        made["metadata"]["labels"] = {"fine": "yes"}
        made = await client.update(CONFIG_MAP, made)
        with pytest.raises(Invalid):
            await client.update(CONFIG_MAP, {**made, "data": {"k": "2"}})


async def test_a_binding_may_bring_parameters() -> None:
    async with running_api_server() as api:
        client = api.client()
        await client.create(CONFIG_MAP, CONFIG_MAP.object("limits", "default", data={"max": "2"}))
        await policy(
            api,
            paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
            validations=[{"expression": "object.data.size <= params.data.max"}],
            binding={
                "paramRef": {
                    "name": "limits",
                    "namespace": "default",
                    "parameterNotFoundAction": "Deny",
                }
            },
        )
        await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default", data={"size": "1"}))
        with pytest.raises(Invalid):
            await client.create(CONFIG_MAP, CONFIG_MAP.object("b", "default", data={"size": "3"}))


async def test_a_policy_that_does_not_compile_is_refused() -> None:
    async with running_api_server() as api:
        with pytest.raises(Invalid) as caught:
            await policy(api, validations=[{"expression": "object.("}])
        assert caught.value.causes[0].field == "spec.validations[0].expression"
