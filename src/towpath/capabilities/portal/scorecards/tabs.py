"""The tab Checks of a service: what its scorecards find, then every check, failures first."""

import asyncio
from collections.abc import Sequence

from towpath.capabilities.portal.scorecards.kinds import SCORECARD
from towpath.capabilities.portal.scorecards.shown import NO_LEVEL
from towpath.hooks.blocks import Block, Link, Moment, Named, State, Table, Text, Value
from towpath.hooks.checks import Outcome, ServiceCheck, Verdict
from towpath.hooks.pages import Visit
from towpath.hooks.showing import get_if_there
from towpath.hooks.tabs import Service, ServiceTab
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject
from towpath.machinery.references import DEFAULT_NAMESPACE
from towpath.records.scoring import RuleVerdict, Score

_ORDER = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.PASSED)
COLUMNS = ("Check", "Result", "Found", "To do")


async def checks(visit: Visit, service: Service) -> Sequence[Block]:
    verdicts, cards = await asyncio.gather(
        asyncio.gather(*(_verdict(one, visit, service) for one in visit.checks)),
        _scorecards(visit, service),
    )
    asked = list(zip(visit.checks, verdicts, strict=True))
    asked.sort(key=lambda pair: _ORDER.index(pair[1].outcome))
    table = Table(COLUMNS, [_row(*pair) for pair in asked], "Checks" if cards else "")
    return [_summary(verdicts), *cards, table]


async def _scorecards(visit: Visit, service: Service) -> list[Block]:
    """What scorecards have found, one table each with its level."""
    for namespace in (service.project, DEFAULT_NAMESPACE):
        ref = f"component:{namespace}/{service.name}".lower()
        scores = await visit.records.scores.of(visit.viewer, ref)
        if scores:
            return [block for score in scores for block in await _scorecard(visit, score)]
    return []


async def _scorecard(visit: Visit, score: Score) -> list[Block]:
    namespace, _, name = score.scorecard.partition("/")
    card = await get_if_there(visit.api, SCORECARD, name, namespace)
    if card is None:
        return []
    rules = {rule["id"]: rule for rule in card["spec"]["rules"]}
    rows = [_rule(rules.get(one.rule, {"title": one.rule}), one) for one in score.verdicts]
    title = f"{card['spec']['title']}: {score.level or NO_LEVEL}"
    told = f"{score.passed} of {len(score.verdicts)} rules pass."
    return [Table(COLUMNS, rows, title), _more(told, score)]


def _more(told: str, score: Score) -> Table:
    where = Link("How the others do", f"/insights/scorecards/{score.scorecard}")
    return Table(("Rules", "At this level since", "More"), [(told, Moment(score.since_s), where)])


def _rule(rule: RawObject, verdict: RuleVerdict) -> Sequence[Value]:
    todo: Value = "" if verdict.outcome == Outcome.PASSED else rule.get("fix", "")
    if todo and rule.get("href"):
        todo = Link(rule["fix"], rule["href"])
    detail = f"{rule.get('level', '')}. {rule.get('why', '')}".strip(". ")
    return Named(rule["title"], detail), State(verdict.outcome), verdict.sentence, todo


async def _verdict(check: ServiceCheck, visit: Visit, service: Service) -> Verdict:
    try:
        return await check.run(visit, service)
    except StatusError as error:
        return Verdict(Outcome.UNKNOWN, f"It could not be found out: {error.message}")


def _summary(verdicts: Sequence[Verdict]) -> Text:
    passed = sum(one.outcome is Outcome.PASSED for one in verdicts)
    failed = sum(one.outcome is Outcome.FAILED for one in verdicts)
    told = f"{passed} of {len(verdicts)} checks pass."
    if unknown := len(verdicts) - passed - failed:
        told += f" {unknown} {'is' if unknown == 1 else 'are'} unknown."
    return Text(told, tone="warn" if failed else "good" if passed == len(verdicts) else "")


def _row(check: ServiceCheck, verdict: Verdict) -> Sequence[Value]:
    brought = f"From the plug-in {check.plugin}." if check.plugin else ""
    detail = " ".join(text for text in (check.why, brought) if text)
    todo: Value = verdict.fix
    if verdict.href:
        todo = Link(verdict.fix or "Read more", verdict.href)
    return Named(check.title, detail), State(verdict.outcome.value), verdict.sentence, todo


TABS = (ServiceTab("checks", "Checks", checks),)
