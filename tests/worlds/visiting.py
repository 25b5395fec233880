"""Signing in once, and looking with that session: by following links, or with a real Chromium."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from playwright.async_api import Browser, BrowserContext, async_playwright

from tests.platform import PlatformProcess


@asynccontextmanager
async def chromium(executable: str) -> AsyncIterator[Browser]:
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=executable, args=arguments)
        yield launched
        await launched.close()


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who has signed in to a platform's portal."""

    base: str
    cookies: dict[str, str]

    def http(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            base_url=self.base, cookies=self.cookies, trust_env=False, timeout=120
        )

    async def context(self, browser: Browser, **options: Any) -> BrowserContext:
        """A browser profile that is signed in."""
        context = await browser.new_context(**options)
        await context.add_cookies(
            [
                {"name": name, "value": value, "url": self.base}
                for name, value in self.cookies.items()
            ]
        )
        return context


async def sign_in(platform: PlatformProcess, user: str) -> Visitor:
    """The administrator's link is the one that was printed at the start, unused until now."""
    url = platform.sign_in_link if user == "admin" else await _made_link(platform, user)
    base = f"http://localhost:{platform.port}"
    async with httpx2.AsyncClient(base_url=base, trust_env=False, timeout=60) as http:
        (link,) = parse_qs(urlsplit(url).query)["link"]
        answer = await http.post("/sign-in", data={"link": link, "next": "/"})
        assert answer.status_code == 303, answer.text
        return Visitor(base, dict(http.cookies))


async def _made_link(platform: PlatformProcess, user: str) -> str:
    made = await platform.towpath("login-link", "--user", user)
    found = re.search(r"http://\S+", made.stdout)
    assert found, made.stderr
    return found.group()
