from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from towpath.machinery.json_paths import compile_path
from towpath.machinery.tables import builtin_columns, columns_of, row, table
from towpath.machinery.tables.builtin import COLUMNS

NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)
CREATED = "2024-01-01T11:55:00Z"
OBJECT = {
    "metadata": {"name": "x", "labels": {"a.b/c": "1"}},
    "spec": {"list": [{"n": 1}, {"n": 2}], "text": "t"},
    "status": {
        "conditions": [
            {"type": "Synced", "status": "False"},
            {"type": "Ready", "status": "True"},
        ]
    },
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.text", ["t"]),
        ("{.spec.text}", ["t"]),
        (".spec.list[1].n", [2]),
        (".spec.list[-1].n", [2]),
        (".spec.list[*].n", [1, 2]),
        (".spec.list[0:1].n", [1]),
        ("..n", [1, 2]),
        (r".metadata.labels.a\.b/c", ["1"]),
        (".metadata.labels['a.b/c']", ["1"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".spec.list[?(@.n>1)].n", [2]),
        (".spec.none.here", []),
    ],
)
def test_json_paths(path: str, found: list[Any]) -> None:
    assert compile_path(path)(OBJECT) == found


@pytest.mark.parametrize("path", ["spec", ".a[", ".a[?(x)]"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ValueError, match="JSON path"):
        compile_path(path)


def test_columns_of_a_custom_resource() -> None:
    columns = columns_of(
        {
            "additionalPrinterColumns": [
                {
                    "name": "Ready",
                    "type": "string",
                    "jsonPath": '.status.conditions[?(@.type=="Ready")].status',
                },
                {"name": "N", "type": "integer", "jsonPath": ".spec.list[0].n", "priority": 1},
                {"name": "List", "type": "string", "jsonPath": ".spec.list[0]"},
                {"name": "Since", "type": "date", "jsonPath": ".spec.at"},
            ]
        }
    )
    assert [column["name"] for column in columns.definitions] == [
        *("Name", "Ready", "N", "List", "Since")
    ]
    found = {**OBJECT, "spec": {**OBJECT["spec"], "at": CREATED}}
    assert columns.cells(found, NOW) == ["x", "True", 1, '{"n":1}', "5m"]


def test_a_custom_resource_without_columns_shows_its_age() -> None:
    found = {"metadata": {"name": "x", "creationTimestamp": CREATED}}
    assert columns_of({}).cells(found, NOW) == ["x", "5m"]


@pytest.mark.parametrize("resource", COLUMNS, ids=lambda pair: "/".join(pair))
def test_every_built_in_row_has_a_cell_for_each_column(resource: tuple[str, str]) -> None:
    columns = builtin_columns(*resource)
    assert len(columns.cells({"metadata": {"name": "x"}}, NOW)) == len(columns.definitions)


def pod(status: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "creationTimestamp": CREATED, **metadata},
        "spec": {"containers": [{"name": "a"}, {"name": "b"}], "nodeName": "local"},
        "status": {"podIPs": [{"ip": "127.0.0.9"}], **status},
    }


def container(restarts: int = 0, *, ready: bool = False, **state: Any) -> dict[str, Any]:
    ended = (NOW - timedelta(seconds=30)).isoformat()
    return {
        "restartCount": restarts,
        "ready": ready,
        "state": state,
        "lastState": {"terminated": {"finishedAt": ended}} if restarts else {},
    }


@pytest.mark.parametrize(
    ("status", "metadata", "cells"),
    [
        pytest.param(
            {
                "phase": "Running",
                "containerStatuses": [container(ready=True, running={})] * 2,
            },
            {},
            ["2/2", "Running", "0"],
            id="all run",
        ),
        pytest.param(
            {
                "phase": "Running",
                "containerStatuses": [
                    container(3, waiting={"reason": "CrashLoopBackOff"}),
                    container(ready=True, running={}),
                ],
            },
            {},
            ["1/2", "CrashLoopBackOff", "3 (30s ago)"],
            id="one crashes",
        ),
        pytest.param(
            {
                "phase": "Running",
                "containerStatuses": [container(ready=True, running={})] * 2,
            },
            {"deletionTimestamp": CREATED},
            ["2/2", "Terminating", "0"],
            id="it is being deleted",
        ),
        pytest.param({"phase": "Pending"}, {}, ["0/2", "Pending", "0"], id="it waits"),
        pytest.param(
            {"phase": "Failed", "containerStatuses": [container(terminated={"exitCode": 2})]},
            {},
            ["0/2", "ExitCode:2", "0"],
            id="it failed",
        ),
        pytest.param(
            {"phase": "Pending", "initContainerStatuses": [container(running={})]},
            {},
            ["0/2", "Init:0/0", "0"],
            id="it prepares",
        ),
    ],
)
def test_the_state_of_a_pod_in_one_word(
    status: dict[str, Any], metadata: dict[str, Any], cells: list[str]
) -> None:
    found = builtin_columns("", "pods").cells(pod(status, **metadata), NOW)
    assert found == ["p", *cells, "5m", "127.0.0.9", "local", "<none>", "<none>"]


def test_a_deployment_counts_its_replicas() -> None:
    deployment = {
        "metadata": {"name": "d", "creationTimestamp": CREATED},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "d"}},
            "template": {"spec": {"containers": [{"name": "c", "image": "i:1"}]}},
        },
        "status": {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 2},
    }
    found = builtin_columns("apps", "deployments").cells(deployment, NOW)
    assert found == ["d", "2/3", 3, 2, "5m", "c", "i:1", "app=d"]


def test_rows_and_tables() -> None:
    columns = columns_of({})
    first = row(columns, OBJECT, NOW)
    assert first["object"]["kind"] == "PartialObjectMetadata"
    assert row(columns, OBJECT, NOW, "Object")["object"] is OBJECT
    assert "object" not in row(columns, OBJECT, NOW, "None")
    whole = table(columns, [first], {"resourceVersion": "1"})
    assert (whole["kind"], whole["columnDefinitions"][0]["name"]) == ("Table", "Name")
