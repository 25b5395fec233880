"""The Deployments tab: what went where, which releases there are, what lies between two of them.

Also the page of one commit of the service's repository, which the rest links to.
"""

import anyio.to_thread

from towpath.capabilities.delivery.promotions.kinds import SUCCEEDED, phase_of
from towpath.capabilities.delivery.workloads.lanes import Facts, Lane
from towpath.capabilities.delivery.workloads.reading import (
    PATH,
    chosen,
    frame_of,
    read_facts,
    with_commits,
)
from towpath.capabilities.delivery.workloads.shown import (
    shown_change,
    shown_releases,
    shown_run,
)
from towpath.engines.git.port import Change, GitError, RepositoryName
from towpath.hooks.commits import Span, line_of, span_between
from towpath.hooks.diffs import FileDiff, changes_between, file_diffs
from towpath.hooks.pages import Page, Visit
from towpath.machinery.documents import dump_document
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import CommitSHA, RawObject

COMPARE = f"{PATH}/compare"
COMMIT = f"{PATH}/commits/{{sha}}"
ROWS = 25


async def deployments(visit: Visit) -> Page:
    facts = await read_facts(visit)
    frame = await frame_of(visit, facts, "deployments")
    lanes = await with_commits(visit, facts, frame["lanes"])
    stage = visit.parameters.get("environment", "")
    if stage:
        chosen(lanes, stage)
    changes = [one for one in facts.promotions if stage in ("", one["spec"]["environment"])]
    releases = await shown_releases(visit, facts, lanes, _page_of(visit, "releases"), ROWS)
    first = _page_of(visit, "page") * ROWS
    data = {
        **frame,
        "lanes": lanes,
        "stage": stage,
        "changes": [
            {**shown_change(one), "back": _may_go_back(one, lanes)}
            for one in changes[first : first + ROWS]
        ],
        "changes_count": len(changes),
        "changes_page": _page_of(visit, "page"),
        "changes_more": len(changes) > first + ROWS,
        "releases": releases,
        "releases_count": len(facts.releases),
        "releases_page": _page_of(visit, "releases"),
        "releases_more": len(facts.releases) > (_page_of(visit, "releases") + 1) * ROWS,
        "runs": [shown_run(one) for one in facts.runs[:ROWS]],
        "runs_count": len(facts.runs),
    }
    return Page("workloads/deployments.html", data, title=f"{facts.name}: deployments")


def _page_of(visit: Visit, name: str) -> int:
    text = visit.parameters.get(name, "")
    return min(int(text), 10_000) if text.isdecimal() else 0


def _may_go_back(promotion: RawObject, lanes: list[Lane]) -> bool:
    """To a release that has run there and does not run there now."""
    spec = promotion["spec"]
    lane = next((one for one in lanes if one.name == spec["environment"]), None)
    return lane is not None and phase_of(promotion) == SUCCEEDED and lane.release != spec["release"]


async def compare(visit: Visit) -> Page:
    """Two releases: the commits between them, the source, and what they ask the platform for."""
    facts = await read_facts(visit)
    frame = await frame_of(visit, facts, "deployments")
    names = [one["metadata"]["name"] for one in facts.releases]
    old = visit.parameters.get("from") or (names[1:2] or names[:1] or [""])[0]
    new = visit.parameters.get("to") or (names or [""])[0]
    before, after = _release(facts, old), _release(facts, new)
    span, problem = Span(), ""
    source: list[FileDiff] = []
    if before and after:
        repository = RepositoryName(frame["project"], frame["repository"])
        here, there = before["spec"]["commit"], after["spec"]["commit"]
        span = await span_between(visit.git, repository, here, there, facts.name)
        source, problem = await _source(visit, repository, here, there)
    data = {
        **frame,
        "names": names,
        "old": old,
        "new": new,
        "before": before,
        "after": after,
        "span": span,
        "source": source,
        "problem": problem,
        "score": _score(before, after) if before and after else [],
    }
    return Page("workloads/compare.html", data, title=f"{facts.name}: {old} and {new}")


def _release(facts: Facts, name: str) -> RawObject | None:
    found = next((one for one in facts.releases if one["metadata"]["name"] == name), None)
    if found is None and name:
        raise NotFound(f"there is no release {name} of {facts.name}")
    return found


async def _source(
    visit: Visit, repository: RepositoryName, old: str, new: str
) -> tuple[list[FileDiff], str]:
    try:
        changes = await visit.git.changes(repository, CommitSHA(old), CommitSHA(new))
    except GitError as error:
        return [], str(error)
    return await anyio.to_thread.run_sync(file_diffs, changes), ""


def _score(before: RawObject, after: RawObject) -> list[FileDiff]:
    return file_diffs(
        changes_between(
            {"score.yaml": dump_document(before["spec"]["score"]).encode()},
            {"score.yaml": dump_document(after["spec"]["score"]).encode()},
        )
    )


async def commit(visit: Visit) -> Page:
    """One commit: who, why, what it changed, and what became of it."""
    facts = await read_facts(visit)
    frame = await frame_of(visit, facts, "deployments")
    repository = RepositoryName(frame["project"], frame["repository"])
    sha = visit.parameters["sha"]
    try:
        found = await visit.git.commit(repository, CommitSHA(sha))
        before = found.parents[0] if found.parents else None
        changes: list[Change] = await visit.git.changes(repository, before, found.sha)
    except GitError as error:
        raise NotFound(f"{repository} has no commit {sha[:10]}, or it cannot be read") from error
    files = await anyio.to_thread.run_sync(file_diffs, changes)
    line = line_of(found, repository.project, facts.name)
    data = {
        **frame,
        "commit": line,
        "body": "\n".join(found.message.strip().splitlines()[1:]).strip(),
        "parents": [(parent[:8], f"{frame['base']}/commits/{parent}") for parent in found.parents],
        "files": files,
        "runs": [shown_run(one) for one in facts.runs if one["spec"]["commit"] == sha],
        "releases": [
            one["metadata"]["name"] for one in facts.releases if one["spec"]["commit"] == sha
        ],
    }
    return Page("workloads/commit.html", data, title=f"{line.short}: {line.subject}")
