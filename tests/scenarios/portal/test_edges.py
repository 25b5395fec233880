"""Where the portal meets the network: names, heads, sizes, paths, cookies, redirects, caches."""

import asyncio
import re
import time
from collections.abc import Mapping

import httpx2
import pytest
from tests.scenarios.portal.world import OWN, World, address, routes
from tests.support import eventually

SURFACES = (
    "/",
    "/sign-in?link=x",
    "/catalog",
    "/api/v1/projects",
    "/git/demo/okapi-service.git/info/refs?service=git-upload-pack",
    "/v2/",
    "/-/palette",
    "/-/live?page=http://[",
    "/-/live?page=/projects/demo%00",
    "/static/000000000000/portal.css",
)
STRANGE_NAMES = (
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "localhost.",
    "127.1",
    "0.0.0.0",
    "2130706433",
    "[::ffff:127.0.0.1]",
    "localhost@evil.example",
    "",
)
HEADERS = {
    "content-security-policy": "script-src 'self'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=()",
}


async def _raw(world: World, text: bytes) -> bytes:
    """What comes back for these bytes, as they are."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.estate.platform.port)
    try:
        writer.write(text)
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("name", STRANGE_NAMES)
async def test_a_name_that_is_not_ours_reaches_nothing(world: World, name: str) -> None:
    """DNS rebinding: whatever is asked under another site's name, nothing of it is answered."""
    admin = world.visitors["admin"]
    for path in SURFACES:
        headers = {**admin.bearer, "host": f"{name}:{world.estate.platform.port}"}
        answer = await admin.browser.get(path, headers=headers)
        assert answer.status_code in (400, 403), path
        assert len(answer.content) < 300, path


async def test_two_names_are_none(world: World) -> None:
    for names in ("localhost\r\nhost: evil.example", "evil.example\r\nhost: localhost"):
        text = f"GET /sign-in HTTP/1.1\r\nhost: {names}\r\nconnection: close\r\n\r\n"
        assert b" 403 " in (await _raw(world, text.encode())).split(b"\r\n", 1)[0]


async def test_every_answer_carries_the_headers(world: World) -> None:
    """Pages, refusals, errors, reads, streams: nothing is framed, sniffed, kept or shared."""
    alice, missing = world.visitors["alice"].browser, []
    paths = [address(route.path, world.names[OWN]) for route in routes()]
    paths = [path for path in paths if not path.startswith("/api/v1/logs/")]
    for path in (*paths, "/nowhere", "/static/nothing.css", "/sign-in?link=x"):
        async with alice.stream("GET", path) as answer:
            given = answer.headers
        for name, part in HEADERS.items():
            if part not in given.get(name, ""):
                missing.append((path, name))
        if "no-store" not in given["cache-control"]:
            missing.append((path, "cache-control"))
        assert not {"server", "access-control-allow-origin", "x-powered-by"} & set(given), path
    assert missing == []


async def test_the_policy_allows_no_inline_script_and_no_frame(world: World) -> None:
    answer = await world.visitors["alice"].browser.get("/")
    policy = answer.headers["content-security-policy"]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["default-src"] == parts["base-uri"] == parts["frame-ancestors"] == "'none'"
    assert parts["script-src"] == parts["style-src"] == parts["form-action"] == "'self'"
    assert "unsafe" not in policy
    assert " on" not in re.sub(r">[^<]*<", "><", answer.text).replace(" onl", "")


async def test_what_was_pushed_is_no_page_of_ours(world: World) -> None:
    """An image's blob may be HTML: a browser that is shown it runs nothing with our name."""
    alice = world.visitors["alice"]
    for path in ("/v2/", "/v2/demo/okapi-service/tags/list", "/git/demo/x.git/info/refs"):
        given = (await alice.browser.get(path, headers=alice.bearer)).headers
        assert given["x-content-type-options"] == "nosniff", path
        assert "sandbox" in given["content-security-policy"], path


async def test_cookies_are_the_platforms_own(world: World) -> None:
    port = world.estate.platform.port
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        form = {"link": await world.estate.link("alice")}
        given = (await http.post("/sign-in", data=form)).headers["set-cookie"]
    assert given.startswith(f"towpath_session_{port}=")
    parts = {part.strip().lower() for part in given.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= parts
    # Neither for the names below ours, which are other people's programs.
    assert not any(part.startswith("domain") for part in parts)


async def test_a_cookie_from_before_signing_in_opens_nothing_after(world: World) -> None:
    port = world.estate.platform.port
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        link = await world.estate.link("alice")
        planted = {"cookie": f"towpath_session_{port}=planted"}
        answer = await http.post("/sign-in", data={"link": link}, headers=planted)
        assert answer.status_code == 303
        http.cookies.clear()
        assert (await http.get("/", headers=planted)).status_code == 303
        again = await http.post("/sign-in", data={"link": link})
        assert again.status_code == 403
        assert "has been used" in again.text


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/%0d%0alocation:%20https://evil.example",
        "/\r\nlocation: https://evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/%2f/evil.example",
        "%2f%2fevil.example",
        "/@evil.example",
        " //evil.example",
        "\u2028//evil.example",
        "/\u3002evil.example",
    ],
)
async def test_nobody_is_sent_elsewhere(world: World, target: str) -> None:
    port = world.estate.platform.port
    bob = world.visitors["bob"]
    look = {"theme": "dark", "next": target, "csrf": await bob.csrf()}
    sent = [await bob.browser.post("/-/look", data=look)]
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        form = {"link": await world.estate.link("bob"), "next": target}
        sent.append(await http.post("/sign-in", data=form))
    for answer in sent:
        assert answer.status_code == 303
        place = httpx2.URL(f"http://127.0.0.1:{port}/").join(answer.headers["location"])
        assert (place.host, place.port) == ("127.0.0.1", port)
        assert answer.headers.get_list("location") == [answer.headers["location"]]


STRANGE_PATHS = (
    "//evil.example/",
    "//evil.example/%2e%2e",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/static/%2e%2e/portal.py",
    "/static/..%2f..%2f..%2fpyproject.toml",
    "/static/%00",
    "/%00",
    "/projects/%00/workloads/%00",
    "/projects/demo%2f..%2fzebra-vault",
    "/projects/demo/../zebra-vault",
    "/projects//workloads/okapi-service",
    "/projects/demo/workloads/%2e%2e",
    "/projects/demo/workloads/okapi-service%2fdelete",
    "/catalog/component/default/%3Cscript%3E",
    "/catalog/a:b/c:d/e:f",
    "/api/v1/logs/..%2f..%2fetc%2fpasswd",
    "/api/v1/logs/pipelinerun%2fzebra-vault%2fx",
    "/api/v1/logs//demo/x",
    "/git/%2e%2e/x.git/info/refs?service=git-upload-pack",
    "/git/demo%2f..%2fzebra-vault/x.git/info/refs?service=git-upload-pack",
    "/git/demo/..%2f..%2fx.git/info/refs?service=git-upload-pack",
    "/v2/..%2f..%2fetc/manifests/latest",
    "/v2/demo/okapi-service/blobs/sha256:..%2f..%2fetc",
    "/v2//manifests/latest",
    "/\ud83d\udc80".encode("utf-8", "surrogatepass").decode("latin-1"),
    "/create/%2e%2e/%2e%2e?project=%00",
    "/catalog?continue=-1",
    "/catalog?continue=%00",
    "/catalog?q=" + "%00" * 10,
    "/catalog?" + "&".join(f"kind={n}" for n in range(2000)),
    "/?" + "a" * 60_000,
    "/-/palette?q=" + "%F0%9F%92%80" * 500,
    "/-/palette?q=%22%27%3B--",
    "/-/palette?q=%25_*",
    "/-/inbox?after=99999999999999999999",
    "/catalog?continue=" + "9" * 5000,
    "/api/v1/audit?limit=99999999999999999999",
    "/api/v1/audit?since=x",
    "/api/v1/audit?continue=99999999999999999999",
    "/api/v1/logs/pipelinerun/demo/x?after=99999999999999999999999",
    "/api/v1/catalog/entities?limit=-1",
    "/api/v1/catalog/entities?continue=x",
    "/sign-in?next=" + "%0d%0aset-cookie:%20a=b",
)


@pytest.mark.parametrize("path", STRANGE_PATHS, ids=lambda path: ascii(path[:50]))
async def test_a_strange_path_is_an_ordinary_refusal(world: World, path: str) -> None:
    alice = world.visitors["alice"]
    cookies = "; ".join(f"{name}={value}" for name, value in alice.browser.cookies.items())
    head = (
        f"GET {path} HTTP/1.1\r\nhost: localhost:{world.estate.platform.port}\r\n"
        f"cookie: {cookies}\r\nconnection: close\r\n\r\n"
    )
    answer = await _raw(world, head.encode("latin-1"))
    first = answer.split(b"\r\n", 1)[0]
    assert re.match(rb"HTTP/1.1 [234]\d\d ", first), answer[:300]
    for sign in (b"root:", b"import", b"Traceback", b"zebra-service", b"set-cookie: a=b"):
        assert sign not in answer, sign


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param("application/x-www-form-urlencoded", b"a=1&" * 300_000, id="too long"),
        pytest.param("application/x-www-form-urlencoded", b"&".join([b"a=1"] * 600), id="many"),
        pytest.param("application/x-www-form-urlencoded", b"\xff\xfe=%ff%00", id="no text"),
        pytest.param("multipart/form-data", b"--x", id="no boundary"),
        pytest.param(
            "multipart/form-data; boundary=x",
            b'--x\r\ncontent-disposition: form-data; name="f"; filename="e"\r\n\r\ny\r\n--x--\r\n',
            id="a file",
        ),
        pytest.param("multipart/form-data; boundary=x", b"--x\r\n" * 5000, id="many parts"),
        pytest.param("application/json", b"{" * 10_000, id="another type"),
        pytest.param("", b"", id="nothing"),
    ],
)
async def test_a_strange_form_is_an_ordinary_refusal(
    world: World, content_type: str, body: bytes
) -> None:
    headers = {"content-type": content_type}
    for path in ("/account", "/sign-in", "/projects/demo/promote/okapi-service"):
        answer = await world.visitors["alice"].browser.post(path, content=body, headers=headers)
        assert answer.status_code in (303, 400, 403, 413, 429), path
    chunks = [b"a=1"] * 3

    async def pieces() -> "asyncio.AsyncIterator[bytes]":  # type: ignore[name-defined]
        for chunk in chunks:
            yield chunk

    answer = await world.visitors["alice"].browser.post("/account", content=pieces())
    assert answer.status_code == 413


async def test_huge_heads_are_refused(world: World) -> None:
    many: Mapping[str, str] = {f"x-{n}": "y" * 8000 for n in range(120)}
    try:
        answer = await world.visitors["alice"].browser.get("/", headers=many)
    except httpx2.TransportError:
        return  # cut off while it was still sending
    assert answer.status_code == 431


async def test_a_form_that_never_comes_blocks_nobody(world: World) -> None:
    head = b"POST /sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n"
    head += b"content-type: application/x-www-form-urlencoded\r\n\r\n"
    opened = [
        await asyncio.open_connection("127.0.0.1", world.estate.platform.port) for _ in range(100)
    ]
    try:
        for _, writer in opened:
            writer.write(head)
        assert (await world.visitors["alice"].browser.get("/")).status_code == 200
    finally:
        for _, writer in opened:
            writer.close()


async def test_secrets_are_written_nowhere(world: World) -> None:
    """Links, sessions and tokens are in no log, no address that is sent on, and no page again."""
    alice, data = world.visitors["alice"], world.estate.data
    link = await world.estate.link("alice")
    page = await alice.browser.get("/sign-in", params={"link": link})
    assert page.headers["referrer-policy"] == "same-origin"
    assert page.headers["cache-control"] == "no-store"
    await alice.browser.post("/sign-in", data={"link": link + "x"})
    await alice.browser.get("/catalog", params={"q": alice.token})
    held = [link, alice.token, *dict(alice.browser.cookies).values()]
    text = b"".join(path.read_bytes() for path in (data / "logs").rglob("*") if path.is_file())
    text += world.estate.platform.output.encode()
    for page_path in ("/account", "/about", "/api/v1/audit?limit=1000"):
        text += (await alice.browser.get(page_path)).content
    for secret in held:
        assert secret.encode() not in text


async def test_whoever_guesses_links_must_wait(world: World) -> None:
    """And whoever has a link that is good has it still."""
    stranger = world.visitors["anonymous"].browser
    began = time.monotonic()
    answers = [await stranger.post("/-/tokens", json={"link": f"guess-{n}"}) for n in range(200)]
    refused = [answer for answer in answers if answer.status_code == 429]
    most = 30 + (time.monotonic() - began) / 2 + 1
    assert len(answers) - len(refused) <= most
    assert refused
    sign_in = await stranger.post("/sign-in", data={"link": "guess"})
    assert sign_in.status_code == 429
    assert int(sign_in.headers["retry-after"]) > 0
    assert (await world.visitors["alice"].browser.get("/")).status_code == 200
    good = await world.estate.link("carol")

    async def redeemed() -> bool:
        return (await stranger.post("/-/tokens", json={"link": good})).status_code == 201

    await eventually(redeemed, deadline_s=20, every_s=0.1)
