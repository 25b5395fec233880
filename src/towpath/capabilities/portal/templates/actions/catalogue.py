"""catalog:register: the catalogue reads a repository's descriptor from now on."""

import re
from typing import Any

from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
from towpath.capabilities.portal.templates.actions.files import ActionFailed
from towpath.engines.git.port import RepositoryName
from towpath.hooks.platform import Platform
from towpath.hooks.templates import ActionContext, TemplateAction
from towpath.machinery.errors import AlreadyExists, NotFound
from towpath.machinery.objects import RawObject, annotations_of, uid_of

DEFAULT_PATH = "catalog-info.yaml"
RUN_ANNOTATION = "towpath.dev/template-run-uid"
"""Whose the source is while its run can still be undone."""

_HOSTED = re.compile(r"https?://[^/]+/git/([a-z0-9-]+)/([^/]+?)(?:\.git)?(?:/tree/main)?(/.*)?")

_SCHEMA: RawObject = {
    "type": "object",
    "properties": {
        "repoContentsUrl": {"type": "string"},
        "catalogInfoPath": {"type": "string"},
        "catalogInfoUrl": {"type": "string"},
        "optional": {"type": "boolean"},
    },
    "anyOf": [{"required": ["repoContentsUrl"]}, {"required": ["catalogInfoUrl"]}],
}


def register_action(platform: Platform) -> TemplateAction:
    api = platform.api

    async def run(context: ActionContext) -> dict[str, Any]:
        repository, path = _location(context)
        source = CATALOG_SOURCE.object(
            repository.name,
            context.project,
            spec={"type": "git", "repository": repository.name, "path": path},
        )
        source["metadata"]["annotations"] = {RUN_ANNOTATION: uid_of(context.run)}
        try:
            await api.create(CATALOG_SOURCE, source)
        except AlreadyExists:
            found = await api.get(CATALOG_SOURCE, repository.name, context.project)
            if annotations_of(found).get(RUN_ANNOTATION) != uid_of(context.run):
                raise ActionFailed(
                    f"the project {context.project} has a catalogue source {repository.name} "
                    "already; choose another name"
                ) from None
        context.log(f"The catalogue reads {path} of {repository}")
        return {
            "catalogInfoUrl": f"{platform.git.clone_url(repository)}#{path}",
            "entityRef": f"component:{context.project}/{repository.name}",
        }

    async def undo(context: ActionContext) -> None:
        repository, _ = _location(context)
        try:
            found = await api.get(CATALOG_SOURCE, repository.name, context.project)
            if annotations_of(found).get(RUN_ANNOTATION) != uid_of(context.run):
                return
            uid = uid_of(found)
            await api.delete(CATALOG_SOURCE, repository.name, context.project, uid=uid)
        except NotFound:
            return
        context.log(f"The catalogue no longer reads {repository}")

    return TemplateAction(
        id="catalog:register",
        description="Let the catalogue read the repository's descriptor.",
        input_schema=_SCHEMA,
        run=run,
        undo=undo,
    )


def _location(context: ActionContext) -> tuple[RepositoryName, str]:
    """The repository, and the descriptor's path in it."""
    url = context.input.get("repoContentsUrl") or context.input["catalogInfoUrl"]
    found = _HOSTED.fullmatch(url)
    if found is None:
        raise ActionFailed(
            f"{url!r} is not a repository of this platform; registering others is not implemented"
        )
    project, name, rest = found.groups()
    if project != context.project:
        raise ActionFailed(f"{url!r} belongs to {project}, not to {context.project}")
    path = context.input.get("catalogInfoPath") or rest or DEFAULT_PATH
    return RepositoryName(project, name), path.strip("/")
