"""Somebody new, by forms and links alone: added, made a member, served a database, shut out."""

import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.people import Person, person
from tests.platform import PlatformProcess
from tests.support import eventually

pytestmark = [pytest.mark.browser]

NAME = "dora"
CLAIM = "reports-db"


@pytest.mark.slow
async def test_a_newcomer_is_added_and_helps_themselves(
    browser: Browser, shared_platform: PlatformProcess
) -> None:
    admin = await person(browser, shared_platform, "admin", java_script_enabled=False)
    alice = await person(browser, shared_platform, "alice", java_script_enabled=False)
    dora = await _added(browser, admin)
    await dora.goto(f"{admin.base}/projects")
    await expect(dora.get_by_text("You are in no project yet")).to_be_visible()

    await alice.open("/projects/demo/members")
    await alice.page.get_by_label("Name", exact=True).fill(NAME)
    await alice.page.get_by_role("button", name="Add", exact=True).click()
    await expect(alice.page.get_by_role("status")).to_contain_text("dora is a developer now")

    await _requested(dora, admin.base)
    await _edited(dora, alice)
    await admin.open(f"/people/{NAME}")
    await admin.page.get_by_role("button", name="Deactivate").click()
    await expect(admin.page.get_by_role("status")).to_contain_text("cannot sign in any more")
    await dora.goto(f"{admin.base}/projects/demo")
    await expect(dora.get_by_role("heading", name="Sign in")).to_be_visible()


async def _added(browser: Browser, admin: Person) -> Page:
    """The newcomer's page: signed in by the link that is shown once."""
    await admin.open("/people")
    await admin.page.get_by_label("Name", exact=True).fill(NAME)
    await admin.page.get_by_role("button", name="Add", exact=True).click()
    link = await admin.page.locator("figure", has_text="Sign-in link").locator("pre").inner_text()
    page = await (await browser.new_context(java_script_enabled=False)).new_page()
    await page.goto(link.strip())
    await page.get_by_role("button", name="Continue to the portal").click()
    return page


async def _requested(dora: Page, base: str) -> None:
    """A database is looked at, asked for, and there."""
    await dora.goto(f"{base}/infrastructure")
    await dora.get_by_role("link", name="Request a PostgreSQL database").click()
    await dora.get_by_label("Name", exact=True).fill(CLAIM)
    await dora.get_by_role("button", name="Show what would be made").click()
    await expect(dora.get_by_text("Nothing is made yet")).to_be_visible()
    await dora.get_by_role("button", name="Request it").click()
    await expect(dora.get_by_role("heading", level=1)).to_contain_text(CLAIM)

    async def ready() -> bool:
        await dora.reload()
        return await dora.get_by_text("It can be used.").count() > 0

    await eventually(ready, deadline_s=60, every_s=0.2)
    await expect(dora.get_by_text("host, port, name, username, password")).to_be_visible()


async def _edited(dora: Page, alice: Person) -> None:
    """Its YAML is changed in the portal: tried, then applied; the owner sees it."""
    page = f"/objects/platform/offerings.towpath.dev/v1alpha1/postgresqlinstances/demo/{CLAIM}"
    await dora.goto(f"{alice.base}{page}/edit")
    text = await dora.get_by_label("YAML").input_value()
    await dora.get_by_label("YAML").fill(text.replace("Delete", "Orphan"))
    await dora.get_by_role("button", name="Show what would change").click()
    taking_over = dora.get_by_label("Take these fields over")
    if await taking_over.count():
        await taking_over.check()
    await dora.get_by_role("button", name="Apply").click()
    await expect(dora.get_by_role("status")).to_contain_text("was changed")
    await alice.open(f"/infrastructure/demo/postgresqlinstances/{CLAIM}")
    await expect(alice.page.get_by_text("the data stays in the server")).to_be_visible()
