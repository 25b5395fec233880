"""An owner must be there: said at the field, by the command line, and by the rule they share."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from tests.portal import RunningPortal, running_portal

from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.capabilities.portal.templates.creating import refuse_unknown_owners
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE, TEMPLATE_RUN
from towpath.capabilities.portal.templates.owners import InCatalogue, owner_errors
from towpath.hooks.commands import CommandError, Terminal
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject

FORM = f"/create/{SYSTEM_NAMESPACE}/owned"
DESCRIPTOR: RawObject = {
    "apiVersion": "scaffolder.backstage.io/v1beta3",
    "kind": "Template",
    "metadata": {"name": "owned"},
    "spec": {
        "type": "service",
        "parameters": {
            "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "owner": {"type": "string", "ui:field": "OwnerPicker"},
            },
        },
        "steps": [
            {
                "id": "publish",
                "name": "Publish",
                "action": "publish:towpath",
                "input": {"repoUrl": "towpath?owner=demo&repo=${{ parameters.name }}"},
            }
        ],
    },
}


def somebody(kind: str, name: str) -> RawObject:
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"type": "team", "children": []} if kind == "Group" else {"memberOf": ["team-a"]},
    }


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        spec = {"descriptor": DESCRIPTOR}
        template = SOFTWARE_TEMPLATE.object("owned", SYSTEM_NAMESPACE, spec=spec)
        await portal.client.create(SOFTWARE_TEMPLATE, template)
        people = [("Group", "team-a"), ("Group", "platform-admins"), ("User", "alice")]
        entities = [entity_of(somebody(*one)) for one in people]
        await portal.records.catalog.ingest("people", entities, project="", version="1")
        yield portal


@pytest.mark.parametrize(
    ("owner", "told"),
    [
        ("ghosts", "there is no group ghosts; the groups are platform-admins, team-a"),
        ("user:ghost", "there is no person ghost; the groups are platform-admins, team-a"),
        ("component:shop", "there is no group shop; the groups are platform-admins, team-a"),
        ("alice", "that is a person; write user:alice"),
        ("a:/c", "'a:/c' is not a reference of the form [<kind>:][<namespace>/]<name>"),
        ("team-a", ""),
        ("Team-A", ""),
        ("group:default/platform-admins", ""),
        ("user:alice", ""),
        ("", ""),
    ],
)
async def test_only_who_is_known_can_be_named(portal: RunningPortal, owner: str, told: str) -> None:
    directory = InCatalogue(portal.records.catalog)
    errors = await owner_errors(DESCRIPTOR, {"name": "shop", "owner": owner}, directory)
    assert [(one.field, one.message) for one in errors] == (
        [("parameters.owner", told)] if told else []
    )


async def test_the_form_says_it_at_the_field_and_makes_nothing(portal: RunningPortal) -> None:
    given = {"project": "demo", "name": "shop", "owner": "ghosts"}
    page = await portal.post(FORM, given)
    assert page.status == 422
    assert "There is no group ghosts; the groups are platform-admins, team-a." in page.text
    assert (await portal.client.list(TEMPLATE_RUN, "demo")).items == []
    made = await portal.post(FORM, {**given, "owner": "platform-admins"})
    assert made.status == 303


class Asking:
    """A command line that may only read."""

    async def read(self, path: str, **_: str) -> Any:
        if path == "catalog/entities":
            return {"items": [{"metadata": {"name": "team-a"}}]}
        if path != "catalog/entities/by-name/group/default/team-a":
            raise NotFound("there is no such entity")
        return {}


async def test_the_command_line_refuses_with_the_names_that_exist() -> None:
    terminal = cast(Terminal, Asking())
    await refuse_unknown_owners(terminal, DESCRIPTOR, {"owner": "team-a"})
    with pytest.raises(CommandError) as refused:
        await refuse_unknown_owners(terminal, DESCRIPTOR, {"owner": "ghosts"})
    assert str(refused.value) == "--set owner: there is no group ghosts"
    assert (refused.value.hint, refused.value.exit_code) == ("the groups are team-a", 1)
