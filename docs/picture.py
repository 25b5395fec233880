"""Takes the README's picture of the portal: `python -m docs.picture URL`, with a sign-in link.

The platform should run on port 8080 and have one service in both environments. Not a part of
`make docs`: pixels differ from machine to machine.
"""

import asyncio
import os
import shutil
import sys
from pathlib import Path

from playwright.async_api import async_playwright

PICTURE = Path(__file__).parent / "pictures" / "portal.png"


async def take(link: str, file: Path) -> None:
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    program = os.environ.get("TOWPATH_CHROMIUM") or shutil.which("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=arguments)
        page = await browser.new_page(viewport={"width": 1280, "height": 560}, color_scheme="light")
        await page.goto(link)
        await page.get_by_role("button", name="Continue to the portal").click()
        await page.get_by_role("heading", name="Home").wait_for()
        await page.screenshot(path=file)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(take(sys.argv[1], PICTURE))
