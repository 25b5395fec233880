"""What the expressions of a template's steps can see.

Backstage's own roots (`parameters`, `steps`, `user`, `context`, `each`), and `towpath` with what a
template needs to know of the place it runs in. `secrets` are added where inputs are rendered, and
nowhere else.
"""

from collections.abc import Mapping
from typing import Any

from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.client.protocols import Reader
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject, uid_of

_OWNING_ROLES = ("owner", "developer")


def expression_context(
    *,
    parameters: Mapping[str, Any],
    steps: Mapping[str, Any],
    user: str,
    run_uid: str,
    place: Mapping[str, str],
) -> dict[str, Any]:
    return {
        "parameters": dict(parameters),
        "steps": dict(steps),
        "user": {
            "ref": f"user:default/{user}",
            "entity": {
                "apiVersion": "backstage.io/v1alpha1",
                "kind": "User",
                "metadata": {"name": user, "namespace": "default"},
                "spec": {},
            },
        },
        "context": {"task": {"id": run_uid}},
        "environment": {"parameters": {}, "secrets": {}},
        "towpath": dict(place),
    }


def run_context(
    run: RawObject, place: Mapping[str, str], steps: Mapping[str, Any]
) -> dict[str, Any]:
    spec = run["spec"]
    return expression_context(
        parameters=spec.get("parameters") or {},
        steps=steps,
        user=spec.get("requestedBy") or "",
        run_uid=uid_of(run),
        place=place,
    )


async def place_of(api: Reader, host: str, run: RawObject) -> dict[str, str]:
    """`towpath`: the project, who owns what is made there by default, and the platform's host."""
    project = run["metadata"]["namespace"]
    user = run["spec"].get("requestedBy") or ""
    try:
        found = await api.get(PROJECT, project)
    except NotFound:
        owner = f"user:default/{user}"
    else:
        owner = default_owner(found["spec"].get("members") or (), user)
    return {"project": project, "owner": owner, "host": host}


def default_owner(members: Any, user: str) -> str:
    """The project's group: people leave, groups stay. Without one, who asked."""
    for role in _OWNING_ROLES:
        for member in members:
            if member["kind"] == "Group" and member["role"] == role:
                return f"group:default/{member['name']}"
    return f"user:default/{user}"
