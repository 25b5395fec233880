"""The application on a real socket: answers, streams, discovery and a stop that does not hang."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
import yaml
from tests.support import eventually
from tests.wire import WiredApi, wired_api_server

from towpath.apiserver.http.wire.listener import Listener
from towpath.client.kubernetes import KubernetesClient
from towpath.machinery.kinds import AGE, Column, Resource, custom_resource_definition

CONFIG_MAPS = Resource("", "v1", "ConfigMap", "configmaps")
PODS = Resource("", "v1", "Pod", "pods")
DEFINITIONS = Resource(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)
WIDGETS = Resource("example.dev", "v1", "Widget", "widgets")
WIDGET_DEFINITION = custom_resource_definition(
    WIDGETS,
    spec={"type": "object", "properties": {"size": {"type": "integer", "description": "How big"}}},
    columns=[Column("Size", ".spec.size", "integer"), AGE],
)
COLLECTION = "/api/v1/namespaces/default/configmaps"
WATCHING = (
    'apiserver_longrunning_requests{component="apiserver",group="",resource="configmaps",'
    'scope="namespace",subresource="",verb="WATCH",version="v1"}'
)
V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
GNOSTIC = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[WiredApi]:
    async with wired_api_server(tmp_path) as wired:
        yield wired


@pytest.fixture
async def http(api: WiredApi) -> AsyncIterator[httpx2.AsyncClient]:
    connection = api.connection()
    async with httpx2.AsyncClient(
        base_url=api.server,
        verify=connection.tls_context(),
        headers={"authorization": f"Bearer {connection.token}"},
    ) as client:
        yield client


@pytest.fixture
async def objects(api: WiredApi) -> AsyncIterator[KubernetesClient]:
    async with api.client() as client:
        await client.create(CONFIG_MAPS, CONFIG_MAPS.object("a", "default", data={"x": "1"}))
        yield client


def status(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["reason"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        pytest.param("GET", f"{COLLECTION}/a/log", (404, "NotFound"), id="no such subresource"),
        pytest.param("GET", f"{COLLECTION}/absent", (404, "NotFound"), id="an unknown object"),
        pytest.param("POST", f"{COLLECTION}/a", (405, "MethodNotAllowed"), id="POST to an object"),
        pytest.param("PUT", COLLECTION, (405, "MethodNotAllowed"), id="PUT to a collection"),
        pytest.param(
            "GET",
            "/apis/authentication.k8s.io/v1/tokenreviews",
            (405, "MethodNotAllowed"),
            id="reviews are not kept",
        ),
        pytest.param("GET", f"{COLLECTION}?limit=x", (400, "BadRequest"), id="a broken option"),
        pytest.param(
            "GET",
            "/api/v1/namespaces/default/pods/p/attach",
            (501, "NotImplemented"),
            id="attach is refused by name",
        ),
        pytest.param("POST", COLLECTION, (400, "BadRequest"), id="a create without a body"),
        pytest.param("GET", "/openapi/v3/apis/none.dev/v1", (404, "NotFound"), id="no document"),
    ],
)
async def test_refusals(
    http: httpx2.AsyncClient, method: str, path: str, expected: tuple[int, str]
) -> None:
    response = await http.request(method, path)
    assert status(response) == expected
    assert response.json()["kind"] == "Status"


@pytest.mark.parametrize("path", ["/nothing", "/apis/none.dev/v1/things"])
async def test_where_nothing_is_served_the_answer_is_plain_text(
    http: httpx2.AsyncClient, path: str
) -> None:
    response = await http.get(path)
    assert (response.status_code, response.text) == (404, "404 page not found\n")


async def test_answers_come_in_yaml_to_who_asks_for_it(
    http: httpx2.AsyncClient, objects: KubernetesClient
) -> None:
    wants_yaml = {"accept": "application/yaml"}
    found = await http.get(f"{COLLECTION}/a", headers=wants_yaml)
    assert found.headers["content-type"] == "application/yaml"
    assert yaml.safe_load(found.text)["data"] == {"x": "1"}
    absent = await http.get(f"{COLLECTION}/absent", headers=wants_yaml)
    assert (absent.status_code, yaml.safe_load(absent.text)["reason"]) == (404, "NotFound")


async def test_who_is_not_known_sees_health_and_nothing_else(http: httpx2.AsyncClient) -> None:
    nobody = {"authorization": ""}
    assert (await http.get("/readyz", headers=nobody)).text == "ok"
    assert (await http.get("/version", headers=nobody)).status_code == 200
    assert status(await http.get(COLLECTION, headers=nobody)) == (403, "Forbidden")
    wrong = {"authorization": "Bearer wrong"}
    assert status(await http.get("/readyz", headers=wrong)) == (401, "Unauthorized")


async def test_a_denial_names_user_verb_and_resource(http: httpx2.AsyncClient) -> None:
    response = await http.get(COLLECTION, headers={"impersonate-user": "bob"})
    assert status(response) == (403, "Forbidden")
    assert response.json()["message"] == (
        'configmaps is forbidden: User "bob" cannot list resource "configmaps" '
        'in API group "" in the namespace "default"'
    )
    response = await http.get("/metrics", headers={"impersonate-user": "bob"})
    assert response.json()["message"] == 'forbidden: User "bob" cannot get path "/metrics"'


async def test_a_body_over_the_limit_is_refused(http: httpx2.AsyncClient) -> None:
    response = await http.post(COLLECTION, content=b"x" * (3 * 1024 * 1024 + 1))
    assert status(response) == (413, "RequestEntityTooLarge")


async def test_unknown_fields_warn_or_are_refused(
    http: httpx2.AsyncClient, objects: KubernetesClient
) -> None:
    await objects.create(DEFINITIONS, WIDGET_DEFINITION)
    path = "/apis/example.dev/v1/namespaces/default/widgets"
    body = WIDGETS.object("w", "default", spec={"size": 1, "color": "red"})
    strict = await http.post(path, json=body, params={"fieldValidation": "Strict"})
    assert status(strict) == (400, "BadRequest")
    warned = await http.post(path, json=body)
    assert warned.status_code == 201
    assert warned.headers["warning"] == '299 - "unknown field \\"spec.color\\""'
    assert warned.json()["spec"] == {"size": 1}


async def test_large_answers_are_compressed_when_asked(
    http: httpx2.AsyncClient, objects: KubernetesClient
) -> None:
    big = CONFIG_MAPS.object("big", "default", data={"x": "y" * 200_000})
    await objects.create(CONFIG_MAPS, big)
    asked = await http.get(f"{COLLECTION}/big", headers={"accept-encoding": "gzip"})
    assert asked.headers["content-encoding"] == "gzip"
    assert asked.json()["data"] == big["data"]
    plain = await http.get(f"{COLLECTION}/big", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json() == asked.json()


async def test_deleting_answers_as_kubernetes_does(
    http: httpx2.AsyncClient, objects: KubernetesClient
) -> None:
    deleted = (await http.delete(f"{COLLECTION}/a")).json()
    assert (deleted["kind"], deleted["status"]) == ("Status", "Success")
    assert deleted["details"]["kind"] == "configmaps"
    account = Resource("", "v1", "ServiceAccount", "serviceaccounts")
    await objects.create(account, account.object("s", "default"))
    deleted = (await http.delete("/api/v1/namespaces/default/serviceaccounts/s")).json()
    assert deleted["kind"] == "ServiceAccount"


async def test_metadata_alone_can_be_asked_for(
    http: httpx2.AsyncClient, objects: KubernetesClient
) -> None:
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    listed = (await http.get(COLLECTION, headers={"accept": accept})).json()
    assert listed["kind"] == "PartialObjectMetadataList"
    assert [item["metadata"]["name"] for item in listed["items"]] == ["a"]
    assert "data" not in listed["items"][0]


async def read_lines(response: httpx2.Response, count: int) -> list[Any]:
    lines: list[Any] = []
    async with asyncio.timeout(5):
        async for line in response.aiter_lines():
            lines.append(orjson.loads(line))
            if len(lines) == count:
                return lines
    return lines


async def test_a_watch_begins_at_once_and_streams(
    http: httpx2.AsyncClient, objects: KubernetesClient
) -> None:
    since = (await objects.list(CONFIG_MAPS, "default")).resource_version
    params = {"watch": "true", "resourceVersion": since}
    async with asyncio.timeout(5), http.stream("GET", COLLECTION, params=params) as response:
        assert response.status_code == 200
        await objects.create(CONFIG_MAPS, CONFIG_MAPS.object("b", "default"))
        (event,) = await read_lines(response, 1)
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "b")


async def test_initial_events_end_with_a_marked_bookmark(
    http: httpx2.AsyncClient, objects: KubernetesClient
) -> None:
    params = {
        "watch": "1",
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "1",
    }
    async with http.stream("GET", COLLECTION, params=params) as response:
        events = await read_lines(response, 2)
    assert [event["type"] for event in events] == ["ADDED", "BOOKMARK"]
    marker = events[1]["object"]
    assert marker["kind"] == "ConfigMap"
    assert marker["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_a_watch_ends_cleanly_when_its_time_is_up(http: httpx2.AsyncClient) -> None:
    params = {"watch": "1", "timeoutSeconds": "1", "resourceVersion": "1"}
    async with asyncio.timeout(5), http.stream("GET", COLLECTION, params=params) as response:
        assert await read_lines(response, 1) == []


async def test_a_watch_that_is_too_old_gets_an_error_event(
    api: WiredApi, http: httpx2.AsyncClient, objects: KubernetesClient
) -> None:
    await objects.delete(CONFIG_MAPS, "a", "default")
    await api.store.compact(api.store.revision)
    params = {"watch": "1", "resourceVersion": "1"}
    async with http.stream("GET", COLLECTION, params=params) as response:
        assert response.status_code == 200
        (event,) = await read_lines(response, 1)
    assert (event["type"], event["object"]["reason"]) == ("ERROR", "Expired")


async def test_a_watch_that_is_not_allowed_is_an_ordinary_refusal(
    http: httpx2.AsyncClient,
) -> None:
    response = await http.get(
        COLLECTION, params={"watch": "1"}, headers={"impersonate-user": "bob"}
    )
    assert status(response) == (403, "Forbidden")


async def test_a_client_that_goes_frees_its_watch(
    api: WiredApi, http: httpx2.AsyncClient, objects: KubernetesClient
) -> None:
    async with http.stream("GET", COLLECTION, params={"watch": "1"}) as response:
        lines = response.aiter_lines()
        await anext(lines)
        metrics = (await http.get("/metrics")).text
        watching = next(line for line in metrics.splitlines() if line.startswith(WATCHING))
        assert watching.endswith(" 1")

    async def freed() -> bool:
        text = (await http.get("/metrics")).text
        return watching.removesuffix("1") + "0" in text.splitlines()

    await eventually(freed)


async def test_stopping_does_not_wait_for_open_watches(
    api: WiredApi, http: httpx2.AsyncClient, objects: KubernetesClient
) -> None:
    listener = Listener(api.front.application, port=0, tls=api.pki.server_context(), grace_s=30.0)
    await listener.start()
    address = f"https://localhost:{listener.port}{COLLECTION}"
    async with http.stream("GET", address, params={"watch": "1"}) as response:
        lines = response.aiter_lines()
        await anext(lines)
        async with asyncio.timeout(3):
            api.front.application.end_streams()
            again = await http.get(address, params={"watch": "1"})
            assert status(again) == (503, "ServiceUnavailable")
            await listener.stop()
            assert [line async for line in lines] == []


async def test_a_taken_port_is_an_error_at_once(api: WiredApi) -> None:
    second = Listener(api.front.application, port=api.listener.port)
    with pytest.raises(OSError, match="in use"):
        await second.start()


async def test_discovery_speaks_both_forms(http: httpx2.AsyncClient) -> None:
    old = (await http.get("/apis/apps/v1")).json()
    names = [entry["name"] for entry in old["resources"]]
    assert {"deployments", "deployments/status", "deployments/scale"} <= set(names)
    new = await http.get("/apis", headers={"accept": V2})
    assert "v=v2;" in new.headers["content-type"]
    assert new.json()["apiVersion"] == "apidiscovery.k8s.io/v2"
    groups = {item["metadata"]["name"] for item in new.json()["items"]}
    assert {"apps", "rbac.authorization.k8s.io"} <= groups
    assert (await http.get("/api")).json()["versions"] == ["v1"]
    assert (await http.get("/apis/apps")).json()["preferredVersion"]["version"] == "v1"


async def test_discovery_changes_its_etag_with_a_new_kind(
    http: httpx2.AsyncClient, objects: KubernetesClient
) -> None:
    first = await http.get("/apis", headers={"accept": V2})
    known = {"accept": V2, "if-none-match": first.headers["etag"]}
    assert (await http.get("/apis", headers=known)).status_code == 304
    await objects.create(DEFINITIONS, WIDGET_DEFINITION)
    assert (await http.get("/apis", headers=known)).status_code == 200
    missing = await http.get("/apis/absent.dev", headers=known)
    assert missing.status_code == 404
    assert "etag" not in missing.headers


async def test_openapi_2_comes_in_protobuf_too(http: httpx2.AsyncClient) -> None:
    response = await http.get("/openapi/v2", headers={"accept": GNOSTIC})
    assert "@" not in response.headers["content-type"]
    assert response.content.startswith(b"\n\x032.0")
    assert b"io.k8s.api.core.v1.ConfigMap" in response.content
    assert (await http.get("/openapi/v2")).json()["swagger"] == "2.0"


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


async def test_openapi_documents_say_what_code_generators_need(http: httpx2.AsyncClient) -> None:
    index = (await http.get("/openapi/v3")).json()["paths"]
    documents = [(await http.get(entry["serverRelativeURL"])).json() for entry in index.values()]
    documents.append((await http.get("/openapi/v2")).json())
    for document in documents:
        known = document.get("definitions") or document["components"]["schemas"]
        assert {reference.rpartition("/")[2] for reference in references(document)} <= set(known)
        operations = [
            operation
            for path in document["paths"].values()
            for method, operation in path.items()
            if method != "parameters"
        ]
        names = [operation["operationId"] for operation in operations]
        assert len(names) == len(set(names))
        assert all("x-kubernetes-group-version-kind" in operation for operation in operations)
    assert "putAppsV1NamespacedDeploymentScale" in names


async def test_the_hash_of_an_openapi_document_is_of_its_schemas(
    http: httpx2.AsyncClient, objects: KubernetesClient
) -> None:
    await objects.create(DEFINITIONS, WIDGET_DEFINITION)
    first = (await http.get("/openapi/v3")).json()["paths"]
    await objects.create(WIDGETS, WIDGETS.object("w", "default", spec={"size": 1}))
    second = (await http.get("/openapi/v3")).json()["paths"]
    assert first == second
    assert "apis/example.dev/v1" in first


async def test_health_and_metrics(http: httpx2.AsyncClient) -> None:
    assert "[+]ping ok" in (await http.get("/readyz?verbose")).text
    await http.get(COLLECTION)
    text = (await http.get("/metrics")).text
    listed = (
        'component="apiserver",dry_run="",group="",resource="configmaps",scope="namespace",'
        'subresource="",verb="LIST",version="v1"'
    )
    assert f'apiserver_request_total{{code="200",{listed}}} 1' in text
    assert f'apiserver_request_duration_seconds_bucket{{{listed},le="+Inf"}} 1' in text
