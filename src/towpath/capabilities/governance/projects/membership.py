"""The members of a project, and adding, changing and removing them as an owner."""

from collections.abc import Container, Sequence
from typing import Any

from towpath.capabilities.governance.projects import members as changes
from towpath.capabilities.governance.projects.kinds import PROJECT, ROLES
from towpath.capabilities.portal.catalog.kinds import UNSEEN_ANNOTATION
from towpath.hooks.pages import Answer, Page, Redirect, Visit
from towpath.hooks.project_frame import frame_of, read_project
from towpath.machinery.errors import Conflict, StatusError
from towpath.machinery.objects import RawObject
from towpath.machinery.references import DEFAULT_NAMESPACE
from towpath.records.contract import EntityFilter

SUGGESTED_MAX = 200
NOBODY_YET = "Nobody of that name has been here yet: check how it is written."
MEANING = (
    ("owner", "everything within the project, and who is a member"),
    ("developer", "creates, releases and promotes services, requests databases"),
    ("viewer", "sees everything but secrets, and changes nothing"),
)


async def members(visit: Visit) -> Page:
    return await _page(visit, await read_project(visit))


async def change(visit: Visit) -> Answer:
    """Add one, give one another role, or remove one."""
    project = await read_project(visit)
    form = visit.form
    kind, name, role = form.get("kind", ""), form.get("name", "").strip(), form.get("role", "")
    now = (project.get("spec") or {}).get("members") or []
    try:
        match form.get("action"):
            case "remove":
                wanted, notice = changes.removed(now, kind, name), f"{name} is no member any more."
            case "role":
                wanted = changes.changed(now, kind, name, role)
                notice = f"{name} is {_a(role)} now."
            case _:
                wanted = changes.added(now, kind, name, role)
                notice = f"{name} is {_a(role)} now."
                if not await _seen(visit, [(kind, name)]):
                    notice = f"{notice} {NOBODY_YET}"
    except changes.BadMember as bad:
        return await _page(visit, project, str(bad), status=422)
    try:
        await visit.api.update(
            PROJECT, {**project, "spec": {**(project.get("spec") or {}), "members": wanted}}
        )
    except Conflict:
        return await _page(
            visit,
            await read_project(visit),
            "Somebody changed the project at the same moment; look at the list and try again.",
            status=409,
        )
    except StatusError as error:
        return await _page(visit, project, error.message, status=error.code)
    return Redirect(f"/projects/{project['metadata']['name']}/members", notice)


def _a(role: str) -> str:
    return f"an {role}" if role == "owner" else f"a {role}"


async def _page(visit: Visit, project: RawObject, problem: str = "", *, status: int = 200) -> Page:
    frame = await frame_of(visit, project, "members")
    listed = (project.get("spec") or {}).get("members") or []
    seen = await _seen(visit, [(one["kind"], one["name"]) for one in listed])
    data = {
        **frame,
        "members": [_shown(visit, listed, one, seen) for one in listed],
        "roles": ROLES,
        "meaning": MEANING,
        "problem": problem,
        "given": visit.form if problem else {},
        "suggested": await _suggested(visit) if frame["may_change"] else [],
        "groups": [group for group in visit.user.groups if not group.startswith("system:")],
    }
    return Page("projects/members.html", data, status, title=f"{frame['title_shown']}: members")


async def _seen(visit: Visit, members: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of the people and groups who have been here, or are described in the catalogue."""
    refs = {_ref(kind, name): (kind, name) for kind, name in members}
    where = EntityFilter({"ref": tuple(refs)})
    found = await visit.records.catalog.query(visit.viewer, where, limit=max(len(refs), 1))
    return {
        refs[one.ref]
        for one in found.entities
        if UNSEEN_ANNOTATION not in (one.descriptor["metadata"].get("annotations") or {})
    }


def _ref(kind: str, name: str) -> str:
    return f"{kind}:{DEFAULT_NAMESPACE}/{name}".lower()


def _shown(
    visit: Visit, listed: list[RawObject], member: RawObject, seen: Container[tuple[str, str]]
) -> dict[str, Any]:
    kind, name = member["kind"], member["name"]
    return {
        "kind": kind,
        "name": name,
        "role": member["role"],
        "href": f"/catalog/{kind.lower()}/default/{name}",
        "is_you": kind == "User" and name == visit.user.name,
        "is_yours": kind == "Group" and name in visit.user.groups,
        "is_last_owner": changes.is_last_owner(listed, kind, name),
        "is_unseen": (kind, name) not in seen,
    }


async def _suggested(visit: Visit) -> list[str]:
    """The people and groups that the catalogue knows, for the browser to complete."""
    where = EntityFilter({"kind": ("User", "Group")})
    found = await visit.records.catalog.query(visit.viewer, where, limit=SUGGESTED_MAX)
    return sorted({one.name for one in found.entities})
