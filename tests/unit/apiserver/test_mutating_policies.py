"""MutatingAdmissionPolicies, from the write that makes one to the writes that it changes."""

from typing import Any

import pytest
from tests.support import RunningApi, running_api_server

from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.machinery.errors import Invalid, StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

GROUP, VERSION = "admissionregistration.k8s.io", "v1beta1"
POLICY = Resource(
    GROUP, VERSION, "MutatingAdmissionPolicy", "mutatingadmissionpolicies", namespaced=False
)
BINDING = Resource(
    GROUP,
    VERSION,
    "MutatingAdmissionPolicyBinding",
    "mutatingadmissionpolicybindings",
    namespaced=False,
)
RULE = {
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "operations": ["CREATE", "UPDATE"],
    "resources": ["configmaps"],
}


def applied(expression: str) -> RawObject:
    return {
        "patchType": "ApplyConfiguration",
        "applyConfiguration": {"expression": expression},
    }


def patched(expression: str) -> RawObject:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


async def policy(api: RunningApi, *mutations: RawObject, **spec: Any) -> None:
    client = api.client()
    made = POLICY.object(
        "p",
        spec={
            "matchConstraints": {"resourceRules": [RULE]},
            "mutations": list(mutations),
            "reinvocationPolicy": "Never",
            **spec,
        },
    )
    await client.create(POLICY, made)
    await client.create(BINDING, BINDING.object("b", spec={"policyName": "p"}))


async def test_what_a_policy_makes_is_merged_as_an_apply() -> None:
    async with running_api_server() as api:
        await policy(
            api,
            applied("Object{metadata: Object.metadata{labels: {'by': request.operation}}}"),
            applied("Object{data: {'size': string(size(object.data))}}"),
        )
        written = CONFIG_MAP.object("a", "default", data={"x": "1"})
        written["metadata"]["labels"] = {"own": "yes"}
        made = await api.client().create(CONFIG_MAP, written)
        assert made["metadata"]["labels"].keys() == {"own", "by"}
        assert made["data"] == {"x": "1", "size": "1"}


async def test_a_policy_patches_what_it_sees() -> None:
    async with running_api_server() as api:
        await policy(
            api,
            patched(
                "[JSONPatch{op: 'test', path: '/data/x', value: '1'},"
                " JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('a.b'), value: '2'}]"
            ),
            matchConditions=[{"name": "some", "expression": "has(object.data.x)"}],
        )
        client = api.client()
        made = await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default", data={"x": "1"}))
        assert made["data"] == {"x": "1", "a.b": "2"}
        other = await client.create(CONFIG_MAP, CONFIG_MAP.object("b", "default", data={"y": "1"}))
        assert other["data"] == {"y": "1"}


@pytest.mark.parametrize("failure", ["Fail", "Ignore"])
async def test_a_mutation_that_fails_refuses_unless_failures_are_ignored(failure: str) -> None:
    async with running_api_server() as api:
        await policy(
            api, applied("Object{data: {'a': object.data.missing}}"), failurePolicy=failure
        )
        writing = api.client().create(CONFIG_MAP, CONFIG_MAP.object("a", "default", data={"x": ""}))
        if failure == "Ignore":
            assert (await writing)["data"] == {"x": ""}
            return
        with pytest.raises(StatusError, match="no such key: missing"):
            await writing


@pytest.mark.parametrize(
    ("mutation", "words"),
    [
        (applied("object"), "must evaluate to Object"),
        (patched("[JSONPatch{op: 1}]"), "expected type of field 'op'"),
        (patched("'add'"), "must evaluate to"),
    ],
)
async def test_a_mutation_of_another_type_is_refused(mutation: RawObject, words: str) -> None:
    async with running_api_server() as api:
        with pytest.raises(Invalid, match=words):
            await policy(api, mutation)
