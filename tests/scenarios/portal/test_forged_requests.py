"""Requests that nobody meant: every route that takes a POST, from the portal's own table."""

from collections.abc import Mapping

import pytest
from tests.scenarios.portal.world import OWN, World, address, routes

from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.hooks.approvals import APPROVAL

POSTED = sorted(route.path for route in routes() if "POST" in (route.methods or ()))
MEANT = {
    "decision": "approve",
    "confirm": "okapi-service",
    "environment": "production",
    "release": "okapi-service-1",
    "name": "forged",
    "project": OWN,
    "action": "cancel",
    "label": "forged",
    "revoke": "0" * 64,
    "theme": "dark",
    "link": "guess",
}
"""What the forms of all these routes ask for, in one."""


async def _state(world: World) -> list[str]:
    """What a forged request might have changed."""
    async with world.estate.platform.client() as client:
        names = [
            f"{kind.plural}/{one['metadata']['name']}:{one['metadata'].get('deletionTimestamp')}"
            for kind in (WORKLOAD, PROMOTION, APPROVAL, TEMPLATE_RUN)
            for one in (await client.list(kind, OWN)).items
        ]
    held = (await world.visitors["bob"].browser.get("/account")).text
    return [*sorted(names), str(held.count('<th scope="row">'))]


def test_the_routes_are_known() -> None:
    assert {"/sign-in", "/sign-out", "/-/look", "/account"} < set(POSTED)
    assert len(POSTED) >= 9


@pytest.mark.parametrize("path", POSTED)
async def test_a_forged_form_does_nothing(world: World, path: str) -> None:
    bob, before = world.visitors["bob"], await _state(world)
    asked = address(path, world.names[OWN])
    own, foreign = await bob.csrf(), await world.visitors["carol"].csrf()
    origin = f"http://127.0.0.1:{world.estate.platform.port}"
    elsewhere: tuple[Mapping[str, str], ...] = (
        {"origin": "https://evil.example"},
        {"origin": f"http://okapi-service.staging.{OWN}.localhost:{world.estate.platform.port}"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": origin, "sec-fetch-site": "cross-site"},
    )
    for headers in elsewhere:
        # Even with the token: nobody else's page sends our forms.
        answer = await bob.browser.post(asked, data={**MEANT, "csrf": own}, headers=headers)
        assert answer.status_code == 403, headers
        assert "came from another site" in answer.text
    if path != "/sign-in":
        for token in ("", "0" * 64, foreign):
            answer = await bob.browser.post(asked, data={**MEANT, "csrf": token})
            assert answer.status_code == 403, token
        answer = await bob.browser.post(asked, json={**MEANT, "csrf": own})
        assert answer.status_code == 403
        answer = await bob.browser.post(asked, params={**MEANT, "csrf": own})
        assert answer.status_code in (403, 413)
    assert await _state(world) == before


@pytest.mark.parametrize("path", POSTED)
async def test_asking_for_a_page_changes_nothing(world: World, path: str) -> None:
    bob, before = world.visitors["bob"], await _state(world)
    asked, own = address(path, world.names[OWN]), await bob.csrf()
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = await bob.browser.request(method, asked, params={**MEANT, "csrf": own})
        assert answer.status_code < 500, method
        session = f"towpath_session_{world.estate.platform.port}"
        assert session not in answer.headers.get("set-cookie", ""), method
    form = {**MEANT, "csrf": own, "_method": "POST"}
    await bob.browser.get(asked, params=form, headers={"x-http-method-override": "POST"})
    assert await _state(world) == before


async def test_a_stranger_posts_nothing(world: World) -> None:
    before, stranger = await _state(world), world.visitors["anonymous"].browser
    for path in POSTED:
        answer = await stranger.post(address(path, world.names[OWN]), data=MEANT)
        assert answer.status_code in (303, 403, 429), path
        if answer.status_code == 303:
            assert answer.headers["location"].startswith("/sign-in"), path
    for path in ("/-/links", "/-/tokens"):
        for headers in ({}, {"content-type": "text/plain"}, {"authorization": "Bearer x"}):
            answer = await stranger.post(path, content='{"user": "admin"}', headers=headers)
            assert answer.status_code in (400, 401), path
    assert await _state(world) == before


async def test_a_session_is_not_taken_for_a_token(world: World) -> None:
    """A page of another site can send the cookie; what asks for a token does not look at it."""
    admin = world.visitors["admin"].browser
    answer = await admin.post("/-/links", json={"user": "alice"})
    assert answer.status_code == 401
    for path in ("/git/demo/okapi-service.git/info/refs?service=git-upload-pack", "/v2/"):
        assert (await admin.get(path)).status_code == 401
    api = await world.api.get("/api/v1/namespaces", headers={"cookie": _cookies(admin.cookies)})
    assert api.status_code in (401, 403)


def _cookies(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())
