"""Pages that are served beside the portal: workloads' own, and those of other ports.

A workload's page is written by somebody else and has a name below ours. It must neither read nor
set nor ride on a visitor's session. The hostile page is answered by the test, under its real name.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Request, Route
from tests.scenarios.portal.world import World

pytestmark = [pytest.mark.browser]

TRY = """async ([portal, script, image]) => {
  const said = {};
  const attempt = async (name, tried) => {
    try { said[name] = String(await tried()); } catch (error) { said[name] = "refused"; }
  };
  const loaded = (tag, address) => new Promise((resolve) => {
    const one = document.createElement(tag);
    one.onload = () => resolve("loaded");
    one.onerror = () => resolve("refused");
    one.src = address;
    document.body.append(one);
  });
  said.cookies = document.cookie;
  await attempt("read", async () => (await fetch(portal, { credentials: "include" })).text());
  await attempt("read api", async () =>
    (await fetch(`${portal}api/v1/projects`, { credentials: "include" })).text());
  await attempt("blind", async () =>
    (await fetch(`${portal}account`, { mode: "no-cors", credentials: "include" })).type);
  await attempt("script", () => loaded("script", `${portal}api/v1/projects`));
  await attempt("our script", () => loaded("script", script));
  await attempt("image", () => loaded("img", image));
  await attempt("worker", () => navigator.serviceWorker.register(script));
  await attempt("live", () => new Promise((resolve, reject) => {
    const source = new EventSource(`${portal}-/live`, { withCredentials: true });
    source.onopen = () => resolve("opened");
    source.onerror = reject;
  }));
  await attempt("socket", () => new Promise((resolve, reject) => {
    const socket = new WebSocket(`${portal.replace("http", "ws")}-/live`);
    socket.onopen = () => resolve("opened");
    socket.onerror = reject;
  }));
  await attempt("post", async () => (await fetch(`${portal}account`, {
    method: "POST", mode: "no-cors", credentials: "include",
    body: new URLSearchParams({ label: "stolen" }),
  })).type);
  await attempt("opened", async () => {
    const other = window.open(portal);
    while (other && !other.closed && other.location.href === "about:blank")
      await new Promise((resolve) => setTimeout(resolve, 10));
    return other === null || other.closed ? "refused" : other.document.title;
  });
  return said;
}"""
TOSS = """([name, domains]) => {
  for (const domain of ["", ...domains.map((one) => `; domain=${one}`)])
    for (const path of ["/", "/account", "/projects"])
      document.cookie = `${name}=tossed; path=${path}${domain}`;
}"""


@dataclass
class Stranger:
    world: World
    context: BrowserContext
    portal: str
    aims: list[str]
    """The portal's address, its script's and its mark's."""
    sent: list[Request]

    async def page_at(self, address: str) -> Page:
        """A page of somebody else's, at a name that is theirs."""
        page = await self.context.new_page()

        async def answer(route: Route) -> None:
            await route.fulfill(status=200, content_type="text/html", body="<h1>hello</h1>")

        await page.route(f"{address}/**", answer)
        page.on("request", lambda request: self.sent.append(request))
        await page.goto(f"{address}/")
        return page

    async def session(self) -> list[tuple[str, str]]:
        """What the browser sends to the portal as its session."""
        cookies = await self.context.cookies(self.portal)
        return [
            (one.get("path", ""), one.get("value", ""))
            for one in cookies
            if "session" in one.get("name", "")
        ]


@pytest.fixture
async def stranger(browser: Browser, world: World) -> AsyncIterator[Stranger]:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{world.base}/sign-in?link={await world.estate.link('carol')}")
    await page.get_by_role("button", name="Continue to the portal").click()
    await page.wait_for_url(f"{world.base}/")
    script = await page.locator("head script").get_attribute("src")
    mark = await page.locator("head link[rel=icon]").get_attribute("href")
    aims = [f"{world.base}/", f"{world.base}{script}", f"{world.base}{mark}"]
    yield Stranger(world, context, f"{world.base}/", aims, [])
    await context.close()


async def _cookies_sent(requests: list[Request], portal: str) -> list[tuple[str, Any]]:
    """Requests to the portal that carried a session, other than a person's own going there."""
    found = []
    for request in requests:
        if request.url.startswith(portal) and not request.is_navigation_request():
            headers = await request.all_headers()
            if "towpath_session" in headers.get("cookie", ""):
                found.append((request.url, headers.get("cookie")))
    return found


async def test_a_workloads_page_is_a_stranger(stranger: Stranger) -> None:
    port = stranger.world.estate.platform.port
    page = await stranger.page_at(f"http://okapi-service.staging.demo.localhost:{port}")
    before = await stranger.session()
    assert len(before) == 1
    said = await page.evaluate(TRY, stranger.aims)
    assert said.pop("cookies") == ""
    # What is asked without looking at the answer is sent without the session, and not shown.
    assert said.pop("blind") in ("opaque", "refused")
    assert said.pop("post") in ("opaque", "refused")
    assert set(said.values()) == {"refused"}, said
    assert await _cookies_sent(stranger.sent, stranger.portal) == []

    name = f"towpath_session_{port}"
    await page.evaluate(TOSS, [name, ["localhost", ".localhost", "demo.localhost"]])
    assert await stranger.session() == before
    again = await stranger.context.new_page()
    await again.goto(f"{stranger.portal}account")
    await again.get_by_role("heading", level=1, name="Sessions and tokens").wait_for()
    assert await again.get_by_text("stolen").count() == 0


async def test_a_page_of_another_port_is_another_site(stranger: Stranger) -> None:
    """The same host name: browsers give it our cookies, and our own checks must do."""
    page = await stranger.page_at("http://localhost:1")
    before = await stranger.session()
    said = await page.evaluate(TRY, stranger.aims)
    assert "session" not in said.pop("cookies")
    assert said.pop("blind") in ("opaque", "refused")
    assert said.pop("post") in ("opaque", "refused")
    # Other pages of this machine may show our look; they see nothing that is somebody's.
    for name in ("our script", "image"):
        said.pop(name)
    assert set(said.values()) == {"refused"}, said
    port = stranger.world.estate.platform.port
    await page.evaluate(TOSS, [f"towpath_session_{port}", ["localhost"]])
    assert ("/", before[0][1]) in await stranger.session()
    again = await stranger.context.new_page()
    await again.goto(stranger.portal)
    await again.get_by_role("heading", level=1, name="Home").wait_for()


@pytest.mark.parametrize("host", ["okapi-service.staging.demo.localhost:{port}", "localhost:1"])
async def test_a_strangers_form_is_refused_and_our_pages_are_not_framed(
    stranger: Stranger, host: str
) -> None:
    port = stranger.world.estate.platform.port
    page = await stranger.page_at(f"http://{host.format(port=port)}")
    await page.evaluate(
        """(portal) => {
          const frame = document.createElement("iframe");
          frame.src = portal;
          document.body.append(frame);
          return new Promise((resolve) => { frame.onload = resolve; });
        }""",
        stranger.portal,
    )
    (_, framed) = page.frames
    assert "Towpath" not in await framed.content()
    await page.evaluate(
        """(portal) => {
          const form = document.createElement("form");
          Object.assign(form, { method: "post", action: `${portal}account` });
          form.innerHTML = "<input name=label value=stolen>";
          document.body.append(form);
          form.submit();
        }""",
        stranger.portal,
    )
    await page.get_by_text("This request came from another site and is refused.").wait_for()
