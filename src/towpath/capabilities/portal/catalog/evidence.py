"""Who could own an entity, by what people have done, and whether the visitor may say so.

The commits are those of the repository that describes it, the deployments those of its workload,
both of the last months. One page asks each question once, whatever rows share it.
"""

import time
from collections import Counter
from collections.abc import Sequence
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
from towpath.machinery.references import person_ref
from towpath.records.contract import Entity

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

    async def proposals(self, entities: Sequence[Entity]) -> list[Proposal | None]:
        """Of each, what speaks for another owner than it has."""
        deployments = await self._deployments_of(entities)
        deeds = [
            Deeds(await self._commits_of(entity), deployed)
            for entity, deployed in zip(entities, deployments, strict=True)
        ]
        people = {
            name: person_ref(name) for one in deeds for name in {*one.commits, *one.deployments}
        }
        await self.judge.meet(people.values())
        groups = {
            name: sorted(self.judge.groups_of(ref) & self.judge.groups.keys())
            for name, ref in people.items()
            if self.judge.is_here(ref)
        }
        found = [proposal(one, groups) for one in deeds]
        return [
            None if one is None or one.owner == entity.owner else one
            for one, entity in zip(found, entities, strict=True)
        ]

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

    async def _deployments_of(self, entities: Sequence[Entity]) -> list[dict[str, int]]:
        """Of each, who promoted its workload how often."""
        named = [(one.project, one.workload) for one in entities if one.workload and one.project]
        made = await self.visit.records.audit.makers(
            self.visit.viewer,
            f"{PROMOTION.plural}.{PROMOTION.group}",
            named,
            since_s=time.time() - MONTHS_S,
        )
        by_name = dict(zip(named, made, strict=True))
        return [by_name.get((one.project, one.workload), {}) for one in entities]
