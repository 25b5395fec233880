"""The tab Checks of a service: every check with what it found, failures first."""

import asyncio
from collections.abc import Sequence

from towpath.hooks.blocks import Block, Link, Named, State, Table, Text, Value
from towpath.hooks.checks import Outcome, ServiceCheck, Verdict
from towpath.hooks.pages import Visit
from towpath.hooks.tabs import Service, ServiceTab
from towpath.machinery.errors import StatusError

_ORDER = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.PASSED)
COLUMNS = ("Check", "Result", "Found", "To do")


async def checks(visit: Visit, service: Service) -> Sequence[Block]:
    verdicts = await asyncio.gather(*(_verdict(one, visit, service) for one in visit.checks))
    asked = list(zip(visit.checks, verdicts, strict=True))
    asked.sort(key=lambda pair: _ORDER.index(pair[1].outcome))
    return [_summary(verdicts), Table(COLUMNS, [_row(*pair) for pair in asked])]


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
