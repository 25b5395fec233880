"""`towpath new`: what is asked, what is planned, and what happened until the service answers."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.templates.context import (
    default_owner,
    expression_context,
    user_named,
)
from towpath.capabilities.portal.templates.descriptor import (
    Descriptor,
    DescriptorInvalid,
    parse_descriptor,
)
from towpath.capabilities.portal.templates.expressions import render_input
from towpath.capabilities.portal.templates.forms import run_name
from towpath.capabilities.portal.templates.interruptions import ToldOnce
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE, TEMPLATE_RUN
from towpath.capabilities.portal.templates.owners import OverTheApi, owner_errors
from towpath.capabilities.portal.templates.parameters import (
    Parameter,
    parameter_errors,
    parameters_of,
    parameters_with_defaults,
)
from towpath.capabilities.portal.templates.reads import LOG_PATH
from towpath.capabilities.portal.templates.story import (
    WATCHED,
    Birth,
    Failure,
    Story,
    Success,
    first_automatic,
    planned_things,
)
from towpath.capabilities.portal.templates.telling import WORKLOAD_ACTION
from towpath.hooks.commands import (
    CONFLICT,
    FAILED,
    NOT_FOUND,
    TIMED_OUT,
    CommandError,
    Terminal,
)
from towpath.hooks.leases import BadLease, kept
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.documents import DocumentError, load_document
from towpath.machinery.errors import Forbidden, NotFound, Unavailable
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.runtime.informer import Informer

SYNC_DEADLINE_S = 15.0
LOGS_END_S = 0.5


@dataclass(frozen=True, slots=True)
class Request:
    template: str
    name: str
    project: str
    given: Sequence[str]
    """`name=value`, as typed."""
    keep: str = ""
    """How long what it makes is kept, "" for good."""


async def create(terminal: Terminal, request: Request, *, wait_s: float | None) -> None:
    """Raises CommandError with what is wrong, or what has failed."""
    template = await template_of(terminal, request)
    raw: RawObject = template["spec"]["descriptor"]
    try:
        descriptor = parse_descriptor(raw)
    except DescriptorInvalid as error:
        raise CommandError(f"the template {request.template} is not valid: {error}") from error
    parameters = parameters_of_request(terminal, raw, request)
    await refuse_unknown_owners(terminal, raw, parameters)
    run = await run_of(terminal, template, request, parameters)
    # Whoever may not, or names a project that is not there, hears it before anything is told.
    await try_run(terminal, run, request.project)
    if any(step.action == WORKLOAD_ACTION for step in descriptor.steps):
        await _refuse_taken(terminal, request)
    environment = await _environment(terminal, request.project)
    await _show_plan(terminal, request, descriptor, parameters, environment)
    await start(terminal, run, request, wait_s=wait_s)


async def run_of(
    terminal: Terminal, template: RawObject, request: Request, parameters: Mapping[str, Any]
) -> RawObject:
    """The object that starts it."""
    metadata = template["metadata"]
    run = TEMPLATE_RUN.object(
        run_name(request.name),
        request.project,
        spec={
            "template": {"name": metadata["name"], "namespace": metadata["namespace"]},
            "parameters": dict(parameters),
            "requestedBy": await terminal.user(),
        },
    )
    try:
        return kept(run, request.keep)
    except BadLease as error:
        raise CommandError(f"--keep: {error}") from error


async def start(
    terminal: Terminal, run: RawObject, request: Request, *, wait_s: float | None
) -> None:
    """Create the run, and follow it where somebody waits. Raises CommandError."""
    environment = await _environment(terminal, request.project)
    if wait_s is None:
        made = await terminal.api.create(TEMPLATE_RUN, run)
        terminal.say(f"Started {made['metadata']['name']}; `towpath runs` shows how it goes.")
        terminal.show(made, [{"run": made["metadata"]["name"], "project": request.project}])
        return
    birth = Birth(request.project, run["metadata"]["name"], request.name, environment)
    outcome = await _follow(terminal, run, Story(birth), wait_s)
    _finish(terminal, request, outcome)


async def try_run(terminal: Terminal, run: RawObject, project: str) -> None:
    try:
        await terminal.api.create(TEMPLATE_RUN, run, dry_run=True)
    except NotFound as error:
        raise CommandError(
            f"there is no project {project}",
            hint="`towpath get projects` lists those that there are",
            exit_code=NOT_FOUND,
        ) from error


async def _refuse_taken(terminal: Terminal, request: Request) -> None:
    try:
        await terminal.api.get(WORKLOAD, request.name, request.project)
    except (NotFound, Forbidden):
        return
    raise CommandError(
        f"the project {request.project} has a workload {request.name} already",
        hint="choose another name",
        exit_code=CONFLICT,
    )


async def template_of(terminal: Terminal, request: Request) -> RawObject:
    """The project's own template of that name, else the platform's."""
    for namespace in (request.project, SYSTEM_NAMESPACE):
        try:
            return await terminal.api.get(SOFTWARE_TEMPLATE, request.template, namespace)
        except (NotFound, Forbidden):
            continue
    raise CommandError(
        f"there is no template {request.template}",
        hint="`towpath templates` lists what there is",
        exit_code=NOT_FOUND,
    )


def parameters_of_request(terminal: Terminal, raw: RawObject, request: Request) -> dict[str, Any]:
    fields = {field.name: field for field in parameters_of(raw)}
    values: dict[str, Any] = {"name": request.name} if "name" in fields else {}
    for text in request.given:
        name, equals, value = text.partition("=")
        if not equals or name not in fields:
            raise CommandError(
                f"--set {text}: the template has no parameter {name!r}"
                if equals
                else f"--set {text}: write it as name=value",
                hint=f"parameters are {', '.join(fields)}",
            )
        values[name] = typed(fields[name], value)
    values = parameters_with_defaults(raw, values)
    for field in fields.values():
        if field.required and field.name not in values:
            values[field.name] = _asked(terminal, field)
    errors = parameter_errors(raw, values)
    if errors:
        raise CommandError("; ".join(map(str, errors)))
    return values


async def refuse_unknown_owners(
    terminal: Terminal, raw: RawObject, parameters: Mapping[str, Any]
) -> None:
    """Raises CommandError."""
    errors = await owner_errors(raw, parameters, OverTheApi(terminal))
    if errors:
        field = errors[0].field.removeprefix("parameters.")
        problem, _, hint = errors[0].message.partition("; ")
        raise CommandError(f"--set {field}: {problem}", hint=hint)


def typed(field: Parameter, text: str) -> Any:
    """The text of `--set` as the parameter's own type."""
    if field.schema.get("type", "string") == "string":
        return text
    try:
        return load_document(text)
    except DocumentError:
        return text


def _asked(terminal: Terminal, field: Parameter) -> Any:
    choices = f" ({', '.join(map(str, field.choices))})" if field.choices else ""
    answer = terminal.ask(f"{field.title}{choices}: {field.description}".rstrip(": "))
    if not answer:
        raise CommandError(
            f"the parameter {field.name} is missing", hint=f"add --set {field.name}=..."
        )
    return typed(field, answer)


async def _environment(terminal: Terminal, project: str) -> str:
    return first_automatic((await terminal.api.list(ENVIRONMENT, project)).items)


async def _show_plan(
    terminal: Terminal,
    request: Request,
    descriptor: Descriptor,
    parameters: Mapping[str, Any],
    environment: str,
) -> None:
    """What is going to be made, as far as it is known before the first step."""
    try:
        project = await terminal.api.get(PROJECT, request.project)
        owner = default_owner(project["spec"].get("members") or (), await terminal.user())
    except (NotFound, Forbidden):
        owner = ""
    given = expression_context(
        parameters=parameters,
        steps={},
        user=user_named(await terminal.user()),
        run_uid="",
        place={"project": request.project, "owner": owner, "host": "towpath"},
    )
    rendered = [(step.action, render_input(dict(step.input), given)) for step in descriptor.steps]
    terminal.say(f"{descriptor.title}, in project {request.project}:")
    for line in planned_things(rendered):
        terminal.say(f"  {line}")
    if environment:
        terminal.say(f"  delivery     to {environment} as soon as its pipeline has passed")


async def _follow(
    terminal: Terminal, run: RawObject, story: Story, wait_s: float
) -> Failure | Success:
    """Start the run and tell what happens until it has come to its end."""
    birth, made = story.birth, asyncio.Event()
    try:
        async with asyncio.timeout(wait_s):
            return await _tell(terminal, run, story, made)
    except asyncio.CancelledError:
        if made.is_set():
            terminal.say(
                f"You wait no longer; the run {birth.run} goes on by itself. Follow it with: "
                f"towpath runs --project {birth.project}, and as soon as there is something to "
                f"show: towpath show {birth.workload} --project {birth.project}"
            )
        raise
    except TimeoutError:
        raise CommandError(
            f"{story.birth.workload} is not healthy after {wait_s:g} s; it goes on by itself",
            hint=f"towpath show {story.birth.workload} --project {story.birth.project}",
            exit_code=TIMED_OUT,
        ) from None


async def _tell(
    terminal: Terminal, run: RawObject, story: Story, made: asyncio.Event
) -> Failure | Success:
    news: asyncio.Queue[tuple[Resource, RawObject]] = asyncio.Queue()
    connection = ToldOnce(terminal.say, story.birth.workload)
    informers = [
        Informer(terminal.api, resource, story.birth.project, line=connection)
        for resource in WATCHED
    ]
    for resource, informer in zip(WATCHED, informers, strict=True):
        informer.subscribe(partial(_put, news, resource))
    started = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        watching = [tasks.create_task(informer.run()) for informer in informers]
        # Watch first: what happens in the first milliseconds is part of the story.
        async with asyncio.timeout(SYNC_DEADLINE_S):
            await asyncio.gather(*(informer.synced.wait() for informer in informers))
        await terminal.api.create(TEMPLATE_RUN, run)
        made.set()
        begun: asyncio.Queue[str] = asyncio.Queue()
        logs = tasks.create_task(_show_logs(terminal, story.birth, begun))
        followed = 0
        while story.outcome is None:
            resource, obj = await news.get()
            for line in story.tell(resource, obj):
                terminal.say(f"{time.monotonic() - started:6.1f} s  {line}")
            for step in story.steps[followed:]:
                begun.put_nowait(step)
            followed = len(story.steps)
        # A failed step's last words may still be on their way.
        await asyncio.wait([logs], timeout=LOGS_END_S if _has_failed(story) else 0)
        for task in (*watching, logs):
            task.cancel()
    return story.outcome


def _has_failed(story: Story) -> bool:
    return isinstance(story.outcome, Failure)


def _put(
    news: asyncio.Queue[tuple[Resource, RawObject]], resource: Resource, obj: RawObject
) -> None:
    news.put_nowait((resource, obj))


async def _show_logs(terminal: Terminal, birth: Birth, begun: asyncio.Queue[str]) -> None:
    """What the steps write, one after the other, while they write it."""
    while True:
        path = LOG_PATH.format(project=birth.project, run=birth.run, step=await begun.get())
        try:
            async for line in terminal.follow(path):
                terminal.say(f"{'':10}  | {line['text']}")
        except Unavailable:
            # The watches tell that the platform is away, and what became of the step.
            continue


def _finish(terminal: Terminal, request: Request, outcome: Failure | Success) -> None:
    if isinstance(outcome, Failure):
        code = CONFLICT if outcome.is_taken else FAILED
        raise CommandError(outcome.message, hint=outcome.hint, exit_code=code)
    row = {
        "workload": request.name,
        "environment": outcome.environment,
        "release": outcome.release,
        "url": outcome.url,
    }
    terminal.show(row, [row])
