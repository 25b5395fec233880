"""The one shape of everything that runs: templates, pipelines and promotions are shown alike.

A capability says what its run is made of; `web/run.html` shows it: groups of steps with their logs,
what went in and what came out, who wanted it and why, and what can be done now.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from towpath.hooks.pages import Records
from towpath.hooks.showing import ShownObject
from towpath.records.contract import LogLine

FAILURE_LINES = 12
"""Of the failed step's log, where it is told why."""

LINES_SHOWN = 400
"""Of the end of a step's log; the whole of it is one link away."""


@dataclass(frozen=True, slots=True)
class RunStep:
    id: str
    """Part of the step's address on the page: `#step-<id>`."""
    name: str
    phase: str
    started: str = ""
    finished: str = ""
    message: str = ""
    stream: str = ""
    """The log's name, "" when it has none."""
    lines: Sequence[LogLine] = ()
    left_out: int = 0
    """How many lines come before those."""
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class RunGroup:
    """Steps that belong together: a job. A run of one group has a group without a name."""

    steps: Sequence[RunStep]
    name: str = ""
    phase: str = ""
    started: str = ""
    finished: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class RunFact:
    """One line of what went in or came out."""

    name: str
    value: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class RunAction:
    """A button: posts `action` to the run's own page."""

    action: str
    label: str
    tone: str = ""
    """primary, danger or ""."""


@dataclass(frozen=True, slots=True)
class RunFailure:
    """Why a run failed, for somebody who has never seen one."""

    what: str
    """What went wrong, where: a sentence."""
    next_step: str = ""
    """What to do now: a sentence."""
    lines: Sequence[LogLine] = ()
    """The last ones of what failed."""
    step: str = ""
    """The id of the step whose log it is, "" when no step is to blame."""


@dataclass(frozen=True, slots=True)
class Run:
    kind: str
    """In words: `Pipeline run`."""
    name: str
    title: str
    project: str
    phase: str
    message: str
    who: str
    why: str
    created: str
    started: str
    finished: str
    groups: Sequence[RunGroup]
    inputs: Sequence[RunFact]
    outputs: Sequence[RunFact]
    shown: ShownObject
    actions: Sequence[RunAction] = ()
    workload: str = ""
    """The service it belongs to, "" when none is there yet."""
    warnings: Sequence[str] = ()
    failure: RunFailure | None = None


NAMED_AS_FAILED = ("FAILED ", "ERROR ", "--- FAIL", "not ok ", "✖ ", "error: ", "Error: ")
"""How pytest, go test, TAP, node and compilers begin the line that says what failed."""

NAMED_MAX = 4

WORDY = 20
"""Characters from which on a line is a sentence, which need not be told twice."""

EVIDENCE = "The last lines of "
"""How the line begins after which a log repeats what a program wrote."""


def why(lines: Sequence[LogLine], message: str) -> list[LogLine]:
    """What a log says beyond the message itself: a program's own words, if they are in it."""
    starts = [index for index, line in enumerate(lines) if line.text.startswith(EVIDENCE)]
    told = lines[starts[-1] :] if starts else lines
    return [line for line in told if len(line.text) < WORDY or line.text not in message]


def last_words(lines: Sequence[LogLine]) -> list[LogLine]:
    """The end of a log, after what its program named as failed before that.

    A test runner names a test, and then compares values over more lines than are shown.
    """
    end = list(lines[-FAILURE_LINES:])
    named = [line for line in lines[: -len(end)] if line.text.startswith(NAMED_AS_FAILED)]
    kept = named[-NAMED_MAX:]
    return [*kept, *end[len(kept) :]]


async def last_lines(records: Records, stream: str) -> tuple[Sequence[LogLine], int]:
    """The end of a log, and how many lines come before it. Ask `may_see` first."""
    lines = await records.logs.tail(stream, LINES_SHOWN)
    return lines, (lines[0].number - 1 if lines else 0)
