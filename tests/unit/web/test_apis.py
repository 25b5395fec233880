"""APIs of the ecosystem on the portal's port: who asks, with what, and how they are refused."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import orjson
import pytest
from tests.served import served
from tests.support import running_api_server

from towpath.engines.identity.local import LocalIdentity
from towpath.hooks.apis import ApiAnswer, ApiRequest, ForeignApi
from towpath.machinery.asgi import Message, Receive, Scope, Send
from towpath.machinery.errors import NotFound, StatusError
from towpath.machinery.users import UserInfo
from towpath.records.contract import Viewer
from towpath.records.identity import Person
from towpath.records.sqlite import SqliteRecords
from towpath.web.apis import ForeignApis

BYTES_MAX = 1000


async def _answer(request: ApiRequest) -> ApiAnswer:
    if request.path == "/broken":
        raise ZeroDivisionError
    if request.path == "/absent":
        raise NotFound("no such entity")
    said = [request.method, request.path, request.query, request.user.name, len(request.body)]
    return ApiAnswer(orjson.dumps(said), headers={"Link": "next"})


def _refusal(request: ApiRequest | None, error: StatusError) -> ApiAnswer:
    return ApiAnswer(orjson.dumps({"error": error.message}), error.code)


async def _portal(scope: Scope, receive: Receive, send: Send) -> None:
    start: Message = {"type": "http.response.start", "status": 418, "headers": []}
    await send(start)
    await send({"type": "http.response.body", "body": b""})


@dataclass
class Site:
    base: str
    identity: LocalIdentity

    def browser(self, token: str = "") -> httpx2.AsyncClient:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx2.AsyncClient(base_url=self.base, headers=headers)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with running_api_server() as api, SqliteRecords(tmp_path / "records.db") as records:
        identity = LocalIdentity(records.identity)
        await records.identity.put_people([Person("alice")])

        async def authenticate(token: str) -> UserInfo | None:
            return UserInfo("alice") if token == "hers" else None

        async def viewer_of(user: UserInfo) -> Viewer:
            return Viewer(user, frozenset())

        foreign = ForeignApi("/api/catalog", _answer, _refusal, body_bytes_max=BYTES_MAX)
        apis = ForeignApis([foreign], identity, authenticate, viewer_of, lambda user: api.client())
        async with served(apis.before(_portal)) as base:
            yield Site(base, identity)


async def test_the_path_below_and_the_query_arrive_as_they_were_sent(site: Site) -> None:
    async with site.browser("hers") as alice:
        answer = await alice.get("/api/catalog/entities/a%2Fb?filter=x&filter=y")
    assert answer.json() == ["GET", "/entities/a%2Fb", "filter=x&filter=y", "alice", 0]
    assert answer.headers["link"] == "next"


@pytest.mark.parametrize("path", ["/", "/api", "/api/catalogue/x", "/catalog/api/catalog"])
async def test_every_other_path_is_the_portals(site: Site, path: str) -> None:
    async with site.browser("hers") as alice:
        assert (await alice.get(path)).status_code == 418


async def test_a_stranger_is_refused_in_the_words_of_that_api(site: Site) -> None:
    async with site.browser("wrong") as stranger:
        answer = await stranger.get("/api/catalog/entities")
    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})


async def test_errors_are_told_and_defects_are_not(site: Site) -> None:
    async with site.browser("hers") as alice:
        absent, broken = (
            await alice.get("/api/catalog/absent"),
            await alice.get("/api/catalog/broken"),
        )
    assert (absent.status_code, absent.json()) == (404, {"error": "no such entity"})
    assert broken.status_code == 500
    assert "ZeroDivisionError" not in broken.text


async def test_a_body_has_an_end(site: Site) -> None:
    async with site.browser("hers") as alice:
        fits = await alice.post("/api/catalog/x", content=b"x" * BYTES_MAX)
        does_not = await alice.post("/api/catalog/x", content=b"x" * (BYTES_MAX + 1))
    assert (fits.status_code, does_not.status_code) == (200, 413)


async def test_a_session_sends_json_for_a_form_of_another_site_cannot(site: Site) -> None:
    link = await site.identity.issue_link("alice")
    alice_herself = await site.identity.redeem_link(link)
    assert alice_herself is not None
    secret = await site.identity.open_session(alice_herself, "a browser")
    async with site.browser() as alice:
        port = site.base.rpartition(":")[2]
        alice.cookies.set(f"towpath_session_{port}", secret)
        form = await alice.post("/api/catalog/x", data={"a": "b"})
        sent = await alice.post("/api/catalog/x", json={"a": "b"})
    assert (form.status_code, sent.status_code) == (415, 200)
