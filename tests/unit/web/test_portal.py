"""The portal over HTTP: who may come in, whose forms are taken, where one is sent, what is live."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
from tests.portal import open_git
from tests.served import served
from tests.support import running_api_server

from towpath.app.addresses import LocalAddresses
from towpath.app.datadir import Ports
from towpath.app.occupants import is_towpath
from towpath.client.protocols import Client
from towpath.engines.git.visitor import VisitorsGit
from towpath.engines.identity.local import LocalIdentity
from towpath.hooks.pages import Answer, LiveWatch, Page, PageRoute, Redirect, Visit
from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.machinery.errors import NotFound
from towpath.machinery.users import AccessRequest, UserInfo
from towpath.records.contract import Notice, Viewer
from towpath.records.identity import Person
from towpath.records.sqlite import SqliteRecords
from towpath.web.portal import EXPIRED, Portal, PortalApplication, build_portal, own_path

EVIL = "<img src=x onerror=alert(1)>"
NOTE = CONFIG_MAP.object("note", "default")


async def _show(visit: Visit) -> Page:
    data = {"code": 200, "sentence": visit.parameters.get("said", "nothing said")}
    return Page("web/error.html", data)


async def _say(visit: Visit) -> Answer:
    return Redirect(visit.form.get("to", "/"), f"You said {visit.form['said']}")


ROUTE = PageRoute(
    "/",
    _show,
    "Home",
    submit=_say,
    live=lambda visit: [LiveWatch(CONFIG_MAP, "default", "note")],
)


async def _absent(visit: Visit) -> Answer:
    raise NotFound(
        'workloads.towpath.dev "shop" not found', details={"kind": "workloads", "name": "shop"}
    )


@dataclass
class Site:
    base: str
    application: PortalApplication
    api: Client
    identity: LocalIdentity
    records: SqliteRecords
    browsers: list[httpx2.AsyncClient] = field(default_factory=list)

    def cookie(self, what: str = "session") -> str:
        """Of this platform, and not of another one at another port."""
        return f"towpath_{what}_{self.base.rpartition(':')[2]}"

    def browser(self, **headers: str) -> httpx2.AsyncClient:
        browser = httpx2.AsyncClient(base_url=self.base, headers=headers, verify=False)
        self.browsers.append(browser)
        return browser

    async def signed_in(self, person: str = "alice") -> httpx2.AsyncClient:
        browser = self.browser()
        link = await self.identity.issue_link(person)
        answer = await browser.post("/sign-in", data={"link": link})
        assert answer.status_code == 303
        return browser


async def nothing(user: UserInfo, question: AccessRequest) -> bool:
    return False


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with running_api_server() as api, SqliteRecords(tmp_path / "records.db") as records:
        identity = LocalIdentity(records.identity)
        git = open_git(tmp_path / "git", nothing)
        await records.identity.put_people([Person("alice"), Person("bob")])

        async def viewer_of(user: UserInfo) -> Viewer:
            return Viewer(user, frozenset({"demo"}))

        async def projects_of(viewer: Viewer) -> list[str]:
            return sorted(viewer.projects or ())

        portal = Portal(
            identity=identity,
            client_of=lambda user: api.client(),
            viewer_of=viewer_of,
            cluster_of=lambda user, name: api.client(),
            git_of=lambda user: VisitorsGit(git, nothing, user),
            projects_of=projects_of,
            records=records,
            engines=(),
            addresses=LocalAddresses(Ports(1, 2, 3)),
            hosts=("127.0.0.1", "localhost"),
            pages=(
                ROUTE,
                PageRoute("/notifications", _show, "Inbox"),
                PageRoute("/projects/{project}/workloads/shop", _absent, "A service"),
            ),
            template_folders={},
            program=".venv/bin/towpath",
        )
        application = build_portal(portal, [])
        async with served(application) as base:
            site = Site(base, application, api.client(), identity, records)
            yield site
            for browser in site.browsers:
                await browser.aclose()


def _token(page: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert found is not None
    return found.group(1)


async def test_a_stranger_is_sent_to_sign_in_and_comes_back(site: Site) -> None:
    browser = site.browser()
    answer = await browser.get("/?said=hello&q=1")
    assert answer.headers["location"] == "/sign-in?next=/%3Fsaid%3Dhello%26q%3D1"
    link = await site.identity.issue_link("alice")
    form = {"link": link, "next": "/?said=hello&q=1"}
    answer = await browser.post("/sign-in", data=form)
    assert answer.headers["location"] == "/?said=hello&q=1"
    assert "hello" in (await browser.get("/?said=hello")).text


async def test_the_sign_in_page_says_what_to_type_and_whose_it_is(site: Site) -> None:
    page = (await site.browser().get("/sign-in")).text
    assert ".venv/bin/towpath login-link" in page
    assert "--user NAME" in page
    # What a start looks for, that finds its port taken.
    assert await asyncio.to_thread(is_towpath, int(site.base.rpartition(":")[2]))


async def test_what_is_not_there_is_said_in_the_words_of_the_platform(site: Site) -> None:
    alice = await site.signed_in()
    answer = await alice.get("/projects/demo/workloads/shop")
    assert answer.status_code == 404
    assert "There is no service shop in project demo." in answer.text
    assert "workloads.towpath.dev" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "https://example.org/",
        "//example.org",
        "/\\example.org",
        "",
        "javascript:alert(1)",
        "/\r\nX: y",
    ],
)
def test_nobody_is_sent_to_another_site(path: str) -> None:
    assert own_path(path) == "/"


async def test_a_session_is_new_with_every_sign_in(site: Site) -> None:
    browser = site.browser()
    browser.cookies.set(site.cookie(), "chosen-by-somebody-else", domain="127.0.0.1")
    link = await site.identity.issue_link("alice")
    answer = await browser.post("/sign-in", data={"link": link})
    assert "chosen-by-somebody-else" not in answer.headers["set-cookie"]
    assert "HttpOnly" in answer.headers["set-cookie"]


async def test_what_somebody_says_is_text(site: Site) -> None:
    browser = await site.signed_in()
    page = (await browser.get("/", params={"said": "<img src=x onerror=alert(1)>"})).text
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


async def test_a_form_without_its_token_is_refused(site: Site) -> None:
    browser = await site.signed_in()
    for token in ("", "0" * 64, "ä"):
        answer = await browser.post("/", data={"said": "x", "csrf": token})
        assert answer.status_code == 403
        assert EXPIRED in answer.text


async def test_a_form_of_another_session_is_refused(site: Site) -> None:
    alice, bob = await site.signed_in("alice"), await site.signed_in("bob")
    token = _token((await bob.get("/")).text)
    assert (await alice.post("/", data={"said": "x", "csrf": token})).status_code == 403


async def test_a_notice_is_shown_once(site: Site) -> None:
    browser = await site.signed_in()
    token = _token((await browser.get("/")).text)
    answer = await browser.post("/", data={"said": "<hello>", "csrf": token})
    assert answer.status_code == 303
    assert "You said &lt;hello&gt;" in (await browser.get("/")).text
    assert "You said" not in (await browser.get("/")).text


async def test_a_notice_that_somebody_else_wrote_is_not_shown(site: Site) -> None:
    browser = await site.signed_in()
    browser.cookies.set(site.cookie("notice"), "UGF5IG1l.0000", domain="127.0.0.1")
    answer = await browser.get("/")
    assert answer.status_code == 200
    assert "Pay me" not in answer.text


async def test_a_form_sends_nobody_elsewhere(site: Site) -> None:
    browser = await site.signed_in()
    token = _token((await browser.get("/")).text)
    form = {"said": "x", "csrf": token, "to": "https://example.org/"}
    assert (await browser.post("/", data=form)).headers["location"] == "/"


@pytest.mark.parametrize(
    "host", ["evil.example:80", "localhost.evil.example", "localhost:x", "localhost:99999", "["]
)
async def test_other_names_are_refused(site: Site, host: str) -> None:
    answer = await site.browser(Host=host).get("/")
    assert answer.status_code == 403
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Origin", "https://evil.example"),
        ("Origin", "http://localhost:1"),
        ("Origin", "null"),
        ("Origin", "http://["),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ],
)
async def test_forms_of_other_sites_are_refused(site: Site, name: str, value: str) -> None:
    forged = await site.browser(**{name: value}).post("/sign-in", data={"link": "x"})
    assert forged.status_code == 403
    assert "came from another site" in forged.text


async def test_what_was_typed_into_a_form_of_an_ended_session_can_be_sent_again(site: Site) -> None:
    browser = await site.signed_in()
    stale = _token((await browser.get("/")).text)
    link = await site.identity.issue_link("alice")
    await browser.post("/sign-in", data={"link": link})
    page = (await browser.post("/?a=b", data={"said": "<half a word>", "csrf": stale})).text
    assert '<form class="card" method="post" action="/?a=b">' in page
    assert '<input type="hidden" name="said" value="&lt;half a word&gt;">' in page
    form = {"said": "<half a word>", "csrf": _token(page)}
    assert (await browser.post("/?a=b", data=form)).status_code == 303


async def test_signing_in_anew_ends_the_session_before(site: Site) -> None:
    browser = await site.signed_in()
    kept = browser.cookies[site.cookie()]
    link = await site.identity.issue_link("bob")
    await browser.post("/sign-in", data={"link": link})
    browser.cookies.set(site.cookie(), kept, domain="127.0.0.1")
    assert (await browser.get("/")).status_code == 303


async def test_who_guesses_links_waits(site: Site) -> None:
    browser = site.browser()
    answers = [await browser.post("/sign-in", data={"link": "guess"}) for _ in range(40)]
    assert answers[0].status_code == 403
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_an_open_page_of_an_ended_session_hears_of_it_at_once(site: Site) -> None:
    browser, other = await site.signed_in(), await site.signed_in()
    async with browser.stream("GET", "/-/live", params={"page": "/"}) as stream:
        lines = stream.aiter_lines()
        assert await _next_event(lines) == "open"
        page = (await other.get("/account")).text
        ended = re.search(r'name="revoke" value="([0-9a-f]+)"', page)
        assert ended is not None
        form = {"revoke": ended.group(1), "csrf": _token(page)}
        assert (await other.post("/account", data=form)).status_code == 303
        assert await _next_event(lines) == "gone"
    assert (await browser.get("/")).status_code == 303


async def test_signing_out_ends_the_session_for_good(site: Site) -> None:
    browser = await site.signed_in()
    kept = browser.cookies[site.cookie()]
    token = _token((await browser.get("/")).text)
    await browser.post("/sign-out", data={"csrf": token})
    browser.cookies.set(site.cookie(), kept, domain="127.0.0.1")
    assert (await browser.get("/")).status_code == 303


async def test_nobody_ends_what_belongs_to_somebody_else(site: Site) -> None:
    alice, bob = await site.signed_in("alice"), await site.signed_in("bob")
    (session,) = await site.identity.issued(UserInfo("alice"))
    token = _token((await bob.get("/account")).text)
    await bob.post("/account", data={"revoke": session.id, "csrf": token})
    assert (await alice.get("/")).status_code == 200
    assert session.id not in (await bob.get("/account")).text


async def test_an_address_with_the_stamp_may_be_kept_for_ever(site: Site) -> None:
    browser = await site.signed_in()
    found = re.search(r'href="(/static/[0-9a-f]{12}/portal.css)"', (await browser.get("/")).text)
    assert found is not None
    assert "immutable" in (await browser.get(found.group(1))).headers["cache-control"]
    assert (await browser.get("/static/../portal.py")).status_code == 404


async def _next_event(lines: AsyncIterator[str]) -> str:
    async for line in lines:
        if line.startswith("event: "):
            return line.removeprefix("event: ")
    return "end"


async def test_a_live_page_hears_of_its_object_and_of_no_other(site: Site) -> None:
    browser = await site.signed_in()
    async with browser.stream("GET", "/-/live", params={"page": "/?said=x"}) as stream:
        lines = stream.aiter_lines()
        assert await _next_event(lines) == "open"
        await site.api.create(CONFIG_MAP, CONFIG_MAP.object("other", "default"))
        await site.api.create(CONFIG_MAP, NOTE)
        assert await _next_event(lines) == "change"
        site.application.end_streams()
        assert await _next_event(lines) == "end"


@pytest.mark.parametrize("page", ["/nowhere", "/about", ""])
async def test_a_page_that_does_not_change_hears_of_the_inbox_alone(site: Site, page: str) -> None:
    browser = await site.signed_in()
    async with browser.stream("GET", "/-/live", params={"page": page}) as stream:
        lines = stream.aiter_lines()
        assert await _next_event(lines) == "open"
        await site.api.create(CONFIG_MAP, NOTE)
        await site.records.inbox.settle("x", "demo", [_notice("bob"), _notice("alice")])
        assert await _next_event(lines) == "inbox"
        site.application.end_streams()
        assert await _next_event(lines) == "end"


async def test_of_an_address_only_the_path_is_looked_at(site: Site) -> None:
    browser = await site.signed_in()
    params = {"page": "https://example.org/"}
    async with browser.stream("GET", "/-/live", params=params) as stream:
        lines = stream.aiter_lines()
        assert await _next_event(lines) == "open"
        site.application.end_streams()


def _notice(person: str, project: str = "demo") -> Notice:
    return Notice(person, f"one in {project}", "RunFailed", EVIL, "/", "It is yours.", time.time())


async def test_the_bell_counts_what_is_unread_and_tells_what_is_new(site: Site) -> None:
    browser = await site.signed_in()
    await site.records.inbox.settle("x", "demo", [_notice("alice")])
    page = (await browser.get("/")).text
    assert re.search(r'id="bell" data-latest="1"><span class="bell-number">1<', page)
    told = (await browser.get("/-/inbox?after=0")).json()
    assert (told["unread"], told["latest"], told["new"][0]["title"]) == (1, 1, EVIL)
    assert (await browser.get("/-/inbox?after=1")).json()["new"] == []
    assert (await browser.get("/-/inbox?after=x")).status_code == 400


async def test_the_bell_is_silent_about_others_and_about_projects_of_others(site: Site) -> None:
    await site.records.inbox.settle("x", "demo", [_notice("bob")])
    await site.records.inbox.settle("y", "secret", [_notice("alice", "secret")])
    browser = await site.signed_in("alice")
    told = (await browser.get("/-/inbox?after=0")).json()
    assert told == {"unread": 0, "latest": 0, "new": []}
    assert (await site.browser().get("/-/inbox")).status_code == 401


async def test_a_stranger_hears_nothing(site: Site) -> None:
    assert (await site.browser().get("/-/live?page=/")).status_code == 401
    assert (await site.browser().get("/-/palette?q=a")).status_code == 401


async def test_the_palette_knows_places_and_the_visitors_projects(site: Site) -> None:
    browser = await site.signed_in()
    items = (await browser.get("/-/palette?q=demo")).json()["items"]
    assert [item["href"] for item in items] == ["/projects/demo"]
    labels = {item["label"] for item in (await browser.get("/-/palette?q=")).json()["items"]}
    assert {"Home", "About this platform", "demo"} <= labels
