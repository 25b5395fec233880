"""Webhooks: signed, tried again, refused where they must not go, and their reports by token."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.scenarios.actions.world import DEMO, World

from towpath.capabilities.portal.actions.kinds import (
    ACTION_RUN,
    FAILED,
    RUNNING,
    SUCCEEDED,
    UNDONE,
    UNDONE_BY,
    undo_asked,
)
from towpath.capabilities.portal.actions.reports import apis
from towpath.hooks.apis import ApiAnswer, ApiRequest
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.core_kinds import CONFIG_MAP, SECRET
from towpath.machinery.errors import BadRequest, Forbidden, Unauthorized
from towpath.machinery.users import UserInfo
from towpath.records.contract import Viewer

KEY = b"a key of thirty-two bytes, at last"


@dataclass
class Service:
    """A real server; `answers` are given one after the other, the last for ever."""

    port: int = 0
    answers: list[tuple[int, Any]] = field(default_factory=lambda: [(200, {})])
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = [line.partition(": ") for line in head[1:] if line]
        headers = {name.lower(): value for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.append((headers, body))
        status, told = self.answers[min(len(self.asked), len(self.answers)) - 1]
        content = json.dumps(told).encode()
        writer.write(
            f"HTTP/1.1 {status} X\r\ncontent-length: {len(content)}\r\n"
            "connection: close\r\n\r\n".encode()
            + content
        )
        await writer.drain()
        writer.close()


@asynccontextmanager
async def service() -> AsyncIterator[Service]:
    made = Service()
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made


async def allow(world: World, made: Service) -> None:
    data = {"allow": f"127.0.0.1:{made.port}\n"}
    await world.platform.api.create(
        CONFIG_MAP, CONFIG_MAP.object("towpath-outbound", SYSTEM_NAMESPACE, data=data)
    )


async def hook(world: World, url: str, **webhook: Any) -> None:
    secret = "whsec_" + base64.b64encode(KEY).decode()
    encoded = {"secret": base64.b64encode(secret.encode()).decode()}
    await world.platform.api.create(SECRET, SECRET.object("signing", DEMO, data=encoded))
    given = {"url": url, "secretRef": {"name": "signing"}, **webhook}
    await world.action("call", backend={"type": "webhook", "webhook": given})


async def test_a_request_is_signed_and_its_answer_kept(world: World) -> None:
    async with service() as made:
        await allow(world, made)
        links = [{"title": "Ticket", "url": "https://t.example.org/7"}, {"url": "javascript:x"}]
        made.answers = [(200, {"message": "Paged.", "links": links, "outputs": {"id": 7}})]
        await hook(world, made.url)
        run = await world.run("called", "call", inputs={"who": "erin"}, reason="it burns")
        done = await world.until_phase("called", SUCCEEDED)
    (headers, body), *others = made.asked
    assert not others
    told = json.loads(body)
    assert told["inputs"] == {"who": "erin"}
    assert (told["run"]["requestedBy"], told["run"]["reason"]) == ("bob", "it burns")
    assert headers["webhook-id"] == f"run_{run['metadata']['uid']}"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    signature = base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{signature}"
    assert done["status"]["message"] == "Paged."
    assert done["status"]["links"] == [{"title": "Ticket", "url": "https://t.example.org/7"}]
    assert done["status"]["outputs"] == {"id": 7}


async def test_it_is_tried_again_under_the_same_id(world: World) -> None:
    async with service() as made:
        await allow(world, made)
        made.answers = [(503, {}), (200, {})]
        await hook(world, made.url)
        await world.run("called", "call")
        await world.until_phase("called", SUCCEEDED)
    assert len({headers["webhook-id"] for headers, _ in made.asked}) == 1
    assert len(made.asked) == 2


async def test_a_no_is_a_no(world: World) -> None:
    async with service() as made:
        await allow(world, made)
        made.answers = [(422, {"error": "no such rota"})]
        await hook(world, made.url)
        await world.run("called", "call")
        failed = await world.until_phase("called", FAILED)
    assert "the service answered 422" in failed["status"]["message"]
    assert len(made.asked) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost:8080/",
        "http://[::ffff:127.0.0.1]:8443/api",
        "http://0.0.0.0/",
        "http://name:password@example.org/",
    ],
)
async def test_it_goes_nowhere_that_only_we_reach(world: World, url: str) -> None:
    await hook(world, url)
    await world.run("called", "call")
    failed = await world.until_phase("called", FAILED)
    message = failed["status"]["message"]
    assert "by name" in message or "no name and password" in message


async def report(
    world: World, token: str, what: str, body: Mapping[str, Any], run: str = "called"
) -> ApiAnswer:
    nobody = UserInfo("system:anonymous")
    request = ApiRequest(
        method="POST",
        path=f"/{DEMO}/{run}/{what}",
        query="",
        headers={"authorization": f"Bearer {token}"},
        body=json.dumps(body).encode(),
        user=nobody,
        viewer=Viewer(nobody, frozenset()),
        api=world.platform.api,
    )
    return await apis(world.platform)[0].answer(request)


async def test_a_service_reports_with_its_token_and_no_other(world: World) -> None:
    async with service() as made:
        await allow(world, made)
        await hook(world, made.url, answer="Report")
        await world.run("called", "call")

        async def called() -> bool:
            return len(made.asked) == 1

        await world.delivery.until(called, "the service was asked")
        token = json.loads(made.asked[0][1])["report"]["token"]
        await world.until_phase("called", RUNNING)
        with pytest.raises(Unauthorized):
            await report(world, "twr_wrong", "status", {"status": "succeeded"})
        await world.run("other", "call")
        with pytest.raises(Unauthorized):
            await report(world, token, "status", {"status": "succeeded"}, run="other")
        with pytest.raises(BadRequest):
            await report(world, token, "status", {"status": "fine"})
        await report(world, token, "log", {"lines": ["half", "done"]})
        await report(world, token, "status", {"status": "running", "message": "Half done."})
        links = [{"title": "Build", "url": "https://ci.example.org/1"}]
        done = {"status": "succeeded", "message": "All done.", "links": links}
        await report(world, token, "status", done)
        ended = await world.until_phase("called", SUCCEEDED)
        assert ended["status"]["message"] == "All done."
        assert ended["status"]["links"] == links
        with pytest.raises(Unauthorized):
            await report(world, token, "status", {"status": "failed"})
    await world.platform.logs.settled()
    lines = await world.platform.logs.read(f"action/{DEMO}/called/run")
    assert [line.text for line in lines][-1] == "All done."
    assert {"half", "done"} <= {line.text for line in lines}


async def test_a_service_that_never_reports_is_given_up(world: World) -> None:
    async with service() as made:
        await allow(world, made)
        webhook = {"url": made.url, "answer": "Report"}
        await world.action("call", timeout="1s", backend={"type": "webhook", "webhook": webhook})
        await world.run("called", "call")
        failed = await world.until_phase("called", FAILED)
    assert failed["status"]["message"] == "It had not ended after 1s."


async def undoing(world: World, made: Service, **action: Any) -> str:
    """A service has done the run and is asked to take it back; the token of that."""
    await allow(world, made)
    webhook = {"url": made.url, "answer": "Report"}
    backend = {"type": "webhook", "webhook": webhook}
    await world.action("call", backend=backend, undo=backend, **action)
    await world.run("called", "call")
    token = await told_token(world, made, 1)
    await world.until_phase("called", RUNNING)
    await report(world, token, "status", {"status": "succeeded", "message": "All done."})
    await world.until_phase("called", SUCCEEDED)
    note = {"metadata": {"annotations": {UNDONE_BY: "bob"}}}
    await world.user("bob").patch(ACTION_RUN, "called", DEMO, note)
    second = await told_token(world, made, 2)
    with pytest.raises(Unauthorized):
        await report(world, token, "status", {"status": "succeeded"})
    return second


async def told_token(world: World, made: Service, times: int) -> str:
    async def called() -> bool:
        return len(made.asked) == times

    await world.delivery.until(called, f"the service was asked {times} times")
    return str(json.loads(made.asked[-1][1])["report"]["token"])


async def test_taking_it_back_has_a_report_of_its_own(world: World) -> None:
    async with service() as made:
        token = await undoing(world, made)
        await report(world, token, "log", {"lines": ["half taken back"]})
        done = {"status": "succeeded", "message": "As it was."}
        await report(world, token, "status", done)
        undone = await world.until_phase("called", UNDONE)
    assert undone["status"]["message"] == "As it was."
    assert len({headers["webhook-id"] for headers, _ in made.asked}) == len(made.asked)
    await world.platform.logs.settled()
    lines = await world.platform.logs.read(f"action/{DEMO}/called/undo")
    assert "half taken back" in {line.text for line in lines}


async def test_taking_back_that_is_never_reported_is_given_up(world: World) -> None:
    async with service() as made:
        await undoing(world, made, timeout="2s")

        async def given_up() -> bool:
            return "failed" in ((await world.look("called"))["status"].get("undo") or {})

        await world.delivery.until(given_up, "it is given up")
    status = (await world.look("called"))["status"]
    assert status["phase"] == SUCCEEDED
    assert status["message"] == "It could not be taken back: It had not ended after 2s."


async def test_taking_back_that_failed_is_tried_once_more_in_ones_own_name(world: World) -> None:
    async with service() as made:
        token = await undoing(world, made)
        await report(world, token, "status", {"status": "failed", "message": "No disk."})

        async def failed() -> bool:
            return "failed" in ((await world.look("called"))["status"].get("undo") or {})

        await world.delivery.until(failed, "it could not be taken back")
        again = undo_asked(await world.look("called"), "bob")
        with pytest.raises(Forbidden):
            await world.user("erin").patch(ACTION_RUN, "called", DEMO, again)
        await world.user("bob").patch(ACTION_RUN, "called", DEMO, again)
        token = await told_token(world, made, 3)
        await report(world, token, "status", {"status": "succeeded", "message": "As it was."})
        undone = await world.until_phase("called", UNDONE)
    assert undone["status"]["message"] == "As it was."
    assert len({headers["webhook-id"] for headers, _ in made.asked}) == len(made.asked)


async def test_after_a_crash_it_is_asked_at_most_once_more_and_waits_on(still: World) -> None:
    async with service() as made:
        await allow(still, made)
        await hook(still, made.url, answer="Report")
        async with still.running():
            await still.run("called", "call")

            async def accepted() -> bool:
                status = (await still.look("called")).get("status") or {}
                return bool((status.get("made") or {}).get("accepted"))

            await still.delivery.until(accepted, "it is written down that the service was asked")
        token = json.loads(made.asked[0][1])["report"]["token"]
        await report(still, token, "status", {"status": "failed", "message": "No disk."})
        async with still.running():
            failed = await still.until_phase("called", FAILED)
        assert "No disk." in failed["status"]["message"]
        assert len(made.asked) == 1
