"""Everything that matters without JavaScript: pages to read, links to follow, forms to send."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from tests.browser import steps
from tests.browser.people import Person, person, push_change
from tests.platform import PlatformProcess
from tests.support import eventually

pytestmark = [pytest.mark.browser]

NAME = "plain-service"
PATHS = ("/", "/catalog", "/create", "/delivery", "/about", "/account", "/projects/demo")


async def _reloaded_until(page: Page, there: Locator) -> None:
    """A page that does not follow by itself is looked at again."""

    async def shown() -> bool:
        await page.goto(page.url)
        return await there.count() > 0

    await eventually(shown, deadline_s=60, every_s=0.2)


@pytest.mark.slow
async def test_the_main_job_with_forms_and_links_alone(
    browser: Browser, shared_platform: PlatformProcess, tmp_path: Path
) -> None:
    alice = await person(browser, shared_platform, "alice", java_script_enabled=False)
    bob = await person(browser, shared_platform, "bob", java_script_enabled=False)
    page = alice.page
    await steps.open_form(page)
    await page.get_by_label("Name", exact=True).fill("Not A Name")
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(page.locator(".field.invalid")).to_have_count(1)
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Not A Name")
    await page.get_by_label("Name", exact=True).fill(NAME)
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(page.get_by_role("heading", level=1, name=f"Create {NAME}")).to_be_visible()
    await _reloaded_until(page, page.get_by_role("link", name="Open the service"))
    await page.get_by_role("link", name="Open the service").click()
    await _reloaded_until(page, page.get_by_text("in staging for"))

    await steps.promote_link(page).click()
    await steps.promote_button(page).click()
    await expect(page.get_by_text("is on its way to production")).to_be_visible()
    await _approve(bob)
    await _reloaded_until(page, page.get_by_text("in production for"))
    await _read_every_page(page, alice.base)

    await push_change(shared_platform, NAME, tmp_path)
    await steps.open_service(page, NAME)
    await _reloaded_until(page, page.get_by_text("staging is 1 release ahead"))
    await steps.lane(page, "staging").get_by_role("link", name="Roll back").click()
    await page.get_by_label("Reason").fill("It was better before")
    await page.get_by_role("button", name=re.compile("^Roll back")).click()
    await steps.open_service(page, NAME)
    back = steps.lane(page, "staging").get_by_role("button", name=re.compile("^Promote "))
    await _reloaded_until(page, back)

    await page.get_by_role("link", name="Delete this service").click()
    await page.get_by_label("to confirm").fill("something else")
    await page.get_by_role("button", name=f"Delete {NAME}").click()
    # The browser itself does not send what does not fit; the platform would refuse it too.
    await expect(page.locator("#confirm-name:invalid")).to_be_focused()
    await page.get_by_label("to confirm").fill(NAME)
    await page.get_by_role("button", name=f"Delete {NAME}").click()

    async def gone() -> bool:
        await alice.open("/catalog")
        return await page.get_by_role("link", name=NAME).count() == 0

    await eventually(gone, deadline_s=60, every_s=0.2)
    await page.get_by_title("alice", exact=True).click()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    for one in (alice, bob):
        await one.context.close()


async def _approve(bob: Person) -> None:
    waiting = steps.main(bob.page).get_by_role("link", name=re.compile(f"{NAME}-.*production"))
    await _reloaded_until(bob.page, waiting)
    await waiting.first.click()
    await bob.page.get_by_label("Comment").fill("Looks good")
    await bob.page.get_by_role("button", name="Approve", exact=True).click()
    await _reloaded_until(bob.page, bob.page.get_by_text("Succeeded"))


async def _read_every_page(page: Page, base: str) -> None:
    """Every page that a link of these leads to says what it is and holds its content."""
    service = f"/projects/demo/workloads/{NAME}"
    seen, waiting = set[str](), [*PATHS, service]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = await page.goto(base + path)
        assert answer is not None
        assert answer.status == 200, path
        await expect(page.get_by_role("heading", level=1)).not_to_be_empty()
        # What needs JavaScript is not offered.
        await expect(page.locator("[data-palette-open]:visible, .copy:visible")).to_have_count(0)
        links = await page.eval_on_selector_all(
            "main a[href], nav a[href]", "all => all.map(one => one.getAttribute('href'))"
        )
        waiting += [
            link
            for link in (link.partition("#")[0] for link in links)
            if link.startswith((service, "/projects/demo/p", "/projects/demo/r"))
            and "?" not in link
        ]
    assert len(seen) > 12
