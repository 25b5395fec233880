"""The pages of people, rendered: what an administrator sees and does, and others do not."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.portal import ALICE, RunningPortal, running_portal

from towpath.engines.identity.local import LocalIdentity
from towpath.machinery.errors import Forbidden, NotFound
from towpath.machinery.users import MASTERS, UserInfo
from towpath.records.identity import Person
from towpath.web.people import People
from towpath.web.people_page import people_pages

ADMIN = UserInfo("admin", (MASTERS, "system:authenticated"))
EVIL = "<script>alert(1)</script>"


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path, projects=None) as portal:
        await portal.records.identity.put_people([Person("admin", groups=("platform-admins",))])
        identity = LocalIdentity(portal.records.identity, permanent=("admin",))
        people = People(identity, portal.front.authorize, portal.records.audit)
        yield replace(portal, routes=(*portal.routes, *people_pages(people)))


async def test_adding_shows_the_link_once(portal: RunningPortal) -> None:
    form = {"name": "dora", "display_name": EVIL, "groups": "team-a, team-b"}
    added = await portal.post("/people", form, user=ADMIN)
    assert "http://localhost:8080/sign-in?link=" in added.text
    page = await portal.open("/people", user=ADMIN)
    assert "sign-in?link=" not in page.text
    assert 'href="/people/dora"' in page.html
    assert "team-a, team-b" in page.text
    assert EVIL not in page.html


async def test_a_refusal_keeps_what_was_typed(portal: RunningPortal) -> None:
    refused = await portal.post("/people", {"name": "Dora", "email": "d@example.org"}, user=ADMIN)
    assert refused.status == 422
    assert "is no name for a person" in refused.text
    assert 'value="d@example.org"' in refused.html


async def test_groups_and_closing_are_on_the_persons_page(portal: RunningPortal) -> None:
    await portal.post("/people", {"name": "dora"}, user=ADMIN)
    moved = await portal.post("/people/dora", {"action": "groups", "groups": "team-c"}, user=ADMIN)
    assert moved.leads_to == "/people/dora"
    closed = await portal.post("/people/dora", {"action": "deactivate"}, user=ADMIN)
    assert closed.leads_to == "/people/dora"
    page = await portal.open("/people/dora", user=ADMIN)
    assert "Nobody can sign in by this name" in page.text
    assert "Put into other groups team-c" in page.text
    assert "Activate again" in page.text
    link = await portal.post("/people/dora", {"action": "link"}, user=ADMIN)
    assert "has been deactivated" in link.text


async def test_the_administrator_cannot_be_closed(portal: RunningPortal) -> None:
    page = await portal.open("/people/admin", user=ADMIN)
    assert "Deactivate" not in page.text
    assert (await portal.post("/people/admin", {"action": "deactivate"}, user=ADMIN)).status == 422


async def test_others_see_nobody(portal: RunningPortal) -> None:
    for path in ("/people", "/people/admin", "/people/nobody"):
        with pytest.raises(Forbidden):
            await portal.open(path, user=ALICE)
    with pytest.raises(Forbidden):
        await portal.post("/people", {"name": "dora"}, user=ALICE)
    with pytest.raises(Forbidden):
        await portal.post("/people/admin", {"action": "link"}, user=ALICE)
    with pytest.raises(NotFound):
        await portal.open("/people/nobody", user=ADMIN)
