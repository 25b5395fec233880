"""`towpath promote --wait`, and the person goes away."""

import asyncio
from typing import cast

import pytest
from tests.support import running_api_server

from towpath.capabilities.delivery.promotions.commands import _followed
from towpath.capabilities.delivery.promotions.kinds import PROMOTION, PROMOTION_CRD
from towpath.client.protocols import Client
from towpath.hooks.commands import Terminal
from towpath.hooks.waiting import follow
from towpath.machinery.core_kinds import NAMESPACE


class Screen:
    def __init__(self, api: Client) -> None:
        self.api = api
        self.said: list[str] = []
        self.told = asyncio.Event()

    def say(self, text: str) -> None:
        self.said.append(text)
        self.told.set()


async def test_whoever_goes_away_hears_that_the_promotion_goes_on() -> None:
    async with running_api_server(kinds=[PROMOTION_CRD]) as api:
        client = api.client()
        await client.create(NAMESPACE, NAMESPACE.object("demo"))
        spec = {
            "workload": "shop",
            "environment": "staging",
            "release": "shop-1",
            "requestedBy": "user:default/alice",
        }
        made = await client.create(PROMOTION, PROMOTION.object("shop-1", "demo", spec=spec))
        made["status"] = {"phase": "Syncing", "message": "It is being synced."}
        await client.update(PROMOTION, made, subresource="status")
        screen = Screen(client)
        waiting = asyncio.create_task(
            follow(cast(Terminal, screen), _followed("shop-1", "demo"), 60)
        )
        async with asyncio.timeout(10):
            await screen.told.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert screen.said[0] == "It is being synced."
        assert "the promotion shop-1 goes on by itself" in screen.said[1]
        assert "towpath promotions --project demo" in screen.said[1]
