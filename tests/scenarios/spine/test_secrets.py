"""Secrets where they belong and nowhere else; sign-in that cannot be forged, replayed or borrowed.

DESIGN section 8 and 12.18. One platform serves all tests of this file.
"""

import base64
import os
import re
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest
from tests.platform import running_platform_process
from tests.scenarios.spine.estate import PLANTED, SECRET, Estate, make_service
from tests.support import eventually

from towpath.machinery.errors import StatusError

PLAIN_KEYS = {"host", "port", "name", "username", "endpoint", "namespace", "ca.crt"}
JSON_WEB_TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}")
WORKFLOW = """
on:
  push:
    branches: [blab]
jobs:
  blab:
    runs-on: ubuntu-latest
    steps:
      - run: |
          set -x
          echo "the token is $TOWPATH_TOKEN"
          echo "::warning::$TOWPATH_TOKEN"
          echo "token=$TOWPATH_TOKEN" >> "$GITHUB_OUTPUT"
          echo "$TOWPATH_TOKEN" >> "$GITHUB_STEP_SUMMARY"
          printf %s "$TOWPATH_TOKEN" > token-in-the-workspace
          exit 3
"""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def estate(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    async with running_platform_process(tmp_path_factory.mktemp("secrets") / "data") as platform:
        await make_service(platform, "order-service", "demo")
        yield Estate(platform)


# -- at rest ---------------------------------------------------------------------------------


async def _secret_values(estate: Estate) -> dict[bytes, str]:
    """Everything that must not be found, with what it is."""
    found = {estate.admin.encode(): "the administrator's token"}
    for context in ("platform", "local"):
        async with estate.platform.client(context) as client:
            for secret in (await client.list(SECRET)).items:
                for key, value in (secret.get("data") or {}).items():
                    plain = base64.b64decode(value)
                    if key not in PLAIN_KEYS and len(plain) > 8:
                        found[plain] = f"{secret['metadata']['name']}.{key}"
    assert len(found) > 4, "there are Secrets to look for"
    return found


def _contents(data: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of the data directory, and what is packed in Git objects and image layers."""
    for path in data.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        yield str(path.relative_to(data)), content
        if "objects" in path.parts or "blobs" in path.parts:
            for inflated in _inflated(content):
                yield f"{path.relative_to(data)} (inflated)", inflated


def _inflated(content: bytes) -> Iterator[bytes]:
    """A loose object, a layer, or the objects of a pack: wherever a zlib stream begins."""
    for start in [0, *(found.start() for found in re.finditer(rb"\x78[\x01\x9c\xda]", content))]:
        try:
            yield zlib.decompressobj(47).decompress(content[start:])
        except zlib.error:
            continue


ALLOWED = {
    "kubeconfig": "the administrator's token",
    "pki/admin.token": "the administrator's token",
    "postgres/password": "postgresql-administrator",
}


async def test_no_secret_is_anywhere_in_the_data_directory(estate: Estate, tmp_path: Path) -> None:
    async with estate.platform.client() as client:
        planted = base64.b64encode(PLANTED.encode()).decode()
        await client.create(SECRET, SECRET.object("planted", "demo", data={"password": planted}))
        await client.patch(SECRET, "planted", "demo", {"metadata": {"labels": {"seen": "yes"}}})
    commit = await estate.push(
        "demo/order-service", {".github/workflows/blab.yaml": WORKFLOW}, tmp_path, branch="blab"
    )
    name = f"order-service-blab-{commit[:10]}"
    run = await estate.finished_run(name)
    assert run["status"]["phase"] == "Failed"
    log = await estate.log(f"pipelinerun/demo/{name}/blab/1")
    assert any("the token is ***" in line for line in log), log

    secrets = await _secret_values(estate)
    assert PLANTED.encode() in secrets
    for person in ("alice", "bob"):
        secrets[(await estate.token(person)).encode()] = f"{person}'s token"
    secrets[(await estate.link("carol")).encode()] = "a sign-in link"
    leaks, packed = [], set()
    for place, content in _contents(estate.data):
        for value, what in secrets.items():
            if ALLOWED.get(place, "-") in what:
                continue
            if value in content or base64.b64encode(value) in content:
                leaks.append(f"{what} in {place}")
        if not place.startswith("ci/") and JSON_WEB_TOKEN.search(content):
            leaks.append(f"a service account's token in {place}")
        if place.endswith("(inflated)") and b"order_service" in content:
            packed.add(place.partition("/")[0])
    assert leaks == []
    assert packed >= {"git", "registry"}, "what is packed has been looked into"


async def test_no_command_line_holds_a_secret(estate: Estate) -> None:
    secrets = await _secret_values(estate)
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes()
        except OSError:
            continue
        if str(estate.data).encode() in words:
            assert [what for value, what in secrets.items() if value in words] == []
            assert not JSON_WEB_TOKEN.search(words)


@pytest.mark.parametrize(
    ("data", "extra"),
    [
        ({"password": f"{PLANTED}!"}, {}),
        ({"password": [PLANTED]}, {}),
        ({PLANTED + "/": "YQ=="}, {"stringData": {"password": 5}}),
    ],
    ids=["no base64", "no text", "a key that cannot be"],
)
async def test_the_refusal_of_a_secret_does_not_repeat_it(
    estate: Estate, data: dict[str, object], extra: dict[str, object]
) -> None:
    async with estate.platform.client() as client:
        with pytest.raises(StatusError) as refusal:
            await client.create(SECRET, SECRET.object("bad", "demo", data=data, **extra))
    if PLANTED + "/" not in data:
        assert PLANTED not in str(refusal.value)


async def test_files_that_hold_secrets_are_their_owners_alone(estate: Estate) -> None:
    assert estate.data.stat().st_mode & 0o777 == 0o700
    for name in ("kubeconfig", "postgres/password", "pki/admin.token", "pki/secrets.key"):
        assert (estate.data / name).stat().st_mode & 0o077 == 0, name
        assert (estate.data / name).stat().st_uid == os.geteuid()


# -- signing in ------------------------------------------------------------------------------


async def test_a_link_signs_in_once_and_looking_at_it_does_not_use_it_up(estate: Estate) -> None:
    link = await estate.link("alice")
    async with estate.http() as http:
        for _ in range(2):
            assert (await http.get(f"/sign-in?link={link}")).status_code == httpx2.codes.OK
        signed_in = await http.post("/sign-in", data={"link": link})
        assert signed_in.status_code == httpx2.codes.SEE_OTHER
        cookie = signed_in.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie or "samesite=strict" in cookie
        assert "domain=" not in cookie
        secret = re.search(r"towpath_session[^=]*=([^;]+)", signed_in.headers["set-cookie"])
        assert secret is not None
        assert (await http.get("/")).status_code == httpx2.codes.OK
    async with estate.http() as other:
        again = await other.post("/sign-in", data={"link": link})
        assert again.status_code == httpx2.codes.FORBIDDEN
        assert "set-cookie" not in again.headers
        as_token = await other.post("/-/tokens", json={"link": link})
        assert as_token.status_code == httpx2.codes.UNAUTHORIZED
    for place in estate.data.glob("records.db*"):
        assert secret.group(1).encode() not in place.read_bytes()


async def _signed_in(estate: Estate, http: httpx2.AsyncClient, person: str) -> None:
    done = await http.post("/sign-in", data={"link": await estate.link(person)})
    assert done.status_code == httpx2.codes.SEE_OTHER


async def test_a_session_is_no_key_to_what_asks_for_a_token(estate: Estate) -> None:
    async with estate.http() as http:
        await _signed_in(estate, http, "admin")
        asked = await http.post("/-/links", json={"user": "admin"})
        assert asked.status_code == httpx2.codes.UNAUTHORIZED
        assert (await http.get("/v2/")).status_code == httpx2.codes.UNAUTHORIZED


async def test_another_sites_form_is_refused(estate: Estate) -> None:
    async with estate.http() as http:
        await _signed_in(estate, http, "alice")
        for origin in ("http://evil.example", "null", "http://evil.staging.demo.localhost"):
            forged = await http.post("/sign-out", headers={"origin": origin}, data={"csrf": "x"})
            assert forged.status_code == httpx2.codes.FORBIDDEN, origin
        without = await http.post("/sign-out", data={"csrf": "guess"})
        assert without.status_code == httpx2.codes.FORBIDDEN
        assert (await http.get("/")).status_code == httpx2.codes.OK
        page = (await http.get("/")).text
        token = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
        assert token is not None
        assert (await http.post("/sign-out", data={"csrf": token.group(1)})).status_code == 303

        async def is_out() -> bool:
            return (await http.get("/")).status_code != httpx2.codes.OK

        await eventually(is_out)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", ""])
async def test_a_name_that_is_not_ours_gets_no_answer(estate: Estate, host: str) -> None:
    """DNS rebinding: the browser believes that this server is the attacker's."""
    async with estate.http() as http:
        await _signed_in(estate, http, "admin")
        for path in ("/", "/sign-in", "/api/v1/audit", "/api/v1/projects"):
            answer = await http.get(path, headers={"host": host})
            assert answer.status_code in (400, 403), path


async def test_pages_carry_a_policy_without_inline_scripts(estate: Estate) -> None:
    async with estate.http() as http:
        await _signed_in(estate, http, "alice")
        answer = await http.get("/")
        policy = answer.headers["content-security-policy"]
        assert "unsafe-inline" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "no-store" in answer.headers["cache-control"]
        assert not re.search(r"<script(?![^>]*\bsrc=)", answer.text)
        assert not re.search(r"\son[a-z]+=", answer.text)
