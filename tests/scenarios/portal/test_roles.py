"""Every route, as everybody: who is no member of a project learns nothing of it, not even its name.

The routes come from the portal's own table, so that a new page is walked as soon as it is there.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping

import httpx2
import pytest
from tests.scenarios.portal.world import (
    HIDDEN,
    HIDDEN_SERVICE,
    MARKS,
    NOWHERE,
    NOWHERE_SERVICE,
    OWN,
    OWN_SERVICE,
    World,
    address,
    nowhere,
    routes,
)

STREAMS = ("/-/live",)
_COMMON = ("component", "fetch", "platform", "towpath.dev", "v1alpha1", "workloads")
"""Values that both projects' addresses have."""
WORDS = ("", "quagga", "vault", "service", "team-a")
"""What is searched for: words of the other project, none of which is its mark."""


def _lists() -> list[str]:
    """Addresses that name nobody's project: lists, searches, facets, counts."""
    plain = [
        route.path
        for route in routes()
        if "{" not in route.path and "GET" in (route.methods or ()) and route.path not in STREAMS
    ]
    searched = [f"{path}?q={word}" for path in plain for word in WORDS if word]
    narrowed = [
        f"/catalog?{query}"
        for query in (
            *(f"kind={kind}" for kind in ("all", "system", "api", "resource", "location")),
            *(f"health={word}" for word in ("Healthy", "Progressing", "Missing", "Unknown")),
            "owner=team-a",
            "continue=1",
        )
    ]
    read = [
        "/api/v1/catalog/facets?fields=kind,owner,project,type,tag,lifecycle,system",
        "/api/v1/catalog/entities?limit=500",
        "/api/catalog/entities",
        "/api/catalog/locations",
        "/api/catalog/entities/by-query?limit=500&orderField=metadata.name,desc",
        "/api/catalog/entities/by-query?filter=relations.ownerof&filter=relations.haspart",
        "/api/catalog/entity-facets?facet=kind&facet=metadata.name&facet=metadata.namespace"
        "&facet=relations.ownerof&facet=relations.haspart&facet=relations.ownedby",
        *(f"/api/search/query?pageLimit=100&term={word}" for word in WORDS),
        *(f"/search?in={sort}&q=service" for sort in ("catalog", "docs", "api", "more")),
        "/api/v1/audit?limit=1000",
        "/api/v1/audit?cluster=local&limit=1000",
        "/api/v1/audit?verb=create&limit=1000",
        "/v2/_catalog",
        "/v2/",
        "/static/",
        "/create?project=demo",
        f"/projects/{OWN}",
    ]
    return [*plain, *searched, *narrowed, *read]


async def _all(
    http: httpx2.AsyncClient, addresses: Iterable[str], **options: object
) -> list[bytes]:
    """Everything that comes back, heads too."""
    turn = asyncio.Semaphore(8)

    async def get(path: str) -> bytes:
        async with turn, http.stream("GET", path, **options) as answer:  # type: ignore[arg-type]
            head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
            # Of a stream that goes on for ever, the first that it says.
            goes_on = "event-stream" in answer.headers.get("content-type", "")
            body = await anext(answer.aiter_bytes()) if goes_on else await answer.aread()
            return f"{answer.status_code}\n{head}\n\n".encode() + body

    return list(await asyncio.gather(*map(get, addresses)))


def _leaks(addresses: Iterable[str], answers: Iterable[bytes]) -> list[str]:
    found = []
    for path, answer in zip(addresses, answers, strict=True):
        # What was asked for is said again in the field that it was typed into.
        asked = path.partition("?q=")[2].encode()
        text = answer.replace(asked, b"") if asked else answer
        found += [f"{path}: {mark.decode()}" for mark in MARKS if mark in text.lower()]
    return found


@pytest.mark.parametrize("name", ["anonymous", "alice", "bob", "carol", "pipeline", "revoked"])
async def test_no_list_search_count_or_facet_tells_of_another_project(
    world: World, name: str
) -> None:
    visitor, addresses = world.visitors[name], _lists()
    by_cookie = await _all(visitor.browser, addresses)
    assert _leaks(addresses, by_cookie) == []
    if visitor.token:
        by_token = await _all(visitor.browser, addresses, headers=visitor.bearer)
        assert _leaks(addresses, by_token) == []


async def test_the_walk_would_find_it(world: World) -> None:
    """Who may see everything does; and each member sees their own."""
    addresses = ["/", "/catalog", "/delivery", "/-/palette?q=vault", "/api/v1/projects"]
    addresses += ["/search?q=vault", "/api/search/query?term=vault"]
    answers = await _all(world.visitors["admin"].browser, addresses)
    assert [b"zebra" in answer for answer in answers] == [True] * len(addresses)
    for name in ("alice", "bob", "carol"):
        (shown,) = await _all(world.visitors[name].browser, ["/catalog"])
        assert OWN_SERVICE.encode() in shown


async def test_what_is_not_yours_is_as_if_it_were_not_there(world: World) -> None:
    """The same answer for another's thing and for nothing, whatever route is asked."""
    paths = [route.path for route in routes() if "{" in route.path]
    named = [(address(path, world.names[HIDDEN]), address(path, nowhere())) for path in paths]
    probes = zip(_probes(HIDDEN), _probes(NOWHERE), strict=True)
    asked = [(one, other) for one, other in (*named, *probes) if one != other]
    hidden, absent = [one for one, _ in asked], [other for _, other in asked]
    different, seen = [], 0
    for visitor in world.outsiders:
        ways: list[Mapping[str, str]] = [{}]
        if visitor.token:
            ways.append(visitor.bearer)
        for headers in ways:
            ours = await _all(visitor.browser, hidden, headers=headers)
            theirs = await _all(visitor.browser, absent, headers=headers)
            for path, one, other in zip(hidden, ours, theirs, strict=True):
                seen += 1
                if _without_names(world, one) != _without_names(world, other):
                    different.append((visitor.name, path, one[-300:], other[-300:]))
    assert different == []
    assert seen > 200


def _probes(project: str) -> list[str]:
    """Addresses that no route of the portal's table has: live pages, Git, images."""
    service = HIDDEN_SERVICE if project == HIDDEN else NOWHERE_SERVICE
    page = f"/projects/{project}/workloads/{service}"
    digest = "sha256:" + "0" * 64
    return [
        f"/-/live?page={page}",
        f"/-/live?page=/projects/{project}",
        f"/git/{project}/{service}.git/info/refs?service=git-upload-pack",
        f"/git/{project}/{service}.git/info/refs?service=git-receive-pack",
        f"/git/{project}/deployments.git/info/refs?service=git-upload-pack",
        f"/v2/{project}/{service}/tags/list",
        f"/v2/{project}/{service}/manifests/latest",
        f"/v2/{project}/{service}/blobs/{digest}",
        f"/v2/{project}/{service}/referrers/{digest}",
        f"/api/catalog/entities/by-name/component/{project}/{service}",
        f"/api/catalog/entities/by-name/component/{project}/{service}/ancestry",
        f"/api/catalog/locations/by-entity/component/{project}/{service}",
        f"/api/catalog/entities/by-query?filter=metadata.namespace={project}",
        f"/api/catalog/entities/by-query?filter=relations.ownerof=component:{project}/{service}",
        f"/api/catalog/entity-facets?facet=kind&filter=metadata.name={service}",
        f"/api/v1/catalog/entities?project={project}",
        f"/api/v1/catalog/entities?name={service}",
        f"/api/v1/catalog/facets?fields=kind&project={project}",
        f"/api/v1/audit?namespace={project}",
        f"/api/v1/audit?namespace={project}-staging&cluster=local",
        f"/api/v1/logs/templaterun/{project}/x/fetch?follow=true",
        f"/api/v1/logs/pipelinerun/demo/../{project}/x",
        f"/api/techdocs/metadata/techdocs/{project}/component/{service}",
        f"/api/techdocs/static/docs/{project}/component/{service}/index.html",
        f"/api/definitions/{project}/{service}",
        f"/api/search/query?term={service}",
        f"/search?q={service}",
        f"/catalog?project={project}",
        f"/create?project={project}",
        f"/create/towpath-system/python-service?project={project}",
    ]


def _without_names(world: World, answer: bytes) -> bytes:
    """Of one project's names and the other's nothing is left, nor of what differs every time."""
    text = answer
    for names in (world.names[HIDDEN], nowhere()):
        for name in sorted(set(names.values()), key=len, reverse=True):
            if name not in _COMMON:
                text = text.replace(name.encode(), b"<name>")
    return re.sub(rb"(?i)content-length: \d+", b"", text)


@pytest.mark.parametrize("name", ["alice", "bob", "carol"])
async def test_a_page_of_another_project_is_not_found(world: World, name: str) -> None:
    paths = [route.path for route in routes() if route.path.startswith("/projects/{project}")]
    addresses = [address(path, world.names[HIDDEN]) for path in paths]
    for path, answer in zip(
        addresses, await _all(world.visitors[name].browser, addresses), strict=True
    ):
        assert answer.startswith(b"404\n"), path


async def test_an_open_page_hears_nothing_of_another_project(world: World) -> None:
    carol, admin = world.visitors["carol"], world.visitors["admin"]
    async with (
        carol.browser.stream("GET", "/-/live?page=/") as hers,
        admin.browser.stream("GET", "/-/live?page=/") as theirs,
    ):
        heard, told = _events(hers), _events(theirs)
        assert await anext(heard) == await anext(told) == "open"
        await _touch(world, HIDDEN, HIDDEN_SERVICE)
        assert await anext(told) == "change"
        next_news = asyncio.ensure_future(anext(heard))
        # Whatever had been on its way to her with his would have come before this answer.
        await carol.browser.get("/about")
        assert not next_news.done()
        await _touch(world, OWN, OWN_SERVICE)
        assert await next_news == "change"


async def _events(stream: httpx2.Response) -> "asyncio.AsyncIterator[str]":  # type: ignore[name-defined]
    async for line in stream.aiter_lines():
        if line.startswith("event: "):
            yield line.removeprefix("event: ")


async def _touch(world: World, project: str, service: str) -> None:
    answer = await world.api.patch(
        f"/apis/towpath.dev/v1alpha1/namespaces/{project}/workloads/{service}",
        json={"spec": {"owner": "team-quagga" if project == HIDDEN else "team-b"}},
        headers={
            "authorization": f"Bearer {world.estate.admin}",
            "content-type": "application/merge-patch+json",
        },
    )
    assert answer.status_code == 200, answer.text
