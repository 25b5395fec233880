"""Sequences about admission webhooks: what is refused in configurations, and what is asked when."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.conformance.asked import MAPS, Object, config_map
from tests.conformance.conversions import CONVERSION_SEQUENCES
from tests.conformance.sides import Step, delete, get, patch, post
from tests.webhooks import Webhook

CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations"
RULE: Object = {
    "operations": ["*"],
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "resources": ["configmaps"],
}


def hook(webhook: Webhook, path: str, name: str = "", **fields: Any) -> Object:
    name = name or path.strip("/")
    return {
        "name": f"{name}.{{ns}}.example.dev",
        "clientConfig": {"url": webhook.url + path, "caBundle": webhook.ca_bundle},
        "rules": [RULE],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "{ns}"}},
        **fields,
    }


def configuration(kind: str, *hooks: Object) -> Object:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": "{ns}"},
        "webhooks": list(hooks),
    }


def configured(kind: str, *hooks: Object) -> Step:
    return post(CONFIGURATIONS.format(kind=kind.lower()), configuration(kind, *hooks))


def removed(kind: str) -> Step:
    return delete(CONFIGURATIONS.format(kind=kind.lower()) + "/{ns}", quiet=True)


def asked_soon(name: str, refused: bool = True) -> Step:
    """A real server hears of a configuration a moment later."""
    return post(
        MAPS,
        config_map(name),
        query={"dryRun": "All"},
        until=lambda status, _: (status >= 400) is refused,
        quiet=True,
    )


def one_denies(path: str, **fields: Any) -> Callable[[Webhook], Sequence[Step]]:
    def steps(webhook: Webhook) -> Sequence[Step]:
        return [
            configured("Validating", hook(webhook, path, **fields)),
            asked_soon("a"),
            post(MAPS, config_map("a")),
            post("/api/v1/namespaces/default/configmaps", config_map("{ns}"), quiet=True),
            removed("Validating"),
        ]

    return steps


def one_changes(path: str, refused: bool = False) -> Callable[[Webhook], Sequence[Step]]:
    def steps(webhook: Webhook) -> Sequence[Step]:
        noted = {"reinvocationPolicy": "IfNeeded"}
        return [
            configured("Mutating", hook(webhook, path, **noted), hook(webhook, "/warn")),
            post(
                MAPS,
                config_map("a", data={"a": "1"}),
                query={"dryRun": "All"},
                until=lambda status, body: _touched(status, body, refused),
                quiet=True,
            ),
            post(MAPS, config_map("a", data={"a": "1"}), query={"fieldManager": "one"}),
            patch(f"{MAPS}/a", {"data": {"a": "2"}}, query={"fieldManager": "two"}),
            get(f"{MAPS}/a"),
            delete(f"{MAPS}/a"),
            removed("Mutating"),
        ]

    return steps


def _touched(status: int, body: Any, refused: bool) -> bool:
    return status >= 400 if refused else "labels" in body["metadata"]


def bad_configurations(webhook: Webhook) -> Sequence[Step]:
    good = hook(webhook, "/deny")
    config = good["clientConfig"]
    bad: list[Object] = [
        {**good, "name": "short"},
        {**good, "name": ""},
        {**good, "sideEffects": "Some"},
        {key: value for key, value in good.items() if key != "sideEffects"},
        {**good, "admissionReviewVersions": []},
        {**good, "admissionReviewVersions": ["v0"]},
        {**good, "timeoutSeconds": 31},
        {**good, "failurePolicy": "Perhaps"},
        {**good, "matchPolicy": "Some"},
        {**good, "clientConfig": {}},
        {**good, "clientConfig": {**config, "service": {"name": "a", "namespace": "b"}}},
        {**good, "clientConfig": {"url": "http://localhost/x"}},
        {**good, "clientConfig": {"url": "https://me@localhost/x?q=1#f"}},
        {**good, "rules": [{"operations": ["CREATE"]}]},
        {**good, "rules": [{**RULE, "operations": ["MAKE"]}]},
        {**good, "matchConditions": [{"name": "a", "expression": "object."}]},
        {**good, "matchConditions": [{"expression": "true"}]},
    ]
    return [configured("Validating", one) for one in bad] + [
        configured("Mutating", {**good, "reinvocationPolicy": "Often", "rules": []}),
        configured("Mutating", {**good, "rules": []}),
        get(CONFIGURATIONS.format(kind="mutating") + "/{ns}"),
        removed("Mutating"),
    ]


def ignored(webhook: Webhook) -> Sequence[Step]:
    """None of these stands in the way of a write."""
    passing = [
        hook(webhook, "/broken", failurePolicy="Ignore"),
        hook(webhook, "/silent", failurePolicy="Ignore", timeoutSeconds=1),
        hook(
            webhook, "/deny", "exact", rules=[{**RULE, "apiVersions": ["v2"]}], matchPolicy="Exact"
        ),
        hook(webhook, "/deny", "others", rules=[{**RULE, "resources": ["secrets"]}]),
        hook(webhook, "/deny", "labels", objectSelector={"matchLabels": {"no": "body"}}),
        hook(
            webhook,
            "/deny",
            "conditions",
            matchConditions=[{"name": "never", "expression": "object.metadata.name == 'b'"}],
        ),
        hook(webhook, "/warn"),
    ]
    return [
        configured("Validating", *passing),
        post(
            MAPS,
            config_map("b"),
            query={"dryRun": "All"},
            until=lambda code, _: code >= 400,
            quiet=True,
        ),
        post(MAPS, config_map("b")),
        post(MAPS, config_map("a")),
        removed("Validating"),
    ]


def broken_condition(webhook: Webhook) -> Sequence[Step]:
    condition = {"name": "broken", "expression": "object.nothing == 'b'"}
    return [
        configured("Validating", hook(webhook, "/warn", matchConditions=[condition])),
        asked_soon("a"),
        post(MAPS, config_map("a")),
        removed("Validating"),
    ]


def no_service(webhook: Webhook) -> Sequence[Step]:
    service = {"service": {"name": "absent", "namespace": "default"}, "caBundle": webhook.ca_bundle}
    return [
        configured("Validating", hook(webhook, "/warn", clientConfig=service)),
        asked_soon("a"),
        post(MAPS, config_map("a")),
        removed("Validating"),
    ]


WEBHOOK_SEQUENCES = [
    pytest.param(bad_configurations, id="configurations that are refused"),
    *(
        pytest.param(one_denies(path), id=f"a validating webhook that answers {path}")
        for path in (
            *("/deny", "/deny-bare", "/deny-reason", "/deny-whole"),
            *("/broken", "/garbage", "/other-uid", "/other-kind", "/no-response"),
        )
    ),
    pytest.param(one_denies("/silent", timeoutSeconds=1), id="a validating webhook is silent"),
    pytest.param(ignored, id="webhooks that do not count"),
    pytest.param(broken_condition, id="a condition that cannot be evaluated"),
    pytest.param(no_service, id="a service that is not there"),
    pytest.param(one_changes("/label"), id="a mutating webhook adds a label"),
    pytest.param(one_changes("/wrong-place", refused=True), id="a patch that does not fit"),
    *CONVERSION_SEQUENCES,
]
