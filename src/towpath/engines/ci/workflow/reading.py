"""From places to a Workflow. All problems are collected, so that one look at the file mends it.

What GitHub knows and this runner does not do is refused by name (containers, reusable workflows)
or accepted with a warning, where ignoring it changes nothing that the steps can see.
"""

import re
from collections.abc import Mapping

from towpath.engines.ci.workflow import contexts
from towpath.engines.ci.workflow.contexts import Allowed, check
from towpath.engines.ci.workflow.fields import read_condition, read_env, read_flag, read_number
from towpath.engines.ci.workflow.model import (
    JOB_TIMEOUT_MINUTES,
    Concurrency,
    Defaults,
    Job,
    Raw,
    Strategy,
    Workflow,
)
from towpath.engines.ci.workflow.needs import check_needs
from towpath.engines.ci.workflow.places import Place, WorkflowInvalid, read_places
from towpath.engines.ci.workflow.step_reading import read_steps
from towpath.engines.ci.workflow.trigger_reading import read_triggers

WORKFLOW_KEYS = frozenset(
    ("name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs")
)
JOB_KEYS = frozenset(
    (
        "name",
        "needs",
        "if",
        "runs-on",
        "permissions",
        "environment",
        "concurrency",
        "outputs",
        "env",
        "defaults",
        "steps",
        "timeout-minutes",
        "strategy",
        "continue-on-error",
        "container",
        "services",
        "uses",
        "with",
        "secrets",
        "snapshot",
    )
)
REFUSED_JOB_KEYS: Mapping[str, str] = {
    "container": "jobs in containers are not implemented on this runner: let the steps run on the "
    "host, or run this workflow where there is a container engine",
    "services": "service containers are not implemented on this runner: start what the tests need "
    "in a step",
    "uses": "reusable workflows are not implemented on this runner: copy the called workflow's "
    "jobs into this file",
}
IGNORED_JOB_KEYS: Mapping[str, str] = {
    "environment": "has no effect here: releases go to environments by promotion",
    "concurrency": "has no effect here for a single job; put `concurrency` at the workflow's level",
    "snapshot": "has no effect here",
}
OTHER_SYSTEMS = ("windows", "macos")

_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}\Z")


def read_workflow(file: str, text: str) -> Workflow:
    """The checked workflow of a file. Raises WorkflowInvalid with every problem found."""
    root = read_places(file, text)
    warnings: list[str] = []
    fields = root.fields(WORKFLOW_KEYS, "a workflow")
    for required in ("on", "jobs"):
        if root.is_mapping and required not in fields:
            root.wrong(f"the key `{required}` is missing")
    workflow = Workflow(
        file=file,
        name=_text(fields, "name") or file,
        run_name=_checked_text(fields, "run-name", contexts.RUN_NAME),
        triggers=read_triggers(fields["on"], warnings) if "on" in fields else {},
        env=_env(fields, contexts.WORKFLOW_ENV),
        defaults=_defaults(fields, contexts.NOWHERE),
        concurrency=_concurrency(fields),
        jobs=_jobs(fields["jobs"], warnings) if "jobs" in fields else {},
        warnings=tuple(warnings),
    )
    if root.problems:
        raise WorkflowInvalid(file, root.problems)
    return workflow


def _jobs(place: Place, warnings: list[str]) -> Mapping[str, Job]:
    jobs: dict[str, Job] = {}
    places: dict[str, Place] = {}
    for job_id, job_place in place.items():
        if not _ID.match(job_id):
            job_place.wrong(
                "a job's id begins with a letter or `_` and goes on with letters, digits, `-`, `_`"
            )
        places[job_id] = job_place
        jobs[job_id] = _job(job_id, job_place, warnings)
    if place.is_mapping and not jobs:
        place.wrong("there is no job")
    check_needs(jobs, places)
    return jobs


def _job(job_id: str, place: Place, warnings: list[str]) -> Job:
    fields = place.fields(JOB_KEYS, "a job")
    for key, reason in REFUSED_JOB_KEYS.items():
        if key in fields:
            fields[key].wrong(reason)
    for key, reason in IGNORED_JOB_KEYS.items():
        if key in fields:
            warnings.append(f"{fields[key].path} {reason}")
    if place.is_mapping and "uses" not in fields:
        for required in ("runs-on", "steps"):
            if required not in fields:
                place.wrong(f"the key `{required}` is missing")
    return Job(
        id=job_id,
        line=place.line,
        name=_checked_text(fields, "name", contexts.JOB_SETTING),
        needs=tuple(need.text() for need in fields["needs"].one_or_more())
        if "needs" in fields
        else (),
        condition=read_condition(fields.get("if"), contexts.JOB_CONDITION),
        runs_on=_runs_on(fields.get("runs-on")),
        strategy=_strategy(fields["strategy"]) if "strategy" in fields else None,
        env=_env(fields, contexts.JOB_ENV),
        defaults=_defaults(fields, contexts.JOB_DEFAULTS),
        outputs=_outputs(fields.get("outputs")),
        timeout_minutes=read_number(
            fields.get("timeout-minutes"), JOB_TIMEOUT_MINUTES, contexts.JOB_SETTING
        ),
        continue_on_error=read_flag(
            fields.get("continue-on-error"), contexts.JOB_SETTING, default=False
        ),
        steps=read_steps(fields["steps"]) if "steps" in fields else (),
    )


def _runs_on(place: Place | None) -> Raw:
    if place is None:
        return None
    check(place, contexts.JOB_SETTING)
    labels = [str(scalar.value()) for scalar in place.scalars()]
    if not any(labels):
        place.wrong("a label is missing, such as `ubuntu-latest`")
    for label in labels:
        if label.lower().startswith(OTHER_SYSTEMS):
            place.wrong(f"`{label}` is not to be had here: this runner's jobs run on Linux")
    return place.value()


def _strategy(place: Place) -> Strategy:
    fields = place.fields(frozenset(("matrix", "fail-fast", "max-parallel")), "a strategy")
    if place.is_mapping and "matrix" not in fields:
        place.wrong("the key `matrix` is missing")
    check(place, contexts.JOB_STRATEGY)
    matrix = fields.get("matrix")
    if matrix is not None and matrix.is_mapping:
        for key, vector in matrix.items():
            if not vector.is_sequence and "${{" not in str(vector.node.value):
                vector.wrong("a list of values is expected, or an expression that makes one")
            elif vector.is_sequence and not list(vector.elements()):
                vector.wrong(f"the list of `{key}` is empty")
    elif matrix is not None and "${{" not in str(matrix.node.value):
        matrix.wrong("a mapping of lists is expected, or an expression that makes one")
    return Strategy(
        matrix.value() if matrix is not None else {},
        read_flag(fields.get("fail-fast"), contexts.JOB_STRATEGY, default=True),
        read_number(fields.get("max-parallel"), None, contexts.JOB_STRATEGY),
    )


def _outputs(place: Place | None) -> Mapping[str, Raw]:
    if place is None:
        return {}
    check(place, contexts.JOB_OUTPUTS)
    return {name: output.text() for name, output in place.items()}


def _concurrency(fields: Mapping[str, Place]) -> Concurrency | None:
    place = fields.get("concurrency")
    if place is None:
        return None
    check(place, contexts.CONCURRENCY)
    if not place.is_mapping:
        return Concurrency(place.text())
    inner = place.fields(frozenset(("group", "cancel-in-progress")), "concurrency")
    if "group" not in inner:
        place.wrong("the key `group` is missing")
        return None
    flag = read_flag(inner.get("cancel-in-progress"), contexts.CONCURRENCY, default=False)
    return Concurrency(inner["group"].text(), flag)


def _defaults(fields: Mapping[str, Place], allowed: Allowed) -> Defaults:
    if "defaults" not in fields:
        return Defaults()
    run = fields["defaults"].fields(frozenset(("run",)), "defaults").get("run")
    if run is None:
        return Defaults()
    inner = run.fields(frozenset(("shell", "working-directory")), "defaults.run")
    return Defaults(
        _checked_text(inner, "shell", allowed), _checked_text(inner, "working-directory", allowed)
    )


def _env(fields: Mapping[str, Place], allowed: Allowed) -> Raw:
    return read_env(fields.get("env"), allowed)


def _text(fields: Mapping[str, Place], key: str) -> str:
    return fields[key].text() if key in fields else ""


def _checked_text(fields: Mapping[str, Place], key: str, allowed: Allowed) -> str:
    if key not in fields:
        return ""
    check(fields[key], allowed)
    return fields[key].text()
