"""towpath:workload: the platform begins to deliver what a repository holds."""

import asyncio
from typing import Any

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT, by_order
from towpath.capabilities.delivery.workloads.kinds import (
    ADOPTED_ANNOTATION,
    REPOSITORY_OWNER_ANNOTATION,
    WORKLOAD,
)
from towpath.capabilities.governance.projects.kinds import PROJECT_LABEL
from towpath.capabilities.portal.templates.actions.files import ActionFailed, NameTaken
from towpath.capabilities.portal.templates.kinds import TEMPLATE_ANNOTATION
from towpath.capabilities.portal.templates.provenance import template_reference
from towpath.hooks.platform import Platform
from towpath.hooks.templates import ActionContext, TemplateAction
from towpath.machinery.errors import AlreadyExists, NotFound
from towpath.machinery.objects import RawObject, annotations_of, uid_of
from towpath.machinery.references import BadReference, parse_reference

_GONE_CHECK_S = 0.1

_SCHEMA: RawObject = {
    "type": "object",
    "required": ["name", "repository"],
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "repository": {"type": "string", "minLength": 1},
        "owner": {"type": "string"},
        "description": {"type": "string"},
        "environments": {"type": "array", "items": {"type": "string"}},
        "scorePath": {"type": "string"},
        "adopted": {"type": "boolean"},
        "deletionPolicy": {
            "type": "object",
            "properties": {"data": {"type": "string", "enum": ["Delete", "Retain"]}},
        },
    },
}


def workload_action(platform: Platform) -> TemplateAction:
    api = platform.api

    async def check(context: ActionContext) -> None:
        if name := context.input.get("name"):
            await _refuse_taken(context, name)
            environments = await _environments(context)
            if context.input.get("repository"):
                # The rules of the kind: a name that fits nowhere is said before anything is made.
                await api.create(WORKLOAD, _workload(context, environments), dry_run=True)

    async def _refuse_taken(context: ActionContext, name: str) -> None:
        try:
            await api.get(WORKLOAD, name, context.project)
        except NotFound:
            return
        raise NameTaken(
            f"the project {context.project} has a workload {name} already; choose another name"
        )

    async def _environments(context: ActionContext) -> list[str]:
        if given := context.input.get("environments"):
            return list(given)
        listed = await api.list(ENVIRONMENT, context.project)
        found = [item["metadata"]["name"] for item in sorted(listed.items, key=by_order)]
        if not found:
            raise ActionFailed(
                f"the project {context.project} has no environment to deliver to; create an "
                "Environment first"
            )
        return found

    async def run(context: ActionContext) -> dict[str, Any]:
        workload = _workload(context, await _environments(context))
        name = workload["metadata"]["name"]
        try:
            await api.create(WORKLOAD, workload)
        except AlreadyExists:
            if not _is_ours(context, await api.get(WORKLOAD, name, context.project)):
                raise ActionFailed(
                    f"the project {context.project} has a workload {name} already"
                ) from None
        context.log(f"Delivering {name} to {', '.join(workload['spec']['environments'])}")
        return {"name": name, "namespace": context.project}

    async def undo(context: ActionContext) -> None:
        name = context.input["name"]
        try:
            found = await api.get(WORKLOAD, name, context.project)
            if not _is_ours(context, found):
                return
            await api.delete(WORKLOAD, name, context.project, uid=uid_of(found))
            while True:  # its finalizer takes down what it has made meanwhile
                await api.get(WORKLOAD, name, context.project)
                await asyncio.sleep(_GONE_CHECK_S)
        except NotFound:
            context.log(f"Deleted the workload {name}")

    return TemplateAction(
        id="towpath:workload",
        description="Deliver a repository to the project's environments.",
        input_schema=_SCHEMA,
        run=run,
        undo=undo,
        check=check,
    )


def _is_ours(context: ActionContext, workload: RawObject) -> bool:
    return annotations_of(workload).get(REPOSITORY_OWNER_ANNOTATION) == uid_of(context.run)


def _workload(context: ActionContext, environments: list[str]) -> RawObject:
    spec: RawObject = {
        "repository": context.input["repository"],
        "environments": environments,
    }
    if owner := context.input.get("owner"):
        spec["owner"] = _owner_name(owner)
    for name in ("description", "deletionPolicy"):
        if name in context.input:
            spec[name] = context.input[name]
    if path := context.input.get("scorePath"):
        spec["score"] = {"path": path}
    workload = WORKLOAD.object(context.input["name"], context.project, spec=spec)
    workload["metadata"]["labels"] = {PROJECT_LABEL: context.project}
    workload["metadata"]["annotations"] = {
        REPOSITORY_OWNER_ANNOTATION: uid_of(context.run),
        TEMPLATE_ANNOTATION: template_reference(context.run),
    }
    if context.input.get("adopted"):
        workload["metadata"]["annotations"][ADOPTED_ANNOTATION] = "true"
    return workload


def _owner_name(owner: str) -> str:
    """A group by its plain name, anybody else by the full reference."""
    try:
        reference = parse_reference(owner, default_kind="group")
    except BadReference as error:
        raise ActionFailed(f"owner: {error}") from error
    if reference.kind.lower() == "group" and reference.namespace.lower() == "default":
        return reference.name
    return str(reference)
