"""FlowSchemas: the ones to begin with, their status, and which request is whose."""

from typing import Any

import pytest
from tests.conformance.sides import Side
from tests.support import eventually

GROUP = "/apis/flowcontrol.apiserver.k8s.io/v1"
SCHEMA_HEADER = "x-kubernetes-pf-flowschema-uid"
LEVEL_HEADER = "x-kubernetes-pf-prioritylevel-uid"
FLOWS = 11


async def schemas(side: Side) -> dict[str, Any]:
    """By name, once all are there and told of."""
    found: dict[str, Any] = {}

    async def are_told() -> bool:
        items = (await side.http.get(f"{GROUP}/flowschemas")).json()["items"]
        found.update({item["metadata"]["name"]: item for item in items})
        return sum("conditions" in item["status"] for item in items) >= FLOWS

    await eventually(are_told)
    return found


def plain(item: dict[str, Any]) -> dict[str, Any]:
    conditions = [
        {name: value for name, value in each.items() if name != "lastTransitionTime"}
        for each in item.get("status", {}).get("conditions", ())
    ]
    annotations = item["metadata"].get("annotations")
    return {**item, "metadata": annotations, "status": conditions}


async def test_both_begin_with_the_same(sides: tuple[Side, Side]) -> None:
    kube, ours = [await schemas(side) for side in sides]
    assert {name: plain(each) for name, each in ours.items()} == {
        name: plain(each) for name, each in kube.items()
    }
    levels = [
        (await side.http.get(f"{GROUP}/prioritylevelconfigurations")).json() for side in sides
    ]
    assert [plain(each) for each in levels[1]["items"]] == [
        plain(each) for each in levels[0]["items"]
    ]


ACCOUNTS = "system:serviceaccount:"
ASKED = [
    pytest.param("", "", "/api/v1/namespaces", id="the administrator"),
    pytest.param("ann", "", "/api/v1/namespaces/default", id="a person"),
    pytest.param("ann", "", "/readyz", id="a probe"),
    pytest.param("ann", "", "/version", id="a path"),
    pytest.param(f"{ACCOUNTS}default:a", "system:serviceaccounts", "/api/v1/pods", id="an account"),
    pytest.param(
        f"{ACCOUNTS}kube-system:a",
        "system:serviceaccounts",
        "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x",
        id="a leader of the system",
    ),
    pytest.param("system:node:n", "system:nodes", "/api/v1/nodes/n", id="a node"),
    pytest.param("system:node:n", "system:nodes", "/api/v1/nodes/n/status", id="a node's status"),
    pytest.param(
        "system:kube-scheduler", "", "/api/v1/pods?watch=1&timeoutSeconds=1", id="a watch"
    ),
]


@pytest.mark.parametrize(("user", "group", "path"), ASKED)
async def test_a_request_belongs_where_it_does_there(
    sides: tuple[Side, Side], user: str, group: str, path: str
) -> None:
    named = []
    for side in sides:
        uids = {each["metadata"]["uid"]: name for name, each in (await schemas(side)).items()}
        headers = {}
        if user:
            groups = [
                ("impersonate-group", each) for each in (group, "system:authenticated") if each
            ]
            headers = {"impersonate-user": user}
            answer = await side.http.get(path, headers=[*headers.items(), *groups])
        else:
            answer = await side.http.get(path)
        named.append(uids[answer.headers[SCHEMA_HEADER]])
        assert answer.headers[LEVEL_HEADER]
        assert answer.headers["audit-id"]
    assert named[0] == named[1]


async def test_a_flow_that_leads_nowhere_says_so(sides: tuple[Side, Side]) -> None:
    name = "leads-nowhere"
    body = {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "metadata": {"name": name},
        "spec": {"priorityLevelConfiguration": {"name": "nowhere"}},
    }
    told = []
    for side in sides:
        await schemas(side)
        created = await side.http.post(f"{GROUP}/flowschemas", json=body)
        assert created.status_code == 201
        assert created.json()["spec"]["matchingPrecedence"] == 1000

        async def is_told(side: Side = side) -> bool:
            item = (await side.http.get(f"{GROUP}/flowschemas/{name}")).json()
            return bool(item["status"].get("conditions"))

        await eventually(is_told)
        told.append(plain((await schemas(side))[name]))
        await side.http.delete(f"{GROUP}/flowschemas/{name}")
    assert told[0]["status"] == told[1]["status"]
