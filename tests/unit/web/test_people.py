"""People's pages and their requests: for administrators, on record, and for nobody else."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from tests.people import People as Rights
from tests.served import served

from towpath.app.addresses import LocalAddresses
from towpath.app.datadir import Ports
from towpath.engines.identity.local import LocalIdentity
from towpath.engines.identity.port import ACCOUNTS
from towpath.machinery.users import UserInfo
from towpath.records.contract import AuditFilter, Viewer
from towpath.records.identity import Person
from towpath.records.sqlite import SqliteRecords
from towpath.web.accounts import build_people
from towpath.web.people import People

CODES = {"ok": 200, "made": 201, "bad": 400, "who": 401, "no": 403, "gone": 404, "wrong": 422}


@dataclass
class Site:
    identity: LocalIdentity
    records: SqliteRecords
    http: httpx2.AsyncClient

    async def post(self, path: str, user: str = "admin", **content: str) -> httpx2.Response:
        headers = {"authorization": f"Bearer token-{user}"} if user else {}
        return await self.http.post(path, json=content, headers=headers)

    async def find(self, text: str = "", user: str = "admin") -> Any:
        headers = {"authorization": f"Bearer token-{user}"}
        answer = await self.http.get("/api/v1/people", params={"q": text}, headers=headers)
        return answer.json()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    rights = Rights({("admin", "impersonate", "users"), ("admin", "impersonate", "groups")})
    rights.rights |= {("half", "impersonate", "users")}
    async with SqliteRecords(tmp_path / "records.db") as records:
        identity = LocalIdentity(records.identity, permanent=("admin",))
        await records.identity.put_people([Person("admin", groups=("platform-admins",))])
        people = People(identity, rights.authorize, records.audit)
        addresses = LocalAddresses(Ports(8080, 8443, 5432))
        routes = build_people(people, rights.authenticate, addresses)
        async with (
            served(Starlette(routes=routes)) as base,
            httpx2.AsyncClient(base_url=base, trust_env=False) as http,
        ):
            yield Site(identity, records, http)


async def test_who_is_added_gets_a_link(site: Site) -> None:
    made = await site.post("/-/people", name="dora", groups="team-a team-b")
    assert made.status_code == CODES["made"]
    secret = made.json()["link"].partition("link=")[2]
    user = await site.identity.redeem_link(secret)
    assert user is not None
    assert user.name == "dora"
    assert (await site.find("dora"))[0]["groups"] == ["team-a", "team-b"]


async def test_groups_and_activity_are_changed(site: Site) -> None:
    await site.post("/-/people", name="dora", groups="team-a")
    changed = await site.post("/-/people/dora", action="groups", groups="team-c")
    assert changed.json()["groups"] == ["team-c"]
    closed = await site.post("/-/people/dora", action="deactivate")
    assert closed.json()["active"] is False
    opened = await site.post("/-/people/dora", action="activate")
    assert opened.json()["active"] is True


@pytest.mark.parametrize(
    ("path", "content", "code"),
    [
        ("/-/people", {"name": "Not A Name"}, "wrong"),
        ("/-/people", {"name": "admin"}, "wrong"),
        ("/-/people", {}, "bad"),
        ("/-/people/nobody", {"action": "deactivate"}, "gone"),
        ("/-/people/admin", {"action": "deactivate"}, "wrong"),
        ("/-/people/admin", {"action": "crown"}, "bad"),
    ],
    ids=["no name", "taken", "nothing said", "nobody", "the last administrator", "no such action"],
)
async def test_what_cannot_be_is_refused(
    site: Site, path: str, content: dict[str, str], code: str
) -> None:
    assert (await site.post(path, **content)).status_code == CODES[code]


@pytest.mark.parametrize(
    ("user", "code"),
    [("", "who"), ("carol", "no"), ("half", "no")],
    ids=["nobody", "a member", "who may be people but not in groups"],
)
async def test_others_learn_and_change_nothing(site: Site, user: str, code: str) -> None:
    assert (await site.post("/-/people", user, name="dora")).status_code == CODES[code]
    answer = await site.post("/-/people/admin", user, action="activate")
    assert answer.status_code == CODES[code]
    assert isinstance(await site.find(user=user or "x"), dict)
    assert await site.identity.names() == ["admin"]


async def test_every_change_is_on_record(site: Site) -> None:
    await site.post("/-/people", name="dora", groups="team-a")
    await site.post("/-/people/dora", action="deactivate")
    viewer = Viewer(UserInfo("admin"), None)
    page = await site.records.audit.query(viewer, AuditFilter(resource=ACCOUNTS))
    told = [(one.user, one.verb, one.name) for one in page.entries]
    assert told == [("admin", "deactivate", "dora"), ("admin", "create", "dora")]
    seen = await site.records.audit.query(
        Viewer(UserInfo("carol"), frozenset({"demo"})), AuditFilter()
    )
    assert seen.entries == []
