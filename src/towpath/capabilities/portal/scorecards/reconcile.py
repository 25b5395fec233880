"""Scorecards are judged as things change: what one finds about an entity is a record.

An entity is judged when it, its workload or a scorecard changes. What the catalogue holds is looked
through again a little after any news of it; an entity that is as it was costs a comparison. Checks
and objects change unseen, so everything is judged again every hour.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.scorecards import initiatives
from towpath.capabilities.portal.scorecards.judging import (
    BadScorecard,
    Subject,
    applies,
    check_expressions,
    judge,
)
from towpath.capabilities.portal.scorecards.kinds import SCORECARD
from towpath.capabilities.portal.scorecards.news import CatalogNews, ScoreNews
from towpath.capabilities.portal.scorecards.roles import JUDGE
from towpath.capabilities.portal.scorecards.subjects import (
    asked_by,
    objects_for,
    subject_of,
    verdicts,
)
from towpath.hooks.checks import ServiceCheck, Verdict
from towpath.hooks.pages import Visit
from towpath.hooks.platform import SYSTEM_NAMESPACE, Platform
from towpath.machinery.objects import Key, RawObject
from towpath.machinery.references import DEFAULT_NAMESPACE
from towpath.machinery.users import PLATFORM
from towpath.records.contract import Entity, EntityFilter, Viewer
from towpath.records.scoring import Score, ScoreFilter
from towpath.runtime.controller import Controller, Reconcile
from towpath.runtime.outcomes import Stalled
from towpath.runtime.sources import Watch
from towpath.runtime.steps import Subject as Reconciled
from towpath.runtime.steps import stepwise

EVERYTHING = Viewer(PLATFORM, None)
ALL = Key("", "*")
PAGE = 500
AGAIN_S = 3600.0


def controllers(platform: Platform) -> Sequence[Controller]:
    return (
        Controller(
            "scorecards",
            _scorecard(platform),
            [Watch(platform.api, SCORECARD), ScoreNews(platform, SCORECARD)],
        ),
        Controller(
            "scores",
            Judging(platform),
            [
                Watch(platform.api, SCORECARD, lambda _: (ALL,)),
                Watch(platform.api, WORKLOAD),
                CatalogNews(platform, ALL, AGAIN_S),
            ],
            concurrency=1,
        ),
        *initiatives.controllers(platform),
    )


def _scorecard(platform: Platform) -> Reconcile:
    async def valid(subject: Reconciled) -> None:
        try:
            check_expressions(subject.spec)
        except BadScorecard as error:
            raise Stalled("ExpressionInvalid", str(error)) from error

    async def counted(subject: Reconciled) -> None:
        where = ScoreFilter(f"{subject.key.namespace}/{subject.key.name}")
        ranks: Counter[int] = Counter()
        for standing in await platform.scores.standings(EVERYTHING, where):
            ranks.update(standing.ranks)
        names = ["", *(level["name"] for level in subject.spec["levels"])]
        levels = [{"level": name, "entities": ranks[rank]} for rank, name in enumerate(names)]
        counted = {"entities": ranks.total(), "levels": levels}
        initiatives.tell_counted(subject.key, subject.status, counted)

    return stepwise(platform.api, SCORECARD, [valid, counted], ready_message="It is judged.")


@dataclass(slots=True)
class Judging:
    """Key `*` looks through all entities, another one at the component of one workload."""

    platform: Platform
    _seen: dict[str, tuple[object, ...]] = field(default_factory=dict)
    """As what each entity was judged last."""
    _whole_s: float = 0.0

    async def __call__(self, key: Key) -> float | None:
        cards = await self._scorecards()
        if key == ALL:
            await self._all(cards)
            return None
        for namespace in (key.namespace, DEFAULT_NAMESPACE):
            ref = f"component:{namespace}/{key.name}".lower()
            entity = await self.platform.catalog.get(EVERYTHING, ref)
            if entity is not None and entity.workload == key.name:
                await self._judge(entity, cards, await self._visit(cards))
        return None

    async def _scorecards(self) -> list[RawObject]:
        return [one for one in (await self.platform.api.list(SCORECARD)).items if _is_valid(one)]

    async def _visit(self, cards: Sequence[RawObject]) -> Visit | None:
        """Needed by checks alone."""
        has_checks = any("check" in rule for card in cards for rule in card["spec"]["rules"])
        if not has_checks or self.platform.visit_as is None:
            return None
        return await self.platform.visit_as(JUDGE)

    async def _all(self, cards: Sequence[RawObject]) -> None:
        known = {_name(card) for card in cards}
        for gone in set(await self.platform.scores.scorecards()) - known:
            await self.platform.scores.forget(gone)
        again = time.monotonic() - self._whole_s >= AGAIN_S
        if again:
            self._seen.clear()
            self._whole_s = time.monotonic()
        kinds = {(card["spec"].get("appliesTo") or {}).get("kind", "Component") for card in cards}
        present: set[str] = set()
        visit = await self._visit(cards)
        for kind in sorted(kinds):
            token = ""
            while True:
                page = await self.platform.catalog.query(
                    EVERYTHING, EntityFilter({"kind": (kind,)}), limit=PAGE, continue_token=token
                )
                for entity in page.entities:
                    present.add(entity.ref)
                    await self._judge(entity, cards, visit)
                token = page.continue_token
                if not token:
                    break
        for ref in set(await self.platform.scores.refs()) - present:
            self._seen.pop(ref, None)
            await self.platform.scores.settle(ref, [])

    async def _judge(self, entity: Entity, cards: Sequence[RawObject], visit: Visit | None) -> None:
        as_it_is = (
            entity.etag or entity.descriptor,
            entity.state,
            *((_name(card), card["metadata"].get("generation")) for card in cards),
        )
        if not entity.workload and self._seen.get(entity.ref) == as_it_is:
            return
        subject = await subject_of(self.platform.api, entity)
        version = subject.workload.get("metadata", {}).get("resourceVersion", "")
        as_it_is = (*as_it_is, version)
        if self._seen.get(entity.ref) == as_it_is:
            return
        now = datetime.now(UTC)
        mine = [card for card in cards if _covers(card, entity)]
        mine = [card for card in mine if applies(card["spec"], subject, now)]
        found = await self._verdicts(mine, subject, visit)
        scores = [await self._score(card, subject, found, now) for card in mine]
        await self.platform.scores.settle(entity.ref, scores)
        self._seen[entity.ref] = as_it_is if entity.workload else as_it_is[:-1]

    async def _verdicts(
        self, cards: Sequence[RawObject], subject: Subject, visit: Visit | None
    ) -> dict[str, Verdict]:
        rules = [rule for card in cards for rule in card["spec"]["rules"]]
        wanted = {rule["check"] for rule in rules if "check" in rule}
        if not wanted or visit is None:
            return {}
        asked: list[ServiceCheck] = [one for one in visit.checks if one.id in wanted]
        return await verdicts(visit, asked, subject)

    async def _score(
        self, card: RawObject, subject: Subject, found: dict[str, Verdict], now: datetime
    ) -> Score:
        asked = asked_by(card["spec"])
        if asked:
            objects = await objects_for(self.platform.api, subject, asked)
            subject = replace(subject, resources=objects)
        return judge(_name(card), card["spec"], subject, found, now)


def _is_valid(card: RawObject) -> bool:
    try:
        check_expressions(card["spec"])
    except BadScorecard:
        return False
    return True


def _name(card: RawObject) -> str:
    metadata = card["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"


def _covers(card: RawObject, entity: Entity) -> bool:
    """The platform's scorecards are for everybody, a project's for what is its own."""
    namespace = card["metadata"]["namespace"]
    return namespace in (SYSTEM_NAMESPACE, entity.project)
