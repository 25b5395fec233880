"""The steps of a job: `run` or `uses`, and what stands beside them."""

import re
from collections.abc import Mapping

from towpath.engines.ci.workflow import contexts
from towpath.engines.ci.workflow.contexts import check
from towpath.engines.ci.workflow.fields import read_condition, read_env, read_flag, read_number
from towpath.engines.ci.workflow.model import Action, Raw, Step
from towpath.engines.ci.workflow.places import Place

STEP_KEYS = frozenset(
    (
        "id",
        "if",
        "name",
        "uses",
        "run",
        "working-directory",
        "shell",
        "with",
        "env",
        "continue-on-error",
        "timeout-minutes",
    )
)
STEPS_MAX = 500

_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}\Z")
_USES = re.compile(r"(?P<name>[\w.-]+/[\w.-]+(?:/[\w./-]+)?)@(?P<version>[^\s@]+)\Z")


def read_steps(place: Place) -> tuple[Step, ...]:
    elements = list(place.elements())
    if place.is_sequence and not elements:
        place.wrong("there is no step")
    if len(elements) > STEPS_MAX:
        place.wrong(f"a job has at most {STEPS_MAX} steps")
    steps: list[Step] = []
    ids: set[str] = set()
    for number, element in enumerate(elements, start=1):
        step = _step(number, element)
        if step.id and step.id.lower() in ids:
            element.wrong(f"the id `{step.id}` belongs to an earlier step")
        ids.add(step.id.lower())
        steps.append(step)
    return tuple(steps)


def _step(number: int, place: Place) -> Step:
    fields = place.fields(STEP_KEYS, "a step")
    if place.is_mapping and ("run" in fields) == ("uses" in fields):
        place.wrong("a step has either `run` or `uses`")
    for key in ("shell", "working-directory"):
        if key in fields and "uses" in fields:
            fields[key].wrong(f"`{key}` belongs to `run`, and this step has `uses`")
    if "with" in fields and "run" in fields:
        fields["with"].wrong("`with` belongs to `uses`, and this step has `run`")
    step_id = fields["id"].text() if "id" in fields else ""
    if step_id and not _ID.match(step_id):
        fields["id"].wrong("an id begins with a letter or `_`, then letters, digits, `-` and `_`")
    return Step(
        number=number,
        line=place.line,
        id=step_id,
        name=_text(fields, "name"),
        condition=read_condition(fields.get("if"), contexts.STEP_CONDITION),
        run=_text(fields, "run"),
        uses=_action(fields["uses"]) if "uses" in fields else None,
        inputs=_inputs(fields.get("with")),
        env=read_env(fields.get("env"), contexts.STEP),
        shell=_text(fields, "shell"),
        working_directory=_text(fields, "working-directory"),
        continue_on_error=read_flag(fields.get("continue-on-error"), contexts.STEP, default=False),
        timeout_minutes=read_number(fields.get("timeout-minutes"), None, contexts.STEP),
    )


def _text(fields: Mapping[str, Place], key: str) -> str:
    if key not in fields:
        return ""
    check(fields[key], contexts.STEP)
    return fields[key].text()


def _inputs(place: Place | None) -> Mapping[str, Raw]:
    if place is None:
        return {}
    check(place, contexts.STEP)
    return {name.lower(): value.text() for name, value in place.items()}


def _action(place: Place) -> Action | None:
    text = place.text()
    if text.startswith("docker://"):
        place.wrong(f"`{text}`: actions in containers are not implemented on this runner")
    elif text.startswith(("./", "../")):
        place.wrong(
            f"`{text}`: actions in the repository are not implemented on this runner; "
            "call a script with `run:`"
        )
    elif (found := _USES.match(text)) is None:
        place.wrong(f"`{text}` is not an action: `owner/name@version` is expected")
    else:
        return Action(found["name"].lower(), found["version"])
    return None
