from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.machinery import builtins
from towpath.machinery.errors import Invalid, TooLarge, Unclassified
from towpath.machinery.nesting import DEPTH_MAX
from towpath.machinery.patches import (
    COPIED_BYTES_MAX,
    OPERATIONS_MAX,
    json_patch,
    merge_patch,
    strategic_merge_patch,
)

DEPLOYMENT = builtins.find("apps", "v1", "Deployment")
assert DEPLOYMENT is not None
TYPE = DEPLOYMENT.struct

values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)
documents = st.dictionaries(st.sampled_from("abc"), values, max_size=3)


def merge_diff(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The merge patch from one document to the other."""
    patch: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            patch[name] = merge_diff(before, value)
        elif before != value or type(before) is not type(value):
            patch[name] = value
    return patch


@given(documents, documents)
def test_a_merge_patch_of_the_difference_makes_the_new_document(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    before = deepcopy(old)
    assert merge_patch(old, merge_diff(old, new)) == new
    assert old == before


@given(documents, documents)
def test_a_json_patch_replaces_a_document_field_by_field(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    operations = [{"op": "remove", "path": f"/{name}"} for name in old]
    operations += [{"op": "add", "path": f"/{name}", "value": new[name]} for name in new]
    assert json_patch(old, operations) == new


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        pytest.param([{"op": "add", "path": "/l/-", "value": 3}], {"l": [1, 2, 3]}, id="append"),
        pytest.param([{"op": "add", "path": "/l/0", "value": 0}], {"l": [0, 1, 2]}, id="insert"),
        pytest.param([{"op": "remove", "path": "/l/1"}], {"l": [1]}, id="remove an item"),
        pytest.param([{"op": "move", "from": "/l/0", "path": "/l/1"}], {"l": [2, 1]}, id="move"),
        pytest.param(
            [{"op": "copy", "from": "/l", "path": "/a~1b"}],
            {"l": [1, 2], "a/b": [1, 2]},
            id="copy to an escaped name",
        ),
        pytest.param(
            [{"op": "test", "path": "/none", "value": None}],
            {"l": [1, 2]},
            id="an absent field is null to a test",
        ),
    ],
)
def test_json_patch_operations(operations: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    assert json_patch({"l": [1, 2]}, operations) == expected


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        pytest.param({"op": "remove", "path": "/x"}, Invalid, id="what is not there"),
        pytest.param({"op": "test", "path": "/l", "value": [1]}, Invalid, id="a failed test"),
        pytest.param({"op": "add", "path": "/l/9", "value": 1}, Invalid, id="behind the end"),
        pytest.param({"op": "add", "path": "l", "value": 1}, Invalid, id="not a pointer"),
        pytest.param({"op": "add", "path": "", "value": {}}, Invalid, id="the whole"),
        pytest.param({"op": "swap", "path": "/l"}, Invalid, id="no such operation"),
    ],
)
def test_json_patch_refusals(operation: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        json_patch({"l": [1, 2]}, [operation])


def deployment(*containers: dict[str, Any], **pod: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": list(containers), **pod}}}}


def containers_of(obj: dict[str, Any]) -> Any:
    return obj["spec"]["template"]["spec"]["containers"]


def test_strategic_merge_finds_list_items_by_key() -> None:
    live = deployment(
        {"name": "web", "image": "a:1", "env": [{"name": "A", "value": "1"}]}, {"name": "side"}
    )
    patch = deployment(
        {"name": "web", "image": "a:2", "env": [{"name": "B", "value": "2"}]},
    )
    before = deepcopy(live)
    found = containers_of(strategic_merge_patch(live, patch, TYPE))
    assert found == [
        {
            "name": "web",
            "image": "a:2",
            "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
        },
        {"name": "side"},
    ]
    assert live == before


def test_strategic_merge_directives() -> None:
    live = deployment({"name": "a"}, {"name": "b"}, {"name": "c"}, nodeSelector={"x": "1"})
    removed = strategic_merge_patch(live, deployment({"name": "b", "$patch": "delete"}), TYPE)
    assert containers_of(removed) == [{"name": "a"}, {"name": "c"}]
    replaced = strategic_merge_patch(live, deployment({"$patch": "replace"}, {"name": "z"}), TYPE)
    assert containers_of(replaced) == [{"name": "z"}]
    patch = deployment({"name": "new"})
    patch["spec"]["template"]["spec"]["$setElementOrder/containers"] = [
        {"name": "c"},
        {"name": "new"},
        {"name": "a"},
    ]
    ordered = containers_of(strategic_merge_patch(live, patch, TYPE))
    assert [item["name"] for item in ordered if item["name"] != "b"] == ["c", "new", "a"]
    patch = deployment()
    patch["spec"]["template"]["spec"] = {"nodeSelector": {"$patch": "replace", "y": "2"}}
    pod = strategic_merge_patch(live, patch, TYPE)["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"y": "2"}


def test_strategic_merge_keeps_only_named_fields_of_a_union() -> None:
    live = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    found = strategic_merge_patch(live, patch, TYPE)
    assert found["spec"]["strategy"] == {"type": "Recreate"}


def test_strategic_merge_of_primitive_lists() -> None:
    live = {"metadata": {"finalizers": ["a", "b"]}}
    added = strategic_merge_patch(live, {"metadata": {"finalizers": ["c"]}}, TYPE)
    assert added["metadata"]["finalizers"] == ["c", "a", "b"]
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}
    removed = strategic_merge_patch(live, patch, TYPE)
    assert removed["metadata"]["finalizers"] == ["b"]


def test_strategic_merges_of_long_lists_look_at_each_item_once() -> None:
    """Compared one by one these would take minutes, in which nobody else is answered."""
    many = range(30_000)
    live = {"metadata": {"finalizers": [f"a/{one}" for one in many]}}
    added = {"metadata": {"finalizers": [f"b/{one}" for one in many]}}
    assert len(strategic_merge_patch(live, added, TYPE)["metadata"]["finalizers"]) == 2 * len(many)
    patch = deployment(*({"name": f"b{one}"} for one in many))
    names = [{"name": f"a{one}"} for one in many]
    spec = patch["spec"]["template"]["spec"]
    spec["$setElementOrder/containers"] = [*spec["containers"], *reversed(names)]
    found = containers_of(strategic_merge_patch(deployment(*names), patch, TYPE))
    assert found == spec["$setElementOrder/containers"]


def test_strategic_merge_refuses_an_order_of_no_objects() -> None:
    patch = {"spec": {"template": {"spec": {"$setElementOrder/containers": ["a"]}}}}
    with pytest.raises(Unclassified):
        strategic_merge_patch(deployment({"name": "a"}), patch, TYPE)


def test_strategic_merge_wants_the_key() -> None:
    with pytest.raises(Unclassified, match=r"map\[image:x\] does not contain .* key: name"):
        strategic_merge_patch(deployment({"name": "a"}), deployment({"image": "x"}), TYPE)


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ({"spec": {"$patch": "other"}}, r"unknown patch type: other in map: map\[\$patch:other"),
        ({"spec": {"unknown": {"a": 1}}}, 'in struct DeploymentSpec for the json field "unknown"'),
        ({"metadata": {"labels": {"a": {}}}}, "data type is not struct, instead is: map"),
        ({"$setElementOrder/spec": []}, "expected a .*interface {}, but received a map"),
    ],
)
def test_strategic_merge_knows_the_types_of_what_it_merges(
    patch: dict[str, Any], words: str
) -> None:
    live = {**deployment({"name": "a"}), "metadata": {"labels": {"a": {"b": "c"}}}}
    live["spec"]["unknown"] = {"a": 0}
    with pytest.raises(Unclassified, match=words):
        strategic_merge_patch(live, patch, TYPE)


def test_what_a_merge_patch_adds_has_no_nulls_but_those_of_lists() -> None:
    patch = {"a": {"b": None, "c": [None, {"d": None}]}, "e": None}
    assert merge_patch({"e": 1}, patch) == {"a": {"c": [None, {}]}}
    assert merge_patch({"a": {}}, {"a": {"c": [{"d": None}]}}) == {"a": {"c": [{}]}}


def test_a_json_patch_has_so_many_operations_at_most() -> None:
    test = {"op": "test", "path": "/a", "value": 1}
    assert json_patch({"a": 1}, [test] * OPERATIONS_MAX) == {"a": 1}
    with pytest.raises(TooLarge):
        json_patch({"a": 1}, [test] * (OPERATIONS_MAX + 1))


def test_a_json_patch_cannot_grow_an_object_by_copying_it_into_itself() -> None:
    """Every copy doubles it: thirty of them would be more than there is memory."""
    doubling = [{"op": "copy", "from": "/a", "path": f"/a/x{number}"} for number in range(60)]
    with pytest.raises(Invalid, match=str(COPIED_BYTES_MAX)):
        json_patch({"a": {"text": "x" * 100}}, doubling)


def test_a_json_patch_cannot_nest_an_object_deeper_than_it_may_be() -> None:
    deeper = [{"op": "add", "path": "/a" * depth, "value": {}} for depth in range(1, 1000)]
    assert json_patch({}, deeper[: DEPTH_MAX - 1])
    for operations in (deeper[:DEPTH_MAX], deeper):
        with pytest.raises(Invalid, match="nested"):
            json_patch({}, operations)
    with pytest.raises(Invalid, match="nested"):
        json_patch({}, [*deeper, {"op": "copy", "from": "/a", "path": "/b"}])
