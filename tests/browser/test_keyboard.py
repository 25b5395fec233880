"""The main job without a pointer: Tab leads everywhere, and one always sees where one is."""

import re

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from tests.browser import steps
from tests.browser.people import HEALTHY_MS, SOON_MS, person
from tests.platform import PlatformProcess

pytestmark = [pytest.mark.browser]

TABS_MAX = 150
WHERE = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return "nowhere";
  const line = (style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const ring = (style) => line(style) || style.boxShadow !== "none";
  const name = `${at.localName} ${at.textContent.trim().slice(0, 40)}`;
  const box = at.getBoundingClientRect();
  const inSight = box.width && box.height && box.bottom >= 1 && box.top <= innerHeight - 1;
  if (!inSight) return `${name} is out of sight`;
  // A card whose whole area is its link shows the focus itself.
  const card = at.closest(".card, .offer, li, tr");
  const seen = ring(getComputedStyle(at)) || ring(getComputedStyle(at, "::after"))
    || (card && line(getComputedStyle(card)));
  return seen ? "" : `${name} has no visible focus`;
}"""


async def reach(page: Page, wanted: Locator, *, back: bool = False) -> None:
    """Tab until it has the focus; every stop on the way can be seen."""
    await expect(wanted).to_be_visible(timeout=HEALTHY_MS)
    for _ in range(TABS_MAX):
        await page.keyboard.press("Shift+Tab" if back else "Tab")
        where = await page.evaluate(WHERE)
        if where == "nowhere":
            continue  # out of the document's end, and in again at its beginning
        assert where == ""
        if await wanted.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError(f"Tab does not lead to {wanted}")


async def go_by_palette(page: Page, words: str, option: str) -> None:
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("dialog").get_by_role("combobox")).to_be_focused()
    await page.keyboard.type(words)
    wanted = page.get_by_role("option", name=option, exact=True)
    await expect(wanted).to_be_visible()
    for _ in range(20):
        if await wanted.get_attribute("aria-selected") == "true":
            break
        await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.slow
async def test_the_main_job_by_keyboard_alone(
    browser: Browser, shared_platform: PlatformProcess
) -> None:
    alice = await person(browser, shared_platform, "alice")
    bob = await person(browser, shared_platform, "bob")
    page, name = alice.page, "by-keyboard"
    alice.begin()
    await go_by_palette(page, "create", "Create")
    await expect(page.get_by_role("heading", level=1, name="Create")).to_be_visible()
    await reach(page, steps.main(page).get_by_role("link", name=steps.GOLDEN_PATH, exact=True))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name=steps.GOLDEN_PATH)).to_be_visible()
    field = page.get_by_label("Name", exact=True)
    if not await field.evaluate("one => one === document.activeElement"):
        await reach(page, field)
    await page.keyboard.type(name)
    await reach(page, page.get_by_role("button", name="Create", exact=True))
    await page.keyboard.press("Space")
    await expect(page.get_by_role("heading", level=1, name=f"Create {name}")).to_be_visible()
    await reach(page, page.get_by_role("link", name="Open the service"))
    await page.keyboard.press("Enter")

    # Where one is stays where one is, whatever changes around it meanwhile.
    tab = page.get_by_role("link", name="Deployments", exact=True)
    await reach(page, tab)
    await expect(page.get_by_text("in staging for")).to_be_visible(timeout=HEALTHY_MS)
    await expect(tab).to_be_focused()
    await reach(page, steps.promote_link(page))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name=f"Promote {name}")).to_be_visible()
    await reach(page, steps.promote_button(page))
    await page.keyboard.press("Enter")
    await expect(steps.lane(page, "production")).to_contain_text("approve", timeout=SOON_MS)

    await _approve(bob.page, name)
    await expect(page.get_by_text("in production for")).to_be_visible(timeout=HEALTHY_MS)
    await _delete(page, name)
    assert alice.documents == []
    assert [said for said in alice.complaints if "404" not in said] == []
    for one in (alice, bob):
        await one.context.close()


async def _approve(page: Page, name: str) -> None:
    waiting = steps.main(page).get_by_role("link", name=re.compile(f"{name}-.*production"))
    await reach(page, waiting.first)
    await page.keyboard.press("Enter")
    comment = page.get_by_label("Comment")
    await reach(page, comment)
    await page.keyboard.type("Looks good")
    await reach(page, page.get_by_role("button", name="Approve", exact=True))
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Succeeded").first).to_be_visible(timeout=HEALTHY_MS)


async def _delete(page: Page, name: str) -> None:
    await reach(page, page.get_by_role("link", name="Delete this service"))
    await page.keyboard.press("Enter")
    confirm = page.get_by_label("to confirm")
    await expect(confirm).to_be_visible()
    if not await confirm.evaluate("one => one === document.activeElement"):
        await reach(page, confirm)
    await page.keyboard.type(name)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name="demo")).to_be_visible()


async def test_menus_palette_and_filter_by_keyboard(
    browser: Browser, shared_platform: PlatformProcess
) -> None:
    carol = await person(browser, shared_platform, "carol")
    page = carol.page
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(steps.main(page)).to_be_focused()

    menu = page.get_by_title("carol", exact=True)
    await reach(page, menu, back=True)
    await page.keyboard.press("Enter")
    out = page.get_by_role("button", name="Sign out")
    await reach(page, out)
    await page.keyboard.press("Escape")
    await expect(out).to_be_hidden()
    await expect(menu).to_be_focused()

    await page.keyboard.press("Control+k")
    await page.keyboard.type("demo")
    await expect(page.get_by_role("option", name="demo").first).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(menu).to_be_focused()

    await page.keyboard.press("g")
    await page.keyboard.press("c")
    await expect(page.get_by_role("heading", level=1, name="Catalog")).to_be_visible()
    await page.keyboard.press("/")
    search = steps.main(page).get_by_role("searchbox")
    await expect(search).to_be_focused()
    await page.keyboard.type("nothing is called so")
    await expect(page.get_by_text("Nothing fits this filter")).to_be_visible()
    await expect(search).to_be_focused()
    await expect(search).to_have_value("nothing is called so")
    await page.keyboard.press("Escape")
    await reach(page, page.get_by_role("link", name="Show everything"))
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{carol.base}/catalog")
    assert carol.complaints == []
    await carol.context.close()
