"""Upgrades in a real browser: a newer version of a template reaches what was made of it."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from tests.browser.people import Person, person
from tests.browser.steps import main
from tests.platform import PlatformProcess
from tests.worlds import upgrading
from tests.worlds.people import member

VERSIONS = "/create/demo/worker/versions"


@pytest.fixture(scope="module")
async def alice(browser: Browser, shared_platform: PlatformProcess) -> Person:
    return await person(browser, shared_platform, "alice")


async def test_a_campaign_is_two_clicks_and_ends_with_everybody_current(
    alice: Person, shared_platform: PlatformProcess, tmp_path: Path
) -> None:
    page = alice.page
    terminal = await member(shared_platform, "alice", tmp_path)
    await upgrading.offer(terminal)
    await alice.open(VERSIONS)
    await expect(main(page).get_by_text("Nothing that you may see came of it yet")).to_be_visible()

    await upgrading.make(terminal, "mailer", "resizer")
    mine = upgrading.SETTINGS.replace("${{ values.queue }}", "jobs")
    changed = mine.replace("log: text", "log: logfmt")
    await terminal.push("resizer", "Log as the others do", {"settings.yaml": changed})
    await expect(main(page).get_by_text("Everybody has the newest version.")).to_be_visible()
    await upgrading.newer(terminal)

    # The page that is open hears of the newer version.
    await page.get_by_role("link", name="Upgrade 2 services").click()
    await expect(main(page).get_by_text("Its default counts for 2 of 2")).to_be_visible()
    await page.get_by_role("button", name="Start").click()

    await expect(page.get_by_role("heading", level=1, name="Upgrade of worker")).to_be_visible()
    row = main(page).get_by_role("row")
    await expect(row.filter(has_text="demo/mailer")).to_contain_text("Ready")
    await expect(row.filter(has_text="demo/resizer")).to_contain_text("Conflicted")

    await page.get_by_role("link", name="demo/resizer").click()
    await expect(main(page).get_by_text("<<<<<<< main")).to_be_visible()
    await expect(page.get_by_role("button", name="Merge")).to_be_hidden()
    choice = page.get_by_role("combobox", name="settings.yaml")
    await choice.select_option(label="Keep the repository's")
    await page.get_by_role("button", name="Decide so").click()
    await page.get_by_role("button", name="Merge").click()
    await expect(main(page).get_by_text("alice has merged it.").first).to_be_visible()

    await alice.open(VERSIONS)
    await (
        main(page)
        .get_by_role("row")
        .filter(has_text="mailer")
        .get_by_role("link", name="Open")
        .click()
    )
    await expect(main(page).get_by_text("+log: json")).to_be_visible()
    await page.get_by_role("button", name="Merge").click()
    await expect(main(page).get_by_text("alice has merged it.").first).to_be_visible()

    await alice.open(VERSIONS)
    await expect(main(page).get_by_text("Everybody has the newest version.")).to_be_visible()
    await expect(main(page).get_by_role("row").filter(has_text="2 of 2 merged.")).to_contain_text(
        "Done"
    )
    assert alice.complaints == []


async def test_a_repository_is_left_out_with_a_reason_without_javascript(
    browser: Browser, shared_platform: PlatformProcess
) -> None:
    bob = await person(browser, shared_platform, "bob", java_script_enabled=False)
    page = bob.page
    await bob.open("/projects/demo/templates/mailer")
    await page.get_by_label("Why campaigns shall leave it out").fill("It is switched off in May")
    await page.get_by_role("button", name="Leave it out").click()
    await expect(main(page).get_by_text("It is switched off in May").first).to_be_visible()
    await bob.open(VERSIONS)
    row = main(page).get_by_role("row").filter(has_text="mailer")
    await expect(row).to_contain_text("Left out: It is switched off in May")
    await bob.open("/projects/demo/templates/mailer")
    await page.get_by_role("button", name="Take part again").click()
    await expect(page.get_by_role("button", name="Leave it out")).to_be_visible()
