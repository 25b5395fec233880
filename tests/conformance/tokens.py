"""Sequences about tokens of service accounts."""

import base64
from typing import Any

import pytest
from tests.conformance.asked import MAPS, PODS, pod
from tests.conformance.permissions import (
    ACCOUNTS,
    SELF,
    TOKENS,
    WHO,
    Object,
    bearer,
    of_status,
    review,
    token_request,
)
from tests.conformance.sides import delete, get, post

TOKENS_OF_ACCOUNTS = [
    get(f"{ACCOUNTS}/default", until=lambda status, _: status == 200, quiet=True),
    post(f"{ACCOUNTS}/default/token", token_request()),
    post(f"{ACCOUNTS}/default/token", token_request(expirationSeconds=60)),
    post(f"{ACCOUNTS}/default/token", token_request(expirationSeconds=2**33)),
    post(f"{ACCOUNTS}/default/token", token_request(audiences=["a", "b"]), keep=of_status),
    post(TOKENS, review("TokenReview", token="{kept}", audiences=["b", "c"])),
    post(TOKENS, review("TokenReview", token="{kept}", audiences=["c"])),
    post(TOKENS, review("TokenReview", token="{kept}")),
    get(MAPS, headers=bearer()),
    post(TOKENS, review("TokenReview", token="nonsense")),
    post(TOKENS, review("TokenReview")),
    post(f"{ACCOUNTS}/absent/token", token_request()),
    post(f"{ACCOUNTS}/default/token", token_request(boundObjectRef={"kind": "Pod", "name": "x"})),
    post(
        f"{ACCOUNTS}/default/token",
        token_request(boundObjectRef={"kind": "ConfigMap", "name": "x", "apiVersion": "v1"}),
    ),
    post(
        f"{ACCOUNTS}/default/token",
        token_request(boundObjectRef={"kind": "Secret", "name": "x", "apiVersion": "v1"}),
    ),
    post(
        "/api/v1/namespaces/{ns}/secrets",
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}},
        quiet=True,
    ),
    post(
        f"{ACCOUNTS}/default/token",
        token_request(
            boundObjectRef={"kind": "Secret", "name": "s", "apiVersion": "v1", "uid": "wrong"}
        ),
    ),
    post(
        f"{ACCOUNTS}/default/token",
        token_request(boundObjectRef={"kind": "Secret", "name": "s", "apiVersion": "v1"}),
        keep=of_status,
    ),
    post(SELF, WHO, headers=bearer()),
    post(TOKENS, review("TokenReview", token="{kept}")),
    delete("/api/v1/namespaces/{ns}/secrets/s", quiet=True),
    post(
        TOKENS,
        review("TokenReview", token="{kept}"),
        until=lambda _, body: not body["status"].get("authenticated"),
    ),
    get(f"{ACCOUNTS}/default/token"),
    get(f"{ACCOUNTS}/default", user="{ns}-ann"),
]

TOKEN_TYPE = "kubernetes.io/service-account-token"
SECRETS = "/api/v1/namespaces/{ns}/secrets"


def token_secret(name: str, holder: str) -> Object:
    metadata = {"name": name, "annotations": {"kubernetes.io/service-account.name": holder}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": TOKEN_TYPE}


def held_token(body: Any) -> str:
    return base64.b64decode(body["data"]["token"]).decode()


def filled(status: int, body: Any) -> bool:
    return status == 200 and bool((body.get("data") or {}).get("token"))


TOKENS_IN_SECRETS = [
    post(ACCOUNTS, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "ci"}}),
    post(SECRETS, {**token_secret("t", ""), "metadata": {"name": "t"}}),
    post(SECRETS, token_secret("t", "ci"), quiet=True),
    get(f"{SECRETS}/t", until=filled, keep=held_token, quiet=True),
    post(SELF, WHO, headers=bearer()),
    post(TOKENS, review("TokenReview", token="{kept}")),
    post(SECRETS, token_secret("lost", "nobody"), quiet=True),
    get(f"{SECRETS}/lost", until=lambda status, _: status == 404),
    delete(f"{ACCOUNTS}/ci", quiet=True),
    get(f"{SECRETS}/t", until=lambda status, _: status == 404),
    post(
        TOKENS,
        review("TokenReview", token="{kept}"),
        until=lambda _, body: not body["status"].get("authenticated"),
        quiet=True,
    ),
]

NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "{ns}"}}


def bound_to(kind: str, name: str) -> Object:
    reference = {"kind": kind, "name": name, "apiVersion": "v1"}
    return token_request(boundObjectRef=reference)


def invalidated(_status: int, body: Any) -> bool:
    return not body["status"].get("authenticated")


TOKENS_OF_PODS = [
    get(f"{ACCOUNTS}/default", until=lambda status, _: status == 200, quiet=True),
    post(ACCOUNTS, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "ci"}}),
    post("/api/v1/nodes", NODE, quiet=True),
    post(PODS, pod("p"), quiet=True),
    post(f"{ACCOUNTS}/ci/token", bound_to("Pod", "p")),
    post(f"{ACCOUNTS}/default/token", bound_to("Pod", "p"), keep=of_status),
    post(SELF, WHO, headers=bearer()),
    delete(f"{PODS}/p", {"gracePeriodSeconds": 0}, quiet=True),
    post(TOKENS, review("TokenReview", token="{kept}"), until=invalidated),
    post(f"{ACCOUNTS}/default/token", bound_to("Node", "{ns}"), keep=of_status),
    post(SELF, WHO, headers=bearer()),
    delete("/api/v1/nodes/{ns}", quiet=True),
    post(TOKENS, review("TokenReview", token="{kept}"), until=invalidated),
    post(f"{ACCOUNTS}/ci/token", token_request(), keep=of_status),
    delete(f"{ACCOUNTS}/ci", quiet=True),
    post(ACCOUNTS, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "ci"}}),
    post(TOKENS, review("TokenReview", token="{kept}"), until=invalidated),
    post(f"{ACCOUNTS}/default/token", token_request(expirationSeconds=-1)),
    post(f"{ACCOUNTS}/default/token", token_request(audiences=["", "a"])),
    post(f"{ACCOUNTS}/default/token", token_request(typo=1), query={"fieldValidation": "Strict"}),
    post(f"{ACCOUNTS}/default/token", token_request(audiences="a")),
]

TOKEN_SEQUENCES = [
    pytest.param(TOKENS_OF_ACCOUNTS, id="tokens of service accounts"),
    pytest.param(TOKENS_IN_SECRETS, id="tokens kept in Secrets"),
    pytest.param(TOKENS_OF_PODS, id="tokens of pods and nodes"),
]
