"""Ownership: which entities nobody answers for, why, who could, and one click to put it right.

Everything is counted with the visitor in the query. The click is a commit on the description in a
hosted repository (a CatalogEdit), or a patch of the Workload, with the visitor's own rights.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.catalog.asked import CATALOG
from towpath.capabilities.portal.catalog.entity_page import entity_page, service_page, short
from towpath.capabilities.portal.catalog.evidence import Evidence, described_in
from towpath.capabilities.portal.catalog.kinds import CATALOG_EDIT
from towpath.capabilities.portal.catalog.ownership import (
    DANGLING,
    FINE,
    NOBODY,
    OWNED_KINDS,
    PROBLEMS,
    Judge,
    Proposal,
    Verdict,
)
from towpath.hooks.pages import Answer, LiveRecords, Page, Redirect, Visit
from towpath.machinery.errors import BadRequest, NotFound
from towpath.machinery.references import BadReference, parse_reference
from towpath.records.contract import Entity, EntityFilter, EntityPage

OWNERSHIP = f"{CATALOG}/ownership"
ENTITIES_SHOWN = 8
"""On a page: what is known of each is asked of Git and of the audit trail."""
OWNERS_JUDGED = 1000
BY_PROBLEM, BY_OWNER, TOKEN = "problem", "owner", "continue"


async def ownership(visit: Visit) -> Page:
    counts = await _counts(visit)
    owners = list(counts)[:OWNERS_JUDGED]
    judge = Judge(visit.records.catalog, visit.viewer)
    await judge.begin(owners)
    verdicts = {owner: judge.verdict(owner) for owner in owners}
    wrong: Counter[str] = Counter()
    for owner, count in counts.items():
        if owner in verdicts:
            wrong[verdicts[owner].problem] += count
    asked = {name: visit.parameters.get(name, "") for name in (BY_PROBLEM, BY_OWNER)}
    chosen = [
        owner
        for owner, verdict in verdicts.items()
        if (verdict.problem == asked[BY_PROBLEM] if asked[BY_PROBLEM] else verdict.problem != FINE)
        and (not asked[BY_OWNER] or owner == asked[BY_OWNER].lower())
    ]
    page = await _page(visit, chosen)
    evidence = Evidence(visit, judge)
    proposed = await evidence.proposals(page.entities)
    rows = [
        await _row(judge, evidence, one, found)
        for one, found in zip(page.entities, proposed, strict=True)
    ]
    total = sum(counts.values())
    well = total - sum(count for problem, count in wrong.items() if problem != FINE)
    data = {
        "sentence": _sentence(total, well),
        "problems": [
            {
                "label": label,
                "count": wrong[problem],
                "current": asked[BY_PROBLEM] == problem,
                "href": _address({BY_PROBLEM: "" if asked[BY_PROBLEM] == problem else problem}),
            }
            for problem, label in PROBLEMS.items()
            if wrong[problem]
        ],
        "teams": _teams(counts, {owner: one.problem for owner, one in verdicts.items()}, asked),
        "rows": [{**row, "number": number} for number, row in enumerate(rows)],
        "total": page.total,
        "next": _address({**asked, TOKEN: page.continue_token}) if page.continue_token else "",
        "first": _address(asked) if visit.parameters.get(TOKEN) else "",
        "narrowed": any(asked.values()),
        "here": _address(asked),
    }
    return Page("catalog/ownership.html", data)


def _address(asked: Mapping[str, str]) -> str:
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{OWNERSHIP}?{query}" if query else OWNERSHIP


async def _counts(visit: Visit) -> dict[str, int]:
    where = EntityFilter({"kind": OWNED_KINDS})
    counts = await visit.records.catalog.facets(visit.viewer, where, ["owner"], empty=True)
    return counts["owner"]


async def _page(visit: Visit, owners: Sequence[str]) -> EntityPage:
    if not owners:
        return EntityPage([], 0)
    return await visit.records.catalog.query(
        visit.viewer,
        EntityFilter({"kind": OWNED_KINDS, "owner": tuple(owners)}),
        limit=ENTITIES_SHOWN,
        continue_token=visit.parameters.get(TOKEN, ""),
        sort="owner",
    )


def _sentence(total: int, well: int) -> str:
    if not total:
        return ""
    if well == total:
        return f"All {total} entities have an owner who is here."
    return f"{well} of {total} entities have an owner who is here; {total - well} do not."


def _teams(
    counts: Mapping[str, int], problems: Mapping[str, str], asked: Mapping[str, str]
) -> list[dict[str, Any]]:
    """By how much is wrong with what they are said to own."""
    wrong = [owner for owner in counts if owner and problems.get(owner, FINE) != FINE]
    return [
        {
            "label": short(owner),
            "count": counts[owner],
            "current": asked[BY_OWNER].lower() == owner,
            "href": _address({BY_OWNER: "" if asked[BY_OWNER].lower() == owner else owner}),
        }
        for owner in sorted(wrong, key=lambda owner: (-counts[owner], owner))[:20]
    ]


async def _row(
    judge: Judge, evidence: Evidence, entity: Entity, found: Proposal | None
) -> dict[str, Any]:
    verdict = judge.verdict(entity.owner)
    proposed = _namesake(judge, entity, verdict) or found
    return {
        "ref": entity.ref,
        "kind": entity.kind,
        "title": entity.title or entity.name,
        "href": service_page(entity) or entity_page(entity.ref),
        "project": entity.project,
        "owner": short(entity.owner),
        "problem": PROBLEMS.get(verdict.problem, verdict.problem),
        "tone": "bad" if verdict.problem == NOBODY else "warn",
        "sentence": verdict.sentence,
        "proposed": proposed.owner if proposed else "",
        "proposed_short": short(proposed.owner) if proposed else "",
        "why": proposed.sentence if proposed else "",
        "may_fix": await evidence.may_fix(entity),
    }


def _namesake(judge: Judge, entity: Entity, verdict: Verdict) -> Proposal | None:
    """Before all evidence: who wrote `team-a` meant team-a, wherever that is."""
    found = judge.namesakes(entity.owner) if verdict.problem == DANGLING else []
    if len(found) != 1:
        return None
    namespace = found[0].partition(":")[2].partition("/")[0]
    return Proposal(found[0], f"There is a group of that name in {namespace}.")


async def fix(visit: Visit) -> Answer:
    ref, owner = visit.form.get("entity", ""), visit.form.get("owner", "").strip()
    try:
        wanted = str(parse_reference(owner, default_kind="group")).lower()
    except BadReference as error:
        raise BadRequest(f"owner: {error}") from error
    entity = await visit.records.catalog.get(visit.viewer, ref)
    if entity is None:
        raise NotFound(f"the catalogue has no {ref}")
    if await visit.records.catalog.get(visit.viewer, wanted) is None:
        raise BadRequest(f"owner: the catalogue has no {wanted}")
    repository = described_in(entity)
    asked = {name: visit.parameters.get(name, "") for name in (BY_PROBLEM, BY_OWNER)}
    if repository is not None:
        spec = {"entity": ref, "owner": wanted, "reason": "Put right on the page Ownership"}
        edit = CATALOG_EDIT.object("", repository.project, spec=spec)
        edit["metadata"] = {"generateName": "owner-", "namespace": repository.project}
        await visit.api.create(CATALOG_EDIT, edit)
        return Redirect(_address(asked), f"A commit makes {short(wanted)} its owner.")
    if entity.workload and entity.project:
        patch = {"spec": {"owner": wanted}}
        await visit.api.patch(WORKLOAD, entity.workload, entity.project, patch)
        return Redirect(_address(asked), f"{short(wanted)} owns it now.")
    raise BadRequest(f"{ref} is described elsewhere; correct spec.owner there")


def live_ownership(visit: Visit) -> Sequence[LiveRecords]:
    del visit
    return (LiveRecords("catalog"),)
