"""Clocks that are set: tokens live by the clock, and by little else does anything."""

import time
from pathlib import Path

import pytest

from tests.wire import wired_api_server
from towpath.machinery.core_kinds import SERVICE_ACCOUNT
from towpath.machinery.users import TokenRefused

TTL_S = 3600


@pytest.mark.parametrize(
    ("moved_s", "good"),
    [
        pytest.param(0, True, id="not moved"),
        pytest.param(-30, True, id="corrected backwards"),
        pytest.param(-7200, False, id="hours back: it is not valid yet"),
        pytest.param(TTL_S - 60, True, id="near its end"),
        pytest.param(TTL_S + 60, False, id="past its end"),
    ],
)
async def test_a_token_while_the_clock_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved_s: float, good: bool
) -> None:
    async with wired_api_server(tmp_path) as api:
        account = SERVICE_ACCOUNT.object("runner", "default")
        await api.front.client().create(SERVICE_ACCOUNT, account)
        token = await api.front.tokens("default", "runner", ttl_s=TTL_S)
        began = time.time()
        with monkeypatch.context() as clock:
            clock.setattr(time, "time", lambda: began + moved_s)
            if good:
                assert await api.front.tokens.verify(token)
            else:
                with pytest.raises(TokenRefused):
                    await api.front.tokens.verify(token)
        assert await api.front.tokens.verify(token), "good again when the clock is right"
