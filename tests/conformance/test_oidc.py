"""The same configuration and tokens, at a real kube-apiserver and at ours."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from joserfc.jwk import RSAKey
from tests.engines.kube import KubeFactory
from tests.oidc import AUDIENCE, Provider, configuration, running_provider
from tests.support import eventually
from tests.wire import wired_api_server

from towpath.apiserver.authn.structured import StructuredAuthentication
from towpath.apiserver.virtual import TOKEN_REVIEW
from towpath.client.kubernetes import KubernetesClient
from towpath.client.protocols import Client

MAPPINGS = {
    "username": {"expression": "'oidc:' + claims.sub"},
    "groups": {"claim": "roles", "prefix": "oidc:"},
    "uid": {"claim": "sub"},
    "extra": [{"key": "example.dev/tenant", "valueExpression": "claims.?tenant.orValue('')"}],
}
RULES: dict[str, Any] = {
    "claimValidationRules": [
        {"claim": "hd", "requiredValue": "corp"},
        {"expression": "claims.exp - claims.iat <= 86400", "message": "lives too long"},
    ],
    "userValidationRules": [
        {"expression": "!user.groups.exists(g, g == 'oidc:banned')", "message": "is banned"}
    ],
}
TOKENS: dict[str, dict[str, Any]] = {
    "a good one": {"roles": ["dev", "ops"], "tenant": "t", "jti": "7"},
    "one group as text": {"roles": "dev"},
    "for two": {"aud": ["other", AUDIENCE]},
    "for others": {"aud": ["other", "third"]},
    "for nobody": {"aud": None},
    "expired": {"exp": 1_600_000_000},
    "without an end": {"exp": None},
    "of another issuer": {"iss": "https://elsewhere.dev"},
    "without the claim of the name": {"sub": None},
    "a name that is no text": {"sub": 5},
    "an empty name": {"sub": ""},
    "groups that are no list": {"roles": {"a": 1}},
    "without a required claim": {"hd": None},
    "a required claim of another value": {"hd": "other"},
    "a required claim that is no text": {"hd": 5},
    "too long": {"exp": 2**33},
    "banned": {"roles": ["banned"]},
    "signed by another": {"key": RSAKey.generate_key(2048)},
    "a key that nobody knows": {"header": {"kid": "unknown"}},
    "no key named": {"header": {"kid": None}},
}
WORDS = (
    # What Go's decoder and CEL say of a value of a wrong type is theirs.
    (re.compile(r'(parse \w+(?: claim)?s? "?\w+"?): (?!claim not present).*'), r"\1"),
    (re.compile(r"resulted in error: .*"), "resulted in error"),
    (re.compile(r"(token is expired|failed to unmarshal claims).*"), r"\1"),
)


@pytest.fixture
async def sides(
    kube_factory: KubeFactory, tmp_path: Path
) -> AsyncIterator[tuple[Provider, Client, Client]]:
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(running_provider(tmp_path))
        path = tmp_path / "authentication.yaml"
        path.write_text(yaml.safe_dump(configuration(provider, claimMappings=MAPPINGS, **RULES)))
        authentication = StructuredAuthentication(path)
        await authentication.load()
        bearer = (authentication.authenticate,)
        wired = await stack.enter_async_context(wired_api_server(tmp_path, bearer=bearer))
        # Not in a thread: its children would end with the thread.
        kube = stack.enter_context(kube_factory.fresh(f"--authentication-config={path}"))
        theirs = await stack.enter_async_context(KubernetesClient(kube.connection()))
        ours = await stack.enter_async_context(KubernetesClient(wired.connection()))
        yield provider, theirs, ours


@pytest.mark.slow
async def test_tokens_are_judged_alike(sides: tuple[Provider, Client, Client]) -> None:
    provider, theirs, ours = sides

    async def knows_the_keys() -> bool:
        good = provider.token(hd="corp")
        return bool((await _reviewed(theirs, good)).get("authenticated"))

    await eventually(knows_the_keys, deadline_s=60)
    tokens = {name: provider.token(**{"hd": "corp", **made}) for name, made in TOKENS.items()}
    head, body, _ = provider.token(hd="corp").split(".")
    tokens |= {"unsigned": provider.unsigned(), "without a signature": f"{head}.{body}."}
    different = {}
    for name, token in tokens.items():
        answers = [await _reviewed(client, token) for client in (theirs, ours)]
        if answers[0] != answers[1]:
            different[name] = answers
    assert not different


async def _reviewed(client: Client, token: str) -> Any:
    review = {"spec": {"token": token}, "metadata": {}}
    review |= {"apiVersion": TOKEN_REVIEW.api_version, "kind": TOKEN_REVIEW.kind}
    status: dict[str, Any] = (await client.create(TOKEN_REVIEW, review))["status"]
    status.pop("audiences", None)  # each server's own
    if error := status.get("error"):
        for found, words in WORDS:
            error = found.sub(words, error)
        status["error"] = error.rstrip("]")
    return status
