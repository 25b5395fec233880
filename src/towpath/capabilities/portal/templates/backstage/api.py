"""The requests of Backstage's scaffolder, answered from templates and runs of this platform.

A template of Backstage's namespace `default` is one of the platform's own, any other belongs to
the project of that name. A run belongs to a project, which Backstage does not know: the template's
own, else `project` in the body, else the only one that the caller has.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from towpath.capabilities.portal.templates.backstage.dryrun import TaskFailed, tried
from towpath.capabilities.portal.templates.backstage.tasks import (
    ENDED,
    events_of,
    status_of,
    task_of,
    template_errors,
)
from towpath.capabilities.portal.templates.context import place_of, project_shown, user_known
from towpath.capabilities.portal.templates.descriptor import pages_of
from towpath.capabilities.portal.templates.expressions.engine import as_json, call
from towpath.capabilities.portal.templates.forms import run_name
from towpath.capabilities.portal.templates.kinds import (
    CANCELLED_BY,
    DECISION,
    ON_FAILURE_ASK,
    RETRY,
    SOFTWARE_TEMPLATE,
    TEMPLATE_RUN,
)
from towpath.capabilities.portal.templates.progress import can_begin_again, is_finished
from towpath.capabilities.portal.templates.secrets import secret_for, secrets_name
from towpath.hooks.apis import ApiAnswer, ApiRequest, ForeignApi, backstage_refusal
from towpath.hooks.platform import SYSTEM_NAMESPACE, Platform
from towpath.hooks.showing import in_projects
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.errors import BadRequest, Conflict, Forbidden, NotFound
from towpath.machinery.objects import RawObject, uid_of
from towpath.machinery.references import BadReference, parse_reference

API = "/api/scaffolder"
JSON = "application/json; charset=utf-8"
BODY_BYTES_MAX = 10 * 1024 * 1024
POLL_S = 0.5
EVENTS_WAIT_S = 30.0
PAGE_TITLE = "Please enter the following information"


class ValuesInvalid(Exception):
    """`errors` are those of the first page that is not filled in well."""

    def __init__(self, errors: Sequence[RawObject]) -> None:
        super().__init__("the values do not fit")
        self.errors = errors


def apis(platform: Platform) -> Sequence[ForeignApi]:
    return (ForeignApi(API, _Scaffolder(platform).answer, backstage_refusal, BODY_BYTES_MAX),)


class _Scaffolder:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def answer(self, request: ApiRequest) -> ApiAnswer:
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        method = "GET" if request.method == "HEAD" else request.method
        try:
            match method, parts:
                case "GET", ["v2", "actions"]:
                    return _json(self._actions())
                case "GET", ["v2", "templates", namespace, kind, name, "parameter-schema"]:
                    template = await self._template(request, kind, namespace, name)
                    return _json(_parameter_schema(template["spec"]["descriptor"]))
                case "POST", ["v2", "tasks"]:
                    return await self._create(request)
                case "GET", ["v2", "tasks"]:
                    return await self._list(request)
                case _, ["v2", "tasks", task, *rest]:
                    return await self._of_task(request, method, task, rest)
                case "POST", ["v2", "dry-run"]:
                    return await self._dry_run(request)
                case "POST", ["v2", "autocomplete", provider, _]:
                    raise BadRequest(f"Unsupported provider: {provider}")
                case "GET", ["v2", "templating-extensions"]:
                    return _json(_EXTENSIONS)
        except ValuesInvalid as invalid:
            return _json({"errors": invalid.errors}, 400)
        except TaskFailed as failed:
            return _json(_refusal(request, failed), failed.status)
        raise NotFound(f"there is no {request.method} {API}{request.path}")

    def _actions(self) -> list[RawObject]:
        return [
            {
                "id": action.id,
                "description": action.description,
                "examples": [],
                "schema": {
                    "input": action.input_schema,
                    **({"output": action.output_schema} if action.output_schema else {}),
                },
            }
            for _, action in sorted(self._platform.template_actions().items())
        ]

    async def _template(
        self, request: ApiRequest, kind: str, namespace: str, name: str
    ) -> RawObject:
        if kind.lower() != "template":
            raise BadRequest("Invalid kind, only 'Template' kind is supported")
        where = SYSTEM_NAMESPACE if namespace.lower() == "default" else namespace.lower()
        try:
            return await request.api.get(SOFTWARE_TEMPLATE, name.lower(), where)
        except NotFound as error:
            ref = f"template:{namespace}/{name}".lower()
            raise NotFound(f"Template {ref} not found") from error

    # Tasks.

    async def _create(self, request: ApiRequest) -> ApiAnswer:
        body = _body(request)
        for name in ("templateRef", "values"):
            if name not in body:
                raise BadRequest(f"request/body must have required property '{name}'")
        try:
            wanted = parse_reference(str(body.get("templateRef") or ""), default_kind="template")
        except BadReference as error:
            raise BadRequest(str(error)) from error
        template = await self._template(request, wanted.kind, wanted.namespace, wanted.name)
        values = body.get("values") or {}
        descriptor: RawObject = template["spec"]["descriptor"]
        await asyncio.to_thread(_check_values, descriptor, values)
        secrets = body.get("secrets") or {}
        await asyncio.to_thread(_check_secrets, descriptor, secrets)
        project = await self._project(request, template, body)
        shown = str(values.get("name") or wanted.name) if isinstance(values, dict) else wanted.name
        name = run_name(shown)
        spec: RawObject = {
            "template": {
                "name": template["metadata"]["name"],
                "namespace": template["metadata"]["namespace"],
            },
            "parameters": values,
            "requestedBy": request.user.name,
            "onFailure": ON_FAILURE_ASK,
        }
        if secrets:
            spec["secretsFrom"] = secrets_name(name)
        run = TEMPLATE_RUN.object(name, project, spec=spec)
        made = await request.api.create(TEMPLATE_RUN, run)
        if secrets:
            await request.api.create(SECRET, secret_for(made, secrets))
        return _json({"id": uid_of(made)}, 201)

    async def _project(self, request: ApiRequest, template: RawObject, body: RawObject) -> str:
        namespace: str = template["metadata"]["namespace"]
        if namespace != SYSTEM_NAMESPACE:
            return namespace
        named = body.get("project")
        if isinstance(named, str) and named:
            return named
        projects = sorted(request.viewer.projects or ())
        if len(projects) == 1:
            return projects[0]
        known = ", ".join(projects) or "all of them"
        raise BadRequest(f'add "project" to the body: a run belongs to one, and you have {known}')

    async def _runs(self, request: ApiRequest) -> list[RawObject]:
        projects = request.viewer.projects
        wanted = None if projects is None else sorted(projects)
        return await in_projects(request.api, TEMPLATE_RUN, wanted)

    async def _list(self, request: ApiRequest) -> ApiAnswer:
        given = parse_qs(request.query)
        tasks = [task_of(run) for run in await self._runs(request)]
        authors, statuses = given.get("createdBy"), given.get("status")
        if authors:
            tasks = [task for task in tasks if task["createdBy"] in authors]
        if statuses:
            tasks = [task for task in tasks if task["status"] in statuses]
        tasks.sort(key=lambda task: task["createdAt"], reverse=True)
        for order in reversed(given.get("order") or ()):
            direction, _, field = order.partition(":")
            if direction not in ("asc", "desc") or not field:
                raise BadRequest(
                    f'Invalid order parameter "{order}", expected "<asc or desc>:<field name>"'
                )
            known = {"created_at": "createdAt", "status": "status", "created_by": "createdBy"}
            if field not in known:
                raise BadRequest(f'Invalid order field "{field}"')
            tasks.sort(key=itemgetter(known[field]), reverse=direction == "desc")
        start, limit = _number(given, "offset", 0), _number(given, "limit", len(tasks))
        shown = await self._with_people(request, tasks[start : start + limit])
        return _json({"tasks": shown, "totalTasks": len(tasks)})

    async def _with_people(self, request: ApiRequest, tasks: list[RawObject]) -> list[RawObject]:
        """With who began them, as far as the catalogue knows them."""
        refs = [task["createdBy"] for task in tasks]
        found = await self._platform.catalog.named(request.viewer, refs)
        for task, entity in zip(tasks, found, strict=True):
            if entity is not None:
                task["spec"]["user"]["entity"] = orjson.loads(entity)
        return tasks

    async def _run(self, request: ApiRequest, task: str) -> RawObject:
        for run in await self._runs(request):
            if uid_of(run) == task:
                return run
        raise NotFound(f"No task with id '{task}' found")

    async def _of_task(
        self, request: ApiRequest, method: str, task: str, rest: list[str]
    ) -> ApiAnswer:
        run = await self._run(request, task)
        match method, rest:
            case "GET", []:
                (shown,) = await self._with_people(request, [task_of(run)])
                return _json(shown)
            case "POST", ["cancel"]:
                if not is_finished(run):
                    await self._annotate(request, run, {CANCELLED_BY: request.user.name})
                return _json({"status": "cancelled"})
            case "POST", ["retry"]:
                return await self._retry(request, run)
            case "GET", ["events"]:
                return _json(await self._events_after(request, run, _after(request)))
            case "GET", ["eventstream"]:
                stream = self._stream(request, run, _after(request))
                headers = {"Cache-Control": "no-cache"}
                return ApiAnswer(content_type="text/event-stream", headers=headers, stream=stream)
        raise NotFound(f"there is no {request.method} {API}{request.path}")

    async def _retry(self, request: ApiRequest, run: RawObject) -> ApiAnswer:
        if not can_begin_again(run):
            raise Conflict(f"the task is {status_of(run)}; only one that has failed is tried again")
        secrets = (_body(request) if request.body else {}).get("secrets") or {}
        if run["spec"].get("secretsFrom") and secrets:
            # Those it was given first may be there still.
            with contextlib.suppress(Conflict):
                await request.api.create(SECRET, secret_for(run, secrets))
        await self._annotate(request, run, {DECISION: RETRY})
        return _json({"id": uid_of(run)}, 201)

    async def _annotate(
        self, request: ApiRequest, run: RawObject, annotations: Mapping[str, str]
    ) -> None:
        metadata = run["metadata"]
        patch = {"metadata": {"annotations": dict(annotations)}}
        await request.api.patch(TEMPLATE_RUN, metadata["name"], metadata["namespace"], patch)

    # Events.

    async def _events_after(
        self, request: ApiRequest, run: RawObject, after: int
    ) -> list[RawObject]:
        """What there is after it; waited for, as Backstage does, when there is nothing yet."""
        found: list[RawObject] = []
        try:
            async with asyncio.timeout(EVENTS_WAIT_S):
                async for found in self._growing(request, run, after):
                    if found:
                        break
        except TimeoutError:
            return []
        if not found and status_of(run) in ENDED:
            # Whoever asks too late for more is told once again that it is over.
            return (await events_of(run, self._platform.logs))[-1:]
        return found

    async def _growing(
        self, request: ApiRequest, run: RawObject, after: int
    ) -> AsyncIterator[list[RawObject]]:
        """The events after a number, and again what has come since: until the task has ended, or
        whoever asks may see it no more."""
        metadata = run["metadata"]
        while True:
            events = await events_of(run, self._platform.logs)
            new = [event for event in events if event["id"] > after]
            after = max([after, *(event["id"] for event in new)])
            yield new
            if events and events[-1]["type"] == "completion":
                return
            await _a_moment()
            try:
                run = await request.api.get(TEMPLATE_RUN, metadata["name"], metadata["namespace"])
            except (NotFound, Forbidden):
                return

    async def _stream(
        self, request: ApiRequest, run: RawObject, after: int
    ) -> AsyncIterator[bytes]:
        async for events in self._growing(request, run, after):
            for event in events:
                yield b"event: %b\ndata: %b\n\n" % (event["type"].encode(), orjson.dumps(event))

    async def _dry_run(self, request: ApiRequest) -> ApiAnswer:
        body = _body(request)
        for name in ("template", "values"):
            if not isinstance(body.get(name), dict):
                raise BadRequest(f"request/body/{name} must be object")
        wrong = template_errors(body.get("template"))
        if wrong:
            raise BadRequest(wrong)
        await asyncio.to_thread(_check_values, body["template"], body["values"])
        await asyncio.to_thread(_check_secrets, body["template"], body.get("secrets") or {})
        project = project_shown(request.viewer)
        run = TEMPLATE_RUN.object("dry-run", project, spec={"requestedBy": request.user.name})
        place = await place_of(request.api, self._platform.addresses.registry(), run)
        user = await user_known(self._platform.catalog, request.viewer, request.user.name)
        return _json(await tried(body, self._platform.template_actions(), place, user))


async def _a_moment() -> None:
    """Logs and runs are looked at again, as their news come from two places."""
    try:
        async with asyncio.timeout(POLL_S):
            await asyncio.Event().wait()
    except TimeoutError:
        return


def _refusal(request: ApiRequest, failed: TaskFailed) -> RawObject:
    return {
        "error": {"name": failed.name, "message": str(failed)},
        "request": {"method": request.method, "url": request.path},
        "response": {"statusCode": failed.status},
    }


def _json(value: Any, status: int = 200) -> ApiAnswer:
    return ApiAnswer(orjson.dumps(value), status, JSON)


def _body(request: ApiRequest) -> RawObject:
    try:
        body = orjson.loads(request.body or b"{}")
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest("the body must be an object")
    return body


def _number(given: Mapping[str, list[str]], name: str, default: int) -> int:
    text = (given.get(name) or [str(default)])[0]
    if not text.isdigit():
        raise BadRequest(f"request/query/{name} must be integer, not {text!r}")
    return int(text)


def _after(request: ApiRequest) -> int:
    return _number(parse_qs(request.query), "after", 0)


def _check_values(descriptor: RawObject, values: Any) -> None:
    """Raises ValuesInvalid; says what Backstage says, by the same library."""
    for page in pages_of(descriptor):
        errors = call("schemaErrors", as_json(page), as_json(values))["errors"]
        if errors:
            raise ValuesInvalid(errors)


def _check_secrets(descriptor: RawObject, secrets: Any) -> None:
    """Raises ValuesInvalid; without the values, which are secret."""
    schema = (descriptor["spec"].get("secrets") or {}).get("schema")
    if not isinstance(schema, dict):
        return
    errors = call("schemaErrors", as_json(schema), as_json(secrets))["errors"]
    if errors:
        raise ValuesInvalid([_about_secret(error) for error in errors])


def _about_secret(error: RawObject) -> RawObject:
    at = "secrets" + error["property"].removeprefix("instance")
    if error["name"] == "required":
        message = f"secrets.{error['argument']} is required"
    else:
        message = f"{at} {error['message']}"
    return {**error, "property": at, "message": message, "instance": {}}


def _parameter_schema(descriptor: RawObject) -> RawObject:
    metadata, spec = descriptor["metadata"], descriptor["spec"]
    answer: RawObject = {"title": metadata.get("title") or metadata["name"]}
    if spec.get("presentation"):
        answer["presentation"] = spec["presentation"]
    if "description" in metadata:
        answer["description"] = metadata["description"]
    if "ui:options" in metadata:
        answer["ui:options"] = metadata["ui:options"]
    answer["steps"] = [
        {
            "title": page.get("title", PAGE_TITLE),
            **({"description": page["description"]} if "description" in page else {}),
            "schema": page,
        }
        for page in pages_of(descriptor)
    ]
    decorators = spec.get("formDecorators") or spec.get("EXPERIMENTAL_formDecorators")
    if decorators:
        answer["formDecorators"] = decorators
    return answer


_FILTERS = {
    "parseRepoUrl": "Parses a repository URL into its parts: host, owner, repo and others.",
    "parseEntityRef": "Extracts the parts of an entity reference: kind, namespace and name.",
    "pick": "Selects one property of an object.",
    "projectSlug": "The owner and the name of a repository URL, with a slash between them.",
}
_EXTENSIONS: RawObject = {
    "filters": {
        name: {"description": text, "examples": [], "schema": {}} for name, text in _FILTERS.items()
    },
    "globals": {"functions": {}, "values": {}},
}
