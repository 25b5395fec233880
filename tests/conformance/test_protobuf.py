"""Answers in protobuf: what ours writes is what kube-apiserver writes, to the byte."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import orjson
import pytest
from tests.conformance.built_in import BUILT_IN
from tests.conformance.sides import DEADLINE_S, Side

from towpath.machinery import protobuf
from towpath.machinery.builtins import find

PROTOBUF = "application/vnd.kubernetes.protobuf"
METADATA = f"{PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = f"{PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
WITH_TRAILING_NEWLINES = ("ControllerRevision",)
"""The JSON within is kept there as it came; ours has been read and written again."""
COLOUR = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "spec": {
        "scope": "Cluster",
        "names": {"plural": "colours", "kind": "Colour"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "share": {"type": "number", "minimum": 0.5},
                                    "names": {"type": "array", "items": {"type": "string"}},
                                    "notes": {
                                        "type": "object",
                                        "additionalProperties": {"type": "string", "default": "-"},
                                    },
                                    "any": {"x-kubernetes-preserve-unknown-fields": True},
                                },
                                "x-kubernetes-validations": [{"rule": "has(self.share)"}],
                            }
                        },
                    }
                },
            }
        ],
    },
}


@pytest.fixture
async def made(sides: tuple[Side, Side]) -> AsyncIterator[tuple[httpx2.AsyncClient, list[str]]]:
    """The paths of one object of each kind at the real server."""
    http = sides[0].http
    name = f"pb{secrets.token_hex(4)}"
    await http.post("/api/v1/namespaces", json={"metadata": {"name": name}})
    paths = [f"/api/v1/namespaces/{name}"]
    for (api_version, kind), fields in BUILT_IN.items():
        if kind == "Namespace":
            continue
        group, _, version = api_version.rpartition("/")
        known = find(group, version, kind)
        assert known is not None
        # One name each: controllers make Endpoints of a Service's name.
        own = f"{name}-{kind.lower()}"
        body = orjson.dumps({**fields, "metadata": {"name": own}}).decode().replace("{ns}", name)
        namespace = name if known.resource.namespaced else ""
        answer = await http.post(
            known.resource.path(namespace),
            content=body,
            headers={"content-type": "application/json"},
        )
        assert answer.status_code == 201, answer.text
        if kind not in WITH_TRAILING_NEWLINES:
            paths.append(known.resource.path(namespace, own))
    yield http, paths
    await asyncio.gather(*(http.delete(path) for path in paths))


async def test_every_kind_is_written_as_there(
    made: tuple[httpx2.AsyncClient, list[str]],
) -> None:
    http, paths = made
    different = []
    for path in paths:
        plain, theirs = await in_both(http, path)
        if protobuf.encode(plain) != theirs:
            different.append(path)
    assert not different


async def in_both(http: httpx2.AsyncClient, path: str) -> tuple[Any, bytes]:
    """One state of an object in JSON and in protobuf: controllers are at work on some of them."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            before = await http.get(path)
            theirs = await http.get(path, headers={"accept": PROTOBUF})
            if (await http.get(path)).content == before.content:
                return before.json(), theirs.content


async def test_definitions_are_written_as_there(sides: tuple[Side, Side]) -> None:
    http = sides[0].http
    group = f"g{secrets.token_hex(4)}.dev"
    body = {
        **COLOUR,
        "metadata": {"name": f"colours.{group}"},
        "spec": {**COLOUR["spec"], "group": group},  # type: ignore[dict-item]
    }
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    assert (await http.post(path, json=body)).status_code == 201
    path = f"{path}/colours.{group}"
    definition, theirs = await in_both(http, path)
    await http.delete(path)
    assert protobuf.encode(definition) == theirs


ASKED = [
    pytest.param("/api/v1/namespaces/default", PROTOBUF, id="an object"),
    pytest.param("/api/v1/namespaces", f"{PROTOBUF},application/json", id="a list"),
    pytest.param("/api/v1/namespaces/none", PROTOBUF, id="a refusal"),
    pytest.param("/api/v1/namespaces/default", METADATA, id="metadata"),
    pytest.param("/api/v1/namespaces/none", METADATA, id="a refusal where metadata is wanted"),
    pytest.param("/api/v1/namespaces", METADATA_LIST, id="a list of metadata"),
    pytest.param("/api/v1/namespaces?watch=1&timeoutSeconds=1", PROTOBUF, id="a watch"),
    pytest.param("/api/v1/namespaces?watch=1&timeoutSeconds=1", METADATA, id="metadata's watch"),
    pytest.param("/api/v1/namespaces", f"{PROTOBUF};as=Table;g=meta.k8s.io;v=v1", id="a table"),
    pytest.param("/api", f"{PROTOBUF}, */*", id="discovery"),
    pytest.param("/apis/apps/v1", f"{PROTOBUF}, */*", id="discovery of a version"),
    pytest.param("/version", f"{PROTOBUF}, */*", id="the version, which is in JSON"),
]


@pytest.mark.parametrize(("path", "accept"), ASKED)
async def test_both_answer_in_the_same_format(
    sides: tuple[Side, Side], path: str, accept: str
) -> None:
    answers = [await side.http.get(path, headers={"accept": accept}) for side in sides]
    kube, ours = ((one.status_code, one.headers["content-type"]) for one in answers)
    assert ours == kube


async def test_a_watch_is_in_frames(sides: tuple[Side, Side]) -> None:
    _, ours = sides
    path = "/api/v1/namespaces?watch=1&timeoutSeconds=1"
    plain = (await ours.http.get(path)).text.splitlines()
    frames = (await ours.http.get(path, headers={"accept": PROTOBUF})).content
    expected = b""
    for line in plain:
        event: dict[str, Any] = orjson.loads(line)
        message = protobuf.encode(event["object"])
        assert message is not None
        expected += protobuf.watch_frame(event["type"], message)
    assert frames == expected


async def test_long_lists_are_in_json_for_who_reads_both(sides: tuple[Side, Side]) -> None:
    _, ours = sides
    path = "/api/v1/namespaces/default/configmaps"
    made = [ours.http.post(path, json={"metadata": {"name": f"c{one}"}}) for one in range(501)]
    await asyncio.gather(*made)
    both, one = f"{PROTOBUF},application/json", PROTOBUF
    answers = [await ours.http.get(path, headers={"accept": accept}) for accept in (both, one)]
    assert [each.headers["content-type"] for each in answers] == ["application/json", PROTOBUF]
