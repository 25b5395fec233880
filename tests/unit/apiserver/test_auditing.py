"""What a policy has told of requests, and where it goes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
import yaml
from tests.support import eventually
from tests.wire import WiredApi, wired_api_server

from towpath.apiserver.auditing import backends
from towpath.apiserver.auditing.asked import Asked
from towpath.apiserver.auditing.backends import Delivery, lines_in, metrics_of, webhook_at
from towpath.apiserver.auditing.events import Auditing
from towpath.apiserver.auditing.policy import PolicyInvalid, read_policy
from towpath.apiserver.authn.pki import open_pki
from towpath.apiserver.http.responses import send_bytes
from towpath.apiserver.http.wire.listener import Listener
from towpath.client.kubeconfig import Connection
from towpath.machinery.asgi import Receive, Scope, Send
from towpath.machinery.users import AUTHENTICATED, UserInfo

ANN = UserInfo("ann", ("team", AUTHENTICATED))
MAPS = "/api/v1/namespaces/default/configmaps"
SECRETS = "/api/v1/namespaces/default/secrets"


def policy_of(*rules: dict[str, Any], **fields: Any) -> str:
    document = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": list(rules), **fields}
    return yaml.safe_dump(document)


def asked(verb: str = "get", **fields: str) -> Asked:
    return Asked(ANN, verb, "/api/v1/x", **{"resource": "pods", **fields})


@pytest.mark.parametrize(
    ("rule", "request_", "taken"),
    [
        pytest.param({}, asked(), True, id="a rule that names nothing"),
        pytest.param({"users": ["bob"]}, asked(), False, id="another user"),
        pytest.param({"userGroups": ["team"]}, asked(), True, id="a group"),
        pytest.param({"verbs": ["list"]}, asked(), False, id="another verb"),
        pytest.param({"namespaces": ["a"]}, asked(namespace="a"), True, id="a namespace"),
        pytest.param({"namespaces": [""]}, asked(), True, id="cluster-wide"),
        pytest.param({"resources": [{"group": "apps"}]}, asked(), False, id="another group"),
        pytest.param({"resources": [{"group": ""}]}, asked(), True, id="a whole group"),
        pytest.param(
            {"resources": [{"resources": ["pods"]}]},
            asked(subresource="log"),
            False,
            id="a resource is not its subresources",
        ),
        pytest.param(
            {"resources": [{"resources": ["pods/*"]}]}, asked(subresource="log"), True, id="pods/*"
        ),
        pytest.param(
            {"resources": [{"resources": ["*/log"]}]}, asked(subresource="log"), True, id="*/log"
        ),
        pytest.param(
            {"resources": [{"resources": ["pods"], "resourceNames": ["a"]}]},
            asked(name="b"),
            False,
            id="another name",
        ),
        pytest.param({"nonResourceURLs": ["/api*"]}, asked(), False, id="a path is no resource"),
        pytest.param(
            {"nonResourceURLs": ["/api*"]}, asked(resource=""), True, id="a path by its prefix"
        ),
    ],
)
def test_rules_take_requests(rule: dict[str, Any], request_: Asked, taken: bool) -> None:
    policy = read_policy(policy_of({"level": "Request", **rule}))
    assert (policy.decide(request_).level == "Request") is taken


def test_the_first_rule_that_takes_decides_and_secrets_stay_secret() -> None:
    policy = read_policy(
        policy_of(
            {"level": "None", "verbs": ["get"]},
            {"level": "RequestResponse", "omitStages": ["Panic"], "omitManagedFields": False},
            omitStages=["RequestReceived"],
            omitManagedFields=True,
        )
    )
    assert policy.decide(asked("get")).level == "None"
    decision = policy.decide(asked("create"))
    assert decision.level == "RequestResponse"
    assert decision.omit_stages == {"RequestReceived", "Panic"}
    assert not decision.omit_managed_fields
    assert policy.decide(asked("create", resource="secrets")).level == "Metadata"
    assert policy.decide(
        asked("create", resource="serviceaccounts", subresource="token")
    ).level == ("Metadata")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(policy_of(), "rules: Required value", id="no rules"),
        pytest.param(policy_of({}), r"rules\[0\].level: Required value", id="no level"),
        pytest.param(
            policy_of({"level": "Loud"}),
            r'rules\[0\].level: Unsupported value: "Loud": supported values: "None", "Metadata"',
            id="another level",
        ),
        pytest.param(
            policy_of({"level": "None", "nonResourceURLs": ["x", "/a*b"]}),
            "must begin with a '/'.*must be the final character",
            id="paths",
        ),
        pytest.param(
            policy_of({"level": "None", "nonResourceURLs": ["*"], "namespaces": ["a"]}),
            "both regular resources and non-resource URLs",
            id="both",
        ),
        pytest.param(
            policy_of({"level": "None", "resources": [{"resourceNames": ["a"]}]}),
            "using resourceNames requires at least one resource",
            id="names of nothing",
        ),
        pytest.param(
            policy_of({"level": "None"}, omitStages=["Late"]),
            r"omitStages\[0\]: Invalid value: \"Late\": allowed stages are RequestReceived",
            id="another stage",
        ),
        pytest.param(policy_of({"level": "None", "typo": 1}), "unknown field `typo`", id="a typo"),
        pytest.param("kind: Policy", "apiVersion and kind", id="another kind"),
    ],
)
def test_what_is_wrong_is_named_by_field(text: str, said: str) -> None:
    with pytest.raises(PolicyInvalid, match=said):
        read_policy(text)


@asynccontextmanager
async def audited(
    folder: Path, *rules: dict[str, Any], **fields: Any
) -> AsyncIterator[tuple[httpx2.AsyncClient, list[Any], WiredApi]]:
    told: list[Any] = []
    audit = Auditing(read_policy(policy_of(*rules, **fields)), [told.append])
    async with wired_api_server(folder, audit=audit) as api:
        connection = api.connection()
        async with httpx2.AsyncClient(
            base_url=api.server,
            verify=connection.tls_context(),
            headers={"authorization": f"Bearer {connection.token}", "user-agent": "test"},
        ) as http:
            yield http, told, api


async def test_a_request_is_told_with_its_bodies(tmp_path: Path) -> None:
    rules = ({"level": "RequestResponse", "verbs": ["create"]}, {"level": "Metadata"})
    async with audited(tmp_path, *rules) as (http, told, _):
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
        await http.post(f"{MAPS}?fieldManager=x", json=made)
        await http.post(f"{MAPS}?fieldManager=x", json=made)
        await http.get(f"{MAPS}/a")
    stages = [(event["stage"], event["verb"]) for event in told]
    assert stages == [
        ("RequestReceived", "create"),
        ("ResponseComplete", "create"),
    ] * 2 + [("RequestReceived", "get"), ("ResponseComplete", "get")]
    created = told[1]
    assert created["user"]["username"] == "admin"
    assert created["objectRef"] == {
        "resource": "configmaps",
        "namespace": "default",
        "name": "a",
        "apiVersion": "v1",
    }
    assert created["requestObject"] == made
    assert created["responseObject"]["metadata"]["uid"]
    assert created["requestURI"] == f"{MAPS}?fieldManager=x"
    assert (created["sourceIPs"], created["userAgent"]) == (["127.0.0.1"], "test")
    assert told[0]["auditID"] == created["auditID"] != told[2]["auditID"]
    refused = told[3]["responseStatus"]
    assert (refused["code"], refused["reason"]) == (409, "AlreadyExists")
    assert "requestObject" not in told[5]
    assert "responseObject" not in told[5]


async def test_secrets_and_tokens_are_never_told(tmp_path: Path) -> None:
    async with audited(tmp_path, {"level": "RequestResponse"}) as (http, told, api):
        made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
        await http.post(SECRETS, json={**made, "stringData": {"password": "hunter2"}})
        await http.get(f"{SECRETS}/s")
        await http.get(SECRETS)
        account = "/api/v1/namespaces/default/serviceaccounts/default"

        async def there() -> bool:
            return (await http.get(account)).status_code == 200

        await eventually(there)
        answer = (await http.post(f"{account}/token", json={"spec": {}})).json()
        token = answer["status"]["token"]
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
        await http.post(
            "/apis/authentication.k8s.io/v1/tokenreviews", json={**review, "spec": {"token": token}}
        )
        await http.get(MAPS, headers={"authorization": "Bearer wrong-token"})
    text = orjson.dumps(told).decode()
    for secret in ("hunter2", "aHVudGVyMg", token, api.pki.admin_token, "wrong-token"):
        assert secret not in text
    assert {event["responseStatus"]["code"] for event in told if "responseStatus" in event} >= {
        201,
        401,
    }


async def test_a_body_of_another_form_is_told_as_an_object(tmp_path: Path) -> None:
    async with audited(tmp_path, {"level": "Request"}, omitStages=["RequestReceived"]) as (
        http,
        told,
        _,
    ):
        text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
        await http.post(MAPS, content=text, headers={"content-type": "application/yaml"})
        # A ConfigMap named `b`, as kubectl encodes it.
        unknown = b'\n\x0f\n\x02v1\x12\tConfigMap\x12\x05\n\x03\n\x01b\x1a\x00"\x00'
        headers = {"content-type": "application/vnd.kubernetes.protobuf"}
        await http.post(MAPS, content=b"k8s\0" + unknown, headers=headers)
        await http.post(MAPS, content=b"k8s\0nonsense", headers=headers)
    assert [event.get("requestObject", {}).get("metadata") for event in told] == [
        {"name": "a"},
        {"name": "b"},
        None,
    ]


async def test_who_impersonates_is_told(tmp_path: Path) -> None:
    async with audited(tmp_path, {"level": "Metadata"}) as (http, told, _):
        await http.get(MAPS, headers={"impersonate-user": "bob"})
    assert told[-1]["user"]["username"] == "admin"
    assert told[-1]["impersonatedUser"]["username"] == "bob"
    assert told[-1]["responseStatus"]["code"] == 403


async def test_a_watch_is_told_when_it_begins_and_when_it_ends(tmp_path: Path) -> None:
    async with audited(tmp_path, {"level": "RequestResponse"}, omitStages=["RequestReceived"]) as (
        http,
        told,
        _,
    ):
        await http.get(MAPS, params={"watch": "true", "timeoutSeconds": "1"})
    assert [event["stage"] for event in told] == ["ResponseStarted", "ResponseComplete"]
    assert "responseObject" not in told[1]


async def test_events_go_to_a_file_that_turns_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "FILE_BYTES_MAX", 50)
    deliver = lines_in(tmp_path / "audit.log")
    for number in range(8):
        await deliver([{"number": number, "filler": "x" * 60}])
    assert (tmp_path / "audit.log").stat().st_mode & 0o077 == 0
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["audit.log", *(f"audit.log.{number}" for number in range(1, 6))]
    assert orjson.loads((tmp_path / "audit.log").read_bytes())["number"] == 7
    assert orjson.loads((tmp_path / "audit.log.5").read_bytes())["number"] == 2


async def test_events_go_to_a_webhook_in_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "GATHER_S", 0.0)
    monkeypatch.setattr(backends, "RETRY_S", 0.0)
    received: list[Any] = []
    failures = 1

    async def webhook(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal failures
        body = (await receive())["body"]
        if failures:
            failures -= 1
            await send_bytes(send, b"", status=500)
            return
        received.append((dict(scope["headers"])[b"authorization"], orjson.loads(body)))
        await send_bytes(send, b"")

    pki = open_pki(tmp_path / "pki")
    async with Listener(webhook, port=0, tls=pki.server_context()) as listener:
        server = f"https://localhost:{listener.port}/events"
        connection = Connection(server=server, token="t", ca_pem=pki.ca_pem.decode())
        delivery = Delivery("webhook", webhook_at(connection))
        running = asyncio.create_task(delivery.run())
        for number in range(3):
            delivery.put({"number": number})

        async def delivered() -> bool:
            return delivery.delivered == 3

        await eventually(delivered, deadline_s=20)
        running.cancel()
    (authorization, document), *_ = received
    assert authorization == b"Bearer t"
    assert document["kind"] == "EventList"
    assert [one["number"] for _, listed in received for one in listed["items"]] == [0, 1, 2]


async def test_what_does_not_fit_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "QUEUED_MAX", 2)

    async def nowhere(_events: Sequence[Any]) -> None:
        raise OSError

    delivery = Delivery("log", nowhere)
    for number in range(5):
        delivery.put({"number": number})
    assert delivery.dropped == 3
    assert 'apiserver_audit_error_total{plugin="log"} 3' in metrics_of([delivery])
