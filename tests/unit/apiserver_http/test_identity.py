"""Who asks: PKI, tokens of service accounts, the chain and impersonation."""

import base64
import hmac
import json
import ssl
import stat
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tests.wire import WiredApi, wired_api_server

from towpath.apiserver.authn.chain import ANONYMOUS, RequestAuthenticator, user_of_certificate
from towpath.apiserver.authn.pki import PkiDamaged, open_pki
from towpath.apiserver.authn.tokens import ServiceAccountTokens
from towpath.apiserver.http.wire.listener import Listener
from towpath.client.kubeconfig import Connection
from towpath.client.kubernetes import KubernetesClient
from towpath.machinery.errors import BadRequest, Forbidden, NotFound, Unauthorized
from towpath.machinery.kinds import Resource
from towpath.machinery.users import AUTHENTICATED, AccessRequest, TokenRefused, UserInfo

SERVICE_ACCOUNTS = Resource("", "v1", "ServiceAccount", "serviceaccounts")


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[WiredApi]:
    async with wired_api_server(tmp_path) as wired:
        yield wired


def test_a_pki_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = open_pki(tmp_path / "pki")
    second = open_pki(tmp_path / "pki")
    assert first.ca_pem == second.ca_pem
    assert first.admin_token == second.admin_token
    assert first.certificate_file.read_bytes() == second.certificate_file.read_bytes()
    assert stat.S_IMODE((tmp_path / "pki").stat().st_mode) == 0o700
    for name in ("ca.key", "server.key", "tokens.key", "admin.token"):
        assert stat.S_IMODE((tmp_path / "pki" / name).stat().st_mode) == 0o600


def test_the_certificate_is_made_anew_for_other_names_under_the_same_ca(tmp_path: Path) -> None:
    first = open_pki(tmp_path / "pki")
    before = first.certificate_file.read_bytes()
    second = open_pki(tmp_path / "pki", names=("localhost", "platform.internal"))
    assert second.certificate_file.read_bytes() != before
    assert second.ca_pem == first.ca_pem
    assert second.server_context().protocol is ssl.PROTOCOL_TLS_SERVER


def test_what_was_found_good_is_looked_at_again_when_it_changes(tmp_path: Path) -> None:
    folder = tmp_path / "pki"
    first = open_pki(folder)
    (folder / "server.crt").write_bytes(b"no certificate")
    assert open_pki(folder).server_context().protocol is ssl.PROTOCOL_TLS_SERVER
    (folder / "tokens.key").write_bytes(b"no key")
    with pytest.raises(PkiDamaged, match=r"tokens\.key holds no private key"):
        open_pki(folder)
    (folder / "tokens.key").unlink()
    assert open_pki(folder).ca_pem == first.ca_pem


def test_what_ends_soon_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "pki"
    before = open_pki(folder).certificate_file.read_bytes()
    note = json.loads((folder / "checked.json").read_bytes())
    (folder / "checked.json").write_text(json.dumps({**note, "until": time.time() - 1}))
    assert open_pki(folder).certificate_file.read_bytes() == before, "it is good for longer"
    assert json.loads((folder / "checked.json").read_bytes()) == note


async def test_a_token_is_its_service_account(api: WiredApi) -> None:
    await api.front.client().create(SERVICE_ACCOUNTS, SERVICE_ACCOUNTS.object("ci", "default"))
    token = await api.front.tokens("default", "ci", ttl_s=600)
    user = await api.front.tokens.verify(token)
    assert user is not None
    assert user.name == "system:serviceaccount:default:ci"
    assert "system:serviceaccounts:default" in user.groups


async def test_a_token_ends_with_its_service_account(api: WiredApi) -> None:
    client = api.front.client()
    await client.create(SERVICE_ACCOUNTS, SERVICE_ACCOUNTS.object("ci", "default"))
    token = await api.front.tokens("default", "ci", ttl_s=600)
    await client.delete(SERVICE_ACCOUNTS, "ci", "default")
    await client.create(SERVICE_ACCOUNTS, SERVICE_ACCOUNTS.object("ci", "default"))
    with pytest.raises(TokenRefused, match="does not match claim"):
        await api.front.tokens.verify(token)


async def test_a_token_is_good_for_its_own_server_and_time_only(api: WiredApi) -> None:
    await api.front.client().create(SERVICE_ACCOUNTS, SERVICE_ACCOUNTS.object("ci", "default"))
    token = await api.front.tokens("default", "ci", ttl_s=600)
    other = ServiceAccountTokens(
        api.pki.token_key_file, api.front.api.core.store, issuer="https://elsewhere"
    )
    assert await other.verify(token) is None
    expired = await api.front.tokens("default", "ci", ttl_s=-1)
    with pytest.raises(TokenRefused, match="expired"):
        await api.front.tokens.verify(expired)
    head, body, signature = token.split(".")
    assert await api.front.tokens.verify(f"{head}.{body}.{signature[:-4]}AAAA") is None
    assert await api.front.tokens.verify("no token at all") is None


async def test_tokens_of_our_making_cannot_be_made_by_others(api: WiredApi, tmp_path: Path) -> None:
    client = api.front.client()
    account = await client.create(SERVICE_ACCOUNTS, SERVICE_ACCOUNTS.object("ci", "default"))
    token = await api.front.tokens("default", "ci", ttl_s=600)
    _, body, signature = token.split(".")
    public = api.pki.token_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    heads = {kind: encoded(b'{"alg":"%s"}' % kind) for kind in (b"none", b"HS256", b"ES384")}
    digest = hmac.digest(public, f"{heads[b'HS256']}.{body}".encode(), "sha256")
    others_key = open_pki(tmp_path / "other").token_key_file
    store = api.front.api.core.store
    other = ServiceAccountTokens(others_key, store, issuer=api.front.tokens.issuer)
    forged = [
        f"{heads[b'none']}.{body}.",
        f"{heads[b'none']}.{body}.{signature}",
        f"{heads[b'HS256']}.{body}.{encoded(digest)}",
        f"{heads[b'ES384']}.{body}.{signature}",
        f"{token.partition('.')[0]}.{encoded(b'[]')}.{signature}",
        other.issue(account, ttl_s=600).token,
        other.issue_for_secret(account, {"metadata": {"name": "t"}}),
        "..",
        "a.b.c",
        "é.é.é",
    ]
    for made in forged:
        assert await api.front.authenticate.authenticate_token(made) is None, made
    assert await api.front.authenticate.authenticate_token(token)


def encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


async def test_there_is_no_token_without_a_service_account(api: WiredApi) -> None:
    with pytest.raises(NotFound):
        await api.front.tokens("default", "absent", ttl_s=600)


def chain(*allowed: AccessRequest) -> RequestAuthenticator:
    async def authorize(_user: UserInfo, request: AccessRequest) -> bool:
        return request in allowed

    async def personal(token: str) -> UserInfo | None:
        return UserInfo("alice", (AUTHENTICATED,)) if token == "hers" else None

    return RequestAuthenticator(authorize, "secret", bearer=(personal,))


def bearer(token: str) -> tuple[bytes, bytes]:
    return (b"authorization", f"Bearer {token}".encode())


async def test_the_chain_asks_each_authenticator() -> None:
    assert (await chain()([bearer("secret")])).name == "admin"
    assert (await chain()([bearer("hers")])).name == "alice"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="none"),
        pytest.param([(b"authorization", b"Basic abc")], id="another scheme"),
        pytest.param([bearer("")], id="an empty token"),
    ],
)
async def test_no_credentials(headers: list[tuple[bytes, bytes]]) -> None:
    assert await chain()(headers) is ANONYMOUS
    with pytest.raises(Forbidden):
        await chain()([*headers, (b"impersonate-user", b"root")])


async def test_wrong_credentials() -> None:
    with pytest.raises(Unauthorized):
        await chain()([bearer("wrong")])


async def test_impersonation_asks_for_each_attribute() -> None:
    as_bob = [bearer("hers"), (b"impersonate-user", b"bob"), (b"impersonate-group", b"ops")]
    may_be_bob = AccessRequest("impersonate", "", "users", name="bob")
    may_be_ops = AccessRequest("impersonate", "", "groups", name="ops")
    with pytest.raises(Forbidden):
        await chain(may_be_bob)(as_bob)
    user = await chain(may_be_bob, may_be_ops)(as_bob)
    assert (user.name, user.groups) == ("bob", ("ops", AUTHENTICATED))
    with pytest.raises(BadRequest):
        await chain()([bearer("hers"), (b"impersonate-group", b"ops")])


async def test_of_several_credentials_the_first_counts() -> None:
    assert (await chain()([bearer("hers"), bearer("secret")])).name == "alice"
    allowed = AccessRequest("impersonate", "", "users", name="bob")
    twice = [(b"impersonate-user", b"bob"), (b"impersonate-user", b"root")]
    assert (await chain(allowed)([bearer("hers"), *twice])).name == "bob"


async def test_impersonating_a_service_account_gives_its_groups() -> None:
    name = b"system:serviceaccount:demo:deployer"
    allowed = AccessRequest("impersonate", "", "serviceaccounts", "demo", "deployer")
    user = await chain(allowed)([bearer("hers"), (b"impersonate-user", name)])
    assert "system:serviceaccounts:demo" in user.groups


def test_a_certificate_names_a_user_and_groups() -> None:
    subject = ((("organizationName", "ops"),), (("commonName", "carol"),))
    assert user_of_certificate({"subject": subject}) == UserInfo("carol", ("ops", AUTHENTICATED))
    with pytest.raises(Unauthorized):
        user_of_certificate({"subject": ()})


async def test_a_client_certificate_of_our_ca_is_a_user(api: WiredApi, tmp_path: Path) -> None:
    certificate, key = signed_client(tmp_path / "pki", "carol", "ops")
    listener = Listener(
        api.front.application, port=0, tls=api.pki.server_context(client_certificates=True)
    )
    async with listener:
        connection = Connection(
            f"https://localhost:{listener.port}",
            ca_pem=api.pki.ca_pem.decode(),
            certificate_pem=certificate,
            key_pem=key,
        )
        async with KubernetesClient(connection) as carol:
            with pytest.raises(Forbidden, match='User "carol"'):
                await carol.list(SERVICE_ACCOUNTS, "default")
        anonymous = Connection(connection.server, ca_pem=connection.ca_pem)
        async with KubernetesClient(anonymous) as nobody:
            with pytest.raises(Forbidden, match='User "system:anonymous"'):
                await nobody.list(SERVICE_ACCOUNTS, "default")


def signed_client(folder: Path, name: str, group: str) -> tuple[str, str]:
    """A certificate as an administrator would have it signed, and its key; both PEM."""
    ca_key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
    ca = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, group),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(issuer_name=ca.subject, subject_name=subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()),
            critical=False,
        )
        .sign(ca_key, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), key_pem.decode()
