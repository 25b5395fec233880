"""Sequences about kinds with several versions, which a webhook converts."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.conformance.asked import CRDS, TABLE, Object
from tests.conformance.sides import APPLY, JSON_PATCH, Step, delete, get, patch, post, put
from tests.webhooks import Webhook

RODS = "/apis/{ns}.example.dev/%s/namespaces/{ns}/rods"
V1, V2 = RODS % "v1", RODS % "v2"


def definition(webhook: Webhook, path: str) -> Object:
    config = {"url": webhook.url + path, "caBundle": webhook.ca_bundle}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "rods.{ns}.example.dev"},
        "spec": {
            "group": "{ns}.example.dev",
            "scope": "Namespaced",
            "names": {"plural": "rods", "kind": "Rod"},
            "conversion": {
                "strategy": "Webhook",
                "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": config},
            },
            "versions": [_version("v1", "size", storage=True), _version("v2", "length")],
        },
    }


def _version(name: str, measure: str, *, storage: bool = False) -> Object:
    fields: Object = {measure: {"type": "integer", "maximum": 10}, "colour": {"type": "string"}}
    spec = {"type": "object", "required": [measure], "properties": fields}
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
        "additionalPrinterColumns": [
            {"name": measure, "type": "integer", "jsonPath": f".spec.{measure}"}
        ],
    }


def rod(name: str, version: str = "v1", **spec: Any) -> Object:
    return {
        "apiVersion": f"{{ns}}.example.dev/{version}",
        "kind": "Rod",
        "metadata": {"name": name},
        "spec": spec,
    }


def _served(status: int, _body: Any) -> bool:
    return status == 200


def begun(webhook: Webhook, path: str) -> list[Step]:
    return [
        post(CRDS, definition(webhook, path), quiet=True),
        get(V1, until=_served, quiet=True),
        get(V2, until=_served, quiet=True),
    ]


def ended() -> Step:
    return delete(f"{CRDS}/rods.{{ns}}.example.dev", quiet=True)


def in_both_versions(webhook: Webhook) -> Sequence[Step]:
    return [
        *begun(webhook, "/convert"),
        post(V1, rod("a", size=3)),
        get(f"{V1}/a"),
        get(f"{V2}/a"),
        post(V2, rod("b", "v2", length=4)),
        get(f"{V1}/b"),
        get(f"{V2}/b"),
        get(V1),
        get(V2),
        get(V2, accept=TABLE),
        patch(f"{V2}/a", {"spec": {"length": 5}}),
        patch(f"{V2}/a", [{"op": "add", "path": "/spec/colour", "value": "red"}], JSON_PATCH),
        patch(f"{V2}/a", {"spec": {"length": 50}}),
        patch(f"{V2}/a", {"spec": {"size": 5}}, query={"fieldValidation": "Strict"}),
        put(f"{V2}/b", lambda old: {**old, "spec": {"length": 6}}),
        get(f"{V1}/b"),
        patch(
            f"{V2}/c",
            rod("c", "v2", length=7),
            APPLY,
            query={"fieldManager": "one"},
        ),
        get(f"{V1}/c"),
        post(V2, rod("d", "v2", length=1), query={"dryRun": "All"}),
        delete(f"{V2}/b"),
        delete(f"{V1}/a"),
        delete(V2),
        ended(),
    ]


def failing(path: str) -> Callable[[Webhook], Sequence[Step]]:
    def steps(webhook: Webhook) -> Sequence[Step]:
        return [
            *begun(webhook, path),
            post(V1, rod("a", size=3)),
            post(V1, rod("b", size=3)),
            get(f"{V1}/a"),
            get(f"{V2}/a"),
            get(V2),
            post(V2, rod("c", "v2", length=3)),
            patch(f"{V2}/a", {"spec": {"length": 5}}),
            delete(f"{V1}/a"),
            ended(),
        ]

    return steps


CONVERSION_SEQUENCES = [
    pytest.param(in_both_versions, id="an object in two versions"),
    *(
        pytest.param(failing(f"/convert-{what}"), id=f"a conversion that fails: {what}")
        for what in ("not", "silent", "few", "uid", "name", "kind", "version")
    ),
    pytest.param(failing("/no-response"), id="a conversion without a response"),
    pytest.param(failing("/other-kind"), id="a conversion that answers something else"),
]
