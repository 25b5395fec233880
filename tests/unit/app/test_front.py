"""Which application answers on the plain port, asked as a browser would."""

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from towpath.apiserver.http.listener import Listener
from towpath.app.front import Front
from towpath.machinery.asgi import Receive, Scope, Send


async def nobody(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError(f"was asked for {scope['type']} {scope['path']}")


async def greet(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": dict(scope["headers"])[b"cookie"].decode()})
    await send({"type": "websocket.close", "code": 1000})


async def test_websockets_lead_to_services_only_and_carry_none_of_the_portal_s_cookies() -> None:
    front = Front(nobody, nobody, nobody, greet)
    async with Listener(front, port=0, websockets=True) as listener:
        place = {"host": "127.0.0.1", "port": listener.port, "proxy": None}
        cookies = {"Cookie": "own=1; towpath_session_8080=secret"}
        service = f"ws://shop.staging.demo.localhost:{listener.port}/"
        async with connect(service, additional_headers=cookies, **place) as opened:  # type: ignore[arg-type]
            assert await opened.recv() == "own=1"
        for host, path in (
            ("localhost", "/-/live"),
            ("localhost", "/git/demo/shop.git"),
            ("evil.example", "/"),
        ):
            try:
                await connect(f"ws://{host}:{listener.port}{path}", **place)  # type: ignore[arg-type]
            except InvalidStatus as refused:
                assert refused.response.status_code == 403
            else:
                raise AssertionError(f"{host}{path} was opened")
