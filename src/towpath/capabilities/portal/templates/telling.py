"""A template's run as a page shows it: its steps with their logs, and what came of them."""

import asyncio
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from towpath.capabilities.portal.templates.kinds import (
    FAILED,
    PENDING,
    RUNNING,
    SKIPPED,
    TEMPLATE_RUN,
    UNDONE,
    step_stream,
)
from towpath.capabilities.portal.templates.progress import (
    TAKEN_BACK,
    is_finished,
    is_undecided,
    phase_of,
)
from towpath.hooks.pages import Visit
from towpath.hooks.runs import (
    Run,
    RunFact,
    RunFailure,
    RunGroup,
    RunStep,
    last_lines,
    last_words,
)
from towpath.hooks.showing import show_object
from towpath.machinery.conditions import get_condition
from towpath.machinery.objects import RawObject
from towpath.machinery.references import BadReference, parse_reference

WORKLOAD_ACTION = "towpath:workload"


async def run_of(visit: Visit, found: RawObject) -> Run:
    spec, status, metadata = found["spec"], found.get("status") or {}, found["metadata"]
    project: str = metadata["namespace"]
    steps = await asyncio.gather(
        *(_step(visit, project, metadata["name"], step) for step in status.get("steps") or ())
    )
    template = spec["template"]
    parameters = spec.get("parameters") or {}
    workload = _workload(found)
    return Run(
        kind="Run",
        name=metadata["name"],
        title=_title(found),
        project=project,
        phase=phase_of(found),
        message=status.get("message", ""),
        who=spec.get("requestedBy") or "the platform",
        why=f"from {template['name']}",
        created=metadata.get("creationTimestamp", ""),
        started=status.get("startedAt", ""),
        finished=status.get("finishedAt", ""),
        groups=(RunGroup(steps),) if steps or not _has_failed(found) else (),
        inputs=tuple(RunFact(name, _text(value)) for name, value in parameters.items()),
        outputs=tuple(_outputs(found, workload)),
        shown=show_object(TEMPLATE_RUN, found),
        workload=workload,
        failure=_failure(found, steps) if _has_failed(found) else None,
    )


def _has_failed(run: RawObject) -> bool:
    return phase_of(run) in (FAILED, UNDONE)


def _failure(run: RawObject, steps: Sequence[RunStep]) -> RunFailure:
    """Why, with the last words of the step that is to blame; and what has become of the rest."""
    what = (run.get("status") or {}).get("message") or "It failed and did not say why."
    if not steps:
        return RunFailure(what, "Nothing was made. Change the answers, then create it again.")
    left = "What it had made is gone again." if is_finished(run) else "What it made is taken back."
    failed = next((step for step in steps if step.phase == FAILED), None)
    next_step = f"{left} Try it again, or change the answers."
    if (get_condition(run, TAKEN_BACK) or {}).get("reason") == "Kept":
        next_step = "What it had made was kept."
    elif is_undecided(run) and not is_finished(run):
        next_step = "What it had made is still there: try again, undo it, or keep it."
    if failed is None:
        return RunFailure(what, next_step)
    return RunFailure(what, next_step, last_words(failed.lines), failed.id)


def _title(run: RawObject) -> str:
    template, given = run["spec"]["template"]["name"], run["spec"].get("parameters") or {}
    if repository := given.get("repository"):
        return f"Adopt {repository}" if template.startswith("adopt") else f"{template} {repository}"
    return f"Create {given.get('name') or template}"


async def _step(visit: Visit, project: str, run: str, step: RawObject) -> RunStep:
    phase: str = step.get("phase") or PENDING
    stream = "" if phase in (PENDING, SKIPPED) else step_stream(project, run, step["id"])
    readable = stream and visit.viewer.may_see(project)
    lines, left_out = await last_lines(visit.records, stream) if readable else ((), 0)
    return RunStep(
        id=step["id"],
        name=step.get("name") or step["id"],
        phase=phase,
        started=step.get("startedAt", ""),
        finished=step.get("finishedAt", ""),
        message=step.get("message", ""),
        stream=stream,
        lines=lines,
        left_out=left_out,
        is_open=phase in (RUNNING, FAILED),
    )


def _workload(run: RawObject) -> str:
    """The service that the run has made, "" before it has."""
    for step in (run.get("status") or {}).get("steps") or ():
        if step.get("action") == WORKLOAD_ACTION and step.get("phase") == "Succeeded":
            name: str = (step.get("output") or {}).get("name") or ""
            return name or str((run["spec"].get("parameters") or {}).get("name", ""))
    return ""


def _outputs(run: RawObject, workload: str) -> Iterator[RunFact]:
    if workload:
        project = run["metadata"]["namespace"]
        yield RunFact("Service", workload, f"/projects/{project}/workloads/{workload}")
    for link in ((run.get("status") or {}).get("output") or {}).get("links") or ():
        if not isinstance(link, dict):
            continue
        title = str(link.get("title") or "Link")
        if reference := link.get("entityRef"):
            yield RunFact(title, str(reference), _entity_page(str(reference)))
        else:
            url = str(link.get("url") or "")
            yield RunFact(title, url, url if _is_web(url) else "")


def _is_web(url: str) -> bool:
    """A link that a template has made leads to a web page, and runs nothing."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _entity_page(reference: str) -> str:
    try:
        found = parse_reference(reference, default_kind="component")
    except BadReference:
        return ""
    return f"/catalog/{found.kind.lower()}/{found.namespace}/{found.name}"


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
