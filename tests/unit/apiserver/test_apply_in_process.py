"""Server-side apply through the verbs: ownership, conflicts, defaults, the status endpoint."""

import pytest
from tests.support import running_api_server

from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.machinery.errors import AlreadyExists, CannotBeApplied, Conflict, Forbidden, Invalid
from towpath.machinery.kinds import custom_resource_definition, towpath_resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import AccessRequest, UserInfo

WIDGET = towpath_resource("Widget", "widgets")
WIDGET_CRD = custom_resource_definition(
    WIDGET,
    spec={
        "type": "object",
        "properties": {
            "size": {"type": "integer", "default": 3},
            "colour": {"type": "string"},
        },
    },
    status={"type": "object", "properties": {"phase": {"type": "string"}}},
)


def managers(obj: RawObject) -> set[tuple[str, str, str]]:
    return {
        (entry["manager"], entry["operation"], entry.get("subresource", ""))
        for entry in obj["metadata"]["managedFields"]
    }


async def test_apply_makes_then_changes_then_finds_nothing_to_do() -> None:
    async with running_api_server() as api:
        client = api.client()
        wanted = CONFIG_MAP.object("a", "default", data={"k": "1"})
        made = await client.apply(CONFIG_MAP, wanted, manager="one")
        assert managers(made) == {("one", "Apply", "")}
        assert await client.apply(CONFIG_MAP, wanted, manager="one") == made
        changed = await client.apply(
            CONFIG_MAP, CONFIG_MAP.object("a", "default", data={"x": "2"}), manager="one"
        )
        assert changed["data"] == {"x": "2"}


async def test_what_another_manager_owns_is_a_conflict_unless_forced() -> None:
    async with running_api_server(kinds=[WIDGET_CRD]) as api:
        client = api.client()
        await client.apply(WIDGET, WIDGET.object("w", "default", spec={"size": 1}), manager="one")
        wanted = WIDGET.object("w", "default", spec={"size": 2})
        with pytest.raises(Conflict) as caught:
            await client.apply(WIDGET, wanted, manager="two")
        assert [cause.field for cause in caught.value.causes] == [".spec.size"]
        forced = await client.apply(WIDGET, wanted, manager="two", force=True)
        assert forced["spec"] == {"size": 2}
        assert managers(forced) == {("two", "Apply", "")}


async def test_nobody_owns_a_default() -> None:
    async with running_api_server(kinds=[WIDGET_CRD]) as api:
        client = api.client()
        one = WIDGET.object("w", "default", spec={"colour": "red"})
        made = await client.apply(WIDGET, one, manager="one")
        assert made["spec"] == {"size": 3, "colour": "red"}
        two = WIDGET.object("w", "default", spec={"size": 5})
        changed = await client.apply(WIDGET, two, manager="two")
        assert changed["spec"] == {"size": 5, "colour": "red"}
        assert changed["metadata"]["generation"] == 2


async def test_a_status_is_applied_and_owned_apart() -> None:
    async with running_api_server(kinds=[WIDGET_CRD]) as api:
        client = api.client()
        await client.create(WIDGET, WIDGET.object("w", "default", spec={"size": 1}))
        with_status = WIDGET.object("w", "default", status={"phase": "Ready"})
        changed = await client.apply(
            WIDGET, with_status, manager="controller", subresource="status"
        )
        assert changed["status"] == {"phase": "Ready"}
        assert changed["spec"] == {"size": 1}
        assert changed["metadata"]["generation"] == 1
        assert ("controller", "Apply", "status") in managers(changed)


async def test_applying_what_does_not_exist_needs_the_right_to_create() -> None:
    async def may_patch(_user: UserInfo, request: AccessRequest) -> bool:
        return request.verb == "patch"

    async with running_api_server(authorize=may_patch) as api:
        client = api.client(UserInfo("alice"))
        with pytest.raises(Forbidden):
            await client.apply(CONFIG_MAP, CONFIG_MAP.object("a", "default"), manager="kubectl")


async def test_a_dry_run_shows_the_result_and_changes_nothing() -> None:
    async with running_api_server() as api:
        client = api.client()
        before = api.store.revision
        wanted = CONFIG_MAP.object("a", "default", data={"k": "1"})
        shown = await client.apply(CONFIG_MAP, wanted, manager="one", dry_run=True)
        assert shown["data"] == {"k": "1"}
        assert api.store.revision == before


async def test_what_cannot_be_counted_cannot_be_applied() -> None:
    """A kube-apiserver refuses it whatever fieldValidation says."""
    async with running_api_server(kinds=[WIDGET_CRD]) as api:
        client = api.client()
        for resource, obj in (
            (CONFIG_MAP, CONFIG_MAP.object("a", "default", spam="1")),
            (WIDGET, WIDGET.object("a", "default", spec={"spam": "1"})),
        ):
            with pytest.raises(CannotBeApplied, match="spam: field not declared in schema"):
                await client.apply(resource, obj, manager="one")


async def test_what_is_invalid_is_told_before_that_the_name_is_taken() -> None:
    async with running_api_server() as api:
        client = api.client()
        await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default"))
        with pytest.raises(AlreadyExists):
            await client.create(CONFIG_MAP, CONFIG_MAP.object("a", "default"))
        wrong = CONFIG_MAP.object("a", "default")
        wrong["metadata"]["finalizers"] = ["not-qualified"]
        with pytest.raises(Invalid, match="neither a standard finalizer name nor"):
            await client.create(CONFIG_MAP, wrong)
