"""The tab Checks of a service: what its scorecards find, then every check, failures first."""

import asyncio
from collections.abc import Mapping, Sequence

from towpath.capabilities.portal.scorecards.kinds import SCORECARD
from towpath.capabilities.portal.scorecards.shown import NO_LEVEL
from towpath.hooks.blocks import Block, Facts, Link, Moment, Named, State, Table, Text, Value
from towpath.hooks.checks import Outcome, ServiceCheck, Verdict
from towpath.hooks.offered_actions import offered
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
    verdicts, scores = await asyncio.gather(
        asyncio.gather(*(_verdict(one, visit, service) for one in visit.checks)),
        _scores(visit, service),
    )
    found = {check.id: verdict for check, verdict in zip(visit.checks, verdicts, strict=True)}
    blocks: list[Block] = []
    judged: set[str] = set()
    for score in scores:
        namespace, _, name = score.scorecard.partition("/")
        card = await get_if_there(visit.api, SCORECARD, name, namespace)
        if card is not None:
            mending = await _mending(visit, service, card)
            blocks += _scorecard(card, score, found, mending)
            judged |= {rule.get("check", "") for rule in card["spec"]["rules"]}
    asked = [(check, found[check.id]) for check in visit.checks if check.id not in judged]
    if not asked:
        return blocks
    asked.sort(key=lambda pair: _ORDER.index(pair[1].outcome))
    others = Table(COLUMNS, [_row(*pair) for pair in asked], "Other checks" if blocks else "")
    return [*blocks, others] if blocks else [_summary(verdicts), others]


async def _scores(visit: Visit, service: Service) -> list[Score]:
    for namespace in (service.project, DEFAULT_NAMESPACE):
        ref = f"component:{namespace}/{service.name}".lower()
        if scores := await visit.records.scores.of(visit.viewer, ref):
            return scores
    return []


async def _mending(visit: Visit, service: Service, card: RawObject) -> dict[str, Link]:
    """By its name, each action that a rule names and the visitor may run on this service."""
    named = {rule["action"] for rule in card["spec"]["rules"] if "action" in rule}
    if not named:
        return {}
    return {
        one.name: Link(one.title, one.href_on(service.name))
        for one in await offered(visit, service.project)
        if one.name in named
    }


def _scorecard(
    card: RawObject, score: Score, found: Mapping[str, Verdict], mending: Mapping[str, Link]
) -> list[Block]:
    """How far the service is, and what each rule finds; checks as they are at this moment."""
    spec = card["spec"]
    outcomes = {one.rule: one for one in score.verdicts}
    rows = [
        _rule(
            rule,
            outcomes[rule["id"]],
            found.get(rule.get("check", "")),
            mending.get(rule.get("action", "")),
        )
        for rule in spec["rules"]
        if rule["id"] in outcomes
    ]
    facts: dict[str, Value] = {
        "Level": score.level or NO_LEVEL,
        "Since": Moment(score.since_s),
        "Rules": f"{score.passed} of {len(score.verdicts)} pass",
        "The others": Link("How they do", f"/insights/scorecards/{score.scorecard}"),
    }
    return [Facts(facts, spec["title"]), Table(COLUMNS, rows)]


def _rule(
    rule: RawObject, verdict: RuleVerdict, now: Verdict | None, action: Link | None
) -> Sequence[Value]:
    outcome = now.outcome.value if now else verdict.outcome
    sentence = now.sentence if now else verdict.sentence
    named = Named(rule["title"], f"{rule['level']}. {rule.get('why', '')}".strip())
    if outcome == Outcome.PASSED:
        return named, State(outcome), sentence, ""
    if action is not None:
        return named, State(outcome), sentence, action
    fix = rule.get("fix") or (now.fix if now else "")
    href = rule.get("href") or (now.href if now else "")
    todo: Value = Link(fix or "Read more", href) if href else fix
    return named, State(outcome), sentence, todo


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
