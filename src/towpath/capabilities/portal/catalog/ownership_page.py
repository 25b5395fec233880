"""Ownership: which entities nobody answers for, why, who could, and one click to put it right.

Everything is counted with the visitor in the query. The click is a commit on the description in a
hosted repository (a CatalogEdit), or a patch of the Workload, with the visitor's own rights.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.catalog.asked import CATALOG
from towpath.capabilities.portal.catalog.entity_page import entity_page, service_page, short
from towpath.capabilities.portal.catalog.facts import LOCATION
from towpath.capabilities.portal.catalog.kinds import CATALOG_EDIT
from towpath.capabilities.portal.catalog.ownership import (
    DANGLING,
    FINE,
    NOBODY,
    OWNED_KINDS,
    PROBLEMS,
    Evidence,
    Judge,
    Proposal,
    Verdict,
    proposal,
)
from towpath.capabilities.portal.catalog.sources.hosted_git import TYPE, split
from towpath.engines.git.port import GitError, RepositoryName
from towpath.hooks.pages import Answer, LiveRecords, Page, Redirect, Visit
from towpath.hooks.showing import may
from towpath.machinery.errors import BadRequest, NotFound
from towpath.machinery.references import BadReference, parse_reference
from towpath.records.contract import AuditFilter, Entity, EntityFilter

OWNERSHIP = f"{CATALOG}/ownership"
ENTITIES_SHOWN = 25
OWNERS_JUDGED = 1000
COMMITS_SEEN = 300
MONTHS_S = 180 * 24 * 3600.0
BY_PROBLEM, BY_OWNER = "problem", "owner"


async def ownership(visit: Visit) -> Page:
    judge = Judge(visit.records.catalog, visit.viewer)
    await judge.begin()
    counts = await _counts(visit)
    verdicts = {owner: await judge.verdict(owner) for owner in list(counts)[:OWNERS_JUDGED]}
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
    rows = await asyncio.gather(*(_row(visit, judge, one) for one in page))
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
        "more": max(0, sum(counts[owner] for owner in chosen) - len(page)),
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


async def _page(visit: Visit, owners: Sequence[str]) -> list[Entity]:
    if not owners:
        return []
    where = EntityFilter({"kind": OWNED_KINDS, "owner": tuple(owners)})
    page = await visit.records.catalog.query(
        visit.viewer, where, limit=ENTITIES_SHOWN, sort="owner"
    )
    return page.entities


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


async def _row(visit: Visit, judge: Judge, entity: Entity) -> dict[str, Any]:
    verdict = await judge.verdict(entity.owner)
    proposed = _namesake(judge, entity, verdict) or await _proposal(visit, judge, entity)
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
        "may_fix": await _may_fix(visit, entity),
    }


async def _may_fix(visit: Visit, entity: Entity) -> bool:
    place = _repository(entity)
    if place is not None:
        return await may(visit.api, "create", CATALOG_EDIT, place.project)
    if entity.workload:
        return await may(visit.api, "patch", WORKLOAD, entity.project, entity.workload)
    return False


def _repository(entity: Entity) -> RepositoryName | None:
    """The hosted repository that describes it."""
    annotations = entity.descriptor["metadata"].get("annotations") or {}
    location = str(annotations.get(LOCATION, ""))
    return split(location)[0] if location.startswith(f"{TYPE}:") else None


def _namesake(judge: Judge, entity: Entity, verdict: Verdict) -> Proposal | None:
    """Before all evidence: who wrote `team-a` meant team-a, wherever that is."""
    found = judge.namesakes(entity.owner) if verdict.problem == DANGLING else []
    if len(found) != 1:
        return None
    namespace = found[0].partition(":")[2].partition("/")[0]
    return Proposal(found[0], f"There is a group of that name in {namespace}.")


async def _proposal(visit: Visit, judge: Judge, entity: Entity) -> Proposal | None:
    commits = await _commits(visit, entity)
    deployments = await _deployments(visit, entity)
    groups: dict[str, list[str]] = {}
    for name in {*commits, *deployments}:
        ref = f"user:default/{name}".lower()
        if await judge.person(ref):
            groups[name] = sorted(
                group for group in await judge.groups_of(ref) if group in judge.groups
            )
    found = proposal(Evidence(commits, deployments), groups)
    return None if found is None or found.owner == entity.owner else found


async def _commits(visit: Visit, entity: Entity) -> dict[str, int]:
    """Who committed in the last months, in the repository that describes it."""
    repository = _repository(entity)
    if repository is None and entity.workload:
        try:
            workload = await visit.api.get(WORKLOAD, entity.workload, entity.project)
        except NotFound:
            return {}
        repository = RepositoryName(entity.project, workload["spec"]["repository"])
    if repository is None:
        return {}
    try:
        head = await visit.git.head(repository)
        history = await visit.git.history(repository, head, limit=COMMITS_SEEN) if head else []
    except GitError:
        return {}
    since_s = time.time() - MONTHS_S
    return dict(Counter(one.author.name for one in history if one.time_s >= since_s))


async def _deployments(visit: Visit, entity: Entity) -> dict[str, int]:
    if not entity.workload or not entity.project:
        return {}
    where = AuditFilter(
        cluster="",
        verb="create",
        resource=f"{PROMOTION.plural}.{PROMOTION.group}",
        namespace=entity.project,
        named_after=entity.workload,
        since_s=time.time() - MONTHS_S,
    )
    page = await visit.records.audit.query(visit.viewer, where, limit=100)
    return dict(Counter(one.user for one in page.entries if one.code < 300))


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
    repository = _repository(entity)
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
