"""Which application answers, under which name; and what a service is not told."""

import pytest

from towpath.app.front import Front
from towpath.machinery.asgi import Message, Receive, Scope, Send


class Named:
    """An application that answers with its name, and keeps what it was asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.headers: list[tuple[bytes, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.headers = scope["headers"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": self.name.encode()})


async def _ask(path: str, *headers: tuple[bytes, bytes]) -> tuple[list[Message], Named]:
    gateway = Named("gateway")
    front = Front(Named("portal"), Named("git"), Named("registry"), gateway)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    await front({"type": "http", "path": path, "headers": [*headers]}, receive, send)
    return sent, gateway


@pytest.mark.parametrize(
    ("host", "path", "answered_by"),
    [
        (b"localhost:8080", "/", "portal"),
        (b"LOCALHOST", "/catalog", "portal"),
        (b"127.0.0.1:1", "/git/demo/x.git/info/refs", "git"),
        (b"localhost", "/v2/demo/x/tags/list", "registry"),
        (b"localhost", "/v2x", "portal"),
        (b"shop.staging.demo.localhost:8080", "/v2/", "gateway"),
    ],
)
async def test_the_name_then_the_path_decides(host: bytes, path: str, answered_by: str) -> None:
    sent, _ = await _ask(path, (b"host", host))
    assert sent[1]["body"] == answered_by.encode()


@pytest.mark.parametrize("host", [b"evil.example:8080", b"localhost.", b"", b"localhost:80:80"])
@pytest.mark.parametrize("path", ["/", "/git/demo/x.git/info/refs", "/v2/"])
async def test_no_other_name_is_answered(host: bytes, path: str) -> None:
    sent, _ = await _ask(path, (b"host", host))
    assert sent[0]["status"] == 403


async def test_two_names_are_none() -> None:
    sent, _ = await _ask("/", (b"host", b"localhost"), (b"host", b"evil.example"))
    assert sent[0]["status"] == 403


async def test_a_service_is_not_given_the_portals_cookies() -> None:
    host = (b"host", b"shop.staging.demo.localhost")
    cookies = b"towpath_session_8080=secret; basket=3;towpath_theme=dark; a=b"
    _, gateway = await _ask("/", host, (b"cookie", cookies), (b"cookie", b"towpath_rail=open"))
    assert gateway.headers == [host, (b"cookie", b"basket=3; a=b")]


async def test_what_was_pushed_is_no_page() -> None:
    for path in ("/git/demo/x.git/info/refs", "/v2/demo/x/blobs/sha256:0"):
        sent, _ = await _ask(path, (b"host", b"localhost"))
        headers = dict(sent[0]["headers"])
        assert headers[b"x-content-type-options"] == b"nosniff"
        assert b"sandbox" in headers[b"content-security-policy"]
