"""Reviews and token requests: answered, never stored."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from tests.support import eventually
from tests.wire import WiredApi, wired_api_server

from towpath.apiserver.calls import Target, WriteOptions
from towpath.apiserver.virtual import (
    ACCESS_REVIEW,
    LOCAL_ACCESS_REVIEW,
    SELF_ACCESS_REVIEW,
    SELF_REVIEW,
    SELF_RULES_REVIEW,
    TOKEN_REVIEW,
)
from towpath.machinery.core_kinds import RBAC_GROUP, ROLE_BINDING
from towpath.machinery.errors import BadRequest, Conflict, Forbidden, Invalid, NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.users import AUTHENTICATED, PLATFORM, TokenRefused, UserInfo

SERVICE_ACCOUNTS = Resource("", "v1", "ServiceAccount", "serviceaccounts")
CONFIG_MAPS = Resource("", "v1", "ConfigMap", "configmaps")
SECRETS = Resource("", "v1", "Secret", "secrets")
PODS = Resource("", "v1", "Pod", "pods")
BOB = UserInfo("bob", (AUTHENTICATED,))
DELETE_NODES = {"verb": "delete", "resource": "nodes"}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[WiredApi]:
    async with wired_api_server(tmp_path) as wired:
        client = wired.front.client()
        await client.create(SERVICE_ACCOUNTS, SERVICE_ACCOUNTS.object("ci", "default"))
        yield wired


async def ask(
    api: WiredApi, resource: Resource, *, by: UserInfo = PLATFORM, namespace: str = "", **spec: Any
) -> Any:
    obj = {"apiVersion": resource.api_version, "kind": resource.kind, "spec": spec}
    target = Target(resource, namespace)
    written = await api.front.verbs.create(by, target, obj, WriteOptions())
    return orjson.loads(written.object)["status"]


async def request_token(api: WiredApi, *, name: str = "ci", **spec: Any) -> Any:
    target = Target(SERVICE_ACCOUNTS, "default", name, "token")
    written = await api.front.verbs.create(PLATFORM, target, {"spec": spec}, WriteOptions())
    return orjson.loads(written.object)


async def test_everybody_may_ask_who_they_are(api: WiredApi) -> None:
    status = await ask(api, SELF_REVIEW, by=BOB)
    assert status["userInfo"] == {"username": "bob", "groups": [AUTHENTICATED]}


async def test_what_others_may_is_for_who_is_allowed_to_ask(api: WiredApi) -> None:
    with pytest.raises(Forbidden):
        await ask(api, ACCESS_REVIEW, by=BOB, user="bob", resourceAttributes=DELETE_NODES)
    denied = await ask(api, ACCESS_REVIEW, user="bob", resourceAttributes=DELETE_NODES)
    assert denied == {"allowed": False}
    allowed = await ask(
        api, ACCESS_REVIEW, groups=["system:masters"], resourceAttributes=DELETE_NODES
    )
    assert allowed == {"allowed": True}


async def test_a_path_can_be_asked_about(api: WiredApi) -> None:
    paths = {"path": "/apis/apps", "verb": "get"}
    status = await ask(api, SELF_ACCESS_REVIEW, by=BOB, nonResourceAttributes=paths)
    assert status["allowed"]
    assert 'ClusterRoleBinding "system:discovery"' in status["reason"]


@pytest.mark.parametrize(
    ("resource", "spec"),
    [
        pytest.param(SELF_ACCESS_REVIEW, {}, id="neither a resource nor a path"),
        pytest.param(
            SELF_ACCESS_REVIEW,
            {"resourceAttributes": DELETE_NODES, "nonResourceAttributes": {"path": "/"}},
            id="both a resource and a path",
        ),
        pytest.param(ACCESS_REVIEW, {"resourceAttributes": DELETE_NODES}, id="nobody is named"),
        pytest.param(
            LOCAL_ACCESS_REVIEW,
            {"user": "bob", "resourceAttributes": {"namespace": "other", "verb": "get"}},
            id="a local review of another namespace",
        ),
    ],
)
async def test_questions_that_make_no_sense(
    api: WiredApi, resource: Resource, spec: dict[str, Any]
) -> None:
    with pytest.raises(Invalid):
        await ask(api, resource, namespace="default", **spec)
    with pytest.raises(BadRequest):
        await ask(api, TOKEN_REVIEW)


async def test_a_question_may_leave_out_what_it_likes(api: WiredApi) -> None:
    empty = await ask(api, ACCESS_REVIEW, user="bob", nonResourceAttributes={})
    assert empty == {"allowed": False}
    empty = await ask(api, ACCESS_REVIEW, user="bob", resourceAttributes={}, extra={"a": None})
    assert empty == {"allowed": False}


async def test_a_refusal_names_the_bound_role_that_is_missing(api: WiredApi) -> None:
    reference = {"apiGroup": RBAC_GROUP, "kind": "Role", "name": "absent"}
    subjects = [{"apiGroup": RBAC_GROUP, "kind": "User", "name": "bob"}]
    obj = ROLE_BINDING.object("b", "default", roleRef=reference, subjects=subjects)
    await api.front.client().create(ROLE_BINDING, obj)
    missing = f'RBAC: role.{RBAC_GROUP} "absent" not found'
    with pytest.raises(Forbidden, match=f": {missing}"):
        await api.front.client(BOB).list(CONFIG_MAPS, "default")
    maps = {"verb": "get", "resource": "configmaps", "namespace": "default"}
    assert await ask(api, ACCESS_REVIEW, user="bob", resourceAttributes=maps) == {
        "allowed": False,
        "reason": missing,
    }


async def test_rules_of_a_namespace_are_listed(api: WiredApi) -> None:
    obj = {"spec": {"namespace": "default"}}
    target = Target(SELF_RULES_REVIEW)
    written = await api.front.verbs.create(BOB, target, obj, WriteOptions())
    status = orjson.loads(written.object)["status"]
    listed = {name for rule in status["resourceRules"] for name in rule["resources"]}
    assert listed == {
        "selfsubjectaccessreviews",
        "selfsubjectrulesreviews",
        "selfsubjectreviews",
    }
    assert not status["incomplete"]
    with pytest.raises(BadRequest):
        await ask(api, SELF_RULES_REVIEW, by=BOB)


async def test_a_token_review_knows_our_tokens_and_no_others(api: WiredApi) -> None:
    token = (await request_token(api))["status"]["token"]
    known = await ask(api, TOKEN_REVIEW, token=token)
    assert known["authenticated"]
    assert known["user"]["username"] == "system:serviceaccount:default:ci"
    admin = await ask(api, TOKEN_REVIEW, token=api.pki.admin_token)
    assert admin["user"]["username"] == "admin"
    unknown = await ask(api, TOKEN_REVIEW, token="nothing")
    assert "authenticated" not in unknown


async def test_a_token_for_an_audience_is_good_there_only(api: WiredApi) -> None:
    token = (await request_token(api, audiences=["vault"]))["status"]["token"]
    with pytest.raises(TokenRefused):
        await api.front.tokens.verify(token)
    there = await ask(api, TOKEN_REVIEW, token=token, audiences=["vault"])
    assert (there["authenticated"], there["audiences"]) == (True, ["vault"])
    elsewhere = await ask(api, TOKEN_REVIEW, token=token, audiences=["bank"])
    assert "authenticated" not in elsewhere


async def test_a_token_bound_to_a_pod_ends_with_it(api: WiredApi) -> None:
    client = api.front.client()
    spec = {
        "containers": [{"name": "main", "image": "example.dev/app"}],
        "serviceAccountName": "ci",
    }
    pod = await client.create(PODS, PODS.object("p", "default", spec=spec))
    reference = {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": pod["metadata"]["uid"]}
    answer = await request_token(api, boundObjectRef=reference)
    token = answer["status"]["token"]
    user = await api.front.tokens.verify(token)
    assert user is not None
    assert user.extra["authentication.kubernetes.io/pod-name"] == ("p",)
    await client.delete(PODS, "p", "default", grace_period_s=0)
    with pytest.raises(TokenRefused, match="invalidated"):
        await api.front.tokens.verify(token)
    assert await api.front.authenticate.authenticate_token(token) is None


async def test_tokens_end_when_the_deletion_of_their_account_begins(api: WiredApi) -> None:
    client = api.front.client()
    account = await client.get(SERVICE_ACCOUNTS, "ci", "default")
    account["metadata"]["finalizers"] = ["example.com/hold"]
    await client.update(SERVICE_ACCOUNTS, account)
    token = (await request_token(api))["status"]["token"]
    assert await api.front.tokens.verify(token) is not None
    await client.delete(SERVICE_ACCOUNTS, "ci", "default")
    held = await client.get(SERVICE_ACCOUNTS, "ci", "default")
    assert "deletionTimestamp" in held["metadata"]
    with pytest.raises(TokenRefused, match="invalidated"):
        await api.front.tokens.verify(token)


async def test_token_requests_that_are_refused(api: WiredApi) -> None:
    with pytest.raises(Invalid):
        await request_token(api, expirationSeconds=5)
    with pytest.raises(NotFound):
        await request_token(api, name="absent")
    with pytest.raises(BadRequest):
        await request_token(api, boundObjectRef={"kind": "ConfigMap", "name": "n"})
    with pytest.raises(NotFound):
        await request_token(api, boundObjectRef={"kind": "Node", "name": "n"})
    account = await api.front.client().get(SERVICE_ACCOUNTS, "ci", "default")
    assert account["metadata"]["name"] == "ci"
    await api.front.client().create(SECRETS, SECRETS.object("s", "default"))
    with pytest.raises(Conflict):
        await request_token(api, boundObjectRef={"kind": "Secret", "name": "s", "uid": "old"})


async def test_everything_else_goes_to_the_verbs(api: WiredApi) -> None:
    created = await api.front.verbs.create(
        PLATFORM, Target(CONFIG_MAPS), CONFIG_MAPS.object("c", "default"), WriteOptions()
    )
    assert created.created


async def test_what_verifies_our_tokens_is_published(api: WiredApi) -> None:
    token = (await request_token(api))["status"]["token"]
    headers = {"authorization": f"Bearer {token}"}
    tls = api.connection().tls_context()
    async with httpx2.AsyncClient(base_url=api.server, verify=tls, headers=headers) as http:
        configuration = (await http.get("/.well-known/openid-configuration")).json()
        published = await http.get(configuration["jwks_uri"])
        nobody = await http.get(configuration["jwks_uri"], headers={"authorization": ""})
    assert configuration["issuer"] == api.front.tokens.issuer
    keys = KeySet.import_key_set(published.json())
    claims = jwt.decode(token, keys, algorithms=["ES256"]).claims
    assert claims["sub"] == "system:serviceaccount:default:ci"
    assert "d" not in published.json()["keys"][0]
    assert nobody.status_code == 403


async def test_a_secret_holds_a_token_until_its_account_goes(api: WiredApi) -> None:
    client = api.front.client()
    secret = SECRETS.object("t", "default", type="kubernetes.io/service-account-token")
    secret["metadata"]["annotations"] = {"kubernetes.io/service-account.name": "ci"}
    await client.create(SECRETS, secret)

    async def held() -> str:
        data = (await client.get(SECRETS, "t", "default")).get("data") or {}
        return base64.b64decode(data.get("token", "")).decode()

    await eventually(held)
    token = await held()
    user = await api.front.authenticate.authenticate_token(token)
    assert user is not None
    assert user.name == "system:serviceaccount:default:ci"
    await client.delete(SERVICE_ACCOUNTS, "ci", "default")
    assert await api.front.authenticate.authenticate_token(token) is None

    async def gone() -> bool:
        return not (await client.list(SECRETS, "default")).items

    await eventually(gone)
