"""Whether an event starts a workflow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from towpath.engines.ci.workflow.model import DispatchTrigger, Filter, PushTrigger, Workflow
from towpath.engines.ci.workflow.patterns import matches
from towpath.engines.ci.workflow.trigger_reading import DISPATCH, PULL_REQUEST, PUSH

BRANCHES = "refs/heads/"
TAGS = "refs/tags/"
PULL_REQUEST_TYPES = ("opened", "synchronize", "reopened")

_SKIP_MARKS = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")


@dataclass(frozen=True, slots=True)
class Event:
    """What has happened. `paths` None means that the changed files are not known: any may be."""

    name: str
    ref: str
    paths: Sequence[str] | None = None
    type: str = ""
    message: str = ""
    """Of the head commit."""
    inputs: Mapping[str, Any] = field(default_factory=dict)


def is_triggered(workflow: Workflow, event: Event) -> bool:
    if event.name not in workflow.triggers:
        return False
    trigger = workflow.triggers[event.name]
    if event.name in (PUSH, PULL_REQUEST) and asks_to_skip(event.message):
        return False
    match trigger:
        case PushTrigger():
            return _ref_matches(trigger, event) and _paths_match(trigger, event)
        case DispatchTrigger():
            return event.name == DISPATCH
        case None:
            return False


def needs_paths(workflow: Workflow, event_name: str) -> bool:
    """Whether the changed files must be known to answer; finding them takes time."""
    trigger = workflow.triggers.get(event_name)
    return isinstance(trigger, PushTrigger) and trigger.paths is not None


def asks_to_skip(message: str) -> bool:
    """Whether a commit's message asks for no runs."""
    lowered = message.lower()
    if any(mark in lowered for mark in _SKIP_MARKS):
        return True
    lines = [line.strip().replace(" ", "") for line in lowered.splitlines()]
    return "skip-checks:true" in lines


def _ref_matches(trigger: PushTrigger, event: Event) -> bool:
    if event.name == PULL_REQUEST:
        kinds = trigger.types or PULL_REQUEST_TYPES
        if event.type not in kinds:
            return False
    if event.ref.startswith(TAGS):
        if trigger.tags is None:
            return trigger.branches is None
        return _passes(trigger.tags, event.ref.removeprefix(TAGS))
    if trigger.branches is None:
        return trigger.tags is None
    return _passes(trigger.branches, event.ref.removeprefix(BRANCHES))


def _paths_match(trigger: PushTrigger, event: Event) -> bool:
    if trigger.paths is None or event.paths is None or event.ref.startswith(TAGS):
        return True
    return any(_passes(trigger.paths, path) for path in event.paths)


def _passes(filter_: Filter, text: str) -> bool:
    if filter_.only:
        return matches(filter_.only, text)
    return not matches(filter_.ignore, text)
