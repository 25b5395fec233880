"""What is no resource: discovery, health, metrics. Both servers have it in the same words."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.apis import definition
from tests.conformance.sides import Side
from tests.support import eventually

from towpath.apiserver.http.gnostic import document

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? \S+$")
LABEL = re.compile(r'(\w+)="(?:[^"\\]|\\.)*"')
OURS = re.compile(r"^(apiserver|etcd|process|kubernetes)_")
NOT_THERE = {
    "apiserver_flowcontrol_rejected_requests_total": "where nothing has been rejected",
}
GNOSTIC = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
PATHS = [
    "/api/v2",
    "/apis/apps",
    "/apis/apps/v1",
    "/apis/no.such.group",
    "/apis/no.such.group/v1",
    "/healthz",
    "/livez",
    "/livez/etcd",
    "/livez/none",
    "/livez/",
    "/readyz",
    "/readyz/shutdown",
    "/readyz?exclude=ping",
    "/version/",
]


@pytest.mark.parametrize("path", PATHS)
async def test_documents(sides: tuple[Side, Side], path: str) -> None:
    kube, ours = [await side.http.get(path) for side in sides]
    assert (ours.status_code, ours.headers["content-type"]) == (
        kube.status_code,
        kube.headers["content-type"],
    )
    if "json" not in kube.headers["content-type"]:
        assert ours.text == kube.text
    elif path == "/version/":
        assert ours.json().keys() == kube.json().keys()
    elif kube.status_code == 200:
        assert ours.json() == kube.json()


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
async def test_checks(sides: tuple[Side, Side], path: str) -> None:
    """Each check that we name is one of theirs, in their order."""
    query = "?verbose&exclude=etcd&exclude=none&exclude=nobody"
    kube, ours = [(await side.http.get(path + query)).text.splitlines() for side in sides]
    assert [line for line in kube if line in ours] == ours


def has_values_of_any_type(schema: Any) -> bool:
    """They are YAML within, which can be written in more than one way."""
    if isinstance(schema, list):
        return any(map(has_values_of_any_type, schema))
    return isinstance(schema, dict) and any(
        name.startswith("x-") or name in ("default", "enum") or has_values_of_any_type(inner)
        for name, inner in schema.items()
    )


async def test_openapi_2_in_protobuf_is_written_as_there(sides: tuple[Side, Side]) -> None:
    kube, ours = [
        (await side.http.get("/openapi/v2", headers={"accept": GNOSTIC})) for side in sides
    ]
    assert kube.headers["content-type"] == ours.headers["content-type"]
    definitions = (await sides[0].http.get("/openapi/v2")).json()["definitions"]
    plain = {name: one for name, one in definitions.items() if not has_values_of_any_type(one)}
    assert len(plain) > 100
    for name, schema in plain.items():
        whole = document({"definitions": {name: schema}})
        assert whole[whole.index(name.encode()) :] in kube.content, name
    assert b"io.k8s.api.core.v1.ConfigMap" in ours.content
    assert b"/api/v1/namespaces/{namespace}/configmaps/{name}" in ours.content


def samples(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for line in text.splitlines():
        found = SAMPLE.match(line)
        if found is not None and OURS.match(found[1]):
            yield found[1], tuple(sorted(LABEL.findall(found[2] or "")))


async def test_metrics_have_the_names_and_labels_that_dashboards_ask_for(
    sides: tuple[Side, Side],
) -> None:
    texts = []
    for side in sides:
        for path in ("/api/v1/namespaces", "/livez", "/api/v1/namespaces?watch=1&timeoutSeconds=1"):
            await side.http.get(path)
        await side.http.post("/api/v1/namespaces", json={"metadata": {"name": "measured"}})
        await side.http.get("/api/v1/namespaces/default/endpoints")
        texts.append((await side.http.get("/metrics")).text)
    kube, ours = (set(samples(text)) for text in texts)
    assert {one for one in ours - kube if one[0] not in NOT_THERE} == set()
    assert {name for name, _ in ours} >= {
        "apiserver_request_total",
        "apiserver_request_duration_seconds_bucket",
        "apiserver_request_sli_duration_seconds_bucket",
        "apiserver_current_inflight_requests",
        "apiserver_longrunning_requests",
        "apiserver_resource_objects",
        "apiserver_watch_events_total",
        "apiserver_requested_deprecated_apis",
        "etcd_request_duration_seconds_bucket",
        "process_resident_memory_bytes",
        "process_open_fds",
    }


async def test_a_request_is_counted_under_the_same_labels(sides: tuple[Side, Side]) -> None:
    kube, ours = [
        {
            line.rpartition(" ")[0]
            for line in (await _after_some_requests(side)).splitlines()
            if line.startswith("apiserver_request_total{")
            and "counted" in line
            # Asked until the kind is served.
            and 'scope="cluster"' not in line
        }
        for side in sides
    ]
    assert ours == kube


async def _after_some_requests(side: Side) -> str:
    group = "counted.dev"
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    await side.http.post(definitions, json=definition(group, "Thing", {}))
    everywhere, here = f"/apis/{group}/v1/things", f"/apis/{group}/v1/namespaces/default/things"

    async def is_served() -> bool:
        return (await side.http.get(everywhere)).status_code == 200

    await eventually(is_served)
    thing = {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": "a"}}
    await side.http.get(here)
    await side.http.post(here, json=thing, params={"dryRun": "All"})
    await side.http.post(here, json=thing)
    await side.http.post(here, json=thing)
    await side.http.get(f"{here}/a")
    merge = {"content-type": "application/merge-patch+json"}
    await side.http.patch(f"{here}/a/status", json={"status": {}}, headers=merge)
    applied = {"content-type": "application/apply-patch+yaml"}
    await side.http.patch(f"{here}/b?fieldManager=x", json=thing, headers=applied)
    await side.http.delete(f"{here}/b")
    await side.http.delete(f"{here}/a")
    await side.http.delete(here)
    text = (await side.http.get("/metrics")).text
    await side.http.delete(f"{definitions}/things.{group}")
    return text
