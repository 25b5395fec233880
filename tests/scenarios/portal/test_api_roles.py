"""The Kubernetes APIs of the platform and of the cluster, as everybody: lists, watches, tables."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import httpx2
import pytest
from tests.scenarios.portal.world import HIDDEN, MARKS, NOWHERE, OWN, World

TABLE = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
SERVERS = {
    "": (OWN, HIDDEN, NOWHERE),
    "/clusters/local": tuple(f"{project}-staging" for project in (OWN, HIDDEN, NOWHERE)),
}
"""Each API's prefix, and the namespaces there of the three projects."""
EVERYBODY = ("anonymous", "alice", "bob", "carol", "pipeline", "revoked")


async def _lists(api: httpx2.AsyncClient, admin: Mapping[str, str], server: str) -> list[Any]:
    """What can be listed there: (path before the namespace, plural, namespaced)."""
    accept = {"accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
    found = []
    for root in ("/api", "/apis"):
        answer = await api.get(server + root, headers={**admin, **accept})
        for group in answer.json()["items"]:
            name = group["metadata"].get("name", "")
            for version in group["versions"]:
                for one in version["resources"]:
                    if "list" in one["verbs"]:
                        prefix = f"{root}/{name}" if name else root
                        path = f"{server}{prefix}/{version['version']}"
                        found.append((path, one["resource"], one["scope"] == "Namespaced"))
    return found


def _addresses(lists: Iterable[Any], namespace: str) -> list[str]:
    return [
        f"{path}/namespaces/{namespace}/{plural}"
        for path, plural, namespaced in lists
        if namespaced
    ]


def _named(lists: Iterable[Any], server: str, namespace: str) -> list[str]:
    project = namespace.removesuffix("-staging")
    return [
        *_addresses(lists, namespace),
        f"{server}/api/v1/namespaces/{namespace}",
        f"{server}/apis/towpath.dev/v1alpha1/projects/{project}",
        f"{server}/api/v1/namespaces/{namespace}/pods/x/log",
    ]


async def _answers(
    api: httpx2.AsyncClient, addresses: Iterable[str], headers: Mapping[str, str]
) -> list[tuple[str, int, bytes]]:
    turn = asyncio.Semaphore(16)

    async def get(path: str) -> tuple[str, int, bytes]:
        async with turn:
            answer = await api.get(path, headers=headers, timeout=30)
            return path, answer.status_code, answer.content

    return list(await asyncio.gather(*map(get, addresses)))


def _leaks(answers: Iterable[tuple[str, int, bytes]]) -> list[str]:
    # A refusal says again which namespace was asked for.
    return [
        path
        for path, _, body in answers
        if any(mark in body.replace(HIDDEN.encode(), b"").lower() for mark in MARKS)
    ]


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", EVERYBODY)
async def test_no_list_and_no_watch_tells_of_another_project(
    world: World, name: str, server: str
) -> None:
    admin = {"authorization": f"Bearer {world.estate.admin}"}
    lists = await _lists(world.api, admin, server)
    everywhere = [f"{path}/{plural}" for path, plural, _ in lists]
    _, hidden, nowhere = SERVERS[server]
    addresses = [
        *everywhere,
        *(f"{path}?watch=1&timeoutSeconds=1&sendInitialEvents=false" for path in everywhere),
        *(f"{path}?fieldSelector=metadata.namespace%3D{hidden}" for path in everywhere),
        *_addresses(lists, hidden),
        *(f"{path}?watch=1&timeoutSeconds=1" for path in _addresses(lists, hidden)),
        *(f"{server}/{path}" for path in ("version", "openapi/v2", "openapi/v3", "metrics")),
    ]
    headers = {**world.visitors[name].bearer, **TABLE}
    answers = await _answers(world.api, addresses, headers)
    assert _leaks(answers) == []

    ours = await _answers(world.api, _named(lists, server, hidden), headers)
    theirs = await _answers(world.api, _named(lists, server, nowhere), headers)
    names = (HIDDEN.encode(), NOWHERE.encode())
    different = [
        path
        for (path, code, body), (_, other, text) in zip(ours, theirs, strict=True)
        if (code, body.replace(names[0], b"")) != (other, text.replace(names[1], b""))
    ]
    assert different == []


async def test_the_walk_would_find_it(world: World) -> None:
    admin = {"authorization": f"Bearer {world.estate.admin}"}
    for server in SERVERS:
        lists = await _lists(world.api, admin, server)
        assert len(lists) > 20
        everywhere = [f"{path}/{plural}" for path, plural, _ in lists]
        assert len(_leaks(await _answers(world.api, everywhere, admin))) >= 5
    carol = world.visitors["carol"].bearer
    mine = await world.api.get(
        f"/apis/towpath.dev/v1alpha1/namespaces/{OWN}/workloads", headers=carol
    )
    assert b"okapi-service" in mine.content
