"""`on`: which events start the workflow."""

from collections.abc import Mapping

from towpath.engines.ci.workflow.model import (
    DispatchInput,
    DispatchTrigger,
    Filter,
    PushTrigger,
    Trigger,
)
from towpath.engines.ci.workflow.patterns import PatternError, compile_pattern
from towpath.engines.ci.workflow.places import Place

PUSH = "push"
PULL_REQUEST = "pull_request"
DISPATCH = "workflow_dispatch"

ELSEWHERE = frozenset(
    (
        "branch_protection_rule",
        "check_run",
        "check_suite",
        "create",
        "delete",
        "deployment",
        "deployment_status",
        "discussion",
        "discussion_comment",
        "fork",
        "gollum",
        "image_version",
        "issue_comment",
        "issues",
        "label",
        "merge_group",
        "milestone",
        "page_build",
        "public",
        "pull_request_comment",
        "pull_request_review",
        "pull_request_review_comment",
        "pull_request_target",
        "registry_package",
        "release",
        "repository_dispatch",
        "schedule",
        "status",
        "watch",
        "workflow_call",
        "workflow_run",
    )
)
"""Events that GitHub knows and that do not happen on this host."""

INPUT_TYPES = ("string", "boolean", "choice", "number", "environment")


def read_triggers(place: Place, warnings: list[str]) -> Mapping[str, Trigger]:
    if place.is_mapping:
        return {event: _trigger(event, inner, warnings) for event, inner in place.items()}
    triggers: dict[str, Trigger] = {}
    for element in place.one_or_more():
        event = element.text()
        triggers[event] = _trigger(event, element, warnings, bare=True)
    if not triggers:
        place.wrong("no event starts this workflow")
    return triggers


def _trigger(event: str, place: Place, warnings: list[str], *, bare: bool = False) -> Trigger:
    bare = bare or place.is_null
    if event in (PUSH, PULL_REQUEST):
        return PushTrigger() if bare else _push(event, place)
    if event == DISPATCH:
        return DispatchTrigger() if bare else _dispatch(place)
    if event in ELSEWHERE:
        warnings.append(f"on.{event}: this event does not happen here; nothing runs for it")
    else:
        place.wrong(
            f"there is no event `{event}`; this runner knows push, {PULL_REQUEST} and {DISPATCH}"
        )
    return None


def _push(event: str, place: Place) -> PushTrigger:
    known = {"branches", "branches-ignore", "paths", "paths-ignore"}
    known |= {"tags", "tags-ignore"} if event == PUSH else {"types"}
    fields = place.fields(frozenset(known), f"on.{event}")
    types = (
        tuple(kind.text() for kind in fields["types"].one_or_more()) if "types" in fields else ()
    )
    return PushTrigger(
        _filter(fields, "branches"), _filter(fields, "tags"), _filter(fields, "paths"), types
    )


def _filter(fields: Mapping[str, Place], noun: str) -> Filter | None:
    only, ignore = fields.get(noun), fields.get(f"{noun}-ignore")
    if only is None and ignore is None:
        return None
    if only is not None and ignore is not None:
        ignore.wrong(f"`{noun}` and `{noun}-ignore` exclude each other; use `!` in `{noun}`")
    patterns = tuple(_patterns(only)), tuple(_patterns(ignore))
    if only is not None and patterns[0] and all(text.startswith("!") for text in patterns[0]):
        only.wrong(f"at least one of `{noun}` must not begin with `!`, or nothing ever matches")
    return Filter(*patterns)


def _patterns(place: Place | None) -> list[str]:
    texts: list[str] = []
    for element in place.one_or_more() if place is not None else ():
        text = element.text()
        try:
            compile_pattern(text.removeprefix("!"))
        except PatternError as error:
            element.wrong(str(error))
        texts.append(text)
    return texts


def _dispatch(place: Place) -> DispatchTrigger:
    inputs = place.fields(frozenset(("inputs",)), f"on.{DISPATCH}").get("inputs")
    if inputs is None:
        return DispatchTrigger()
    return DispatchTrigger({name: _input(name, inner) for name, inner in inputs.items()})


def _input(name: str, place: Place) -> DispatchInput:
    if place.is_null:
        return DispatchInput(name, "string", required=False, default=None)
    known = frozenset(
        ("description", "required", "default", "type", "options", "deprecationMessage")
    )
    fields = place.fields(known, "an input")
    kind = fields["type"].text() if "type" in fields else "string"
    if kind not in INPUT_TYPES:
        fields["type"].wrong(f"`{kind}` is not a type of input: {', '.join(INPUT_TYPES)}")
    options = tuple(e.text() for e in fields["options"].elements()) if "options" in fields else ()
    if kind == "choice" and not options:
        place.wrong("an input of type choice needs `options`")
    required = fields["required"].value() if "required" in fields else False
    default = fields["default"].value() if "default" in fields else None
    return DispatchInput(name, kind, required is True, default, options)
