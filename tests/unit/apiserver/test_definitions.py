"""CustomResourceDefinitions: versions, names, rules, and what they refuse."""

from typing import Any

import pytest
from tests.support import eventually, running_api_server

from towpath.apiserver.upkeep import Upkeep
from towpath.machinery.conditions import is_true
from towpath.machinery.core_kinds import EVENT
from towpath.machinery.errors import Forbidden, Invalid, NotFound
from towpath.machinery.kinds import Resource, custom_resource_definition, towpath_resource
from towpath.machinery.objects import RawObject

CRD = Resource(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)
WIDGET = towpath_resource("Widget", "widgets")


def definition(**spec: Any) -> RawObject:
    return custom_resource_definition(WIDGET, spec={"type": "object", **spec})


async def test_a_definition_is_established_when_it_is_created() -> None:
    async with running_api_server() as api:
        made = await api.client().create(CRD, definition())
        assert is_true(made, "NamesAccepted")
        assert is_true(made, "Established")
        assert made["status"]["acceptedNames"]["plural"] == "widgets"


async def test_a_name_that_is_taken_is_not_accepted_and_serves_nothing() -> None:
    async with running_api_server(kinds=[definition()]) as api:
        other = definition()
        other["metadata"]["name"] = "gadgets.towpath.dev"
        other["spec"]["names"] |= {"plural": "gadgets"}
        made = await api.client().create(CRD, other)
        assert not is_true(made, "NamesAccepted")
        assert api.server.core.registry.at("towpath.dev", "v1alpha1", "gadgets") is None


async def test_names_are_free_again_when_nobody_has_them() -> None:
    async with running_api_server(kinds=[definition()]) as api:
        registry, client = api.server.core.registry, api.client()
        changed = await client.get(CRD, "widgets.towpath.dev")
        changed["spec"]["names"]["shortNames"] = ["wid"]
        changed = await client.update(CRD, changed)
        assert registry.holder("towpath.dev", "wid") == "widgets"
        assert registry.holder_of_kind("towpath.dev", "Widget") == "widgets"
        changed["spec"]["names"]["shortNames"] = []
        await client.update(CRD, changed)
        assert registry.holder("towpath.dev", "wid") == ""
        await client.delete(CRD, "widgets.towpath.dev")

        async def is_free() -> bool:
            return not registry.holder_of_kind("towpath.dev", "Widget")

        await eventually(is_free)
        assert registry.of_collection("towpath.dev/widgets") is None


async def test_every_served_version_shows_every_object() -> None:
    schema: RawObject = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"a": {"type": "string"}}}},
    }
    served = {"served": True, "schema": {"openAPIV3Schema": schema}}
    both = definition()
    both["spec"]["versions"] = [
        {"name": "v1alpha1", "storage": False, **served},
        {"name": "v1", "storage": True, **served},
    ]
    newer = Resource("towpath.dev", "v1", "Widget", "widgets")
    async with running_api_server(kinds=[both]) as api:
        client = api.client()
        made = await client.create(WIDGET, WIDGET.object("w", "default", spec={"a": "x"}))
        assert made["apiVersion"] == "towpath.dev/v1alpha1"
        shown = await client.get(newer, "w", "default")
        assert (shown["apiVersion"], shown["spec"]) == ("towpath.dev/v1", {"a": "x"})
        changed = await client.patch(newer, "w", "default", {"spec": {"a": "y"}})
        assert changed["apiVersion"] == "towpath.dev/v1"
        listed = await client.list(WIDGET, "default")
        assert [obj["apiVersion"] for obj in listed.items] == ["towpath.dev/v1alpha1"]
        assert listed.items[0]["spec"] == {"a": "y"}
        again = await client.update(WIDGET, listed.items[0])
        assert again["metadata"]["resourceVersion"] == changed["metadata"]["resourceVersion"]


async def test_rules_hold_for_the_object_and_for_its_change() -> None:
    immutable = {"rule": "self == oldSelf", "message": "size stays"}
    small = {"rule": "self < 10", "message": "too big"}
    size = {"type": "integer", "x-kubernetes-validations": [immutable, small]}
    async with running_api_server(kinds=[definition(properties={"size": size})]) as api:
        client = api.client()
        with pytest.raises(Invalid) as caught:
            await client.create(WIDGET, WIDGET.object("w", "default", spec={"size": 11}))
        assert [cause.field for cause in caught.value.causes] == ["spec.size"]
        await client.create(WIDGET, WIDGET.object("w", "default", spec={"size": 1}))
        with pytest.raises(Invalid):
            await client.patch(WIDGET, "w", "default", {"spec": {"size": 2}})


async def test_a_changed_schema_counts_from_then_on() -> None:
    async with running_api_server(kinds=[definition()]) as api:
        client = api.client()
        made = await client.create(WIDGET, WIDGET.object("w", "default", spec={"a": 1}))
        assert made["spec"] == {}
        current = await client.get(CRD, "widgets.towpath.dev")
        spec = current["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        spec["properties"] = {"a": {"type": "integer"}}
        await client.update(CRD, current)
        patched = await client.patch(WIDGET, "w", "default", {"spec": {"a": 1}})
        assert patched["spec"] == {"a": 1}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"scope": "Everywhere"}, "spec.scope", id="a scope is one of two"),
        pytest.param({"versions": []}, "spec.versions", id="something must be served"),
        pytest.param(
            {"conversion": {"strategy": "Webhook"}},
            "spec.conversion.webhookClientConfig",
            id="a conversion webhook must be somewhere",
        ),
    ],
)
async def test_a_definition_that_cannot_be_served_is_refused(change: RawObject, field: str) -> None:
    async with running_api_server() as api:
        wrong = definition()
        wrong["spec"] |= change
        with pytest.raises(Invalid) as caught:
            await api.client().create(CRD, wrong)
        assert field in [cause.field for cause in caught.value.causes]


async def test_events_expire_and_what_happens_again_stays() -> None:
    async with running_api_server() as api:
        client = api.client()
        upkeep = Upkeep(api.server.core, event_ttl_s=0)
        about = {"kind": "Pod", "name": "p", "namespace": "default"}
        for name in ("old", "again"):
            event = EVENT.object(name, "default", involvedObject=about, reason="R", type="Normal")
            await client.create(EVENT, event)
        await client.patch(EVENT, "again", "default", {"count": 2})
        upkeep._event_ttl_s = 3600
        await upkeep.expire_events()
        assert len((await client.list(EVENT, "default")).items) == 2
        upkeep._event_ttl_s = 0
        await upkeep.expire_events()
        assert (await client.list(EVENT, "default")).items == []
        with pytest.raises(NotFound):
            await client.get(EVENT, "old", "default")


async def test_the_audit_tells_who_wrote_and_who_deleted() -> None:
    config_map = Resource("", "v1", "ConfigMap", "configmaps")
    async with running_api_server() as api:
        client = api.client()
        await client.create(config_map, config_map.object("a", "default"))
        await client.acting_as("bob", ("team-a",)).delete(config_map, "a", "default")
        rows = await api.server.writers(config_map, "a", "default")
        assert [(row.audit.user, row.audit.verb) for row in rows] == [
            ("bob", "delete"),
            ("system:serviceaccount:towpath-system:towpath", "create"),
        ]
        with pytest.raises(Forbidden):
            client.acting_as("bob").acting_as("alice")  # type: ignore[attr-defined]


@pytest.mark.parametrize("said", ["2000-01-01T00:00:00Z", "2999-01-01T00:00:00Z"])
async def test_events_expire_though_the_clock_was_wrong_when_they_were_written(said: str) -> None:
    """Their age is told by time that passes, and by the clock only when the server starts."""
    async with running_api_server() as api:
        client = api.client()
        about = {"kind": "Pod", "name": "p", "namespace": "default"}
        event = EVENT.object("odd", "default", involvedObject=about, lastTimestamp=said)
        await client.create(EVENT, event)
        young = Upkeep(api.server.core, event_ttl_s=3600)
        await young.expire_events()
        left = len((await client.list(EVENT, "default")).items)
        assert left == (0 if said.startswith("2000") else 1)
        old = Upkeep(api.server.core, event_ttl_s=0)
        await old.expire_events()
        assert (await client.list(EVENT, "default")).items == []
