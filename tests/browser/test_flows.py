"""The main job by clicking only, in one document from beginning to end: nothing is reloaded."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from tests.browser import steps
from tests.browser.people import HEALTHY_MS, SOON_MS, answers, person, push_change
from tests.platform import PlatformProcess

pytestmark = [pytest.mark.browser]


async def test_two_services_one_after_the_other_without_a_reload(
    browser: Browser, shared_platform: PlatformProcess
) -> None:
    alice = await person(browser, shared_platform, "alice")
    alice.begin()
    await alice.page.evaluate("window.marked = true")
    for name in ("first-service", "second-service"):
        address = await steps.create(alice.page, name)
        answered = await answers(shared_platform, address)
        assert answered.status_code == 200, answered.text
    assert alice.documents == []
    assert await alice.page.evaluate("window.marked === true")
    assert alice.complaints == []
    await alice.context.close()


@pytest.mark.slow
async def test_a_service_from_its_first_release_to_its_end(
    browser: Browser, shared_platform: PlatformProcess, tmp_path: Path
) -> None:
    alice = await person(browser, shared_platform, "alice")
    bob = await person(browser, shared_platform, "bob")
    page, name = alice.page, "whole-life"
    for one in (alice, bob):
        one.begin()
    await steps.create(page, name)

    await steps.promote(page)
    # Who asks does not approve, and is told why.
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    await expect(steps.lane(page, "production")).to_contain_text(re.compile("other|Four eyes"))

    # Bob has had his home page open all the while: it came to him.
    waiting = steps.main(bob.page).get_by_role("link", name=re.compile(f"{name}-.*production"))
    await waiting.first.click(timeout=SOON_MS)
    await bob.page.get_by_label("Comment").fill("Looks good")
    await bob.page.get_by_role("button", name="Approve", exact=True).click()
    await expect(bob.page.get_by_text("Succeeded").first).to_be_visible(timeout=HEALTHY_MS)
    await expect(page.get_by_text("in production for")).to_be_visible(timeout=HEALTHY_MS)

    # Somebody changes by hand what Git says otherwise: it is told, and set back.
    scale = ("scale", "deployment", name, "--replicas=3", "--namespace", "demo-production")
    done = await shared_platform.run("kubectl", "--context", "local", *scale)
    assert done.code == 0, done.stderr
    await page.get_by_role("link", name="Drift was set back").click(timeout=HEALTHY_MS)
    drift = page.locator("#drift")
    await expect(drift).to_contain_text("Set back")
    await expect(drift).to_contain_text(re.compile(r"replicas.*3", re.DOTALL))
    await expect(drift).to_contain_text(re.compile(r"by \S*admin"))

    await push_change(shared_platform, name, tmp_path)
    await steps.open_tab(page, "Overview")
    await expect(page.get_by_text("staging is 1 release ahead")).to_be_visible(timeout=HEALTHY_MS)
    await steps.lane(page, "staging").get_by_role("link", name="Roll back").click()
    await page.get_by_label("Reason").fill("It was better before")
    await page.get_by_role("button", name=re.compile("^Roll back")).click()
    await expect(page.get_by_text("It was better before").first).to_be_visible()
    await expect(page.get_by_text("staging is 1 release ahead")).to_have_count(
        0, timeout=HEALTHY_MS
    )
    await steps.delete(page, name)
    for one in (alice, bob):
        assert one.documents == []
        # A page that is open on what has been deleted is told so.
        assert [said for said in one.complaints if "404" not in said] == []
        await one.context.close()


@pytest.mark.slow
async def test_a_viewer_sees_every_tab_and_is_offered_nothing_that_changes(
    browser: Browser, shared_platform: PlatformProcess
) -> None:
    alice = await person(browser, shared_platform, "alice")
    await steps.create(alice.page, "seen-by-all")
    carol = await person(browser, shared_platform, "carol")
    await carol.page.get_by_role("link", name="seen-by-all", exact=True).first.click()
    await expect(carol.page.get_by_text("in staging for")).to_be_visible()
    for name in ("Promote", "Roll back", "Delete this service"):
        for role in ("link", "button"):
            await expect(carol.page.get_by_role(role, name=name)).to_have_count(0)  # type: ignore[arg-type]
    for tab, what in (
        ("Resources", "Deployment"),
        ("Logs", "Started server process"),
        ("Activity", "seen-by-all"),
        ("YAML, API, CLI", "kind: Workload"),
        ("Deployments", "staging"),
    ):
        await steps.open_tab(carol.page, tab)
        await expect(steps.main(carol.page).get_by_text(what).first).to_be_visible()
