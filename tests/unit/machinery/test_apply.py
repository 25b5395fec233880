"""Server-side apply: who owns what, what goes, what conflicts, and what changes nothing."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.machinery import builtins
from towpath.machinery.apply import (
    LAST_APPLIED,
    UPDATE_MANAGERS_MAX,
    apply,
    manager_name,
    settle,
    track_update,
)
from towpath.machinery.errors import BadRequest, Conflict
from towpath.machinery.topology import topology_of

TOPOLOGY = topology_of(
    {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "replicas": {"type": "integer"},
                    "image": {"type": "string"},
                    "args": {"type": "array", "items": {"type": "string"}},
                    "tags": {
                        "type": "array",
                        "x-kubernetes-list-type": "set",
                        "items": {"type": "string"},
                    },
                    "selector": {
                        "type": "object",
                        "x-kubernetes-map-type": "atomic",
                        "additionalProperties": {"type": "string"},
                    },
                    "ports": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["port", "protocol"],
                        "items": {
                            "type": "object",
                            "properties": {
                                "port": {"type": "integer"},
                                "protocol": {"type": "string", "default": "TCP"},
                                "name": {"type": "string"},
                            },
                        },
                    },
                },
            },
            "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
        },
    }
)


def obj(spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """Without a spec there is none: an empty one would be owned as such."""
    found: dict[str, Any] = {
        "apiVersion": "towpath.dev/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": "n", **metadata},
    }
    return {**found, "spec": spec} if spec else found


def applied(
    live: dict[str, Any] | None, spec: dict[str, Any], manager: str = "a", **options: Any
) -> dict[str, Any]:
    at = options.pop("now", "2024-01-01T00:00:00Z")
    metadata = options.pop("metadata", {})
    return apply(live, obj(spec, **metadata), TOPOLOGY, manager=manager, now=at, **options)


def updated(
    live: dict[str, Any] | None, spec: dict[str, Any], manager: str, **options: Any
) -> dict[str, Any]:
    at = options.pop("now", "2024-01-02T00:00:00Z")
    new = {**(live or obj()), "spec": spec}
    return track_update(live, new, TOPOLOGY, manager=manager, now=at, **options)


def owners(found: dict[str, Any]) -> dict[str, Any]:
    return {
        entry["manager"]: entry["fieldsV1"] for entry in found["metadata"].get("managedFields", ())
    }


def test_an_applier_owns_what_it_wrote_and_nothing_else() -> None:
    found = applied(
        None,
        {"replicas": 1, "ports": [{"port": 80}], "tags": ["x"], "selector": {"a": "b"}},
        metadata={"labels": {"l": "1"}},
    )
    (entry,) = found["metadata"]["managedFields"]
    assert entry == {
        "manager": "a",
        "operation": "Apply",
        "apiVersion": "towpath.dev/v1",
        "time": "2024-01-01T00:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {
            "f:metadata": {"f:labels": {"f:l": {}}},
            "f:spec": {
                "f:replicas": {},
                "f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}},
                "f:tags": {'v:"x"': {}},
                "f:selector": {},
            },
        },
    }


def test_two_appliers_share_an_object() -> None:
    first = applied(None, {"replicas": 1, "ports": [{"port": 80}], "tags": ["x"]})
    both = applied(first, {"image": "i", "ports": [{"port": 81}], "tags": ["y"]}, "b")
    assert both["spec"] == {
        "replicas": 1,
        "image": "i",
        "ports": [{"port": 80}, {"port": 81}],
        "tags": ["x", "y"],
    }
    without = applied(both, {"image": "i"}, "b")
    assert without["spec"] == {
        "replicas": 1,
        "image": "i",
        "ports": [{"port": 80}],
        "tags": ["x"],
    }


def test_what_a_manager_no_longer_names_goes_unless_somebody_else_names_it() -> None:
    shared = applied(applied(None, {"replicas": 1, "image": "i"}), {"replicas": 1}, "b")
    found = applied(shared, {})
    assert found["spec"] == {"replicas": 1}
    assert set(owners(found)) == {"b"}
    assert "spec" not in applied(found, {}, "b")


def test_an_object_keeps_its_name_when_its_only_label_goes() -> None:
    kind = builtins.find("", "v1", "Namespace")
    assert kind is not None
    namespaces = builtins.topology(kind)
    obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}
    labelled = {**obj, "metadata": {"name": "a", "labels": {"tier": "one"}}}
    live = apply(None, labelled, namespaces, manager="m", now="t")
    assert apply(live, obj, namespaces, manager="m", now="t")["metadata"] == {"name": "a"}


def test_a_changed_field_of_another_manager_is_a_conflict() -> None:
    live = applied(applied(None, {"replicas": 1, "image": "i"}), {"tags": ["x"]}, "b")
    with pytest.raises(Conflict) as caught:
        applied(live, {"replicas": 2}, "b")
    assert caught.value.message == 'Apply failed with 1 conflict: conflict with "a": .spec.replicas'
    (cause,) = caught.value.causes
    assert (cause.reason, cause.field, cause.message) == (
        "FieldManagerConflict",
        ".spec.replicas",
        'conflict with "a"',
    )
    forced = applied(live, {"replicas": 2}, "b", force=True)
    assert forced["spec"]["replicas"] == 2
    assert "f:replicas" not in owners(forced)["a"]["f:spec"]


def test_a_conflict_with_an_update_names_its_version_and_subresource() -> None:
    live = updated(applied(None, {"replicas": 1}), {"replicas": 3}, "edit", subresource="scale")
    with pytest.raises(Conflict) as caught:
        applied(live, {"replicas": 1, "image": "i"})
    assert caught.value.causes[0].message == (
        'conflict with "edit" with subresource "scale" using towpath.dev/v1'
    )


def test_an_atomic_value_has_one_owner() -> None:
    live = applied(None, {"selector": {"a": "1"}, "args": ["x"]})
    with pytest.raises(Conflict) as caught:
        applied(live, {"selector": {"b": "2"}, "args": ["y"]}, "b")
    assert [cause.field for cause in caught.value.causes] == [".spec.args", ".spec.selector"]


def test_the_same_value_is_shared_without_conflict() -> None:
    both = applied(applied(None, {"replicas": 1}), {"replicas": 1}, "b")
    assert set(owners(both)) == {"a", "b"}


def test_an_unchanged_apply_changes_nothing() -> None:
    live = applied(None, {"replicas": 1, "tags": ["x"]})
    live["metadata"] |= {"uid": "u", "resourceVersion": "7", "generation": 1}
    live["spec"]["defaulted"] = True
    again = applied(live, {"replicas": 1, "tags": ["x"]}, now="2025-01-01T00:00:00Z")
    assert again == live
    assert settle(live, again) is live


def test_arguments_stay_as_they_are() -> None:
    live = applied(None, {"replicas": 1, "tags": ["x"], "ports": [{"port": 80}]})
    config = {"replicas": 1, "ports": [{"port": 81, "name": "n"}]}
    before = deepcopy((live, config))
    applied(live, config)
    updated(live, config, "edit")
    assert (live, config) == before


def test_an_update_takes_what_it_changed() -> None:
    live = applied(None, {"replicas": 1, "image": "i"})
    found = updated(live, {"replicas": 5, "image": "i"}, "edit")
    assert owners(found) == {
        "a": {"f:spec": {"f:image": {}}},
        "edit": {"f:spec": {"f:replicas": {}}},
    }
    assert updated(found, {"replicas": 5, "image": "i"}, "other", now="later") == found


def test_a_create_owns_everything_with_the_maps_themselves() -> None:
    found = track_update(
        None, obj({"replicas": 1}, labels={"a": "b"}), TOPOLOGY, manager="c", now="t"
    )
    assert owners(found)["c"] == {
        "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
        "f:spec": {".": {}, "f:replicas": {}},
    }


def test_fields_an_endpoint_does_not_write_are_not_owned() -> None:
    new = {**obj({"replicas": 1}), "status": {"phase": "Ready"}}
    found = track_update(None, new, TOPOLOGY, manager="c", now="t", resets=("status",))
    assert "f:status" not in owners(found)["c"]
    status = apply(
        found,
        {**obj({"replicas": 9}), "status": {"phase": "Done"}},
        TOPOLOGY,
        manager="s",
        now="t",
        subresource="status",
        resets=("spec", "metadata"),
    )
    assert (status["spec"], status["status"]) == ({"replicas": 1}, {"phase": "Done"})
    assert owners(status)["s"] == {"f:status": {"f:phase": {}}}


def test_clients_may_edit_and_forget_managed_fields() -> None:
    live = applied(applied(None, {"replicas": 1}), {"image": "i"}, "b")
    edited = deepcopy(live)
    edited["metadata"]["managedFields"].pop(0)
    found = track_update(live, edited, TOPOLOGY, manager="x", now="t")
    assert set(owners(found)) == {"b"}
    edited["metadata"]["managedFields"] = [{}]
    assert (
        track_update(live, edited, TOPOLOGY, manager="x", now="t")["metadata"].get("managedFields")
        is None
    )


def test_an_object_without_owners_gets_one_before_the_first_apply() -> None:
    found = applied(obj({"replicas": 1}), {"image": "i"})
    assert set(owners(found)) == {"a", "before-first-apply"}
    with pytest.raises(Conflict):
        applied(obj({"replicas": 1}), {"replicas": 2})


def test_kubectl_takes_over_what_its_annotation_names() -> None:
    note = '{"apiVersion":"towpath.dev/v1","kind":"Widget","spec":{"replicas":1}}'
    live = track_update(
        None,
        obj({"replicas": 1, "image": "i"}, annotations={LAST_APPLIED: note}),
        TOPOLOGY,
        manager="kubectl-client-side-apply",
        now="t",
    )
    found = applied(live, {"replicas": 2}, "kubectl")
    assert found["spec"]["replicas"] == 2
    assert '"replicas":2' in found["metadata"]["annotations"][LAST_APPLIED]
    with pytest.raises(Conflict):
        applied(live, {"image": "j"}, "kubectl")


def test_the_oldest_updaters_share_an_entry() -> None:
    live: dict[str, Any] = updated(None, {}, "m0")
    for number in range(UPDATE_MANAGERS_MAX + 3):
        spec = {**live["spec"], f"x{number}": 1}
        live = updated(live, spec, f"m{number}", now=f"2024-01-01T00:00:{number:02d}Z")
    names = set(owners(live))
    assert len(names) == UPDATE_MANAGERS_MAX
    assert "ancient-changes" in names
    assert f"m{UPDATE_MANAGERS_MAX + 2}" in names


def test_what_cannot_be_applied() -> None:
    with pytest.raises(BadRequest):
        applied(None, {}, metadata={"managedFields": []})
    with pytest.raises(BadRequest):
        applied(None, {"ports": [{"name": "no port"}]})
    with pytest.raises(BadRequest):
        applied(applied(None, {"ports": [{"port": 1}]}), {"ports": [{"port": 2}, {"port": 2}]})


def test_long_sets_of_two_appliers_are_looked_at_once() -> None:
    """Compared one by one these would take minutes."""
    many = range(20_000)
    live: dict[str, Any] | None = None
    for manager in "abc":
        live = applied(live, {"tags": [f"{manager}{one}" for one in many]}, manager)
    assert live is not None
    assert len(live["spec"]["tags"]) == 3 * len(many)


def test_server_fields_cannot_be_applied() -> None:
    live = applied(None, {"replicas": 1})
    live["metadata"]["uid"] = "real"
    found = applied(live, {"replicas": 1}, metadata={"uid": "forged", "generation": 9})
    assert found["metadata"]["uid"] == "real"
    assert "generation" not in found["metadata"]


def test_containers_of_a_deployment_merge_by_name() -> None:
    kind = builtins.find("apps", "v1", "Deployment")
    assert kind is not None
    topology = builtins.topology(kind)

    def deployment(*containers: dict[str, Any]) -> dict[str, Any]:
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "d"},
            "spec": {"template": {"spec": {"containers": list(containers)}}},
        }

    web = {"name": "web", "image": "a", "ports": [{"containerPort": 80}]}
    live = apply(None, deployment(web), topology, manager="a", now="t")
    side = {"name": "side", "image": "b"}
    patch = {"name": "web", "env": [{"name": "A", "value": "1"}]}
    found = apply(live, deployment(side, patch), topology, manager="b", now="t")
    assert found["spec"]["template"]["spec"]["containers"] == [
        side,
        {**web, "env": [{"name": "A", "value": "1"}]},
    ]


@pytest.mark.parametrize(
    ("field_manager", "user_agent", "expected"),
    [
        ("mine", "kubectl/1.30", "mine"),
        ("", "kubectl/v1.30 (linux)", "kubectl"),
        ("", "", "unknown"),
    ],
)
def test_manager_names(field_manager: str, user_agent: str, expected: str) -> None:
    assert manager_name(field_manager, user_agent) == expected


# An empty list that merges is owned by nobody, so that these are never empty.
ports = st.lists(
    st.fixed_dictionaries({"port": st.integers(1, 4)}, optional={"name": st.sampled_from("ab")}),
    min_size=1,
    max_size=3,
    unique_by=lambda port: port["port"],
)
specs = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.integers(0, 3),
        "image": st.sampled_from("ab"),
        "args": st.lists(st.sampled_from("ab"), max_size=2),
        "tags": st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True),
        "selector": st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=2),
        "ports": ports,
        "free": st.dictionaries(st.sampled_from("ab"), st.integers(0, 2), max_size=2),
    },
)


@given(specs, specs)
def test_applying_twice_is_applying_once(first: dict[str, Any], second: dict[str, Any]) -> None:
    live = applied(applied(None, first), second, "b", force=True)
    again = applied(live, second, "b", now="2030-01-01T00:00:00Z")
    assert settle(live, again) is live


@given(specs, specs)
def test_an_applied_configuration_is_in_the_object(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    found = applied(applied(None, first), second, "b", force=True).get("spec", {})
    for name, value in second.items():
        if name in ("replicas", "image", "args", "selector"):
            assert found[name] == value
        elif name == "tags":
            assert [tag for tag in found.get("tags", []) if tag in value] == value


@given(specs)
def test_managers_of_disjoint_fields_never_conflict(spec: dict[str, Any]) -> None:
    live = applied(None, spec)
    found = applied(live, {"other": 1}, "b")
    assert applied(found, {"other": 2}, "b")["spec"] == {**spec, "other": 2}
    assert owners(found).get("a") == owners(live).get("a")


@given(specs, specs)
def test_giving_everything_back_leaves_what_others_own(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    alone = applied(None, first)
    both = applied(alone, second, "b", force=True)
    left = applied(applied(both, {}, "b"), first, "a", force=True)
    assert set(owners(left)) <= {"a"}
    for name in ("replicas", "image", "args", "selector"):
        # With nothing left in it, it is null.
        assert (left.get("spec") or {}).get(name) == first.get(name)
