"""The catalogue in Chromium: a loss is seen, accepted and undone; owners nobody knows are found."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from tests.platform import PlatformProcess, running_platform_process

from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
from towpath.hooks.platform import SYSTEM_NAMESPACE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COMPONENT = """---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {{name: berth-{number}}}
spec: {{type: service, lifecycle: production, owner: {owner}}}
"""


def described(count: int, owner: str = "team-a") -> str:
    return "".join(COMPONENT.format(number=number, owner=owner) for number in range(count))


@pytest.fixture
async def root(tmp_path: Path) -> Path:
    root = tmp_path / "org"
    root.mkdir()
    (root / "catalog-info.yaml").write_text(described(20))
    return root


@pytest.fixture
async def platform(tmp_path: Path, root: Path) -> AsyncIterator[PlatformProcess]:
    started = running_platform_process(tmp_path / "data", "--demo", "--catalog-root", str(root))
    async with started as platform:
        yield platform


async def sign_in(browser: Browser, platform: PlatformProcess) -> Page:
    page = await (await browser.new_context()).new_page()
    await page.goto(platform.sign_in_link)
    await page.get_by_role("button", name="Continue to the portal").click()
    await expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    return page


async def test_a_loss_waits_for_somebody_and_can_be_taken_back(
    browser: Browser, platform: PlatformProcess, root: Path
) -> None:
    async with platform.client() as client:
        spec = {"type": "directory", "directory": {"path": str(root)}, "interval": "1h"}
        source = CATALOG_SOURCE.object("org", SYSTEM_NAMESPACE, spec=spec)
        await client.create(CATALOG_SOURCE, source)
    page = await sign_in(browser, platform)
    base = f"http://localhost:{platform.port}"
    await page.goto(f"{base}/catalog")
    await page.get_by_role("link", name="Sources").click()
    await page.get_by_role("link", name="org", exact=True).click()
    main = page.locator("main")
    await expect(main).to_contain_text("20 entities are in the catalogue")

    (root / "catalog-info.yaml").write_text(described(2))
    await page.get_by_role("button", name="Read again").click()
    await expect(main).to_contain_text("18 of 20 entities would go")
    await page.get_by_role("button", name="Accept the loss").click()
    await expect(main).to_contain_text("2 entities are in the catalogue")
    await page.get_by_role("button", name="Undo its last change").click()
    await expect(main).to_contain_text("was undone")
    await page.goto(f"{base}/catalog/component/default/berth-19")
    await expect(page.get_by_role("heading", name="berth-19")).to_be_visible()
    await page.get_by_role("link", name="History").click()
    await expect(main).to_contain_text("Came")

    (root / "catalog-info.yaml").write_text(described(20, owner="nobody-known"))
    await page.goto(f"{base}/catalog/sources/{SYSTEM_NAMESPACE}/org")
    await page.get_by_role("button", name="Read again").click()
    await expect(main).to_contain_text("20 entities are in the catalogue")
    await page.goto(f"{base}/catalog/ownership")
    await expect(main).to_contain_text("No group or person is called nobody-known")
    await page.get_by_role("link", name="Unknown owner").click()
    await expect(page).to_have_url(f"{base}/catalog/ownership?problem=dangling")
