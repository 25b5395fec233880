"""Editing an object's YAML in the portal: try it, see what would change, then apply it.

Both are server-side apply as the visitor, the first one a dry run, so that what the API would
refuse, fill in or find in conflict is seen before anything is done.
"""

import difflib
from dataclasses import dataclass, field
from typing import Any

from towpath.capabilities.portal.objects.narrowing import claims, editable, left_out, owned_by
from towpath.capabilities.portal.objects.object import crumbs, is_secret
from towpath.capabilities.portal.objects.places import Place, place_of
from towpath.hooks.pages import Answer, Page, Redirect, Visit
from towpath.hooks.showing import object_page
from towpath.machinery.documents import DocumentError, dump_document, load_document
from towpath.machinery.errors import Conflict, Forbidden, Invalid, StatusError
from towpath.machinery.objects import RawObject

MANAGER = "towpath-portal"
DIFF_CONTEXT = 3
SERVER_FAULTS = 500


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of an edit that was tried."""

    text: str
    diff: str = ""
    error: str = ""
    conflicts: list[dict[str, str]] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    """Taken out of the text, and still there: others set them."""
    was_tried: bool = False
    status: int = 200


async def show(visit: Visit) -> Answer:
    place = await place_of(visit)
    live = await _live(place)
    return _page(place, live, Tried(dump_document(editable(live))))


async def submit(visit: Visit) -> Answer:
    place = await place_of(visit)
    live = await _live(place)
    text = visit.form.get("yaml", "").replace("\r\n", "\n")
    force = visit.form.get("force") == "true"
    try:
        edited = _edited(text, live)
    except DocumentError as error:
        return _page(place, live, Tried(text, error=f"{error}.", status=422))
    if visit.form.get("action") != "apply":
        return _page(place, live, await _try(place, live, edited, text, force=force))
    changed = visit.form.get("version") != live["metadata"]["resourceVersion"]
    if changed:
        tried = await _try(place, live, edited, text, force=force)
        return _page(place, live, tried, changed=True)
    try:
        await _apply(place, live, edited, force=force, dry_run=False)
    except StatusError as error:
        return _page(place, live, _refused(text, error))
    here = object_page(place.resource, place.name, place.namespace, place.cluster)
    return Redirect(here, f"{place.resource.kind} {place.name} was changed.")


async def _live(place: Place) -> RawObject:
    if is_secret(place.resource):
        raise Forbidden(
            "the values of a Secret are not shown here, so it cannot be edited here either; "
            "change it with kubectl, or where it comes from"
        )
    return await place.api.get(place.resource, place.name, place.namespace)


def _edited(text: str, live: RawObject) -> RawObject:
    """Raises DocumentError for what is not this object."""
    edited = load_document(text)
    metadata = edited.get("metadata") if isinstance(edited, dict) else None
    if not isinstance(edited, dict) or not isinstance(metadata, dict):
        raise DocumentError("it is not an object with metadata")
    for what, given, wanted in (
        ("apiVersion", edited.get("apiVersion"), live["apiVersion"]),
        ("kind", edited.get("kind"), live["kind"]),
        ("metadata.name", metadata.get("name"), live["metadata"]["name"]),
        ("metadata.namespace", metadata.get("namespace"), live["metadata"].get("namespace")),
    ):
        if given != wanted:
            raise DocumentError(
                f"{what} is {given!r} and must stay {wanted!r}; another object is made by "
                "`towpath apply`"
            )
    return editable(edited)


async def _try(
    place: Place, live: RawObject, edited: RawObject, text: str, *, force: bool
) -> Tried:
    try:
        result = await _apply(place, live, edited, force=force, dry_run=True)
    except StatusError as error:
        return _refused(text, error)
    before, after = dump_document(editable(live)), dump_document(editable(result))
    kept = [path for path in left_out(edited, editable(live)) if _has(result, path)]
    return Tried(text, diff=_diff(before, after), kept=kept, was_tried=True)


async def _apply(
    place: Place, live: RawObject, edited: RawObject, *, force: bool, dry_run: bool
) -> RawObject:
    return await place.api.apply(
        place.resource,
        claims(edited, live, owned_by(live, MANAGER)),
        manager=MANAGER,
        force=force,
        dry_run=dry_run,
        strict=True,
    )


def _refused(text: str, error: StatusError) -> Tried:
    conflicts = []
    if isinstance(error, Conflict):
        conflicts = [
            {"field": cause.field.removeprefix("."), "whose": _whose(cause.message)}
            for cause in error.causes
        ]
    # An unknown field is a fault of the server's own to the API, as it is to a kube-apiserver.
    status = error.code if error.code < SERVER_FAULTS else Invalid.code
    return Tried(text, error=error.message, conflicts=conflicts, status=status)


def _whose(message: str) -> str:
    """`conflict with "argocd-controller" using v1` -> `argocd-controller`."""
    _, quote, rest = message.partition('"')
    return rest.partition('"')[0] if quote else message


def _has(obj: Any, path: str) -> bool:
    for key in path.split("."):
        if not isinstance(obj, dict) or key not in obj:
            return False
        obj = obj[key]
    return True


def _diff(before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "now", "then", lineterm="", n=DIFF_CONTEXT
    )
    return "\n".join(lines)


def _page(place: Place, live: RawObject, tried: Tried, *, changed: bool = False) -> Page:
    base = object_page(place.resource, place.name, place.namespace, place.cluster)
    data = {
        "name": place.name,
        "kind": place.resource.kind,
        "crumbs": [*crumbs(place), (place.name, base)],
        "base": base,
        "tried": tried,
        "lines": min(40, max(12, tried.text.count("\n") + 2)),
        "version": live["metadata"]["resourceVersion"],
        "changed": changed,
    }
    return Page("objects/edit.html", data, tried.status, title=f"Edit {place.name}")
