"""What goes wrong between a browser and a platform: nothing is lost, nothing is done twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route, expect
from tests.browser import steps
from tests.browser.people import SOON_MS, Person, person, sign_in_link
from tests.platform import PlatformProcess, running_platform_process

from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN

pytestmark = [pytest.mark.browser]


@pytest.fixture
async def alice(browser: Browser, shared_platform: PlatformProcess) -> AsyncIterator[Person]:
    someone = await person(browser, shared_platform, "alice")
    yield someone
    await someone.context.close()


@pytest.mark.slow
async def test_a_platform_that_goes_and_comes_back(browser: Browser, tmp_path: Path) -> None:
    async with running_platform_process(tmp_path / "data", "--demo") as platform:
        alice = await person(browser, platform, "alice")
        page = alice.page
        await expect(page.locator("#live[data-state=on]")).to_be_visible()
        await steps.open_form(page)
        await page.get_by_label("Name", exact=True).fill("half-typed")
        await page.get_by_label("Description").fill("Half a sentence")
        other = await alice.context.new_page()
        await other.goto(f"{alice.base}/delivery")
        await expect(other.locator("#live[data-state=on]")).to_be_visible()

        alice.begin()
        await platform.kill()
        await other.bring_to_front()
        await expect(other.locator("#live")).to_contain_text("Reconnecting", timeout=SOON_MS)
        await page.bring_to_front()
        # Nobody is there: what is sent stays in the form, and where one goes one stays.
        await page.get_by_role("button", name="Create", exact=True).click()
        await expect(page.get_by_role("alert").first).to_contain_text("could not be sent")
        await steps.rail(page).get_by_role("link", name="Home").click()
        await expect(page.get_by_role("alert").last).to_contain_text("could not be opened")
        await expect(page.get_by_label("Name", exact=True)).to_have_value("half-typed")

        await platform.forget_killed()
        await platform.start()
        await other.bring_to_front()
        await expect(other.locator("#live[data-state=on]")).to_be_visible(timeout=SOON_MS)
        await page.bring_to_front()
        await expect(page.get_by_label("Description")).to_have_value("Half a sentence")
        await page.get_by_role("button", name="Create", exact=True).click()
        await expect(page.get_by_role("heading", level=1, name="Create half-typed")).to_be_visible()
        assert alice.documents == []
        await alice.context.close()


async def test_a_form_that_is_sent_twice_makes_one_thing(
    alice: Person, shared_platform: PlatformProcess
) -> None:
    page, sent, go_on = alice.page, [], asyncio.Event()

    async def hold(route: Route) -> None:
        if route.request.method == "POST":
            sent.append(route.request.url)
            await go_on.wait()
        await route.continue_()

    await page.route("**/create/**", hold)
    await steps.open_form(page)
    await page.get_by_label("Name", exact=True).fill("only-once")
    button = page.get_by_role("button", name="Create", exact=True)
    await button.dblclick()
    await button.click(force=True)
    await page.get_by_label("Name", exact=True).press("Enter")
    go_on.set()
    await expect(page.get_by_role("heading", level=1, name="Create only-once")).to_be_visible()
    assert len(sent) == 1
    assert await _runs(shared_platform, "only-once") == 1


async def _runs(platform: PlatformProcess, name: str) -> int:
    async with platform.client() as client:
        runs = (await client.list(TEMPLATE_RUN, "demo")).items
    return sum(1 for run in runs if run["spec"]["parameters"].get("name") == name)


async def test_back_forward_and_refresh_in_the_middle(alice: Person) -> None:
    page = alice.page
    alice.begin()
    rail = steps.rail(page)
    await rail.get_by_role("link", name="Catalog").click()
    await expect(page.get_by_role("heading", level=1, name="Catalog")).to_be_visible()
    await page.get_by_role("searchbox").fill("order")
    await expect(page).to_have_url(f"{alice.base}/catalog?q=order")
    await rail.get_by_role("link", name="Delivery").click()
    await expect(page.get_by_role("heading", level=1, name="Delivery")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("searchbox")).to_have_value("order")
    await page.go_back()
    await expect(page.get_by_role("heading", level=1, name="Home")).to_be_visible()
    await page.go_forward()
    await page.go_forward()
    await expect(page.get_by_role("heading", level=1, name="Delivery")).to_be_visible()
    assert alice.documents == []
    await page.go_back()
    await page.reload()
    await expect(page.get_by_role("searchbox")).to_have_value("order")
    await page.go_back()
    await expect(page.get_by_role("heading", level=1, name="Home")).to_be_visible()
    assert alice.complaints == []


async def test_two_tabs_show_the_same(alice: Person, shared_platform: PlatformProcess) -> None:
    second = await alice.context.new_page()
    alice.watch(second)
    await second.goto(f"{alice.base}/projects/demo")
    await expect(second.locator("#live[data-state=on]")).to_be_visible()
    await steps.open_form(alice.page)
    await alice.page.get_by_label("Name", exact=True).fill("in-two-tabs")
    await alice.page.get_by_role("button", name="Create", exact=True).click()
    await second.bring_to_front()
    row = steps.main(second).get_by_role("link", name="in-two-tabs", exact=True)
    await expect(row.first).to_be_visible(timeout=SOON_MS)
    assert alice.complaints == []


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
async def test_a_form_from_before_a_new_sign_in_keeps_what_was_typed(
    browser: Browser, shared_platform: PlatformProcess, javascript: bool
) -> None:
    name = f"kept-{'with' if javascript else 'without'}"
    alice = await person(browser, shared_platform, "alice", java_script_enabled=javascript)
    page = alice.page
    await steps.open_form(page)
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_label("Description").fill("Half a sentence")
    token = page.locator("main input[name=csrf]")
    before = await token.get_attribute("value")
    other = await alice.context.new_page()
    await other.goto(await sign_in_link(shared_platform, "alice"))
    await other.get_by_role("button", name="Continue to the portal").click()
    await expect(other.get_by_role("heading", level=1, name="Home")).to_be_visible()

    await page.bring_to_front()
    if javascript:
        # The page hears that its session is over, and goes on with the new one.
        await expect(token).not_to_have_value(before or "")
        await expect(page.get_by_label("Description")).to_have_value("Half a sentence")
    await page.get_by_role("button", name="Create", exact=True).click()
    if not javascript:
        await expect(page.get_by_role("heading", level=1, name="Send it again?")).to_be_visible()
        await expect(steps.main(page)).to_contain_text("Half a sentence")
        assert await _runs(shared_platform, name) == 0
        await page.get_by_role("button", name="Send it").click()
    await expect(page.get_by_role("heading", level=1, name=f"Create {name}")).to_be_visible()
    assert await _runs(shared_platform, name) == 1
    await alice.context.close()


async def test_who_was_signed_out_keeps_what_was_typed(
    browser: Browser, shared_platform: PlatformProcess
) -> None:
    bob = await person(browser, shared_platform, "bob")
    await steps.open_form(bob.page)
    await bob.page.get_by_label("Name", exact=True).fill("still-here")
    name = f"towpath_session_{shared_platform.port}"
    await bob.context.clear_cookies(name=name)
    await bob.page.get_by_role("button", name="Create", exact=True).click()
    await expect(bob.page.get_by_role("alert").first).to_contain_text("signed out")
    await expect(bob.page.get_by_label("Name", exact=True)).to_have_value("still-here")
    await bob.context.close()
