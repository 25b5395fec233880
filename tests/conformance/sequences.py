"""What both servers are asked: one list of steps for each promise of the API."""

from typing import Any

import pytest
from tests.conformance.sides import (
    JSON_PATCH,
    STRATEGIC,
    Step,
    apply,
    delete,
    get,
    patch,
    post,
    put,
)

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
MAPS = "/api/v1/namespaces/{ns}/configmaps"
SECRETS = "/api/v1/namespaces/{ns}/secrets"
PODS = "/api/v1/namespaces/{ns}/pods"
SERVICES = "/api/v1/namespaces/{ns}/services"
DEPLOYMENTS = "/apis/apps/v1/namespaces/{ns}/deployments"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/{ns}.example.dev/v1/namespaces/{ns}/widgets"
Object = dict[str, Any]


def config_map(name: str, **fields: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **fields}


def secret(name: str, **fields: Any) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, **fields}


def pod(name: str, **spec: Any) -> Object:
    container = {"name": "main", "image": "example.dev/app:1"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], **spec},
    }


def deployment(name: str, **spec: Any) -> Object:
    container = {"name": "main", "image": "example.dev/app:1", "ports": [{"containerPort": 8080}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": name}},
            "template": template,
            **spec,
        },
    }


SPEC_SCHEMA: Object = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 0, "maximum": 10},
        "count": {"type": "integer"},
        "color": {"type": "string", "enum": ["red", "green"], "default": "red"},
        "name": {"type": "string", "maxLength": 5, "pattern": "^[a-z]*$"},
        "at": {"type": "string", "format": "date-time"},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "amount": {"x-kubernetes-int-or-string": True},
        "maybe": {"type": "string", "nullable": True},
        "tags": {
            "type": "array",
            "x-kubernetes-list-type": "set",
            "maxItems": 3,
            "items": {"type": "string"},
        },
        "ports": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["number"],
            "items": {
                "type": "object",
                "required": ["number"],
                "properties": {
                    "number": {"type": "integer"},
                    "protocol": {"type": "string", "default": "TCP"},
                },
            },
        },
        "min": {"type": "integer"},
        "max": {"type": "integer"},
        "fixed": {
            "type": "string",
            "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "is immutable"}],
        },
    },
    "x-kubernetes-validations": [
        {
            "rule": "!has(self.min) || !has(self.max) || self.min <= self.max",
            "message": "min must not be greater than max",
        },
        {
            "rule": "!has(self.max) || self.max < 100",
            "messageExpression": "'max must be under ' + '100'",
            "fieldPath": ".max",
            "reason": "FieldValueForbidden",
        },
    ],
}


def widget_definition(**version: Any) -> Object:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.{ns}.example.dev"},
        "spec": {
            "group": "{ns}.example.dev",
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "shortNames": ["wi"]},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "spec": SPEC_SCHEMA,
                                "status": {
                                    "type": "object",
                                    "properties": {
                                        "ready": {"type": "boolean"},
                                        "replicas": {"type": "integer"},
                                    },
                                },
                            },
                        }
                    },
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.count",
                            "statusReplicasPath": ".status.replicas",
                        },
                    },
                    "additionalPrinterColumns": [
                        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                        {
                            "name": "Color",
                            "type": "string",
                            "jsonPath": ".spec.color",
                            "description": "What it looks like",
                            "priority": 1,
                        },
                        {
                            "name": "Age",
                            "type": "date",
                            "jsonPath": ".metadata.creationTimestamp",
                        },
                    ],
                    **version,
                }
            ],
        },
    }


def widget(name: str = "w", **spec: Any) -> Object:
    return {
        "apiVersion": "{ns}.example.dev/v1",
        "kind": "Widget",
        "metadata": {"name": name},
        "spec": {"size": 1, **spec},
    }


def served(status: int, body: Any) -> bool:
    return status == 200


def established(status: int, body: Any) -> bool:
    conditions = body["status"].get("conditions") or () if status == 200 else ()
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


DEFINE: list[Step] = [
    post(CRDS, widget_definition(), quiet=True),
    get(f"{CRDS}/widgets.{{ns}}.example.dev", until=established, quiet=True),
    get(WIDGETS, until=served, quiet=True),
]


def refused(name: str, body: Object, **options: Any) -> Step:
    return post(WIDGETS, body, query={"fieldManager": "one"}, **options)


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

CUSTOM = [
    pytest.param(
        [
            post(CRDS, widget_definition()),
            get(f"{CRDS}/widgets.{{ns}}.example.dev", until=established),
            get(WIDGETS, until=served),
            post(WIDGETS, widget(unknown=1, free={"x": [1]}, ports=[{"number": 80}])),
            post(WIDGETS, widget("strict", unknown=1), query={"fieldValidation": "Strict"}),
            get(f"{WIDGETS}/w", accept=TABLE),
            get(WIDGETS, accept=TABLE),
            get(WIDGETS, accept=PARTIAL_LIST),
            get(f"{WIDGETS}/w", accept=PARTIAL),
            get(f"{WIDGETS}/w/status"),
            get(f"{WIDGETS}/w/scale"),
            patch(f"{WIDGETS}/w/scale", {"spec": {"replicas": 3}}, query={"fieldManager": "s"}),
            patch(f"{WIDGETS}/w/status", {"status": {"ready": True}, "spec": {"size": 9}}),
            patch(f"{WIDGETS}/w", {"status": {"ready": False}, "spec": {"size": 4}}),
            patch(f"{WIDGETS}/w", {"spec": {"size": 4}}, STRATEGIC),
            put(f"{WIDGETS}/w", {**widget(size=5)}),
            put(f"{WIDGETS}/w", lambda live: {**live, "spec": {"size": 6}}),
            put(f"{WIDGETS}/absent", widget("absent")),
            delete(f"{WIDGETS}/w"),
            delete(f"{CRDS}/widgets.{{ns}}.example.dev"),
            get(WIDGETS, until=lambda s, b: s == 404),
        ],
        id="a kind of our own comes, serves and goes",
    ),
    pytest.param(
        [
            *DEFINE,
            refused("range", widget(size=11)),
            refused("negative", widget(size=-1)),
            refused("type", widget(size="many")),
            refused("fraction", widget(size=1.5)),
            refused("missing", {**widget(), "spec": {}}),
            refused("no spec", {**widget(), "spec": None}),
            refused("enum", widget(color="blue")),
            refused("long", widget(name="toolong")),
            refused("pattern", widget(name="A1")),
            refused("both", widget(name="TOOLONG")),
            refused("time", widget(at="yesterday")),
            refused("map", widget(labels={"a": 1})),
            refused("intstr", widget(amount=True)),
            refused("null", widget(color=None, maybe=None)),
            refused("null size", widget(size=None)),
            refused("set", widget(tags=["a", "a"])),
            refused("items", widget(tags=["a", "b", "c", "d"])),
            refused("map keys", widget(ports=[{"number": 1}, {"number": 1}])),
            refused("map key", widget(ports=[{}])),
            refused("cel", widget(min=3, max=2)),
            refused("cel message", widget(max=100)),
            refused("many", widget(size=11, color="blue", name="A", min=2, max=1)),
            refused("name", widget("Bad_Name")),
            refused("list", {**widget(), "spec": []}),
            refused("kind", {**widget(), "kind": "Gadget"}),
            post(WIDGETS, widget(fixed="a"), quiet=True),
            patch(f"{WIDGETS}/w", {"spec": {"fixed": "b"}}),
            patch(f"{WIDGETS}/w", {"spec": {"fixed": None}}),
            patch(f"{WIDGETS}/w", {"spec": {"size": "x"}}),
            patch(
                f"{WIDGETS}/w", [{"op": "replace", "path": "/spec/size", "value": 99}], JSON_PATCH
            ),
            patch(f"{WIDGETS}/w", [{"op": "test", "path": "/spec/size", "value": 99}], JSON_PATCH),
            patch(f"{WIDGETS}/w", [{"op": "remove", "path": "/spec/nothing"}], JSON_PATCH),
            patch(f"{WIDGETS}/w/status", {"status": {"ready": "yes"}}),
        ],
        id="what a schema and its rules refuse, and in which words",
    ),
    pytest.param(
        [
            *DEFINE,
            apply(f"{WIDGETS}/w", widget(tags=["a"], ports=[{"number": 80}]), "one"),
            apply(f"{WIDGETS}/w", widget(tags=["b"], ports=[{"number": 81}]), "two"),
            apply(f"{WIDGETS}/w", widget(size=2), "two"),
            apply(f"{WIDGETS}/w", widget(size=2, ports=[{"number": 81}]), "two", force=True),
            apply(f"{WIDGETS}/w", widget(size=2, ports=[{}]), "two", force=True),
            apply(f"{WIDGETS}/w", widget(size=99), "two", force=True),
            apply(f"{WIDGETS}/w", widget(size=2, what=1), "two"),
            apply(
                f"{WIDGETS}/w", widget(size=2, what=1), "two", query={"fieldValidation": "Strict"}
            ),
            apply(
                f"{WIDGETS}/w/status",
                {**widget(), "spec": {}, "status": {"ready": True}},
                "three",
            ),
            apply(
                f"{WIDGETS}/w/status",
                {
                    "apiVersion": "{ns}.example.dev/v1",
                    "kind": "Widget",
                    "metadata": {"name": "w"},
                    "status": {"ready": True},
                },
                "three",
            ),
            apply(
                f"{WIDGETS}/absent/status",
                {
                    "apiVersion": "{ns}.example.dev/v1",
                    "kind": "Widget",
                    "metadata": {"name": "absent"},
                    "status": {"ready": True},
                },
                "three",
            ),
            get(f"{WIDGETS}/w"),
        ],
        id="server-side apply of a kind of our own",
    ),
    pytest.param(
        [
            post(CRDS, {**widget_definition(), "metadata": {"name": "wrong.{ns}.example.dev"}}),
            post(
                CRDS,
                widget_definition(
                    schema={"openAPIV3Schema": {"type": "object", "properties": {"a": {}}}}
                ),
            ),
            post(CRDS, widget_definition(schema={})),
            post(CRDS, widget_definition(storage=False)),
            post(
                CRDS,
                widget_definition(
                    schema={
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "spec": {
                                    "type": "object",
                                    "x-kubernetes-validations": [{"rule": "self.nothing > 1"}],
                                }
                            },
                        }
                    }
                ),
            ),
            post(
                CRDS,
                widget_definition(
                    schema={
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "spec": {
                                    "type": "object",
                                    "x-kubernetes-validations": [{"rule": "self.("}],
                                }
                            },
                        }
                    }
                ),
            ),
            post(
                CRDS,
                widget_definition(
                    schema={
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "spec": {
                                    "type": "object",
                                    "x-kubernetes-validations": [{"rule": "size(self)"}],
                                }
                            },
                        }
                    }
                ),
            ),
            post(
                CRDS,
                widget_definition(
                    schema={
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "spec": {
                                    "type": "array",
                                    "items": {"type": "string"},
                                    "x-kubernetes-validations": [
                                        {"rule": "self.all(x, self.all(y, x == y))"}
                                    ],
                                }
                            },
                        }
                    }
                ),
            ),
            post(
                CRDS,
                widget_definition(
                    schema={
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "spec": {
                                    "type": "object",
                                    "default": {"a": 1},
                                    "properties": {"a": {"type": "string"}},
                                }
                            },
                        }
                    }
                ),
            ),
        ],
        id="definitions that cannot be taken",
    ),
]

RIGHTS = [
    pytest.param(
        [
            get(MAPS, user="mallory"),
            get(f"{MAPS}/a", user="mallory"),
            post(MAPS, config_map("a"), user="mallory"),
            delete(f"{MAPS}/a", user="mallory"),
            get("/api/v1/configmaps", user="mallory"),
            get("/api/v1/nodes", user="mallory"),
            get("/metrics", user="mallory"),
            get("/apis", user="mallory"),
            get(f"{DEPLOYMENTS}/x/scale", user="mallory"),
            post(
                "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/roles",
                {
                    "apiVersion": "rbac.authorization.k8s.io/v1",
                    "kind": "Role",
                    "metadata": {"name": "reader"},
                    "rules": [
                        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}
                    ],
                },
            ),
            post(
                "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings",
                {
                    "apiVersion": "rbac.authorization.k8s.io/v1",
                    "kind": "RoleBinding",
                    "metadata": {"name": "reader"},
                    "roleRef": {
                        "apiGroup": "rbac.authorization.k8s.io",
                        "kind": "Role",
                        "name": "reader",
                    },
                    "subjects": [
                        {"kind": "User", "name": "mallory", "apiGroup": "rbac.authorization.k8s.io"}
                    ],
                },
            ),
            get(f"{MAPS}/absent", user="mallory", until=lambda s, b: s == 404),
            delete(f"{MAPS}/a", user="mallory"),
            post(
                "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings",
                {
                    "apiVersion": "rbac.authorization.k8s.io/v1",
                    "kind": "RoleBinding",
                    "metadata": {"name": "bad"},
                    "roleRef": {"apiGroup": "", "kind": "Pod", "name": "reader"},
                    "subjects": [{"kind": "Robot", "name": "x"}],
                },
            ),
            patch(
                "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings/reader",
                {"roleRef": {"name": "other"}},
            ),
            post(
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                {
                    "apiVersion": "authorization.k8s.io/v1",
                    "kind": "SelfSubjectAccessReview",
                    "spec": {
                        "resourceAttributes": {
                            "namespace": "{ns}",
                            "verb": "list",
                            "resource": "configmaps",
                        }
                    },
                },
                user="mallory",
            ),
            post(
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                {
                    "apiVersion": "authorization.k8s.io/v1",
                    "kind": "SelfSubjectAccessReview",
                    "spec": {
                        "resourceAttributes": {
                            "namespace": "{ns}",
                            "verb": "delete",
                            "resource": "pods",
                        }
                    },
                },
                user="mallory",
            ),
            post(
                "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
                user="mallory",
            ),
        ],
        id="who may what, and in which words not",
    ),
]

SHAPES = [
    pytest.param(
        [
            get("/nothing"),
            get("/apis/none.example.dev/v1/things"),
            get("/api/v1/namespaces/{ns}/things"),
            get("/api/v9"),
            post(f"{MAPS}/a", config_map("a")),
            put(MAPS, {}),
            get(MAPS, query={"limit": "x"}),
            get(MAPS, query={"continue": "garbage"}),
            get(MAPS, query={"resourceVersion": "x"}),
            get(MAPS, query={"watch": "true", "resourceVersion": "x"}),
            get(
                MAPS,
                query={
                    "watch": "true",
                    "sendInitialEvents": "true",
                    "resourceVersionMatch": "Exact",
                },
            ),
            get(MAPS, query={"resourceVersionMatch": "Exact"}),
            get(MAPS, accept="application/xml"),
            get(MAPS, accept="application/yaml", query={"labelSelector": "none=x"}),
            get(f"{MAPS}/a/status"),
            get(f"{PODS}/absent/log"),
            get("/version", quiet=True),
            get("/healthz"),
            get("/livez"),
            get("/readyz"),
        ],
        id="paths and questions that make no sense",
    ),
    pytest.param(
        [
            post(
                SECRETS,
                secret("s", stringData={"a": "1"}, data={"b": "Yg=="}),
                query={"fieldManager": "one"},
            ),
            post(SECRETS, secret("t", data={"b": "not base64!"})),
            post(SECRETS, secret("t", type="kubernetes.io/tls", data={"b": "Yg=="})),
            post(SECRETS, secret("t", type="kubernetes.io/basic-auth", data={})),
            patch(f"{SECRETS}/s", {"type": "other"}),
            patch(f"{SECRETS}/s", {"stringData": {"c": "3"}}, query={"fieldManager": "one"}),
            get(f"{SECRETS}/s", accept=TABLE),
            delete(f"{SECRETS}/s"),
        ],
        id="secrets",
    ),
    pytest.param(
        [
            get("/api/v1/namespaces/{ns}/serviceaccounts/default", until=served, quiet=True),
            post(PODS, pod("p"), query={"fieldManager": "one"}),
            post(PODS, pod("q", containers=[])),
            post(PODS, pod("q", containers=[{"name": "Main", "image": ""}])),
            post(PODS, pod("q", restartPolicy="Sometimes")),
            post(
                PODS,
                pod("q", containers=[{"name": "a", "image": "x"}, {"name": "a", "image": "x"}]),
            ),
            post(
                PODS,
                pod(
                    "q",
                    containers=[{"name": "a", "image": "x", "ports": [{"containerPort": 99999}]}],
                ),
            ),
            post(
                PODS,
                pod(
                    "q",
                    containers=[{"name": "a", "image": "x", "env": [{"name": "", "value": "1"}]}],
                ),
            ),
            post(
                PODS,
                pod(
                    "q",
                    containers=[
                        {"name": "a", "image": "x", "resources": {"limits": {"cpu": "a lot"}}}
                    ],
                ),
            ),
            post(
                PODS,
                pod(
                    "q",
                    containers=[
                        {
                            "name": "a",
                            "image": "x",
                            "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}},
                        }
                    ],
                ),
            ),
            post(
                PODS,
                pod(
                    "q",
                    containers=[
                        {
                            "name": "a",
                            "image": "x",
                            "volumeMounts": [{"name": "v", "mountPath": "/x"}],
                        }
                    ],
                ),
            ),
            post(PODS, pod("q", containers="none")),
            patch(f"{PODS}/p", {"spec": {"nodeName": "x"}}),
            patch(f"{PODS}/p", {"spec": {"terminationGracePeriodSeconds": 3}}),
            patch(
                f"{PODS}/p/status",
                {"status": {"phase": "Running"}},
                query={"fieldManager": "kubelet"},
            ),
            get(PODS, accept=TABLE),
            get(PODS, query={"fieldSelector": "status.phase=Running"}, accept=PARTIAL_LIST),
            delete(f"{PODS}/p", {"gracePeriodSeconds": 0}),
        ],
        id="pods",
    ),
    pytest.param(
        [
            post(
                SERVICES,
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "s"},
                    "spec": {"clusterIP": "None", "selector": {"a": "b"}, "ports": [{"port": 80}]},
                },
            ),
            post(
                SERVICES,
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "t"},
                    "spec": {"ports": []},
                },
            ),
            post(
                SERVICES,
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "t"},
                    "spec": {"ports": [{"port": 0}]},
                },
            ),
            post(
                SERVICES,
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "t"},
                    "spec": {"ports": [{"port": 80}, {"port": 81}]},
                },
            ),
            post(
                SERVICES,
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "1t"},
                    "spec": {"ports": [{"port": 80}]},
                },
            ),
            get(SERVICES, accept=TABLE),
            delete(f"{SERVICES}/s"),
        ],
        id="services",
    ),
    pytest.param(
        [
            post(
                "/apis/batch/v1/namespaces/{ns}/cronjobs",
                {
                    "apiVersion": "batch/v1",
                    "kind": "CronJob",
                    "metadata": {"name": "c"},
                    "spec": {
                        "suspend": True,
                        "schedule": "*/5 * * * *",
                        "jobTemplate": {
                            "spec": {
                                "template": {
                                    "spec": {
                                        "restartPolicy": "Never",
                                        "containers": [{"name": "a", "image": "x"}],
                                    }
                                }
                            }
                        },
                    },
                },
            ),
            post(
                "/apis/batch/v1/namespaces/{ns}/cronjobs",
                {
                    "apiVersion": "batch/v1",
                    "kind": "CronJob",
                    "metadata": {"name": "d"},
                    "spec": {
                        "schedule": "whenever",
                        "jobTemplate": {
                            "spec": {
                                "template": {"spec": {"restartPolicy": "Always", "containers": []}}
                            }
                        },
                    },
                },
            ),
            post(
                "/apis/batch/v1/namespaces/{ns}/jobs",
                {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "metadata": {"name": "j"},
                    "spec": {
                        "suspend": True,
                        "template": {
                            "spec": {
                                "restartPolicy": "Never",
                                "containers": [{"name": "a", "image": "x"}],
                            }
                        },
                    },
                },
                query={"dryRun": "All"},
            ),
            post(DEPLOYMENTS, deployment("d", selector={"matchLabels": {"other": "x"}})),
            post(
                DEPLOYMENTS,
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "metadata": {"name": "d"},
                    "spec": {},
                },
            ),
            post(DEPLOYMENTS, deployment("d"), query={"dryRun": "All"}),
            post(
                "/apis/networking.k8s.io/v1/namespaces/{ns}/ingresses",
                {
                    "apiVersion": "networking.k8s.io/v1",
                    "kind": "Ingress",
                    "metadata": {"name": "i"},
                    "spec": {
                        "rules": [
                            {
                                "host": "a.localhost",
                                "http": {
                                    "paths": [
                                        {
                                            "path": "/",
                                            "pathType": "Prefix",
                                            "backend": {
                                                "service": {"name": "s", "port": {"number": 80}}
                                            },
                                        }
                                    ]
                                },
                            }
                        ]
                    },
                },
            ),
            post(
                "/apis/networking.k8s.io/v1/namespaces/{ns}/ingresses",
                {
                    "apiVersion": "networking.k8s.io/v1",
                    "kind": "Ingress",
                    "metadata": {"name": "j"},
                    "spec": {
                        "rules": [
                            {"host": "A_b", "http": {"paths": [{"path": "x", "backend": {}}]}}
                        ]
                    },
                },
            ),
            get("/apis/networking.k8s.io/v1/namespaces/{ns}/ingresses", accept=TABLE),
            post(
                "/apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers",
                {
                    "apiVersion": "autoscaling/v2",
                    "kind": "HorizontalPodAutoscaler",
                    "metadata": {"name": "h"},
                    "spec": {
                        "minReplicas": 3,
                        "maxReplicas": 2,
                        "scaleTargetRef": {"kind": "Deployment", "name": "d"},
                    },
                },
            ),
            post(
                "/apis/policy/v1/namespaces/{ns}/poddisruptionbudgets",
                {
                    "apiVersion": "policy/v1",
                    "kind": "PodDisruptionBudget",
                    "metadata": {"name": "b"},
                    "spec": {
                        "minAvailable": 1,
                        "maxUnavailable": 1,
                        "selector": {"matchLabels": {"a": "b"}},
                    },
                },
            ),
            post(
                "/apis/networking.k8s.io/v1/namespaces/{ns}/networkpolicies",
                {
                    "apiVersion": "networking.k8s.io/v1",
                    "kind": "NetworkPolicy",
                    "metadata": {"name": "n"},
                    "spec": {
                        "podSelector": {},
                        "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 80}]}],
                    },
                },
            ),
        ],
        id="the kinds that a workload is rendered to",
    ),
]

SEQUENCES = [*LIFE, *APPLIED, *CUSTOM, *RIGHTS, *SHAPES]
