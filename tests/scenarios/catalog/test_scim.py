"""Identity providers push people and groups by SCIM, in the requests that they really send."""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from tests.scenarios.catalog.test_sources import condition, make, status_of
from tests.scenarios.catalog.world import World
from tests.support import eventually

from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
from towpath.capabilities.portal.catalog.scim.api import apis
from towpath.engines.identity.port import ACCOUNTS, Account
from towpath.hooks.apis import ApiRequest
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.core_kinds import NAMESPACE, SECRET
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM, UserInfo
from towpath.records.contract import AuditFilter, Viewer

TOKEN = "a-token-of-32-characters-or-more"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@dataclass(frozen=True, slots=True)
class Said:
    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Provider:
    """An identity provider's client."""

    world: World
    token: str = TOKEN

    async def asks(
        self, method: str, path: str, body: Any = None, query: str = "", **headers: str
    ) -> Said:
        (api,) = apis(self.world.platform)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        request = ApiRequest(
            method,
            path,
            query,
            {"authorization": f"Bearer {self.token}", **sent},
            b"" if body is None else orjson.dumps(body),
            PLATFORM,
            Viewer(PLATFORM, frozenset()),
            self.world.platform.api,
        )
        answer = await api.answer(request)
        told = orjson.loads(answer.body) if answer.body else None
        return Said(answer.status, told, answer.headers)

    async def user(self, user_name: str, **more: Any) -> str:
        body = {"schemas": [USER], "userName": user_name, "active": True, **more}
        said = await self.asks("POST", "/Users", body)
        assert said.status == 201, said.body
        return str(said.body["id"])

    async def group(self, name: str, *members: str) -> str:
        body = {
            "schemas": [GROUP],
            "displayName": name,
            "members": [{"value": one} for one in members],
        }
        said = await self.asks("POST", "/Groups", body)
        assert said.status == 201, said.body
        return str(said.body["id"])

    async def patches(self, path: str, *operations: RawObject) -> RawObject:
        said = await self.asks("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})
        assert said.status == 200, said.body
        return dict(said.body)


@asynccontextmanager
async def pushing(world: World, **scim: Any) -> AsyncIterator[Provider]:
    api = world.platform.api
    await api.create(NAMESPACE, NAMESPACE.object(SYSTEM_NAMESPACE))
    token = base64.b64encode(TOKEN.encode()).decode()
    await api.create(SECRET, SECRET.object("okta", SYSTEM_NAMESPACE, data={"token": token}))
    await make(world, "okta", SYSTEM_NAMESPACE, type="scim", scim={"secret": "okta", **scim})
    yield Provider(world)


async def test_people_and_groups_that_are_pushed_are_in_the_catalogue(world: World) -> None:
    async with pushing(world) as okta, world.running():
        alice = await okta.user(
            "alice@example.org",
            name={"givenName": "Alice", "familyName": "Adams"},
            emails=[{"value": "old@example.org"}, {"value": "a@example.org", "primary": True}],
        )
        inner = await okta.group("Payments", alice)
        await okta.group("All of us", inner)
        found = await world.becomes(
            "user:default/alice_example.org",
            lambda one: one is not None and one["spec"]["memberOf"],
        )
        # What is pushed while the source is being read comes with the next look.
        group = await world.becomes(
            "group:default/payments", lambda one: one is not None and "parent" in one["spec"]
        )
    assert found["spec"]["profile"] == {"displayName": "Alice Adams", "email": "a@example.org"}
    assert found["spec"]["memberOf"] == ["Payments"]
    assert group["spec"]["parent"] == "All_of_us"


LEAVING: dict[str, Any] = {
    "Okta": {"op": "replace", "value": {"active": False}},
    "Entra ID": {"op": "Replace", "path": "active", "value": "False"},
    "Entra ID, newer": {"op": "replace", "path": "active", "value": False},
}


@pytest.mark.parametrize("operation", LEAVING.values(), ids=LEAVING.keys())
async def test_who_is_deprovisioned_has_left_and_can_come_back(
    world: World, operation: RawObject
) -> None:
    async with pushing(world) as provider, world.running():
        dora = await provider.user("dora")
        await world.becomes("user:default/dora", lambda one: one is not None)
        await provider.patches(f"/Users/{dora}", operation)
        await world.becomes("user:default/dora", lambda one: one is None)
        history = await world.platform.catalog.history(Viewer(PLATFORM, None), "user:default/dora")
        assert history
        back = {"op": "replace", "path": "active", "value": True}
        await provider.patches(f"/Users/{dora}", back)
        await world.becomes("user:default/dora", lambda one: one is not None)
        assert (await provider.asks("DELETE", f"/Users/{dora}")).status == 204
        await world.becomes("user:default/dora", lambda one: one is None)
        assert (await provider.asks("GET", f"/Users/{dora}")).status == 404


async def test_who_has_left_is_signed_out_of_the_account_of_that_name(world: World) -> None:
    identity = world.identity
    held = {}
    for name in ("dora_example.org", "dora"):
        await identity.add_account(Account(name))
        user = UserInfo(name)
        held[name] = (
            await identity.open_session(user, "a browser"),
            await identity.issue_token(user, "a script"),
        )

    async def opens(name: str) -> list[bool]:
        session, token = held[name]
        found = (await identity.session(session), await identity.authenticate(token))
        return [one is not None for one in found]

    async with pushing(world) as provider:
        dora = await provider.user("Dora@example.org")
        await provider.patches(f"/Users/{dora}", {"op": "add", "path": "title", "value": "Boss"})
        assert await opens("dora_example.org") == [True, True]
        await provider.patches(f"/Users/{dora}", LEAVING["Okta"])
        assert await opens("dora_example.org") == [False, False]
        assert await opens("dora") == [True, True]
        where = AuditFilter(resource=ACCOUNTS, verb="revoke")
        told = await world.platform.audit.query(Viewer(PLATFORM, None), where)
        assert [(one.name, one.user) for one in told.entries] == [
            ("dora_example.org", "system:scim:towpath-system/okta")
        ]
        other = await provider.user("dora")
        await provider.asks("DELETE", f"/Users/{other}")
        assert await opens("dora") == [False, False]


async def test_people_of_another_namespace_are_nobody_s_account(world: World) -> None:
    await world.identity.add_account(Account("dora"))
    session = await world.identity.open_session(UserInfo("dora"), "a browser")
    async with pushing(world, namespace="partners") as provider:
        await provider.asks("DELETE", f"/Users/{await provider.user('dora')}")
    assert await world.identity.session(session) is not None


async def test_members_are_added_and_removed_as_both_big_ones_do_it(world: World) -> None:
    async with pushing(world) as provider:
        a, b, c = [await provider.user(name) for name in ("a", "b", "c")]
        team = f"/Groups/{await provider.group('team')}"

        async def members(*operations: RawObject) -> set[str]:
            told = await provider.patches(team, *operations)
            return {one["value"] for one in told["members"]}

        add = {"op": "Add", "path": "members", "value": [{"value": a}, {"value": b}]}
        assert await members(add) == {a, b}
        assert await members(add) == {a, b}
        assert await members({"op": "add", "value": {"members": [{"value": c}]}}) == {a, b, c}
        assert await members({"op": "remove", "path": f'members[value eq "{a}"]'}) == {b, c}
        gone = {"op": "Remove", "path": "members", "value": [{"value": b}]}
        assert await members(gone) == {c}
        whole = {"op": "replace", "path": "members", "value": [{"value": a}]}
        assert await members(whole) == {a}
        renamed = {"op": "replace", "value": {"id": "x", "displayName": "crew"}}
        assert (await provider.patches(team, renamed))["displayName"] == "crew"
        assert await members({"op": "remove", "path": "members"}) == set()
        # Whoever goes is in no group any more.
        await members(add)
        await provider.asks("DELETE", f"/Users/{a}")
        assert {one["value"] for one in (await provider.asks("GET", team)).body["members"]} == {b}


async def test_attributes_are_patched_by_path_and_by_value(world: World) -> None:
    async with pushing(world) as provider:
        one = f"/Users/{await provider.user('alice', emails=[{'value': 'x', 'type': 'work'}])}"
        told = await provider.patches(
            one,
            {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "work@b.c"},
            {"op": "Add", "path": 'emails[type eq "home"].value', "value": "home@b.c"},
            {"op": "Add", "path": "name.givenName", "value": "Alice"},
            {"op": "Replace", "value": {"name.familyName": "A.", f"{ENTERPRISE}:department": "R"}},
            {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": {"value": "42"}},
            {"op": "Remove", "path": "nickName"},
        )
    assert told["emails"] == [
        {"value": "work@b.c", "type": "work"},
        {"type": "home", "value": "home@b.c"},
    ]
    assert told["name"] == {"givenName": "Alice", "familyName": "A."}
    assert told[ENTERPRISE] == {"department": "R", "manager": {"value": "42"}}


FILTERS = {
    'userName eq "ALICE"': {"alice"},
    'externalId eq "e-bob"': {"bob"},
    'userName sw "a" or userName eq "bob"': {"alice", "bob"},
    'emails[type eq "work" and value co "@example.org"]': {"alice"},
    'emails.value eq "bob@b.c"': {"bob"},
    "active eq false": {"carol"},
    'not (userName eq "alice") and active eq true': {"bob"},
    "title pr": {"bob"},
    'meta.created gt "2020-01-01T00:00:00Z"': {"alice", "bob", "carol"},
    f'{USER}:userName eq "alice"': {"alice"},
    'userName eq "nobody"': set(),
}


@pytest.mark.parametrize(("text", "expected"), FILTERS.items(), ids=FILTERS.keys())
async def test_filters_choose(world: World, text: str, expected: set[str]) -> None:
    async with pushing(world) as provider:
        work = {"value": "alice@example.org", "type": "work"}
        await provider.user("alice", emails=[work])
        await provider.user("bob", externalId="e-bob", title="Boss", emails=[{"value": "bob@b.c"}])
        await provider.user("carol", active=False)
        found = await _filtered(provider, text)
    assert found == expected


async def _filtered(provider: Provider, text: str) -> set[str]:
    said = await provider.asks("GET", "/Users", query=f"filter={quote(text)}")
    assert said.status == 200, said.body
    assert said.body["totalResults"] == len(said.body["Resources"])
    return {one["userName"] for one in said.body["Resources"]}


WRONG = {
    "a filter without a value": ("GET", "/Users", None, "filter=userName%20eq", 400),
    "a filter with an object": ("GET", "/Users", None, "filter=emails%20gt%20%7B%7D", 400),
    "a filter that never ends": ("GET", "/Users", None, "filter=" + "(" * 500, 400),
    "no name": ("POST", "/Users", {"active": True}, "", 400),
    "nothing that is no object": ("POST", "/Users", ["alice"], "", 400),
    "a name that is taken": ("POST", "/Users", {"userName": "Alice"}, "", 409),
    "members that are none": ("POST", "/Groups", {"displayName": "x", "members": [1]}, "", 400),
    "somebody unknown": ("GET", "/Users/nobody", None, "", 404),
    "something unknown": ("GET", "/Things", None, "", 404),
    "bulk": ("POST", "/Bulk", {}, "", 404),
    "a number that is none": ("GET", "/Users", None, "count=many", 400),
}


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "status"), WRONG.values(), ids=WRONG.keys()
)
async def test_what_is_wrong_is_said_as_scim_does(
    world: World, method: str, path: str, body: Any, query: str, status: int
) -> None:
    async with pushing(world) as provider:
        await provider.user("alice")
        said = await provider.asks(method, path, body, query)
    assert said.status == status
    assert said.body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert said.body["status"] == str(status)


async def test_lists_have_pages_and_only_what_was_asked_for(world: World) -> None:
    async with pushing(world) as provider:
        for number in range(5):
            await provider.user(f"u{number}")
        page = (await provider.asks("GET", "/Users", query="startIndex=4&count=10")).body
        assert (page["totalResults"], page["itemsPerPage"], page["startIndex"]) == (5, 2, 4)
        none = (await provider.asks("GET", "/Users", query="count=0")).body
        assert (none["totalResults"], none["Resources"]) == (5, [])
        query = "attributes=userName&count=1&sortBy=userName&sortOrder=descending"
        (few,) = (await provider.asks("GET", "/Users", query=query)).body["Resources"]
        assert few.keys() == {"schemas", "id", "meta", "userName"}
        assert few["userName"] == "u4"
        search = {"filter": 'userName eq "u1"', "attributes": ["userName"]}
        found = (await provider.asks("POST", "/Users/.search", search)).body
        assert [one["userName"] for one in found["Resources"]] == ["u1"]


async def test_a_change_of_what_somebody_else_changed_is_refused(world: World) -> None:
    async with pushing(world) as provider:
        one = f"/Users/{await provider.user('alice')}"
        first = await provider.asks("GET", one)
        body = {"userName": "alice", "title": "Boss"}
        etag = first.headers["etag"]
        second = await provider.asks("PUT", one, body, if_match=etag)
        assert (second.status, second.body["title"]) == (200, "Boss")
        assert (await provider.asks("PUT", one, body, if_match=etag)).status == 412
        again = await provider.asks("GET", one, if_none_match=second.headers["etag"])
        assert again.status == 304


async def test_it_says_what_it_is(world: World) -> None:
    async with pushing(world) as provider:
        config = (await provider.asks("GET", "/ServiceProviderConfig")).body
        assert config["patch"]["supported"]
        types = (await provider.asks("GET", "/ResourceTypes")).body
        assert {one["endpoint"] for one in types["Resources"]} == {"/Users", "/Groups"}
        named = (await provider.asks("GET", f"/Schemas/{USER}")).body
        assert "userName" in {one["name"] for one in named["attributes"]}


@pytest.mark.parametrize("token", ("", "wrong", TOKEN[:-1]))
async def test_another_token_opens_nothing(world: World, token: str) -> None:
    async with pushing(world):
        said = await Provider(world, token).asks("GET", "/Users")
    assert said.status == 401


async def test_a_push_that_would_empty_the_catalogue_is_held_back(world: World) -> None:
    async with pushing(world) as provider, world.running():
        ids = [await provider.user(f"person-{number}") for number in range(20)]
        await world.becomes("user:default/person-19", lambda one: one is not None)
        for one in ids[5:]:
            await provider.asks("DELETE", f"/Users/{one}")
        await condition(world, "okta", "Quarantined", "LossTooGreat", SYSTEM_NAMESPACE)

        async def settled() -> bool:
            held = (await status_of(world, "okta", SYSTEM_NAMESPACE))["quarantine"]
            return bool(held) and held[0]["removed"] == 15

        await eventually(settled)
        assert await world.entity("user:default/person-19")
        (held,) = (await status_of(world, "okta", SYSTEM_NAMESPACE))["quarantine"]
        patch = {"spec": {"accepted": [held["version"]]}}
        await world.platform.api.patch(CATALOG_SOURCE, "okta", SYSTEM_NAMESPACE, patch)
        await world.becomes("user:default/person-19", lambda one: one is None)


async def test_a_project_cannot_make_people(world: World) -> None:
    await make(world, "mine", type="scim", scim={"secret": "x"})
    async with world.running():
        message = await condition(world, "mine", "Ready", "NotAllowed", "demo")
    assert SYSTEM_NAMESPACE in message
