"""Backstage's catalogue API: its documented requests, the traps of its semantics, and rights."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import orjson
import pytest

from towpath.capabilities.portal.catalog.backstage.api import CatalogApi
from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.capabilities.portal.catalog.sources.web import Web
from towpath.engines.outbound import OutboundAnswer, OutboundRequest
from towpath.hooks.apis import ApiAnswer, ApiRequest
from towpath.machinery.errors import BadRequest, Forbidden, NotFound, StatusError
from towpath.machinery.objects import RawObject
from towpath.machinery.users import MASTERS, AccessRequest, UserInfo
from towpath.records.contract import Entity, Viewer
from towpath.records.sqlite import SqliteRecords

JSON = {"content-type": "application/json"}
ALICE = UserInfo("alice", ("team-a", "system:authenticated"))
STRANGER = UserInfo("eve", ("system:authenticated",))


def described(kind: str, name: str, spec: RawObject, **metadata: Any) -> Entity:
    return entity_of(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": kind,
            "metadata": {"name": name, **metadata},
            "spec": spec,
        }
    )


def component(name: str, owner: str = "team-a", **metadata: Any) -> Entity:
    spec = {"type": "service", "lifecycle": "production", "owner": owner}
    return described("Component", name, spec, **metadata)


ORPHAN = {"backstage.io/orphan": "true", "backstage.io/managed-by-location": "url:https://x/y"}
OWN = [
    component("orders", title="Order Service", tags=["java", "grpc"], annotations=ORPHAN),
    component("shop", tags=["java"], links=[{"url": "https://shop", "title": "Shop"}]),
    component("Basket", "user:default/alice"),
    described(
        "API",
        "orders-api",
        {"type": "grpc", "lifecycle": "production", "owner": "team-a", "definition": "syntax"},
        description=None,
    ),
]
PEOPLE = [
    described("Group", "team-a", {"type": "team", "children": []}),
    described("Group", "ops", {"type": "team", "children": []}),
    described("User", "alice", {"memberOf": ["ops"], "profile": {"displayName": "Alice Ä"}}),
]
HIDDEN = [component("secret", "ops")]


async def nothing_there(_: OutboundRequest) -> OutboundAnswer:
    return OutboundAnswer(404, b"")


async def is_admin(user: UserInfo, _: AccessRequest) -> bool:
    return MASTERS in user.groups


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[SqliteRecords]:
    async with SqliteRecords(tmp_path / "records.db") as records:
        await records.catalog.ingest("own", OWN, project="demo", version="1")
        await records.catalog.ingest("people", PEOPLE, project="", version="1")
        await records.catalog.ingest("hidden", HIDDEN, project="other", version="1")
        yield records


class Client:
    """What a client of Backstage sends, for somebody who sees the project demo."""

    def __init__(self, records: SqliteRecords, user: UserInfo = ALICE) -> None:
        self.records = records
        self.user = user
        self.api = CatalogApi(records.catalog, is_admin, Web(nothing_there))
        self.projects: frozenset[str] | None = frozenset({"demo"})

    async def send(self, method: str, address: str, body: Any = None) -> ApiAnswer:
        path, _, query = address.partition("?")
        request = ApiRequest(
            method,
            path,
            query,
            JSON if body is not None else {},
            orjson.dumps(body) if body is not None else b"",
            user=self.user,
            viewer=Viewer(self.user, self.projects),
            api=cast(Any, None),
        )
        return await self.api.answer(request)

    async def get(self, address: str) -> Any:
        answer = await self.send("GET", address)
        assert answer.status == 200
        return orjson.loads(answer.body)

    async def post(self, address: str, body: Any) -> Any:
        return orjson.loads((await self.send("POST", address, body)).body)

    async def names(self, address: str) -> list[str]:
        said = await self.get(address)
        return [
            one["metadata"]["name"] for one in (said if isinstance(said, list) else said["items"])
        ]


@pytest.fixture
def client(records: SqliteRecords) -> Client:
    return Client(records)


async def test_an_entity_has_what_a_catalogue_adds(client: Client) -> None:
    said = await client.get("/entities/by-name/Component/default/ORDERS")
    assert said["metadata"]["namespace"] == "default"
    assert said["metadata"]["uid"] and said["metadata"]["etag"]
    assert said["relations"] == [{"type": "ownedBy", "targetRef": "group:default/team-a"}]
    team = await client.get("/entities/by-name/group/default/team-a")
    assert {"type": "ownerOf", "targetRef": "component:default/orders"} in team["relations"]
    assert await client.get(f"/entities/by-uid/{said['metadata']['uid']}") == said


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("filter=kind=user&filter=kind=group", "alice ops team-a", id="or"),
        pytest.param("filter=kind=component,spec.type=service", "Basket orders shop", id="and"),
        pytest.param("filter=metadata.tags.java", "orders shop", id="a tag that exists"),
        pytest.param("filter=metadata.tags=grpc", "orders", id="a tag by its value"),
        pytest.param("filter=metadata.tags=grpc,metadata.tags=x", "orders", id="one key twice"),
        pytest.param(
            "filter=metadata.tags.java=true,metadata.tags.grpc=true", "orders", id="two tags"
        ),
        pytest.param(
            "filter=metadata.annotations.backstage.io/orphan=true", "orders", id="an orphan"
        ),
        pytest.param("filter=KIND=COMPONENT,Metadata.Name=basket", "Basket", id="no case matters"),
        pytest.param(
            "filter=kind=user,relations.memberof=group:default/ops", "alice", id="a relation"
        ),
        pytest.param("filter=metadata.links.url=https://shop", "shop", id="an object in a list"),
        pytest.param("filter=metadata.description", "orders-api", id="null exists"),
        pytest.param("filter=metadata.description=", "", id="null is not the empty text"),
        pytest.param("filter=metadata.tag", "", id="half a key"),
        pytest.param(
            "filter=relations.ownedBy=__current_user__",
            "Basket orders orders-api shop",
            id="what the visitor owns, with their groups",
        ),
        pytest.param(
            "filter=,%20,",
            "Basket alice ops orders orders-api shop team-a",
            id="an empty filter is none",
        ),
    ],
)
async def test_filters(client: Client, query: str, expected: str) -> None:
    assert sorted(await client.names(f"/entities/by-query?{query}")) == expected.split()
    assert sorted(await client.names(f"/entities?{query}")) == expected.split()


@pytest.mark.parametrize("asked", ["__current_user__", "%5f_current_user%5f_"], ids=str)
async def test_what_a_visitor_owns_is_told_to_nobody_else(client: Client, asked: str) -> None:
    mine = f"filter=relations.ownedBy={asked}"
    first = f"/entities/by-query?{mine}&limit=1"
    cursor = (await client.get(first))["pageInfo"]["nextCursor"]
    second = f"/entities/by-query?cursor={cursor}"
    facets = f"/entity-facets?facet=kind&{mine}"
    assert await client.names(first) and await client.names(second)
    assert (await client.get(facets))["facets"]["kind"]
    client.user = STRANGER
    assert await client.names(first) == await client.names(second) == []
    assert (await client.get(facets))["facets"]["kind"] == []


async def test_entities_are_in_the_order_of_their_references(client: Client) -> None:
    expected = ["orders-api", "Basket", "orders", "shop", "ops", "team-a", "alice"]
    assert await client.names("/entities") == expected
    assert await client.names("/entities?offset=1&limit=2") == ["Basket", "orders"]
    by_two = "/entities?order=asc:kind&order=desc:metadata.name&offset=0"
    assert await client.names(by_two) == [
        "orders-api",
        "shop",
        "orders",
        "Basket",
        "team-a",
        "ops",
        "alice",
    ]


async def test_a_list_is_continued_by_its_link(client: Client) -> None:
    answer = await client.send(
        "GET", "/entities?filter=kind=component&limit=2&fields=metadata.name"
    )
    link = answer.headers["link"]
    assert link.startswith("</entities?") and link.endswith('>; rel="next"')
    following = link.split(">")[0].lstrip("<")
    last = await client.send("GET", following)
    assert orjson.loads(last.body) == [{"metadata": {"name": "shop"}}]
    assert "link" not in last.headers


async def test_pages_follow_cursors_both_ways(client: Client) -> None:
    start = "/entities/by-query?filter=kind=component&orderField=metadata.name,desc&limit=1"
    first = await client.get(start)
    assert (first["totalItems"], list(first["pageInfo"])) == (3, ["nextCursor"])
    seen, page = [first], first
    while "nextCursor" in page["pageInfo"]:
        cursor = urlencode({"cursor": page["pageInfo"]["nextCursor"], "limit": 1})
        page = await client.get(f"/entities/by-query?{cursor}&filter=kind=user")
        seen.append(page)
    assert [one["items"][0]["metadata"]["name"] for one in seen] == ["shop", "orders", "Basket"]
    assert all(one["totalItems"] == 3 for one in seen)
    cursor = urlencode({"cursor": page["pageInfo"]["prevCursor"], "limit": 1})
    back = await client.get(f"/entities/by-query?{cursor}")
    assert back["items"] == seen[1]["items"]
    assert "nextCursor" in back["pageInfo"]
    cursor = urlencode({"cursor": back["pageInfo"]["prevCursor"], "limit": 1})
    begin = await client.get(f"/entities/by-query?{cursor}")
    assert begin["items"] == seen[0]["items"]
    assert "prevCursor" not in begin["pageInfo"]


async def test_a_sorted_page_leaves_out_what_has_no_value(client: Client) -> None:
    for address in (
        "/entities/by-query?orderField=metadata.title",
        "/entities?order=asc:metadata.title",
    ):
        assert await client.names(address) == ["orders"]
    said = await client.get("/entities/by-query?orderField=metadata.title")
    assert said["totalItems"] == 1
    # Pages by offset have it, at the end.
    names = await client.names("/entities?order=desc:metadata.title&limit=10")
    assert (names[0], len(names)) == ("orders", 7)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(
            "fullTextFilterTerm=ORD&fullTextFilterFields=metadata.name,metadata.title",
            "orders orders-api",
            id="in named fields",
        ),
        pytest.param(
            "fullTextFilterTerm=ser&fullTextFilterFields=metadata.title",
            "orders",
            id="within a word",
        ),
        pytest.param(
            "fullTextFilterTerm=ORD&orderField=metadata.name",
            "orders orders-api",
            id="in what is sorted by",
        ),
        pytest.param("fullTextFilterTerm=orders", "", id="else in the uid"),
        pytest.param(
            "fullTextFilterTerm=%20alice%20%C3%A4&fullTextFilterFields=spec.profile.displayName",
            "alice",
            id="trimmed, in any case, in any letters",
        ),
        pytest.param(
            "fullTextFilterTerm=%20&filter=kind=api", "orders-api", id="an empty one is none"
        ),
    ],
)
async def test_full_text(client: Client, query: str, expected: str) -> None:
    assert sorted(await client.names(f"/entities/by-query?{query}")) == expected.split()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"kind": "component"}, "Basket orders shop", id="a field"),
        pytest.param(
            {"$all": [{"kind": "component"}, {"spec.type": {"$in": ["service"]}}]},
            "Basket orders shop",
            id="all",
        ),
        pytest.param(
            {"$any": [{"kind": "user"}, {"metadata.tags": {"$contains": "grpc"}}]},
            "alice orders",
            id="any",
        ),
        pytest.param({"$not": {"kind": {"$in": ["component", "api", "Group"]}}}, "alice", id="not"),
        pytest.param(
            {"kind": "component", "metadata.tags": {"$exists": False}},
            "Basket",
            id="two fields, one that is not there",
        ),
        pytest.param({"metadata.name": {"$hasPrefix": "ORD"}}, "orders orders-api", id="prefix"),
        pytest.param(
            {"$all": []}, "Basket alice ops orders orders-api shop team-a", id="all of nothing"
        ),
        pytest.param({}, "Basket alice ops orders orders-api shop team-a", id="empty"),
    ],
)
async def test_predicates(client: Client, query: Any, expected: str) -> None:
    said = await client.post("/entities/by-query", {"query": query, "limit": 20})
    assert sorted(one["metadata"]["name"] for one in said["items"]) == expected.split()
    facets = await client.post("/entity-facets", {"facets": ["kind"], "query": query})
    assert sum(one["count"] for one in facets["facets"]["kind"]) == len(expected.split())


BY_NAME = [{"field": "metadata.name", "order": "asc"}]


async def test_a_predicate_is_continued_by_a_cursor(client: Client) -> None:
    body = {"query": {"kind": "component"}, "limit": 2, "orderBy": BY_NAME}
    first = await client.post("/entities/by-query", body)
    following = {"cursor": first["pageInfo"]["nextCursor"], "fields": ["metadata.name"]}
    last = await client.post("/entities/by-query", following)
    assert last["items"] == [{"metadata": {"name": "shop"}}]


async def test_fields_keep_parts_whose_keys_have_dots(client: Client) -> None:
    fields = "metadata.annotations.backstage.io/orphan,spec.owner,relations,metadata.nothing"
    said = await client.get(f"/entities/by-query?filter=metadata.name=orders&fields={fields}")
    assert said["items"] == [
        {
            "metadata": {"annotations": {"backstage.io/orphan": "true"}},
            "spec": {"owner": "team-a"},
            "relations": [{"type": "ownedBy", "targetRef": "group:default/team-a"}],
        }
    ]


async def test_fields_of_lists_are_kept_at_their_places(client: Client) -> None:
    fields = "metadata.tags.1,metadata.tags.00000000001,metadata.tags.2"
    said = await client.get(f"/entities/by-query?filter=metadata.name=orders&fields={fields}")
    assert said["items"] == [{"metadata": {"tags": [None, "grpc"]}}]


async def test_references_are_answered_in_their_order(client: Client) -> None:
    refs = [
        "component:default/shop",
        "component:default/none",
        "group:default/ops",
        "Group:default/OPS",
        "component:default/secret",
    ]
    said = await client.post("/entities/by-refs", {"entityRefs": refs, "fields": ["metadata.name"]})
    assert said["items"] == [
        {"metadata": {"name": "shop"}},
        None,
        {"metadata": {"name": "ops"}},
        None,
        None,
    ]
    said = await client.post("/entities/by-refs?filter=kind=group", {"entityRefs": refs})
    assert [one and one["metadata"]["name"] for one in said["items"]] == [
        None,
        None,
        "ops",
        None,
        None,
    ]


async def test_facets_are_spelled_as_they_are_written(client: Client) -> None:
    said = await client.get("/entity-facets?facet=kind&facet=metadata.tags&filter=kind=component")
    assert said["facets"]["kind"] == [{"value": "Component", "count": 3}]
    tags = {one["value"]: one["count"] for one in said["facets"]["metadata.tags"]}
    assert tags == {"java": 2, "grpc": 1}


async def test_an_ancestry_begins_and_ends_with_the_entity(client: Client) -> None:
    said = await client.get("/entities/by-name/component/default/shop/ancestry")
    assert said["rootEntityRef"] == "component:default/shop"
    assert [one["parentEntityRefs"] for one in said["items"]] == [[]]


@pytest.mark.parametrize(
    ("address", "error"),
    [
        pytest.param("/entities/by-query?filter==x", BadRequest, id="a filter without a key"),
        pytest.param("/entities/by-query?limit=many", BadRequest, id="a limit in words"),
        pytest.param("/entities/by-query?limit=-1", BadRequest, id="a limit below nothing"),
        pytest.param("/entities/by-query?limit=1&limit=2", BadRequest, id="two limits"),
        pytest.param("/entities/by-query?cursor=nonsense", BadRequest, id="no cursor"),
        pytest.param("/entities/by-query?cursor=e30=", BadRequest, id="an empty cursor"),
        pytest.param("/entities/by-query?orderField=a,up", BadRequest, id="an order of no way"),
        pytest.param("/entities/by-query?fields=a[0]", BadRequest, id="a field of a list"),
        pytest.param("/entities?order=metadata.name", BadRequest, id="an order without a way"),
        pytest.param("/entities?after=x", BadRequest, id="no place to continue"),
        pytest.param("/entity-facets", BadRequest, id="no facet"),
        pytest.param("/entities/by-uid/none", NotFound, id="no such uid"),
        pytest.param("/entities/by-name/component/default/no", NotFound, id="no such name"),
        pytest.param("/entities/by-name/component/default/secret", NotFound, id="a hidden one"),
        pytest.param("/entities/by-name/a/b%2Fc/d/ancestry", NotFound, id="no such ancestry"),
        pytest.param("/nothing", NotFound, id="no such path"),
    ],
)
async def test_what_is_wrong_is_refused(
    client: Client, address: str, error: type[StatusError]
) -> None:
    with pytest.raises(error):
        await client.send("GET", address)


@pytest.mark.parametrize(
    ("address", "body"),
    [
        pytest.param("/entities/by-refs", {"entityRefs": "a"}, id="references that are no list"),
        pytest.param("/entities/by-query", {"query": ["kind"]}, id="a predicate that is a list"),
        pytest.param("/entities/by-query", {"query": {"$any": ["x"]}}, id="a bare value"),
        pytest.param("/entities/by-query", {"query": {"a": {"$like": 1}}}, id="no such operator"),
        pytest.param("/entities/by-query", {"query": {"$first": {}}}, id="no such combination"),
        pytest.param("/entities/by-query", {"cursor": ""}, id="an empty cursor"),
        pytest.param("/entity-facets", {"facets": []}, id="no facets"),
        pytest.param("/locations", {"type": "file", "target": "/etc"}, id="a location of a file"),
        pytest.param("/refresh", {}, id="a refresh of nothing"),
    ],
)
async def test_bodies_that_are_wrong_are_refused(client: Client, address: str, body: Any) -> None:
    with pytest.raises(BadRequest):
        await client.send("POST", address, body)


async def test_a_deep_predicate_is_refused(client: Client) -> None:
    query: Any = {"kind": "component"}
    for _ in range(100):
        query = {"$not": query}
    with pytest.raises(BadRequest):
        await client.send("POST", "/entities/by-query", {"query": query})


async def test_what_was_kept_ends_with_a_change_and_is_nobody_elses(client: Client) -> None:
    address = "/entities/by-query?filter=kind=component&limit=0"
    assert (await client.get(address))["totalItems"] == 3
    other = Client(client.records, STRANGER)
    other.api = client.api
    other.projects = frozenset()
    assert (await other.get(address))["totalItems"] == 0
    other.projects = None
    assert (await other.get(address))["totalItems"] == 4
    catalog = client.records.catalog
    await catalog.ingest("more", [component("new")], project="demo", version="1")
    assert (await client.get(address))["totalItems"] == 4


async def test_an_entity_is_deleted_by_who_may_delete_its_source(client: Client) -> None:
    uid = (await client.get("/entities/by-name/component/default/orders"))["metadata"]["uid"]
    stranger = Client(client.records, STRANGER)
    with pytest.raises(Forbidden):
        await stranger.send("DELETE", f"/entities/by-uid/{uid}")
    admin = Client(client.records, UserInfo("admin", (MASTERS,)))
    assert (await admin.send("DELETE", f"/entities/by-uid/{uid}")).status == 204
    with pytest.raises(NotFound):
        await client.get("/entities/by-name/component/default/orders")
    assert (await admin.send("DELETE", f"/entities/by-uid/{uid}")).status == 204
    (change, *_) = await client.records.catalog.history(
        Viewer(ALICE, None), "component:default/orders"
    )
    assert (change.who, change.after) == ("admin", None)


async def test_entities_are_judged_as_when_they_are_read(client: Client) -> None:
    right = {"entity": OWN[0].descriptor, "location": "url:https://x/y"}
    assert (await client.send("POST", "/validate-entity", right)).status == 200
    for wrong in (
        {"entity": {"kind": "Component"}, "location": "url:https://x/y"},
        {"entity": OWN[0].descriptor, "location": "file:/etc"},
    ):
        answer = await client.send("POST", "/validate-entity", wrong)
        assert answer.status == 400
        assert all(one["name"] and one["message"] for one in orjson.loads(answer.body)["errors"])


async def test_a_location_is_analysed(client: Client) -> None:
    known = {"location": {"type": "url", "target": "https://x/y"}}
    said = await client.post("/analyze-location", known)
    assert [one["isRegistered"] for one in said["existingEntityFiles"]] == [True]
    fresh = {"location": {"type": "url", "target": "https://git.example/acme/new_shop/"}}
    said = await client.post("/analyze-location", fresh)
    assert said["generateEntities"][0]["entity"]["metadata"]["name"] == "new-shop"
