"""Structural schemas: prune, default, validate, in the words of a kube-apiserver 1.35."""

from typing import Any

import pytest

from towpath.machinery.causes import invalid
from towpath.machinery.schemas import compile_schema, structural_errors

PORTS = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
    "items": {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "pattern": "^[a-z]+$"},
            "port": {"x-kubernetes-int-or-string": True},
        },
    },
}
SPEC = {
    "size": {"type": "string", "enum": ["small", "large"]},
    "replicas": {"type": "integer", "minimum": 1, "maximum": 9, "default": 1},
    "ports": PORTS,
    "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
    "when": {"type": "string", "format": "date-time"},
    "labels": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 3}},
    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "maybe": {"type": "string", "nullable": True},
    "one": {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
    },
    "items": {"type": "array", "maxItems": 1, "items": {"type": "integer"}},
}


def schema_of(properties: dict[str, Any], **more: Any) -> Any:
    spec = {"type": "object", "properties": properties, **more}
    return compile_schema({"type": "object", "properties": {"spec": spec}})


WIDGET = schema_of(SPEC, required=["size"])


def obj(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "towpath.dev/v1alpha1",
        "kind": "Widget",
        "metadata": {"name": "w"},
        "spec": {"size": "small", **spec},
    }


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        pytest.param({"size": None}, "spec.size", "Required value", id="a null is absent"),
        pytest.param(
            {"size": "x"},
            "spec.size",
            'Unsupported value: "x": supported values: "small", "large"',
            id="not one of the enum",
        ),
        pytest.param(
            {"replicas": "3"},
            "spec.replicas",
            'Invalid value: "string": spec.replicas in body must be of type integer: "string"',
            id="text where a number belongs",
        ),
        pytest.param(
            {"replicas": 0},
            "spec.replicas",
            "Invalid value: 0: spec.replicas in body should be greater than or equal to 1",
            id="below the minimum",
        ),
        pytest.param(
            {"ports": [{"port": 1}]},
            "spec.ports[0].name",
            "Required value",
            id="a required field in a list",
        ),
        pytest.param(
            {"ports": [{"name": "A"}]},
            "spec.ports[0].name",
            "Invalid value: \"A\": spec.ports[0].name in body should match '^[a-z]+$'",
            id="a pattern",
        ),
        pytest.param(
            {"ports": [{"name": "a", "port": True}]},
            "spec.ports[0].port",
            'Invalid value: "boolean": spec.ports[0].port in body must be of type '
            'integer,string: "boolean"',
            id="neither integer nor string",
        ),
        pytest.param(
            {"ports": [{"name": "a"}, {"name": "a"}]},
            "spec.ports[1]",
            'Duplicate value: {"name":"a"}',
            id="two items with the same key",
        ),
        pytest.param(
            {"tags": ["a", "b", "a", "a"]},
            "spec.tags[2]",
            'Duplicate value: "a"',
            id="a repeated value in a set",
        ),
        pytest.param(
            {"when": "soon"},
            "spec.when",
            'Invalid value: "soon": spec.when in body must be of type date-time: "soon"',
            id="a format",
        ),
        pytest.param(
            {"labels": {"a.b": "long"}},
            "spec.labels.a.b",
            "Too long: may not be more than 3 bytes",
            id="a value in a map",
        ),
        pytest.param(
            {"items": [1, 2]},
            "spec.items",
            "Too many: 2: must have at most 1 item",
            id="too many items",
        ),
    ],
)
def test_a_violation_is_named_as_kubernetes_names_it(
    spec: dict[str, Any], field: str, message: str
) -> None:
    found = obj(**spec)
    WIDGET.prune(found)
    WIDGET.default(found)
    assert [(cause.field, cause.message) for cause in WIDGET.validate(found)] == [(field, message)]


def test_a_good_object_has_nothing_wrong() -> None:
    found = obj(
        ports=[{"name": "a", "port": "http"}, {"name": "b", "port": 1}],
        when="2024-05-06T07:08:09.123Z",
        maybe=None,
        one={"a": "x"},
    )
    assert WIDGET.prune(found) == []
    WIDGET.default(found)
    assert WIDGET.validate(found) == []
    assert found["spec"]["replicas"] == 1


def test_one_of_names_the_branch_that_was_nearest() -> None:
    causes = WIDGET.validate(obj(one={}))
    assert [cause.field for cause in causes] == ["<nil>", "spec.one.a"]
    assert causes[0].message.endswith(
        '"spec.one" must validate one and only one schema (oneOf). Found none valid'
    )


def test_the_message_of_the_status_lists_every_cause() -> None:
    error = invalid("towpath.dev", "Widget", "w", WIDGET.validate(obj(size="x")))
    assert error.code == 422
    assert error.message == (
        'Widget.towpath.dev "w" is invalid: spec.size: Unsupported value: "x": '
        'supported values: "small", "large"'
    )
    assert error.to_status()["details"]["kind"] == "Widget"


def test_unknown_fields_go_and_are_named() -> None:
    found = obj(foo=1, ports=[{"name": "a", "x": {"y": 1}}], free={"any": {"thing": 1}})
    found["metadata"]["colour"] = "red"
    found["extra"] = True
    before = WIDGET.unknown(found)
    assert before == ["extra", "metadata.colour", "spec.foo", "spec.ports[0].x"]
    assert WIDGET.prune(found) == before
    assert found["spec"] == {
        "size": "small",
        "ports": [{"name": "a"}],
        "free": {"any": {"thing": 1}},
    }
    assert found["metadata"] == {"name": "w"}


def test_preserving_unknown_fields_is_not_inherited() -> None:
    schema = schema_of(
        {
            "keep": {
                "type": "object",
                "x-kubernetes-preserve-unknown-fields": True,
                "properties": {"strict": {"type": "object", "properties": {"a": {}}}},
            }
        }
    )
    found = {"spec": {"keep": {"free": {"b": 1}, "strict": {"a": 1, "b": 2}}}}
    assert schema.prune(found) == ["spec.keep.strict.b"]
    assert found["spec"]["keep"]["free"] == {"b": 1}


def test_an_embedded_resource_keeps_its_identity() -> None:
    schema = schema_of(
        {
            "manifest": {
                "type": "object",
                "x-kubernetes-embedded-resource": True,
                "properties": {"spec": {"type": "object", "properties": {}}},
            }
        }
    )
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "status": {}}
    found = {"spec": {"manifest": manifest}}
    assert schema.prune(found) == ["spec.manifest.status"]
    assert set(manifest) == {"apiVersion", "kind", "metadata"}


def test_nulls_are_replaced_by_defaults_or_dropped() -> None:
    found = obj(replicas=None, when=None, maybe=None, labels={"a": None})
    assert WIDGET.prune(found) == []
    WIDGET.default(found)
    assert found["spec"] == {"size": "small", "replicas": 1, "maybe": None, "labels": {}}


def test_defaults_fill_what_is_there_and_are_not_shared() -> None:
    schema = schema_of(
        {
            "a": {"type": "object", "properties": {"b": {"type": "integer", "default": 2}}},
            "c": {"type": "array", "default": [{"d": 1}], "items": {"type": "object"}},
        }
    )
    first: dict[str, Any] = {"spec": {"a": {}}}
    second: dict[str, Any] = {"spec": {}}
    schema.default(first)
    schema.default(second)
    assert first["spec"] == {"a": {"b": 2}, "c": [{"d": 1}]}
    assert second["spec"] == {"c": [{"d": 1}]}
    assert first["spec"]["c"] is not second["spec"]["c"]


RULES = schema_of(
    {
        "replicas": {
            "type": "integer",
            "x-kubernetes-validations": [{"rule": "self >= oldSelf", "message": "may only grow"}],
        },
        "most": {"type": "integer"},
        "started": {"type": "string", "format": "date-time"},
        "x-y": {"type": "string"},
        "unit": {"type": "string", "maxLength": 9},
        "ports": {
            **PORTS,
            "maxItems": 9,
            "items": {
                **PORTS["items"],  # type: ignore[dict-item]
                "x-kubernetes-validations": [
                    {"rule": "self.port == oldSelf.port", "fieldPath": ".port"}
                ],
            },
        },
    },
    **{
        "x-kubernetes-validations": [
            {
                "rule": "!has(self.most) || self.replicas <= self.most",
                "messageExpression": "self.most > 1 ? 'at most ' + self.unit : 'few'",
            },
            {
                "rule": "!has(self.x__dash__y) || self.x__dash__y == 'a'",
                "reason": "FieldValueForbidden",
            },
            {"rule": "!has(self.started) || self.started < timestamp('2030-01-01T00:00:00Z')"},
            {"rule": "oldSelf.hasValue() || self.replicas < 100", "optionalOldSelf": True},
        ]
    },
)


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        pytest.param({"replicas": 1}, None, [], id="a transition rule waits for an old value"),
        pytest.param(
            {"replicas": 1},
            {"replicas": 2},
            [("spec.replicas", "Invalid value: 1: may only grow")],
            id="a transition rule sees the old value",
        ),
        pytest.param(
            {"replicas": 3, "most": 2, "unit": "two"},
            None,
            [("spec", "Invalid value: at most two")],
            id="a message expression speaks",
        ),
        pytest.param(
            {"replicas": 3, "most": 2},
            {"replicas": 3, "most": 2},
            [],
            id="an unchanged value may stay wrong",
        ),
        pytest.param(
            {"x-y": "b", "replicas": 1},
            None,
            [("spec", "Forbidden: failed rule: !has(self.x__dash__y) || self.x__dash__y == 'a'")],
            id="an escaped name and a reason",
        ),
        pytest.param({"replicas": 1, "started": "2024-01-01T00:00:00Z"}, None, [], id="a time"),
        pytest.param(
            {"replicas": 100},
            None,
            [
                (
                    "spec",
                    "Invalid value: failed rule: oldSelf.hasValue() || self.replicas < 100",
                )
            ],
            id="an optional old value is none on create",
        ),
        pytest.param({"replicas": 100}, {"replicas": 1}, [], id="an optional old value is there"),
        pytest.param(
            {"replicas": 1, "ports": [{"name": "b", "port": 1}, {"name": "a", "port": 2}]},
            {"replicas": 1, "ports": [{"name": "a", "port": 1}]},
            [
                (
                    "spec.ports[1].port",
                    "Invalid value: failed rule: self.port == oldSelf.port",
                )
            ],
            id="items of a map list are matched by their keys",
        ),
    ],
)
def test_rules(new: dict[str, Any], old: dict[str, Any] | None, expected: list[Any]) -> None:
    causes = RULES.validate({"spec": new}, {"spec": old} if old is not None else None)
    assert [(cause.field, cause.message) for cause in causes] == expected


def test_an_error_that_was_there_before_does_not_stop_an_update() -> None:
    old = obj(ports=[{"name": "A"}, {"name": "b"}])
    new = obj(ports=[{"name": "b", "port": 1}, {"name": "A"}], replicas=2)
    assert WIDGET.validate(old)
    assert WIDGET.validate(new, old) == []
    assert WIDGET.validate(obj(ports=[{"name": "B"}]), old)


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        pytest.param({"properties": {}}, "type", id="the root needs a type"),
        pytest.param(
            {"type": "object", "properties": {"a": {}}}, "properties[a].type", id="so do fields"
        ),
        pytest.param(
            {"type": "object", "properties": {"a": {"type": "array"}}},
            "properties[a].items",
            id="an array needs items",
        ),
        pytest.param(
            {"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}},
            "properties[a].pattern",
            id="a pattern that does not compile",
        ),
        pytest.param(
            {
                "type": "object",
                "properties": {"a": {"type": "object"}},
                "oneOf": [{"properties": {"z": {"minimum": 1}}}],
            },
            "properties[z]",
            id="a branch may only restrict what is declared",
        ),
        pytest.param(
            {
                "type": "object",
                "properties": {
                    "a": {
                        "type": "string",
                        "x-kubernetes-validations": [{"rule": "self.startsWith("}],
                    }
                },
            },
            "properties[a].x-kubernetes-validations[0].rule",
            id="a rule that does not compile",
        ),
        pytest.param(
            {
                "type": "object",
                "properties": {
                    "a": {
                        "type": "array",
                        "maxItems": 3,
                        "items": {
                            "type": "string",
                            "maxLength": 9,
                            "x-kubernetes-validations": [{"rule": "self == oldSelf"}],
                        },
                    }
                },
            },
            "properties[a].items.x-kubernetes-validations[0].rule",
            id="an old value where nothing can be matched",
        ),
        pytest.param(
            {
                "type": "object",
                "properties": {
                    "a": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["k"],
                        "items": {"type": "object", "properties": {"k": {"type": "string"}}},
                    }
                },
            },
            "properties[a].items.properties[k].default",
            id="a key must be required or have a default",
        ),
    ],
)
def test_a_schema_that_is_not_structural_is_refused(schema: dict[str, Any], field: str) -> None:
    assert [cause.field for cause in structural_errors(schema, "s")] == [f"s.{field}"]


def test_the_schemas_above_are_structural() -> None:
    assert structural_errors(RULES.openapi) == []
    assert structural_errors(WIDGET.openapi) == []


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        (r"^[[:alnum:]-]+$", "a-1", True),
        (r"^[^[:space:]]+$", "a b", False),
        (r"^\p{Lu}", "Ä", True),
        (r"^\d+$", "12", True),
        (r"b", "abc", True),
    ],
)
def test_patterns_mean_what_they_mean_in_go(pattern: str, value: str, fits: bool) -> None:
    schema = schema_of({"a": {"type": "string", "pattern": pattern}})
    assert structural_errors(schema.openapi) == []
    assert (schema.validate({"spec": {"a": value}}) == []) is fits


@pytest.mark.parametrize(
    ("format_name", "good", "bad"),
    [
        ("ipv4", "10.0.0.1", "10.0.0.256"),
        ("ipv6", "::1", "1"),
        ("cidr", "10.0.0.0/8", "10.0.0.0"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123"),
        ("hostname", "a.example.com", "-a-"),
        ("uri", "https://a.b/c", "a b"),
        ("email", "a@b.c", "a"),
        ("byte", "aGk=", "a"),
        ("date", "2024-02-29", "2023-02-29"),
        ("date-time", "2024-02-29T01:02:03Z", "2024-02-29"),
        ("duration", "1h", "x"),
        ("mac", "01:23:45:67:89:ab", "01:23"),
    ],
)
def test_formats(format_name: str, good: str, bad: str) -> None:
    schema = schema_of({"a": {"type": "string", "format": format_name}})
    assert schema.validate({"spec": {"a": good}}) == []
    assert len(schema.validate({"spec": {"a": bad}})) == 1


def test_formats_that_kubernetes_does_not_know_are_ignored() -> None:
    schema = schema_of({"a": {"type": "string", "format": "int-or-poem"}})
    assert schema.validate({"spec": {"a": "x"}}) == []


def test_rules_wait_until_the_rest_is_right() -> None:
    rules = [{"rule": "self.size == 'large'", "message": "too small"}]
    schema = schema_of(SPEC, required=["size"], **{"x-kubernetes-validations": rules})
    causes = schema.validate(obj(size="huge"))
    assert [cause.field for cause in causes] == ["spec.size", "<nil>"]
    assert "some validation rules were not checked" in causes[1].message
    # A bad pattern is no reason to keep the rules quiet.
    causes = schema.validate(obj(ports=[{"name": "Web"}]))
    assert [cause.field for cause in causes] == ["spec.ports[0].name", "spec"]


def test_of_a_text_only_the_first_mistake_is_told() -> None:
    text = {"type": "string", "maxLength": 3, "pattern": "^[a-z]+$"}
    causes = schema_of({"text": text}).validate(obj(text="TOO LONG"))
    assert [cause.reason for cause in causes] == ["FieldValueTooLong"]
