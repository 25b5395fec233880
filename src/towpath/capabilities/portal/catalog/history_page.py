"""What has changed about one entity: who, when, why, and the difference; and the way back.

The history is the index's. Where a hosted repository describes the entity, each change names its
commit, and what was before it can be had again: by another commit, made by a CatalogEdit.
"""

import re
from typing import Any

import orjson

from towpath.capabilities.portal.catalog.entity_page import ENTITY, entity_page
from towpath.capabilities.portal.catalog.kinds import CATALOG_EDIT
from towpath.capabilities.portal.catalog.sources.hosted_git import TYPE, split
from towpath.engines.git.port import Change
from towpath.hooks.diffs import file_diffs
from towpath.hooks.pages import Answer, LiveRecords, Page, Redirect, Visit
from towpath.hooks.showing import may
from towpath.machinery.documents import dump_document
from towpath.machinery.errors import BadRequest, NotFound
from towpath.machinery.objects import RawObject
from towpath.machinery.references import EntityRef
from towpath.records.questions import EntityChange

HISTORY = f"{ENTITY}/history"
CHANGES_SHOWN = 50
_COMMIT = re.compile(r" \(([0-9a-f]{40})\)$")
_OURS = (
    "backstage.io/managed-by-location",
    "backstage.io/managed-by-origin-location",
)


async def history(visit: Visit) -> Page:
    ref = _asked(visit)
    changes = await visit.records.catalog.history(visit.viewer, ref.key, limit=CHANGES_SHOWN)
    found = await visit.records.catalog.get(visit.viewer, ref.key)
    if found is None and not changes:
        raise NotFound(f"the catalogue has no {ref.kind} {ref.namespace}/{ref.name}")
    project = _project(changes)
    may_revert = bool(project) and await may(visit.api, "create", CATALOG_EDIT, project)
    title = (found.title or found.name) if found else ref.name
    data = {
        "title_shown": title,
        "gone": found is None,
        "here": f"{entity_page(ref.key)}/history",
        "entity_href": entity_page(ref.key) if found else "",
        "kind": found.kind if found else ref.kind,
        "changes": [_shown(change, project, may_revert=may_revert) for change in changes],
    }
    return Page("catalog/history.html", data, title=f"History of {title}")


def _asked(visit: Visit) -> EntityRef:
    parameters = visit.parameters
    return EntityRef(parameters["kind"], parameters["namespace"], parameters["name"])


def _shown(change: EntityChange, project: str, *, may_revert: bool) -> dict[str, Any]:
    why, commit = _reason(change.why)
    repository = _repository(change)
    before, after = _text(change.before), _text(change.after)
    differ = [Change("catalog-info.yaml", before, after)] if before != after else []
    diffs = file_diffs(differ)
    return {
        "what": _what(change),
        "who": change.who,
        "why": why,
        "at": change.time_s,
        "source": change.source,
        "commit": commit[:10],
        "diffs": diffs,
        "summary": diffs[0].summary if diffs else "",
        # What the platform knows by itself, and what others wrote, is not ours to bring back.
        "before": commit if may_revert and commit and diffs and repository == project else "",
    }


def _what(change: EntityChange) -> str:
    if change.before is None:
        return "Came"
    return "Went" if change.after is None else "Changed"


def _reason(why: str) -> tuple[str, str]:
    """The sentence, and the commit that it names."""
    found = _COMMIT.search(why)
    return (why[: found.start()], found[1]) if found else (why, "")


def _text(kept: bytes | None) -> bytes | None:
    """The descriptor as its author has it, without what we add."""
    if kept is None:
        return None
    entity: RawObject = orjson.loads(kept)
    entity.pop("relations", None)
    metadata = dict(entity.get("metadata") or {})
    annotations = {
        key: value for key, value in (metadata.get("annotations") or {}).items() if key not in _OURS
    }
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    return dump_document({**entity, "metadata": metadata}).encode()


def _location(kept: bytes | None) -> str:
    entity = orjson.loads(kept) if kept is not None else {}
    annotations = (entity.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(_OURS[0], ""))


def _repository(change: EntityChange) -> str:
    """The project of the hosted repository that describes it, "" when none does."""
    location = _location(change.after) or _location(change.before)
    return split(location)[0].project if location.startswith(f"{TYPE}:") else ""


def _project(changes: list[EntityChange]) -> str:
    return next((place for place in map(_repository, changes) if place), "")


async def revert(visit: Visit) -> Answer:
    """A CatalogEdit with the visitor's own rights; the commit is theirs."""
    ref = _asked(visit)
    before = visit.form.get("before", "")
    changes = await visit.records.catalog.history(visit.viewer, ref.key, limit=CHANGES_SHOWN)
    if before not in {_reason(change.why)[1] for change in changes}:
        raise BadRequest("before: that is no change of this entity")
    project = _project(changes)
    edit = CATALOG_EDIT.object(
        "",
        project,
        spec={"entity": ref.key, "before": before, "reason": "Taken back in the portal"},
    )
    edit["metadata"] = {"generateName": "revert-", "namespace": project}
    await visit.api.create(CATALOG_EDIT, edit)
    notice = "A commit brings back what was there before; the page follows it."
    return Redirect(f"{entity_page(ref.key)}/history", notice)


def live_history(visit: Visit) -> tuple[LiveRecords, ...]:
    del visit
    return (LiveRecords("catalog"),)
