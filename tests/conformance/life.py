"""Sequences about objects of built-in kinds, and who owns their fields."""

import pytest
from tests.conformance.asked import (
    DEPLOYMENTS,
    MAPS,
    config_map,
    deployment,
    served,
)
from tests.conformance.sides import JSON_PATCH, STRATEGIC, apply, delete, get, patch, post, put

LIFE = [
    pytest.param(
        [
            post(MAPS, config_map("a", data={"x": "1"}), query={"fieldManager": "one"}),
            post(MAPS, config_map("a")),
            get(f"{MAPS}/a"),
            get(f"{MAPS}/absent"),
            get(MAPS, query={"fieldSelector": "metadata.name=a"}),
            get(MAPS, query={"labelSelector": "x in (a", "fieldSelector": ""}),
            get(MAPS, query={"fieldSelector": "spec.x=1"}),
            patch(f"{MAPS}/a", {"data": {"y": "2", "x": None}}, query={"fieldManager": "two"}),
            patch(
                f"{MAPS}/a",
                [{"op": "add", "path": "/data/z", "value": "3"}],
                JSON_PATCH,
                query={"fieldManager": "one"},
            ),
            patch(f"{MAPS}/a", [{"op": "remove", "path": "/data/none"}], JSON_PATCH),
            patch(f"{MAPS}/a", [{"op": "test", "path": "/data/z", "value": "4"}], JSON_PATCH),
            patch(f"{MAPS}/a", [{"op": "what", "path": "/data/z"}], JSON_PATCH),
            patch(f"{MAPS}/a", {"data": {"s": "1"}}, STRATEGIC, query={"fieldManager": "two"}),
            patch(f"{MAPS}/a", {"data": 3}),
            patch(f"{MAPS}/a", "{broken"),
            patch(f"{MAPS}/a", {}, "text/plain"),
            patch(f"{MAPS}/absent", {"data": {}}),
            put(
                f"{MAPS}/a",
                lambda live: {**live, "data": {"only": "1"}},
                query={"fieldManager": "three"},
            ),
            put(
                f"{MAPS}/a",
                lambda live: {**live, "metadata": {**live["metadata"], "resourceVersion": "1"}},
            ),
            put(f"{MAPS}/a", config_map("b")),
            put(f"{MAPS}/absent", config_map("absent")),
            delete(f"{MAPS}/a", {"preconditions": {"uid": "no"}}),
            delete(f"{MAPS}/a"),
            delete(f"{MAPS}/a"),
        ],
        id="a ConfigMap is created, read, changed and deleted",
    ),
    pytest.param(
        [
            post(MAPS, {**config_map(""), "metadata": {"generateName": "generated-"}}),
            post(MAPS, {**config_map(""), "metadata": {}}),
            post(MAPS, config_map("Upper_Case")),
            post(MAPS, config_map("x" * 254)),
            post(
                MAPS,
                {
                    **config_map("a"),
                    "metadata": {"name": "a", "labels": {"-bad": "ok"}},
                },
            ),
            post(
                MAPS,
                {**config_map("a"), "metadata": {"name": "a", "annotations": {"a/b/c": "1"}}},
            ),
            post(MAPS, {**config_map("a"), "metadata": {"name": "a", "namespace": "other"}}),
            post(MAPS, {**config_map("a"), "kind": "Secret"}),
            post(MAPS, {**config_map("a"), "apiVersion": "v9"}),
            post(MAPS, {"metadata": {"name": "a"}}),
            post(MAPS, "not json"),
            post(MAPS, "[]"),
            post(MAPS, config_map("a"), content_type="text/html"),
            post(MAPS, {**config_map("a"), "metadata": {"name": "a", "resourceVersion": "5"}}),
            post(MAPS, config_map("a", data={"bad key!": "1"})),
            post(MAPS, config_map("a", data={"n": 1})),
            post("/api/v1/namespaces/absent/configmaps", config_map("a")),
            post(MAPS, config_map("a", immutable=True, data={"x": "1"}), quiet=True),
            patch(f"{MAPS}/a", {"data": {"x": "2"}}),
        ],
        id="metadata and bodies that cannot be taken are refused by field",
    ),
    pytest.param(
        [
            post(MAPS, config_map("dry"), query={"dryRun": "All"}),
            get(f"{MAPS}/dry"),
            post(MAPS, config_map("dry"), query={"dryRun": "Some"}),
            post(MAPS, config_map("dry"), quiet=True),
            patch(f"{MAPS}/dry", {"data": {"x": "1"}}, query={"dryRun": "All"}),
            delete(f"{MAPS}/dry", query={"dryRun": "All"}),
            get(f"{MAPS}/dry"),
        ],
        id="a dry run changes nothing",
    ),
    pytest.param(
        [
            post(MAPS, config_map("a", spam=1), query={"fieldValidation": "Strict"}),
            post(MAPS, config_map("a", spam=1), query={"fieldValidation": "Warn"}),
            post(MAPS, config_map("b", spam=1), query={"fieldValidation": "Ignore"}),
            post(MAPS, config_map("c", spam=1), query={"fieldValidation": "Loud"}),
            post(
                MAPS,
                '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d"},"data":{"x":"1","x":"2"}}',
                query={"fieldValidation": "Strict"},
            ),
            post(
                MAPS,
                '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d","labels":{},"labels":{}}}',
            ),
            patch(f"{MAPS}/a", {"spam": 1}, query={"fieldValidation": "Strict"}),
            patch(f"{MAPS}/a", {"metadata": {"spam": 1}}, query={"fieldValidation": "Warn"}),
        ],
        id="unknown and double fields are refused, told or ignored",
    ),
    pytest.param(
        [
            post(
                MAPS,
                {**config_map("a"), "metadata": {"name": "a", "finalizers": ["example.dev/hold"]}},
            ),
            patch(f"{MAPS}/a", {"metadata": {"finalizers": ["example.dev/two"]}}, STRATEGIC),
            delete(f"{MAPS}/a"),
            get(f"{MAPS}/a"),
            delete(f"{MAPS}/a"),
            patch(f"{MAPS}/a", {"metadata": {"finalizers": ["example.dev/other"]}}),
            patch(f"{MAPS}/a", {"metadata": {"finalizers": None}}),
            get(f"{MAPS}/a"),
            post(
                MAPS,
                {**config_map("b"), "metadata": {"name": "b", "finalizers": ["bad finalizer"]}},
            ),
            post(
                MAPS,
                {**config_map("b"), "metadata": {"name": "b", "finalizers": ["plain"]}},
            ),
        ],
        id="finalizers hold an object",
    ),
    pytest.param(
        [
            post(
                "/api/v1/namespaces",
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "{ns}-two"}},
            ),
            get("/api/v1/namespaces/{ns}-two/serviceaccounts/default", until=served),
            post(
                "/api/v1/namespaces/{ns}-two/configmaps",
                {
                    **config_map("held"),
                    "metadata": {"name": "held", "finalizers": ["example.dev/hold"]},
                },
                quiet=True,
            ),
            delete("/api/v1/namespaces/{ns}-two"),
            post("/api/v1/namespaces/{ns}-two/configmaps", config_map("late")),
            delete("/api/v1/namespaces/{ns}-two"),
            get("/api/v1/namespaces/{ns}-two", quiet=True),
            patch(
                "/api/v1/namespaces/{ns}-two/configmaps/held",
                {"metadata": {"finalizers": None}},
                quiet=True,
            ),
            get("/api/v1/namespaces/{ns}-two", until=lambda s, b: s == 404),
            post(
                "/api/v1/namespaces",
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "Bad.Name"}},
            ),
        ],
        id="a namespace goes with its content",
    ),
]

APPLIED = [
    pytest.param(
        [
            apply(f"{MAPS}/a", config_map("a", data={"x": "1"}), "one"),
            apply(f"{MAPS}/a", config_map("a", data={"x": "1"}), "one"),
            apply(f"{MAPS}/a", config_map("a", data={"x": "2"}), "two"),
            apply(f"{MAPS}/a", config_map("a", data={"x": "2", "y": "1"}), "two", force=True),
            apply(f"{MAPS}/a", config_map("a", data={}), "one"),
            apply(f"{MAPS}/a", config_map("a", data={"y": "1"}), "two"),
            apply(f"{MAPS}/a", config_map("b"), "two"),
            apply(f"{MAPS}/a", config_map("a"), ""),
            apply(f"{MAPS}/a", {"kind": "ConfigMap"}, "one"),
            apply(f"{MAPS}/a", "a: [b", "one"),
            apply(f"{MAPS}/a", config_map("a", spam="1"), "one"),
            apply(
                f"{MAPS}/a",
                {**config_map("a"), "metadata": {"name": "a", "managedFields": []}},
                "one",
            ),
            apply(
                f"{MAPS}/a",
                {**config_map("a"), "metadata": {"name": "a", "managedFields": [{"manager": "x"}]}},
                "one",
            ),
        ],
        id="server-side apply of a ConfigMap: conflicts, ownership, removal",
    ),
    pytest.param(
        [
            apply(f"{DEPLOYMENTS}/web", deployment("web"), "one"),
            apply(
                f"{DEPLOYMENTS}/web",
                {
                    **deployment("web"),
                    "spec": {
                        "template": {
                            "spec": {"containers": [{"name": "main", "image": "example.dev/app:2"}]}
                        }
                    },
                },
                "two",
            ),
            apply(
                f"{DEPLOYMENTS}/web",
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "metadata": {"name": "web"},
                    "spec": {
                        "template": {
                            "spec": {
                                "containers": [
                                    {"name": "main", "env": [{"name": "A", "value": "1"}]},
                                    {"name": "side", "image": "example.dev/side:1"},
                                ]
                            }
                        }
                    },
                },
                "two",
            ),
            patch(
                f"{DEPLOYMENTS}/web",
                {
                    "spec": {
                        "template": {
                            "spec": {
                                "containers": [
                                    {"name": "main", "env": [{"name": "B", "value": "2"}]},
                                    {"name": "side", "$patch": "delete"},
                                ]
                            }
                        }
                    }
                },
                STRATEGIC,
                query={"fieldManager": "three"},
            ),
            patch(f"{DEPLOYMENTS}/web", {"spec": {"replicas": -1}}),
            patch(f"{DEPLOYMENTS}/web", {"spec": {"selector": {"matchLabels": {"app": "x"}}}}),
            delete(f"{DEPLOYMENTS}/web", {"propagationPolicy": "Background"}),
        ],
        id="a Deployment: defaults, list maps, strategic patches",
    ),
]
