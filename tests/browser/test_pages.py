"""The golden path by clicking only: create, promote, approve as another, roll back, delete."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from tests.platform import TOWPATH, PlatformProcess

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HEALTHY_MS = 60_000
SERVICE = "/projects/demo/workloads/order-service"


async def signed_in(browser: Browser, platform: PlatformProcess, user: str) -> Page:
    """A browser of their own."""
    context = await browser.new_context()
    page = await context.new_page()
    made = await platform.towpath("login-link", "--user", user)
    link = re.search(r"http://\S+", made.stdout)
    assert link, made.stderr
    await page.goto(link.group(0))
    await page.get_by_role("button", name="Continue to the portal").click()
    await expect(page.get_by_role("heading", name="Home")).to_be_visible()
    return page


async def create(page: Page) -> None:
    await page.get_by_role("link", name="Create", exact=True).first.click()
    await page.get_by_role("link", name="Python web service with PostgreSQL").click()
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(page.get_by_text("This is required.")).to_be_visible()
    await page.get_by_label("Name").fill("order-service")
    await page.get_by_role("button", name="Preview").click()
    await expect(page.get_by_text("demo/order-service")).to_be_visible()
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(page.get_by_role("heading", name="Create order-service")).to_be_visible()
    await page.get_by_role("link", name="Open the service").click(timeout=HEALTHY_MS)


async def promote(page: Page) -> None:
    await page.get_by_role("button", name="Promote order-service-").click()
    await expect(page.get_by_text("Four eyes")).to_be_visible(timeout=HEALTHY_MS)
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0)


async def approve(page: Page) -> None:
    await page.get_by_role("link", name="Approve order-service-").click()
    await page.get_by_label("Comment").fill("Looks good")
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_text("Succeeded").first).to_be_visible(timeout=HEALTHY_MS)
    await expect(page.get_by_text("bob approved: Looks good")).to_be_visible()


async def test_the_golden_path_by_clicking_only(
    browser: Browser, platform: PlatformProcess, tmp_path: Path
) -> None:
    alice = await signed_in(browser, platform, "alice")
    await create(alice)
    await expect(alice.get_by_text("in staging for")).to_be_visible(timeout=HEALTHY_MS)
    await expect(alice.get_by_text("nothing runs in production yet")).to_be_visible()

    await promote(alice)
    bob = await signed_in(browser, platform, "bob")
    await approve(bob)
    await expect(alice.get_by_text("in production for")).to_be_visible(timeout=HEALTHY_MS)

    for tab, what in (
        ("Resources", "Deployment"),
        ("Logs", "Started server process"),
        ("Activity", "order-service"),
        ("YAML", "kind: Workload"),
        ("Deployments", "approved by bob"),
    ):
        await alice.get_by_role("link", name=tab, exact=True).click()
        await expect(alice.get_by_text(what).first).to_be_visible()

    await alice.get_by_role("link", name="Overview", exact=True).click()
    await push_change(platform, tmp_path / "clone")
    await expect(alice.get_by_text("staging is 1 release ahead")).to_be_visible(timeout=HEALTHY_MS)
    await roll_back(alice)
    await delete(alice)


async def push_change(platform: PlatformProcess, clone: Path) -> None:
    """What a person does in a terminal: the second release."""
    url = f"http://localhost:{platform.port}/git/demo/order-service.git"
    helper = f"credential.helper=!{TOWPATH} git credential"
    cloned = await platform.run("git", "clone", "-q", "-c", helper, url, str(clone))
    assert cloned.code == 0, cloned.stderr
    (clone / "docs" / "index.md").write_text("# Orders\n\nChanged.\n")
    author = ("-c", "user.name=Alice", "-c", "user.email=alice@example.org")
    for command in ((*author, "commit", "-qam", "Say more"), ("push", "-q")):
        done = await platform.run("git", "-C", str(clone), *command)
        assert done.code == 0, done.stderr


async def roll_back(page: Page) -> None:
    await page.get_by_role("link", name="Roll back").first.click()
    await expect(page.get_by_role("combobox", name="Environment")).to_have_value("staging")
    await page.get_by_label("Reason").fill("It was better before")
    await page.get_by_role("button", name="Roll back").click()
    await expect(page.get_by_text("It was better before")).to_be_visible()
    await expect(page.get_by_text("staging is 1 release ahead")).to_have_count(
        0, timeout=HEALTHY_MS
    )


async def delete(page: Page) -> None:
    await page.get_by_role("link", name="Overview", exact=True).click()
    await page.get_by_role("link", name="Delete this service").click()
    await page.get_by_label("to confirm").fill("order-service")
    await page.get_by_role("button", name="Delete order-service").click()
    await expect(page.get_by_text("Nothing runs here yet")).to_be_visible(timeout=HEALTHY_MS)


async def test_a_viewer_sees_and_is_offered_nothing_that_changes(
    browser: Browser, platform: PlatformProcess
) -> None:
    alice = await signed_in(browser, platform, "alice")
    await create(alice)
    await expect(alice.get_by_text("in staging for")).to_be_visible(timeout=HEALTHY_MS)
    carol = await signed_in(browser, platform, "carol")
    await carol.get_by_role("link", name="order-service", exact=True).first.click()
    await expect(carol.get_by_text("in staging for")).to_be_visible()
    for name in ("Promote", "Roll back", "Delete this service"):
        await expect(carol.get_by_role("link", name=name)).to_have_count(0)
    await expect(carol.get_by_role("button", name="Promote")).to_have_count(0)
