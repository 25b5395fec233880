"""The remote client where the contract suite cannot go: servers that are absent or answer oddly."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest

from towpath.apiserver.http.wire.listener import Listener
from towpath.client.kubeconfig import Connection
from towpath.client.kubernetes import KubernetesClient
from towpath.machinery.asgi import Receive, Scope, Send
from towpath.machinery.errors import StatusError, TooManyRequests, Unavailable
from towpath.machinery.kinds import Resource

PODS = Resource("", "v1", "Pod", "pods")


@asynccontextmanager
async def answering(status: int, *chunks: bytes) -> AsyncIterator[tuple[KubernetesClient, Scope]]:
    """A client of a server that always gives this answer, and the last request's scope."""
    seen: Scope = {}

    async def application(scope: Scope, _receive: Receive, send: Send) -> None:
        seen.update(scope)
        await send({"type": "http.response.start", "status": status, "headers": []})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async with (
        Listener(application, port=0) as listener,
        KubernetesClient(Connection(f"http://127.0.0.1:{listener.port}")) as client,
    ):
        yield client, seen


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with Listener(_never, port=0) as listener:
        port = listener.port
    async with KubernetesClient(Connection(f"http://127.0.0.1:{port}")) as client:
        with pytest.raises(Unavailable, match=str(port)):
            await client.get(PODS, "p", "default")
        with pytest.raises(Unavailable):
            await anext(client.watch(PODS, since="1"))


async def _never(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise AssertionError("nobody calls")


async def test_a_strict_client_asks_for_unknown_fields_to_be_refused() -> None:
    pod = PODS.object("p", "default")
    async with answering(200, orjson.dumps(pod)) as (client, seen):
        await client.apply(PODS, pod, manager="m")
        assert b"fieldValidation" not in seen["query_string"]
        client._strict = True
        await client.apply(PODS, pod, manager="m")
        assert b"fieldValidation=Strict" in seen["query_string"]


async def test_an_error_that_is_no_status_keeps_its_code_and_text() -> None:
    async with answering(429, b"slow down") as (client, _):
        with pytest.raises(TooManyRequests, match="slow down"):
            await client.get(PODS, "p", "default")
    async with answering(502, b"<html>") as (client, _):
        with pytest.raises(StatusError):
            await client.list(PODS)


async def test_items_of_a_list_get_the_kind_that_the_server_leaves_out() -> None:
    body = {"metadata": {"resourceVersion": "5"}, "items": [{"metadata": {"name": "p"}}]}
    async with answering(200, orjson.dumps(body)) as (client, _):
        (item,) = (await client.list(PODS)).items
    assert (item["apiVersion"], item["kind"]) == ("v1", "Pod")
    async with answering(200, b'{"metadata":{"resourceVersion":"5"},"items":null}') as (client, _):
        assert (await client.list(PODS)).items == []


async def test_a_watch_puts_lines_together_from_any_chunks() -> None:
    events = b"".join(
        orjson.dumps({"type": "ADDED", "object": {"metadata": {"name": name}}}) + b"\n"
        for name in ("a", "b", "c")
    )
    chunks = [events[start : start + 7] for start in range(0, len(events), 7)]
    async with answering(200, *chunks) as (client, _):
        seen = [event.object["metadata"]["name"] async for event in client.watch(PODS, since="1")]
    assert seen == ["a", "b", "c"]


async def test_impersonation_travels_in_headers() -> None:
    async with answering(200, b"{}") as (client, seen):
        await client.acting_as("bob", ("ops", "dev")).get(PODS, "p", "default")
    headers = [entry for entry in seen["headers"] if entry[0].startswith(b"impersonate")]
    assert headers == [
        (b"impersonate-user", b"bob"),
        (b"impersonate-group", b"ops"),
        (b"impersonate-group", b"dev"),
    ]
