"""What one holds: sessions that are ended elsewhere, tokens for git and the API, an end to both."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from tests.browser import steps
from tests.browser.people import SOON_MS, Person, person
from tests.platform import PlatformProcess

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.client.kubeconfig import Connection, from_kubeconfig
from towpath.client.kubernetes import KubernetesClient
from towpath.machinery.errors import Unauthorized

pytestmark = [pytest.mark.browser]


async def test_an_open_page_of_a_session_that_is_ended_elsewhere_asks_to_sign_in(
    browser: Browser, shared_platform: PlatformProcess
) -> None:
    here = await person(browser, shared_platform, "alice")
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    there = await person(browser, shared_platform, "alice", user_agent=firefox)
    await steps.rail(there.page).get_by_role("link", name="Delivery").click()
    await expect(there.page.locator("#live[data-state=on]")).to_be_visible()
    second = await there.context.new_page()
    await second.goto(f"{there.base}/about")
    await expect(second.get_by_role("heading", level=1)).to_contain_text("About")

    await here.open("/account")
    row = here.page.get_by_role("row", name="Firefox on Linux")
    await row.get_by_role("button", name="End").click()
    await expect(here.page.get_by_text("Ended. It opens nothing any more.")).to_be_visible()
    await expect(row).to_have_count(0)
    for page in (there.page, second):
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=SOON_MS)
    await expect(here.page.get_by_role("row", name="this browser")).to_have_count(1)
    await here.context.close()
    await there.context.close()


async def test_signing_out_in_one_tab_signs_out_the_others(
    browser: Browser, shared_platform: PlatformProcess
) -> None:
    bob = await person(browser, shared_platform, "bob")
    other = await bob.context.new_page()
    await other.goto(bob.base)
    await expect(other.locator("#live[data-state=on]")).to_be_visible()
    await bob.page.get_by_title("bob", exact=True).click()
    await bob.page.get_by_role("button", name="Sign out").click()
    for page in (bob.page, other):
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=SOON_MS)
    # What the browser had kept shows nothing any more.
    await bob.page.go_back()
    await expect(bob.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await bob.context.close()


async def test_a_token_works_with_git_and_the_api_until_it_is_revoked(
    browser: Browser, shared_platform: PlatformProcess, tmp_path: Path
) -> None:
    alice = await person(browser, shared_platform, "alice")
    page = alice.page
    made = await shared_platform.towpath("new", "static-site", "site", "--project", "demo")
    assert made.code == 0, made.stdout + made.stderr
    await page.get_by_title("alice", exact=True).click()
    await page.get_by_role("link", name="Sessions and tokens").click()
    await page.get_by_label("What is the new token for?").fill("laptop")
    await page.get_by_role("button", name="Make a token").click()
    token = await page.locator("main .code code").first.inner_text()
    assert re.fullmatch(r"twp_[\w-]{43}", token)

    assert await _uses(shared_platform, token, tmp_path / "before") == (0, 200)
    await page.reload()
    await expect(steps.main(page)).not_to_contain_text(token)
    row = page.get_by_role("row", name="laptop")
    await row.get_by_role("button", name="Revoke").click()
    await expect(row).to_have_count(0)
    code, status = await _uses(shared_platform, token, tmp_path / "after")
    assert code != 0
    assert status == 401
    await alice.context.close()


async def _uses(platform: PlatformProcess, token: str, clone: Path) -> tuple[int, int]:
    """What git and the API say to the token."""
    url = f"http://any:{token}@localhost:{platform.port}/git/demo/site.git"
    cloned = await platform.run(
        *("env", "GIT_TERMINAL_PROMPT=0", "git", "-c", "credential.helper="),
        *("clone", "-q", url, str(clone)),
    )
    own = from_kubeconfig(platform.kubeconfig, context="platform")
    connection = Connection(server=own.server, token=token, ca_pem=own.ca_pem)
    async with KubernetesClient(connection) as client:
        try:
            await client.list(WORKLOAD, "demo")
        except Unauthorized:
            return cloned.code, 401
    return cloned.code, 200


async def test_two_platforms_on_one_machine_do_not_sign_each_other_out(
    browser: Browser, shared_platform: PlatformProcess
) -> None:
    """Cookies know no ports: another platform's cookies are sent to ours, and mean nothing here."""
    alice = await person(browser, shared_platform, "alice")
    other = f"towpath_session_{shared_platform.port + 1}"
    await alice.context.add_cookies(
        [{"name": other, "value": "of-another", "domain": "localhost", "path": "/"}]
    )
    await alice.page.reload()
    await expect(alice.page.get_by_role("heading", level=1, name="Home")).to_be_visible()
    await _sign_out(alice)
    kept = {cookie["name"] for cookie in await alice.context.cookies()}
    assert other in kept
    assert f"towpath_session_{shared_platform.port}" not in kept
    await alice.context.close()


async def _sign_out(someone: Person) -> None:
    await someone.page.get_by_title(someone.name, exact=True).click()
    await someone.page.get_by_role("button", name="Sign out").click()
    await expect(someone.page.get_by_role("heading", name="Sign in")).to_be_visible()
