"""What the status of a ValidatingAdmissionPolicy says of its expressions, on both servers."""

from typing import Any

import pytest
from tests.conformance.sides import Side
from tests.support import eventually

GROUP = "admissionregistration.k8s.io/v1"
PATH = f"/apis/{GROUP}/validatingadmissionpolicies"


def policy(name: str, resources: list[str], *expressions: str, **spec: Any) -> dict[str, Any]:
    rule = {
        "apiGroups": ["apps", "batch"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": resources,
    }
    return {
        "apiVersion": GROUP,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [
                {"expression": each, "messageExpression": "string(object.spec.parallelism)"}
                for each in expressions
            ],
            **spec,
        },
    }


POLICIES = [
    policy(
        "fields-that-are-not-there",
        ["deployments", "jobs", "deployments/scale", "nothing"],
        "object.spec.replicas == 'x'",
        "object.spec.template.spec.containers.all(each, each.imagee != '')",
        "oldObject.metadata.labels['x'] == 1 && object.metadata.creationTimestamp > 1",
        "object.kind == 'x' && has(object.spec.template.spec.containers[0].resources.limits)",
        "object.spec.strategy.rollingUpdate.maxSurge == 1",
    ),
    policy(
        "variables-and-parameters",
        ["deployments"],
        "variables.count == 'x' && variables.none == 1",
        "params.dataa.x == 'x' || params.data.x == 1",
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        variables=[
            {"name": "count", "expression": "object.spec.replicas"},
            {"name": "none", "expression": "object.spec.replicaz"},
        ],
    ),
    policy("of-any-kind", ["*"], "object.nothing == 1"),
]


@pytest.mark.parametrize("body", POLICIES, ids=lambda body: body["metadata"]["name"])
async def test_both_find_the_same(sides: tuple[Side, Side], body: dict[str, Any]) -> None:
    name, told = body["metadata"]["name"], []
    for side in sides:
        created = await side.http.post(PATH, json=body)
        assert created.status_code == 201, created.text
        status: dict[str, Any] = {}

        async def is_told(side: Side = side, status: dict[str, Any] = status) -> bool:
            status |= (await side.http.get(f"{PATH}/{name}")).json().get("status") or {}
            return "typeChecking" in status

        await eventually(is_told, deadline_s=30)
        await side.http.delete(f"{PATH}/{name}")
        told.append(status)
    kube, ours = told
    assert ours == kube
    assert ("expressionWarnings" in kube["typeChecking"]) == (name != "of-any-kind")


async def test_a_change_is_looked_at_again(sides: tuple[Side, Side]) -> None:
    _, ours = sides
    wrong = policy("changes", ["jobs"], "object.nothing == 1")
    right = policy("changes", ["jobs"], "object.spec.parallelism == 1")
    await ours.http.post(PATH, json=wrong)

    async def warnings() -> Any:
        status = (await ours.http.get(f"{PATH}/changes")).json().get("status") or {}
        return (status.get("observedGeneration"), len(status.get("typeChecking") or {}))

    await eventually(lambda: _is(warnings, (1, 1)))
    patch = {"spec": {"validations": right["spec"]["validations"]}}
    merge = {"content-type": "application/merge-patch+json"}
    await ours.http.patch(f"{PATH}/changes", json=patch, headers=merge)
    await eventually(lambda: _is(warnings, (2, 0)))


async def _is(ask: Any, wanted: Any) -> bool:
    return bool(await ask() == wanted)
