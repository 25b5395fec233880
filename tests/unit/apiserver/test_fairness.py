"""Who goes next: turns are shared by user, and nobody holds more than their part."""

import asyncio
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support import eventually
from tests.wire import wired_api_server

from towpath.apiserver.authn.chain import RequestAuthenticator
from towpath.apiserver.fairness import Fairness
from towpath.apiserver.http.application import ApiApplication
from towpath.apiserver.http.wire.listener import Listener
from towpath.machinery.errors import TooManyRequests
from towpath.machinery.users import AUTHENTICATED, MASTERS, AccessRequest, UserInfo

NOISY, QUIET = (UserInfo(name, (AUTHENTICATED,)) for name in ("noisy", "quiet"))


async def ask(fairness: Fairness, user: UserInfo, served: list[str], seconds: float = 0.0) -> None:
    flow = fairness.enter(user) or await fairness.wait(user)
    turn = fairness.turn_number
    served.append(user.name)
    fairness.leave(flow, turn, seconds)


async def test_who_asks_once_goes_before_a_crowd() -> None:
    fairness, served = Fairness(turn=8), list[str]()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(200):
            tasks.create_task(ask(fairness, NOISY, served))
        tasks.create_task(ask(fairness, QUIET, served))
    assert len(served) == 201
    # The turn that runs, and the first place in the next one but for a tie.
    assert served.index("quiet") <= 8 + 1


async def test_two_crowds_take_turns() -> None:
    fairness, served = Fairness(turn=8), list[str]()
    async with asyncio.TaskGroup() as tasks:
        for user in (NOISY, QUIET):
            for _ in range(100):
                tasks.create_task(ask(fairness, user, served))
    assert 40 <= served[8:108].count("quiet") <= 60


async def test_long_requests_count_as_long() -> None:
    fairness, served = Fairness(turn=8), list[str]()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(50):
            tasks.create_task(ask(fairness, NOISY, served, seconds=0.010))
        for _ in range(50):
            tasks.create_task(ask(fairness, QUIET, served))
    # Ten milliseconds against one unit: the short ones are through before a handful of long ones.
    before = served[: len(served) - served[::-1].index("quiet")]
    assert before.count("noisy") <= 10


async def test_little_and_often_saves_up_no_credit() -> None:
    fairness, served = Fairness(turn=8), list[str]()
    steady = fairness.enter(QUIET)
    assert steady is not None
    for _ in range(1000):
        await ask(fairness, NOISY, [])
    async with asyncio.TaskGroup() as tasks:
        for user in (QUIET, NOISY):
            for _ in range(100):
                tasks.create_task(ask(fairness, user, served))
    fairness.leave(steady, -1, 0.0)
    assert served[:60].count("noisy") >= 15


async def test_who_has_too_much_under_way_comes_back_later() -> None:
    fairness = Fairness(requests_max=2)
    flows = [fairness.enter(NOISY) or await fairness.wait(NOISY) for _ in range(2)]
    with pytest.raises(TooManyRequests) as refused:
        fairness.enter(NOISY)
    assert refused.value.retry_after_s == 1
    await ask(fairness, QUIET, [])
    for flow in flows:
        fairness.leave(flow, -1, 0.0)
    await ask(fairness, NOISY, [])
    assert 'apiserver_flowcontrol_rejected_requests_total{priority_level="global-default",' in (
        "\n".join(fairness.lines())
    )


async def test_who_leaves_the_line_takes_no_turn() -> None:
    fairness, served = Fairness(turn=1), list[str]()
    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(ask(fairness, NOISY, served)) for _ in range(5)]
        await asyncio.sleep(0)
        for task in asking[2:4]:
            task.cancel()
    assert served == ["noisy"] * 3
    left = [line for line in fairness.lines() if line.startswith("apiserver") and "inqueue" in line]
    assert [line.rpartition(" ")[2] for line in left] == ["0"]


async def test_streams_are_bounded_by_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("towpath.apiserver.fairness.LASTING_MAX", 1)
    fairness = Fairness()
    with fairness.lasting(NOISY):
        with pytest.raises(TooManyRequests, match="noisy"), fairness.lasting(NOISY):
            pass
        with fairness.lasting(QUIET), fairness.lasting(UserInfo("root", (MASTERS,))):
            pass
    with fairness.lasting(NOISY):
        pass


CONNECTIONS = 200
REQUEST = b"GET /api HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer %s\r\naccept: */*\r\n\r\n"


@dataclass(slots=True)
class Story:
    """How many requests were served when each one of QUIET was served."""

    served: int = 0
    served_at: list[int] = field(default_factory=list)

    async def authenticate(self, token: str) -> UserInfo | None:
        return next((user for user in (NOISY, QUIET) if user.name == token), None)

    async def is_warm(self) -> bool:
        return self.served > 3 * CONNECTIONS

    async def authorize(self, user: UserInfo, _request: AccessRequest) -> bool:
        """Asked when it is the request's turn."""
        self.served += 1
        if user is QUIET:
            self.served_at.append(self.served)
        return True


async def test_two_hundred_connections_of_one_do_not_stop_another(tmp_path: Path) -> None:
    """How much is served before the quiet one is asserted, not how long it takes."""
    story = Story()
    async with wired_api_server(tmp_path) as api:
        chain = RequestAuthenticator(story.authorize, bearer=(story.authenticate,))
        application = ApiApplication(
            verbs=api.front.verbs,
            registry=api.front.api.core.registry,
            authenticate=chain,
            authorize=story.authorize,
        )
        tls = api.connection().tls_context()
        async with Listener(application, port=0, tls=api.pki.server_context()) as listener:
            hammering = [
                asyncio.create_task(_hammer(listener.port, tls)) for _ in range(CONNECTIONS)
            ]
            try:
                await eventually(story.is_warm, deadline_s=60)
                reader, writer = await asyncio.open_connection("localhost", listener.port, ssl=tls)
                sent_at = []
                for _ in range(20):
                    sent_at.append(story.served)
                    writer.write(REQUEST % b"quiet")
                    assert (await read_answer(reader)).startswith(b"HTTP/1.1 200")
                writer.close()
            finally:
                for task in hammering:
                    task.cancel()
                await asyncio.gather(*hammering, return_exceptions=True)
    waits = [then - now for now, then in zip(sent_at, story.served_at, strict=True)]
    # The turns that run while it is read; without turns each of the 200 connections goes first.
    assert sorted(waits)[len(waits) // 2] <= CONNECTIONS / 2, waits


async def _hammer(port: int, tls: ssl.SSLContext) -> None:
    reader, writer = await asyncio.open_connection("localhost", port, ssl=tls)
    try:
        while True:
            writer.write(REQUEST % b"noisy")
            await read_answer(reader)
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
    await reader.readexactly(int(fields[b"content-length"]))
    return head
