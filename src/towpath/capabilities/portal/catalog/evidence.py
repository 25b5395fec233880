"""Who could own an entity, by what people have done, and whether the visitor may say so.

The commits are those of the repository that describes it, the deployments those of its workload,
both of the last months. One page asks each question once, whatever rows share it.
"""

import time
from collections import Counter
from dataclasses import dataclass, field

from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.catalog.facts import LOCATION
from towpath.capabilities.portal.catalog.kinds import CATALOG_EDIT
from towpath.capabilities.portal.catalog.ownership import Deeds, Judge, Proposal, proposal
from towpath.capabilities.portal.catalog.sources.hosted_git import TYPE, split
from towpath.engines.git.port import GitError, RepositoryName
from towpath.hooks.pages import Visit
from towpath.hooks.showing import may
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.records.contract import AuditFilter, Entity

COMMITS_SEEN = 300
MONTHS_S = 180 * 24 * 3600.0


def described_in(entity: Entity) -> RepositoryName | None:
    """The hosted repository that describes it."""
    annotations = entity.descriptor["metadata"].get("annotations") or {}
    location = str(annotations.get(LOCATION, ""))
    return split(location)[0] if location.startswith(f"{TYPE}:") else None


@dataclass(slots=True)
class Evidence:
    visit: Visit
    judge: Judge
    _rights: dict[tuple[str, str, str], bool] = field(default_factory=dict)
    _commits: dict[RepositoryName, dict[str, int]] = field(default_factory=dict)
    _groups: dict[str, list[str] | None] = field(default_factory=dict)

    async def may_fix(self, entity: Entity) -> bool:
        place = described_in(entity)
        if place is not None:
            return await self._may("create", CATALOG_EDIT, place.project)
        if entity.workload:
            return await self._may("patch", WORKLOAD, entity.project)
        return False

    async def _may(self, verb: str, resource: Resource, project: str) -> bool:
        """Everywhere, or there: who may do it everywhere is asked about no project."""
        for place in ("", project):
            asked = (verb, resource.plural, place)
            if asked not in self._rights:
                self._rights[asked] = await may(self.visit.api, verb, resource, place)
            if self._rights[asked]:
                return True
        return False

    async def proposal(self, entity: Entity) -> Proposal | None:
        commits = await self._commits_of(entity)
        deployments = await self._deployments_of(entity)
        groups: dict[str, list[str]] = {}
        for name in {*commits, *deployments}:
            found = await self._groups_of(name)
            if found is not None:
                groups[name] = found
        proposed = proposal(Deeds(commits, deployments), groups)
        return None if proposed is None or proposed.owner == entity.owner else proposed

    async def _groups_of(self, name: str) -> list[str] | None:
        """Of a person who is here; None of anybody else."""
        if name not in self._groups:
            ref = f"user:default/{name}".lower()
            here = await self.judge.person(ref)
            groups = await self.judge.groups_of(ref) if here else set()
            known = sorted(group for group in groups if group in self.judge.groups)
            self._groups[name] = known if here else None
        return self._groups[name]

    async def _commits_of(self, entity: Entity) -> dict[str, int]:
        repository = await self._repository_of(entity)
        if repository is None:
            return {}
        if repository not in self._commits:
            self._commits[repository] = await self._committed(repository)
        return self._commits[repository]

    async def _repository_of(self, entity: Entity) -> RepositoryName | None:
        described = described_in(entity)
        if described is not None or not entity.workload:
            return described
        try:
            workload = await self.visit.api.get(WORKLOAD, entity.workload, entity.project)
        except NotFound:
            return None
        return RepositoryName(entity.project, workload["spec"]["repository"])

    async def _committed(self, repository: RepositoryName) -> dict[str, int]:
        git = self.visit.git
        try:
            head = await git.head(repository)
            history = await git.history(repository, head, limit=COMMITS_SEEN) if head else []
        except GitError:
            return {}
        since_s = time.time() - MONTHS_S
        return dict(Counter(one.author.name for one in history if one.time_s >= since_s))

    async def _deployments_of(self, entity: Entity) -> dict[str, int]:
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
        page = await self.visit.records.audit.query(self.visit.viewer, where, limit=100)
        return dict(Counter(one.user for one in page.entries if one.code < 300))
