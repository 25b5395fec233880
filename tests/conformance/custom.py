"""Sequences about kinds of our own."""

import pytest
from tests.conformance.asked import (
    CRDS,
    DEFINE,
    PARTIAL,
    PARTIAL_LIST,
    TABLE,
    WIDGETS,
    established,
    refused,
    served,
    widget,
    widget_definition,
)
from tests.conformance.sides import JSON_PATCH, STRATEGIC, apply, delete, get, patch, post, put

EMPTY_DEFAULTS = {
    "openAPIV3Schema": {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "list": {"type": "array", "items": {"type": "string"}, "default": []},
                    "map": {
                        "type": "object",
                        "additionalProperties": {"type": "string"},
                        "default": {},
                    },
                    "text": {"type": "string", "default": ""},
                },
            }
        },
    }
}
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
    pytest.param(
        [
            post(CRDS, widget_definition(schema=EMPTY_DEFAULTS)),
            get(f"{CRDS}/widgets.{{ns}}.example.dev", until=established),
            get(WIDGETS, until=served),
            post(WIDGETS, {**widget(), "spec": {}}),
            post(WIDGETS, {**widget("given"), "spec": {"list": ["a"], "map": {"a": "b"}}}),
        ],
        id="defaults that are empty",
    ),
]
