"""Tokens of an OIDC provider, by structured authentication configuration."""

import asyncio
import base64
import hmac
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from joserfc.jwk import ECKey, RSAKey
from tests.oidc import AUDIENCE, Provider, configuration, running_provider
from tests.support import eventually
from tests.wire import wired_api_server

from towpath.apiserver.authn import oidc
from towpath.apiserver.authn.configuration import read_configuration
from towpath.apiserver.authn.structured import ConfigurationInvalid, StructuredAuthentication
from towpath.client.kubernetes import KubernetesClient
from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.machinery.errors import Forbidden, Unauthorized
from towpath.machinery.users import AUTHENTICATED, TokenRefused, UserInfo


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[Provider]:
    async with running_provider(tmp_path) as running:
        yield running


async def at_work(folder: Path, **document: Any) -> StructuredAuthentication:
    path = folder / "authentication.yaml"
    path.write_text(yaml.safe_dump(document))
    authentication = StructuredAuthentication(path)
    await authentication.load()
    return authentication


async def user_of(folder: Path, provider: Provider, jwt: Any, **claims: Any) -> UserInfo:
    authentication = await at_work(folder, **configuration(provider, **jwt))
    user = await authentication.authenticate(provider.token(**claims))
    assert user is not None
    return user


async def test_claims_become_a_user(provider: Provider, tmp_path: Path) -> None:
    mappings = {
        "username": {"claim": "email", "prefix": ""},
        "groups": {"claim": "roles", "prefix": "oidc:"},
        "uid": {"claim": "sub"},
    }
    user = await user_of(
        tmp_path,
        provider,
        {"claimMappings": mappings},
        email="ann@example.dev",
        email_verified=True,
        roles=["dev", "ops"],
        jti="t-1",
    )
    assert user == UserInfo(
        "ann@example.dev",
        ("oidc:dev", "oidc:ops", AUTHENTICATED),
        "u-1",
        {"authentication.kubernetes.io/credential-id": ("JTI=t-1",)},
    )


async def test_expressions_become_a_user(provider: Provider, tmp_path: Path) -> None:
    mappings = {
        "username": {"expression": "claims.sub + '@corp'"},
        "groups": {"expression": "claims.roles.split(',')"},
        "uid": {"expression": "claims.sub"},
        "extra": [{"key": "corp.dev/tenant", "valueExpression": "claims.tenant"}],
    }
    user = await user_of(
        tmp_path, provider, {"claimMappings": mappings}, roles="dev,ops", tenant="t"
    )
    assert user == UserInfo(
        "u-1@corp", ("dev", "ops", AUTHENTICATED), "u-1", {"corp.dev/tenant": ("t",)}
    )


BAD_TOKENS = [
    pytest.param({"aud": "other"}, "expected audience", id="for somebody else"),
    pytest.param({"aud": None}, "expected audience", id="for nobody"),
    pytest.param({"exp": 1000}, "token is expired", id="expired"),
    pytest.param({"exp": None}, "token is expired", id="without an end"),
    pytest.param({"exp": "soon"}, "token is expired", id="an end that is no time"),
    pytest.param({"nbf": 2**33}, "before the nbf", id="not yet good"),
    pytest.param({"sub": None}, 'parse username claims "sub"', id="without the claim"),
    pytest.param({"sub": 5}, "failed to unmarshal claims", id="the claim is no text"),
    pytest.param({"key": RSAKey.generate_key(2048)}, "signature", id="signed by another"),
    pytest.param({"key": ECKey.generate_key("P-256")}, "signature", id="a key of another kind"),
]


@pytest.mark.parametrize(("claims", "why"), BAD_TOKENS)
async def test_tokens_that_are_refused(
    provider: Provider, tmp_path: Path, claims: dict[str, Any], why: str
) -> None:
    with pytest.raises(TokenRefused, match=why):
        await user_of(tmp_path, provider, {}, header={"kid": provider.keys[0].kid}, **claims)


async def test_algorithms_are_not_confused(provider: Provider, tmp_path: Path) -> None:
    authentication = await at_work(tmp_path, **configuration(provider))
    head, body, signature = provider.token().split(".")
    unsigned = provider.unsigned()
    symmetric = base64.urlsafe_b64encode(b'{"alg":"HS256"}').rstrip(b"=").decode()
    public = provider.keys[0].as_pem(private=False)
    digest = hmac.digest(public, f"{symmetric}.{body}".encode(), "sha256")
    signed = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    for token in (
        unsigned,
        f"{unsigned}{signature}",
        f"{symmetric}.{body}.{signed}",
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-6]}AAAAAA",
    ):
        with pytest.raises(TokenRefused):
            await authentication.authenticate(token)
    for token in ("", "a.b.c", "nonsense", f"{head}.!!.{signature}", provider.token(iss="x")):
        assert await authentication.authenticate(token) is None


@pytest.mark.parametrize(
    ("jwt", "claims", "why"),
    [
        pytest.param(
            {"claimValidationRules": [{"claim": "hd", "requiredValue": "corp"}]},
            {"hd": "other"},
            "required claim hd value does not match. Got = other, want = corp",
            id="a claim with another value",
        ),
        pytest.param(
            {"claimValidationRules": [{"claim": "hd", "requiredValue": "corp"}]},
            {},
            "required claim hd not present",
            id="a claim that is missing",
        ),
        pytest.param(
            {"claimValidationRules": [{"expression": "claims.hd == 'corp'", "message": "no"}]},
            {"hd": "other"},
            "failed: no",
            id="a rule of claims",
        ),
        pytest.param(
            {"claimValidationRules": [{"expression": "claims.hd == 'corp'"}]},
            {},
            "resulted in error",
            id="a rule about a claim that is missing",
        ),
        pytest.param(
            {"userValidationRules": [{"expression": "!user.username.startsWith('oidc:')"}]},
            {},
            "user info validation rule",
            id="a rule of users",
        ),
        pytest.param(
            {"claimMappings": {"username": {"expression": "''"}}},
            {},
            "empty username",
            id="an empty name",
        ),
        pytest.param(
            {"claimMappings": {"username": {"claim": "email", "prefix": ""}}},
            {"email": "a@b", "email_verified": False},
            "email not verified",
            id="an address that nobody has verified",
        ),
        pytest.param(
            {
                "claimMappings": {
                    "username": {"claim": "sub", "prefix": ""},
                    "groups": {"claim": "roles", "prefix": ""},
                }
            },
            {"roles": {"a": 1}},
            "parse groups claim",
            id="groups that are no list",
        ),
    ],
)
async def test_rules_and_mappings_refuse(
    provider: Provider, tmp_path: Path, jwt: Any, claims: dict[str, Any], why: str
) -> None:
    with pytest.raises(TokenRefused, match=why):
        await user_of(tmp_path, provider, jwt, **claims)


async def test_keys_are_kept_and_follow_a_rotation(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authentication = await at_work(tmp_path, **configuration(provider))
    tokens = [provider.token(sub=str(number)) for number in range(20)]
    await asyncio.gather(*(authentication.authenticate(token) for token in tokens))
    assert provider.asked == ["/.well-known/openid-configuration", "/keys"]
    stale = provider.token()
    provider.rotate()
    with pytest.raises(TokenRefused, match="signature"):
        await authentication.authenticate(provider.token())
    assert len(provider.asked) == 2, "an unknown key has the issuer asked once in a while only"
    monkeypatch.setattr(oidc, "RETRY_S", 0.0)
    assert await authentication.authenticate(provider.token())
    assert await authentication.authenticate(tokens[0]), "a good token is known for a while"
    with pytest.raises(TokenRefused, match="signature"):
        await authentication.authenticate(stale)


async def test_an_issuer_that_fails_takes_nobody_else_with_it(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "RETRY_S", 0.0)
    async with running_provider(tmp_path / "other") as other:
        both = configuration(provider)
        both["jwt"] += configuration(other)["jwt"]
        authentication = await at_work(tmp_path, **both)
        provider.fails = True
        with pytest.raises(TokenRefused, match="not initialized"):
            await authentication.authenticate(provider.token())
        assert await authentication.authenticate(other.token())
        provider.fails = False
        assert await authentication.authenticate(provider.token())
        provider.fails = True
        assert await authentication.authenticate(provider.token()), "the keys are known"


async def test_a_changed_file_counts_and_a_broken_one_does_not(
    provider: Provider, tmp_path: Path
) -> None:
    authentication = await at_work(tmp_path, **configuration(provider))
    assert await authentication.authenticate(provider.token())
    path = tmp_path / "authentication.yaml"
    path.write_text("jwt: nonsense")
    with pytest.raises(ConfigurationInvalid, match=str(path)):
        await authentication.load()
    assert await authentication.authenticate(provider.token())
    changed = configuration(provider, issuer={"audiences": ["new"]})
    path.write_text(yaml.safe_dump(changed))
    await authentication.load()
    assert await authentication.authenticate(provider.token(aud=["x", "new"]))
    with pytest.raises(TokenRefused):
        await authentication.authenticate(provider.token(aud=AUDIENCE))
    path.unlink()
    await authentication.load()
    assert await authentication.authenticate(provider.token(aud="new")) is None
    assert authentication.reloads == {"success": 3, "failure": 1}


async def test_over_the_wire(provider: Provider, tmp_path: Path) -> None:
    document = configuration(provider)
    document["anonymous"] = {"enabled": True, "conditions": [{"path": "/api"}]}
    authentication = await at_work(tmp_path, **document)
    async with (
        wired_api_server(
            tmp_path,
            bearer=(authentication.authenticate,),
            anonymous_at=authentication.anonymous_at,
        ) as api,
        KubernetesClient(api.connection(provider.token())) as ann,
        KubernetesClient(api.connection(provider.token(aud="x"))) as stranger,
        KubernetesClient(api.connection("")) as nobody,
    ):
        with pytest.raises(Forbidden, match='User "oidc:u-1"'):
            await ann.list(CONFIG_MAP, "default")
        for client in (stranger, nobody):
            with pytest.raises(Unauthorized):
                await client.list(CONFIG_MAP, "default")
        following = asyncio.create_task(authentication.run())

        async def refused() -> bool:
            try:
                await ann.list(CONFIG_MAP, "default")
            except Unauthorized:
                return True
            except Forbidden:
                return False
            raise AssertionError

        (tmp_path / "authentication.yaml").unlink()
        await eventually(refused, deadline_s=30)
        following.cancel()


def jwt(**fields: Any) -> dict[str, Any]:
    issuer = {"url": "https://a.dev", "audiences": ["x"], **fields.pop("issuer", {})}
    mappings = {"username": {"claim": "sub", "prefix": ""}}
    return {"issuer": issuer, "claimMappings": mappings, **fields}


USERNAME = "jwt[0].claimMappings.username"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        pytest.param(
            jwt(issuer={"url": "http://a.dev?x#y"}),
            [
                'jwt[0].issuer.url: Invalid value: "http://a.dev?x#y": URL scheme must be https',
                "URL must not contain a query",
                "URL must not contain a fragment",
            ],
            id="the address",
        ),
        pytest.param(jwt(issuer={"url": ""}), ["jwt[0].issuer.url: Required value"], id="none"),
        pytest.param(
            jwt(issuer={"url": "https://ours"}), ["disallowed issuers: [https://ours]"], id="ours"
        ),
        pytest.param(
            jwt(issuer={"discoveryURL": "https://a.dev/"}),
            ["discoveryURL must be different from URL"],
            id="discovery",
        ),
        pytest.param(
            jwt(issuer={"audiences": []}),
            ["jwt[0].issuer.audiences: Required value: at least one jwt[0].issuer.audiences"],
            id="no audience",
        ),
        pytest.param(
            jwt(issuer={"audiences": ["x", "y"]}),
            ["audienceMatchPolicy must be MatchAny for multiple audiences"],
            id="two audiences",
        ),
        pytest.param(
            jwt(issuer={"certificateAuthority": "no certificate"}),
            ['jwt[0].issuer.certificateAuthority: Invalid value: "<omitted>"'],
            id="the authority",
        ),
        pytest.param(
            jwt(claimMappings={}), [f"{USERNAME}: Required value: claim or"], id="no name"
        ),
        pytest.param(
            jwt(claimMappings={"username": {"claim": "sub"}}),
            [f"{USERNAME}.prefix: Required value: prefix is required when claim is set"],
            id="no prefix",
        ),
        pytest.param(
            jwt(claimMappings={"username": {"expression": "1"}}),
            [f'{USERNAME}.expression: Invalid value: "1": must evaluate to string'],
            id="a name that is no text",
        ),
        pytest.param(
            jwt(claimMappings={"username": {"expression": "claims.email"}}),
            ["claims.email_verified must be used in"],
            id="an unverified address",
        ),
        pytest.param(
            jwt(claimMappings={"username": {"expression": "claims."}}),
            [f'{USERNAME}.expression: Invalid value: "claims.": compilation failed: '],
            id="no expression",
        ),
        pytest.param(
            jwt(claimValidationRules=[{"claim": "a", "message": "m"}, {}, {"claim": "a"}]),
            [
                "jwt[0].claimValidationRules[0].message: Invalid value",
                "jwt[0].claimValidationRules[1]: Required value: claim or expression is required",
                'jwt[0].claimValidationRules[2].claim: Duplicate value: "a"',
            ],
            id="rules of claims",
        ),
        pytest.param(
            jwt(userValidationRules=[{}, {"expression": "claims.x"}]),
            [
                "jwt[0].userValidationRules[0].expression: Required value",
                "jwt[0].userValidationRules[1].expression: Invalid value",
            ],
            id="rules of users",
        ),
        pytest.param(
            jwt(
                claimMappings={
                    "username": {"claim": "sub", "prefix": ""},
                    "extra": [
                        {"key": "plain", "valueExpression": "''"},
                        {"key": "x.k8s.io/a", "valueExpression": "''"},
                        {"key": "a.dev/B"},
                    ],
                }
            ),
            [
                "extra[0].key: Invalid value",
                "reserved for Kubernetes use",
                "must be lowercase",
                "extra[2].valueExpression: Required value",
            ],
            id="extra",
        ),
        pytest.param(jwt(typo=1), ["unknown field `typo`"], id="an unknown field"),
    ],
)
def test_what_is_wrong_is_named_by_field(entry: dict[str, Any], said: list[str]) -> None:
    document = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": [entry],
    }
    with pytest.raises(ConfigurationInvalid) as refused:
        read_configuration(yaml.safe_dump(document), ("https://ours",))
    for words in said:
        assert words in str(refused.value)


def test_two_issuers_and_conditions_without_anonymous() -> None:
    document = {
        "apiVersion": "apiserver.config.k8s.io/v1beta1",
        "kind": "AuthenticationConfiguration",
        "jwt": [jwt(), jwt()],
        "anonymous": {"enabled": False, "conditions": [{"path": "/a"}]},
    }
    with pytest.raises(ConfigurationInvalid, match=r"issuer.url: Duplicate.*enabled should be set"):
        read_configuration(yaml.safe_dump(document))
    with pytest.raises(ConfigurationInvalid, match="apiVersion and kind"):
        read_configuration(yaml.safe_dump({**document, "kind": "Other"}))
