"""Create in a real browser: what will be made is shown while one types, and then followed."""

import os
import subprocess
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from tests.browser.people import HEALTHY_MS, SOON_MS, Person, answers, person
from tests.browser.steps import main, rail
from tests.platform import TOWPATH, PlatformProcess


@pytest.fixture(scope="module")
async def alice(browser: Browser, shared_platform: PlatformProcess) -> Person:
    return await person(browser, shared_platform, "alice")


async def choose(alice: Person, offer: str) -> None:
    await rail(alice.page).get_by_role("link", name="Create", exact=True).click()
    await main(alice.page).get_by_role("link", name=offer, exact=True).click()
    await expect(alice.page.get_by_role("heading", level=1, name=offer)).to_be_visible()


async def healthy(alice: Person) -> str:
    """The address on the run's page, which was not loaded again meanwhile."""
    address = alice.page.get_by_role("link", name="Open ").filter(has_text=".localhost")
    await expect(address).to_be_visible(timeout=HEALTHY_MS)
    assert alice.documents == []
    assert alice.complaints == []
    return await address.get_attribute("href") or ""


async def test_a_site_is_seen_before_it_is_made_and_followed_to_its_address(
    alice: Person, shared_platform: PlatformProcess
) -> None:
    page = alice.page
    alice.begin()
    await choose(alice, "Static site")
    plan = page.get_by_role("complementary", name="What will be made")
    await expect(plan).to_contain_text("Fill in what is needed")
    await page.get_by_label("Name", exact=True).fill("Night Ferry")
    await expect(page.get_by_text("does not fit")).to_be_visible()
    await page.get_by_label("Name", exact=True).fill("a-ferry-that-goes-on-through-the-night")
    await page.get_by_label("Title").focus()
    await expect(page.get_by_text("38 characters; at most 30 fit")).to_be_visible()
    await page.get_by_label("Name", exact=True).fill("night-ferry")
    await expect(plan).to_contain_text("demo/night-ferry")
    await expect(page.get_by_text("does not fit")).to_be_hidden()
    await page.get_by_text("public/index.html", exact=True).click()
    await page.get_by_label("Title").fill("Ferries by night")
    first = page.locator("details.file[open]")
    await expect(first).to_contain_text("<h1>Ferries by night</h1>")
    await expect(page.get_by_label("Title")).to_be_focused()
    await page.get_by_role("button", name="Create", exact=True).click()
    url = await healthy(alice)
    assert "<h1>Ferries by night</h1>" in (await answers(shared_platform, url)).text
    await choose(alice, "Static site")
    await page.get_by_label("Name", exact=True).fill("night-ferry")
    await expect(page.get_by_text("a repository night-ferry already")).to_be_visible()


async def test_a_repository_is_adopted_after_its_diff_was_seen(
    alice: Person, shared_platform: PlatformProcess, tmp_path: Path
) -> None:
    page = alice.page
    pushed(shared_platform, tmp_path / "boats", {"index.html": "<h1>Boats</h1>"})
    pushed(shared_platform, tmp_path / "engine", {"go.mod": "module engine"})
    await choose(alice, "Adopt a repository")
    alice.begin()
    await page.get_by_label("Repository").select_option("engine")
    await expect(page.get_by_text("This is Go (go.mod)")).to_be_visible()
    await page.get_by_label("Repository").select_option("boats")
    await expect(page.get_by_text("This is Go (go.mod)")).to_be_hidden()
    await expect(page.get_by_label("Port")).to_have_attribute("placeholder", "8080")
    score = page.get_by_role("region", name="Changes in score.yaml")
    await expect(score).to_contain_text("+      targetPort: 8080")
    await page.get_by_label("Port").fill("8181")
    await expect(score).to_contain_text("+      targetPort: 8181", timeout=SOON_MS)
    await page.get_by_role("button", name="Adopt it").click()
    await expect(page.get_by_role("heading", level=1, name="Adopt boats")).to_be_visible()
    assert (await answers(shared_platform, await healthy(alice))).text == "<h1>Boats</h1>"


def pushed(platform: PlatformProcess, folder: Path, files: dict[str, str]) -> None:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    author = ("-c", "user.name=Alice", "-c", "user.email=alice@example.org")
    helper = ("-c", "credential.helper=", "-c", f"credential.helper=!{TOWPATH} git credential")
    url = f"http://localhost:{platform.port}/git/demo/{folder.name}.git"
    for command in (
        ("init", "-q", "-b", "main"),
        ("add", "-A"),
        (*author, "commit", "-q", "-m", "All that we have"),
        (*helper, "push", "-q", url, "main"),
    ):
        environment = {**os.environ, **platform.environment}
        subprocess.run(["git", "-C", str(folder), *command], env=environment, check=True)
