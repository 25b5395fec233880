"""patch-and-transform: transforms, patches, readiness and the connection Secret, as tables."""

import base64
from typing import Any

import pytest

from towpath.capabilities.infrastructure.compositions.functions import fieldpath
from towpath.capabilities.infrastructure.compositions.functions.contract import (
    FunctionError,
    Observed,
    Request,
    State,
)
from towpath.capabilities.infrastructure.compositions.functions.gofmt import sprintf
from towpath.capabilities.infrastructure.compositions.functions.patch_and_transform import (
    CONNECTION_SECRET,
    patch_and_transform,
)
from towpath.capabilities.infrastructure.compositions.functions.readiness import is_ready
from towpath.capabilities.infrastructure.compositions.functions.transforms import transform
from towpath.machinery.objects import RawObject

COMPOSITE: RawObject = {
    "apiVersion": "example.org/v1",
    "kind": "XThing",
    "metadata": {"name": "one", "namespace": "demo", "uid": "12345678-aaaa"},
    "spec": {"size": "small", "tags": ["a", "b"], "count": 3},
}


@pytest.mark.parametrize(
    ("template", "values", "expected"),
    [
        pytest.param("%s-%s", ["a", "b"], "a-b", id="strings are placed in order"),
        pytest.param("%.3s", ["abcdef"], "abc", id="a precision cuts a string"),
        pytest.param("%d", ["x"], "%!d(string=x)", id="a wrong type is printed into the text"),
        pytest.param("%s", [], "%!s(MISSING)", id="a missing value is printed into the text"),
        pytest.param("%s", ["a", 2], "a%!(EXTRA int64=2)", id="a value too many is shown"),
        pytest.param("%05d|%-4s|", [42, "ab"], "00042|ab  |", id="width, zeros and left side"),
        pytest.param("100%%", [], "100%", id="two percent signs are one"),
        pytest.param("%v", [[1, True]], "[1 true]", id="a list as Go prints it"),
    ],
)
def test_formats_are_gos(template: str, values: list[Any], expected: str) -> None:
    assert sprintf(template, values) == expected


@pytest.mark.parametrize(
    ("value", "one", "expected"),
    [
        pytest.param(
            "a", {"type": "map", "map": {"a": {"b": 1}}}, {"b": 1}, id="map gives any value"
        ),
        pytest.param(3, {"type": "math", "math": {"multiply": 4}}, 12, id="integers stay integers"),
        pytest.param(
            9,
            {"type": "math", "math": {"type": "ClampMax", "clampMax": 5}},
            5,
            id="a number is clamped",
        ),
        pytest.param(
            "v1.2",
            {
                "type": "string",
                "string": {"type": "Regexp", "regexp": {"match": r"v(\d+)", "group": 1}},
            },
            "1",
            id="a group of a regular expression",
        ),
        pytest.param(
            "abc",
            {"type": "string", "string": {"type": "Convert", "convert": "ToSha1"}},
            "a9993e364706816aba3e25717850c26c9cd0d89d",
            id="a digest of the string itself",
        ),
        pytest.param(
            "500m",
            {"type": "convert", "convert": {"toType": "float64", "format": "quantity"}},
            0.5,
            id="a quantity becomes a number",
        ),
        pytest.param(
            "x",
            {"type": "match", "match": {"patterns": [], "fallbackTo": "Input"}},
            "x",
            id="match falls back to its input",
        ),
    ],
)
def test_a_transform_gives(value: Any, one: RawObject, expected: Any) -> None:
    assert transform(value, [one]) == expected


@pytest.mark.parametrize(
    "one",
    [
        pytest.param({"type": "map", "map": {"b": 1}}, id="a key that the map does not have"),
        pytest.param({"type": "rot13"}, id="an unknown type"),
        pytest.param({"type": "math", "math": {"multiply": 2}}, id="math on a string"),
        pytest.param({"type": "string"}, id="a type without its configuration"),
    ],
)
def test_a_transform_that_cannot_work_says_so(one: RawObject) -> None:
    with pytest.raises(FunctionError):
        transform("a", [one])


@pytest.mark.parametrize(
    ("path", "segments"),
    [
        ("spec.tags[0].name", ["spec", "tags", 0, "name"]),
        ("metadata.annotations[a.b/c]", ["metadata", "annotations", "a.b/c"]),
        ("a[*].b", ["a", "*", "b"]),
    ],
)
def test_a_field_path_is_read_as(path: str, segments: list[str | int]) -> None:
    assert fieldpath.parse(path) == segments


def test_writing_makes_what_is_missing_on_the_way() -> None:
    obj: RawObject = {}
    fieldpath.put(obj, fieldpath.parse("a.b[1].c"), "x")
    assert obj == {"a": {"b": [None, {"c": "x"}]}}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("Replace", {"a": [2]}),
        ("MergeObjects", {"a": [1], "k": 1}),
        ("MergeObjectsAppendArrays", {"a": [1, 2], "k": 1}),
        ("ForceMergeObjects", {"a": [2], "k": 1}),
        ("ForceMergeObjectsAppendArrays", {"a": [1, 2], "k": 1}),
    ],
)
def test_a_merge_policy_gives(policy: str, expected: RawObject) -> None:
    assert fieldpath.merge({"a": [1], "k": 1}, {"a": [2]}, policy) == expected


def _compose(resource: RawObject, observed: dict[str, Observed] | None = None) -> State:
    request = Request(COMPOSITE, observed or {}, {"resources": [resource]})
    return patch_and_transform(request, State())


def test_a_missing_source_skips_the_patch_and_a_required_one_leaves_the_resource_out() -> None:
    patch = {"type": "FromCompositeFieldPath", "fromFieldPath": "spec.nope", "toFieldPath": "a"}
    base = {"apiVersion": "v1", "kind": "ConfigMap"}
    optional = _compose({"name": "x", "base": base, "patches": [patch]})
    assert optional.resources["x"].resource == base
    required = {**patch, "policy": {"fromFieldPath": "Required"}}
    state = _compose({"name": "x", "base": base, "patches": [required]})
    assert state.resources == {} and len(state.warnings) == 1


def test_two_templates_of_one_name_are_refused() -> None:
    base = {"apiVersion": "v1", "kind": "ConfigMap"}
    templates = [{"name": "x", "base": base}, {"name": "x", "base": base}]
    with pytest.raises(FunctionError):
        patch_and_transform(Request(COMPOSITE, {}, {"resources": templates}), State())


def test_connection_details_become_a_secret_and_status_flows_back() -> None:
    base = {"apiVersion": "v1", "kind": "Thing"}
    live = {**base, "metadata": {"name": "made"}, "status": {"id": "i-1"}}
    state = _compose(
        {
            "name": "x",
            "base": base,
            "readinessChecks": [{"type": "NonEmpty", "fieldPath": "status.id"}],
            "patches": [
                {
                    "type": "ToCompositeFieldPath",
                    "fromFieldPath": "status.id",
                    "toFieldPath": "status.id",
                }
            ],
            "connectionDetails": [
                {
                    "name": "user",
                    "type": "FromConnectionSecretKey",
                    "fromConnectionSecretKey": "username",
                },
                {"name": "id", "type": "FromFieldPath", "fromFieldPath": "status.id"},
            ],
        },
        {"x": Observed(live, {"username": b"me"})},
    )
    assert state.composite_status == {"id": "i-1"}
    assert state.resources["x"].resource["metadata"] == {"name": "made"}
    assert state.resources["x"].ready is True
    secret = state.resources[CONNECTION_SECRET].resource
    assert secret["metadata"] == {"name": "one-connection", "namespace": "demo"}
    assert {key: base64.b64decode(value) for key, value in secret["data"].items()} == {
        "user": b"me",
        "id": b"i-1",
    }


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        (None, False),
        ([{"type": "None"}], True),
        ([{"type": "MatchString", "fieldPath": "status.phase", "matchString": "Up"}], True),
        ([{"type": "MatchTrue", "fieldPath": "status.missing"}], False),
    ],
)
def test_readiness_is(checks: list[RawObject] | None, expected: bool) -> None:
    assert is_ready({"status": {"phase": "Up"}}, checks) is expected
