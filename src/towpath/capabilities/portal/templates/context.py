"""What the expressions of a template's steps can see.

Backstage's own roots (`parameters`, `steps`, `user`, `context`, `each`), and `towpath` with what a
template needs to know of the place it runs in. `secrets` are added where inputs are rendered, and
nowhere else.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.client.protocols import Reader
from towpath.machinery.errors import Forbidden, NotFound
from towpath.machinery.objects import RawObject, uid_of
from towpath.machinery.references import DEFAULT_NAMESPACE, catalogue_name, group_ref, person_ref
from towpath.records.contract import CatalogIndex, Viewer

_OWNING_ROLES = ("owner", "developer")
NOBODYS_PROJECT = "your_project"
"""Of what somebody without a project tries. None can be called so, and be looked into."""


def expression_context(
    *,
    parameters: Mapping[str, Any],
    steps: Mapping[str, Any],
    user: Mapping[str, Any],
    run_uid: str,
    place: Mapping[str, str],
) -> dict[str, Any]:
    return {
        "parameters": dict(parameters),
        "steps": dict(steps),
        "user": dict(user),
        "context": {"task": {"id": run_uid}},
        "environment": {"parameters": {}, "secrets": {}},
        "towpath": dict(place),
    }


def user_named(name: str) -> dict[str, Any]:
    """`user`, of somebody of whom no more than the name is known."""
    entity = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "User",
        "metadata": {"name": catalogue_name(name), "namespace": DEFAULT_NAMESPACE},
        "spec": {},
    }
    return {"ref": person_ref(name), "entity": entity}


async def user_known(index: CatalogIndex, viewer: Viewer, name: str) -> dict[str, Any]:
    """`user`, with their entity as it is in the catalogue."""
    user = user_named(name)
    (found,) = await index.named(viewer, [user["ref"]])
    return user if found is None else {**user, "entity": orjson.loads(found)}


def run_context(
    run: RawObject, user: Mapping[str, Any], place: Mapping[str, str], steps: Mapping[str, Any]
) -> dict[str, Any]:
    spec = run["spec"]
    return expression_context(
        parameters=spec.get("parameters") or {},
        steps=steps,
        user=user,
        run_uid=uid_of(run),
        place=place,
    )


async def place_of(api: Reader, host: str, run: RawObject) -> dict[str, str]:
    """`towpath`: the project, who owns what is made there by default, and the platform's host."""
    project = run["metadata"]["namespace"]
    owner = await owner_in(api, project, run["spec"].get("requestedBy") or "")
    return {"project": project, "owner": owner, "host": host}


async def owner_in(api: Reader, project: str, user: str) -> str:
    """Who owns by default what that person makes there: themselves, while no project is known."""
    try:
        found = await api.get(PROJECT, project) if project else None
    except (NotFound, Forbidden):
        found = None
    if found is None:
        return person_ref(user)
    return default_owner(found["spec"].get("members") or (), user)


def project_shown(viewer: Viewer) -> str:
    """Of what is only tried and belongs nowhere: the first that the viewer has."""
    return min(viewer.projects or (NOBODYS_PROJECT,))


def default_owner(members: Any, user: str) -> str:
    """The project's group: people leave, groups stay. Without one, who asked."""
    for role in _OWNING_ROLES:
        for member in members:
            if member["kind"] == "Group" and member["role"] == role:
                return group_ref(member["name"])
    return person_ref(user)
