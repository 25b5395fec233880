"""Admission webhooks over real HTTPS; what a real kube-apiserver does is in tests/conformance."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import RunningApi, running_api_server
from tests.webhooks import Webhook, running_webhook

from towpath.machinery.core_kinds import CONFIG_MAP, ENDPOINT_SLICE, SERVICE
from towpath.machinery.errors import Invalid, StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

GROUP = "admissionregistration.k8s.io"
VALIDATING = Resource(
    GROUP, "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", False
)
MUTATING = Resource(
    GROUP, "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", False
)
RULE = {
    "operations": ["CREATE", "UPDATE", "DELETE"],
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "resources": ["configmaps"],
}


def hook(webhook: Webhook, path: str, **fields: Any) -> RawObject:
    return {
        "name": "one.example.dev",
        "clientConfig": {"url": webhook.url + path, "caBundle": webhook.ca_bundle},
        "rules": [RULE],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **fields,
    }


@pytest.fixture
async def webhook(tmp_path: Path) -> AsyncIterator[Webhook]:
    async with running_webhook(tmp_path) as webhook:
        yield webhook


@pytest.fixture
async def api() -> AsyncIterator[RunningApi]:
    async with running_api_server() as api:
        yield api


async def test_a_webhook_is_asked_with_all_it_needs_and_may_refuse(
    api: RunningApi, webhook: Webhook
) -> None:
    client = api.client()
    await client.create(VALIDATING, VALIDATING.object("deny", webhooks=[hook(webhook, "/deny")]))
    with pytest.raises(StatusError, match=r'"one\.example\.dev" denied the request: not on'):
        await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default", data={"a": "1"}))
    [request] = webhook.asked
    assert request["operation"] == "CREATE"
    assert request["resource"] == {"group": "", "version": "v1", "resource": "configmaps"}
    assert (request["name"], request["namespace"]) == ("a", "default")
    assert request["object"]["data"] == {"a": "1"}
    assert request["oldObject"] is None
    assert request["userInfo"]["username"]
    await client.delete(VALIDATING, "deny")
    await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default"))
    assert len(webhook.asked) == 1


async def test_a_webhook_changes_what_is_stored(api: RunningApi, webhook: Webhook) -> None:
    client = api.client()
    await client.create(MUTATING, MUTATING.object("label", webhooks=[hook(webhook, "/label")]))
    made = await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default"))
    assert made["metadata"]["labels"] == {"touched": "yes"}


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        pytest.param("/garbage", "failed to call webhook", id="no JSON"),
        pytest.param("/other-uid", "expected response.uid", id="the answer to something else"),
        pytest.param("/odd-parts", "response.auditAnnotations", id="parts of another type"),
    ],
)
async def test_an_answer_without_sense_fails_the_write_or_is_ignored(
    api: RunningApi, webhook: Webhook, path: str, sentence: str
) -> None:
    client = api.client()
    await client.create(MUTATING, MUTATING.object("odd", webhooks=[hook(webhook, path)]))
    with pytest.raises(StatusError, match=sentence):
        await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default"))
    ignored = {"webhooks": [hook(webhook, path, failurePolicy="Ignore")]}
    await client.patch(MUTATING, "odd", "", ignored)
    made = await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default"))
    assert made["metadata"]["name"] == "a"


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        pytest.param("/wrong-place", "cannot be applied", id="a patch that does not fit"),
        pytest.param("/rename", r"must not change metadata\.name", id="a new name"),
    ],
)
async def test_a_change_that_cannot_be_made_is_never_ignored(
    api: RunningApi, webhook: Webhook, path: str, sentence: str
) -> None:
    client = api.client()
    odd = hook(webhook, path, failurePolicy="Ignore")
    await client.create(MUTATING, MUTATING.object("odd", webhooks=[odd]))
    with pytest.raises(StatusError, match=sentence):
        await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default"))


async def test_a_service_is_called_at_a_ready_endpoint_by_its_own_name(
    api: RunningApi, webhook: Webhook
) -> None:
    client = api.client()
    port = int(webhook.url.rpartition(":")[2])
    reference = {"name": "guard", "namespace": "default", "path": "/deny"}
    config = {"service": reference, "caBundle": webhook.ca_bundle}
    await client.create(
        VALIDATING,
        VALIDATING.object("deny", webhooks=[hook(webhook, "", clientConfig=config)]),
    )
    with pytest.raises(StatusError, match='service "guard" not found'):
        await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default"))
    ports = {"ports": [{"port": 443, "targetPort": port, "name": "https"}]}
    await client.create(SERVICE, SERVICE.object("guard", "default", spec=ports))
    with pytest.raises(StatusError, match='no endpoints available for service "guard"'):
        await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default"))
    slice_ = ENDPOINT_SLICE.object(
        "guard-1",
        "default",
        addressType="IPv4",
        ports=[{"name": "https", "port": port, "protocol": "TCP"}],
        endpoints=[{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
    )
    slice_["metadata"]["labels"] = {"kubernetes.io/service-name": "guard"}
    await client.create(ENDPOINT_SLICE, slice_)
    # It is reached, and its certificate is for localhost only.
    with pytest.raises(StatusError, match=r"guard\.default\.svc"):
        await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default"))
    assert webhook.asked == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"name": "short"}, r"webhooks\[0\].name", id="a name of one part"),
        pytest.param({"sideEffects": "Some"}, "sideEffects", id="side effects"),
        pytest.param({"timeoutSeconds": 31}, "timeoutSeconds", id="a long timeout"),
        pytest.param({"clientConfig": {}}, "clientConfig", id="nobody to ask"),
        pytest.param(
            {"clientConfig": {"url": "http://localhost/"}}, "clientConfig.url", id="no TLS"
        ),
    ],
)
async def test_a_bad_configuration_is_refused_by_its_field(
    api: RunningApi, webhook: Webhook, changes: RawObject, field: str
) -> None:
    bad = VALIDATING.object("bad", webhooks=[hook(webhook, "/deny", **changes)])
    with pytest.raises(Invalid, match=field):
        await api.client().create(VALIDATING, bad)
