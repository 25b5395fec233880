"""Somebody new, by forms and links alone: added, made a member, served a database, shut out."""

from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.people import Person, person
from tests.platform import PlatformProcess
from tests.support import eventually

pytestmark = [pytest.mark.browser]


@dataclass(frozen=True)
class Newcomer:
    name: str
    claim: str
    scripts: bool


WITH = Newcomer("dora", "reports-db", scripts=True)
WITHOUT = Newcomer("emil", "figures-db", scripts=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "new", [pytest.param(WITH, id="with scripts"), pytest.param(WITHOUT, id="without")]
)
async def test_a_newcomer_is_added_and_helps_themselves(
    browser: Browser, shared_platform: PlatformProcess, new: Newcomer
) -> None:
    admin = await person(browser, shared_platform, "admin", java_script_enabled=new.scripts)
    alice = await person(browser, shared_platform, "alice", java_script_enabled=new.scripts)
    dora = await _added(browser, admin, new)
    await dora.goto(f"{admin.base}/projects")
    await expect(dora.get_by_text("You are in no project yet")).to_be_visible()

    await alice.open("/projects/demo/members")
    await alice.page.get_by_label("Name", exact=True).fill(new.name)
    await alice.page.get_by_role("button", name="Add", exact=True).click()
    await expect(alice.page.get_by_role("status")).to_contain_text(f"{new.name} is a developer now")

    await _requested(dora, admin.base, new.claim)
    await _edited(dora, alice, new.claim)
    await admin.open(f"/people/{new.name}")
    await admin.page.get_by_role("button", name="Deactivate").click()
    await expect(admin.page.get_by_role("status")).to_contain_text("cannot sign in any more")
    await dora.goto(f"{admin.base}/projects/demo")
    await expect(dora.get_by_role("heading", name="Sign in")).to_be_visible()


async def _added(browser: Browser, admin: Person, new: Newcomer) -> Page:
    """The newcomer's page: signed in by the link that is shown once."""
    await admin.open("/people")
    await admin.page.get_by_label("Name", exact=True).fill(new.name)
    await admin.page.get_by_role("button", name="Add", exact=True).click()
    link = await admin.page.locator("figure", has_text="Sign-in link").locator("pre").inner_text()
    page = await (await browser.new_context(java_script_enabled=new.scripts)).new_page()
    await page.goto(link.strip())
    await page.get_by_role("button", name="Continue to the portal").click()
    return page


async def _requested(dora: Page, base: str, claim: str) -> None:
    """A database is looked at, asked for, and there."""
    await dora.goto(f"{base}/infrastructure")
    await dora.get_by_role("link", name="Request a PostgreSQL database").click()
    await dora.get_by_label("Name", exact=True).fill(claim)
    await dora.get_by_role("button", name="Show what would be made").click()
    await expect(dora.get_by_text("Nothing is made yet")).to_be_visible()
    await dora.get_by_role("button", name="Request it").click()
    await expect(dora.get_by_role("heading", level=1)).to_contain_text(claim)

    async def ready() -> bool:
        await dora.reload()
        return await dora.get_by_text("It can be used.").count() > 0

    await eventually(ready, deadline_s=60, every_s=0.2)
    await expect(dora.get_by_text("host, port, name, username, password")).to_be_visible()


async def _edited(dora: Page, alice: Person, claim: str) -> None:
    """Its YAML is changed in the portal: tried, then applied; the owner sees it."""
    page = f"/objects/platform/offerings.towpath.dev/v1alpha1/postgresqlinstances/demo/{claim}"
    await dora.goto(f"{alice.base}{page}/edit")
    text = await dora.get_by_label("YAML").input_value()
    await dora.get_by_label("YAML").fill(text.replace("Delete", "Orphan"))
    await dora.get_by_role("button", name="Show what would change").click()
    await expect(dora.get_by_role("button", name="Apply")).to_be_visible()
    taking_over = dora.get_by_label("Take these fields over")
    if await taking_over.count():
        await taking_over.check()
    await dora.get_by_role("button", name="Apply").click()
    await expect(dora.get_by_role("status")).to_contain_text("was changed")
    await alice.open(f"/infrastructure/demo/postgresqlinstances/{claim}")
    await expect(alice.page.get_by_text("the data stays in the server")).to_be_visible()
