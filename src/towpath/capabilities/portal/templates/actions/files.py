"""Actions on the run's workspace: fetch:template, fetch:plain, debug:log, fs:delete, fs:rename.

They make nothing outside the workspace, which goes with the run; so there is nothing to undo.
"""

import asyncio
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.expressions import Dialect
from towpath.capabilities.portal.templates.skeleton import (
    SkeletonOptions,
    render_skeleton,
)
from towpath.engines.git.port import File
from towpath.hooks.templates import ActionContext, TemplateAction
from towpath.machinery.globs import Globs
from towpath.machinery.objects import RawObject

TEMPLATE_EXTENSION = ".njk"

_TEXTS: RawObject = {"type": "array", "items": {"type": "string"}}
_FETCH_PROPERTIES: RawObject = {
    "url": {"type": "string", "minLength": 1},
    "targetPath": {"type": "string"},
    "replace": {"type": "boolean"},
}


class ActionFailed(Exception):
    """The action cannot do what it was asked; `str()` is one sentence for the author."""


class NameTaken(ActionFailed):
    """What the action would make is there already, and somebody else's."""


async def _fetch_template(context: ActionContext) -> dict[str, Any]:
    def fetch() -> list[str]:
        files = render_skeleton(
            folders.read_files(_source(context)),
            context.input.get("values") or {},
            options_of(context.input),
        )
        replace = context.input.get("replace", False)
        return _written(context, files, replace=replace)

    written = await asyncio.to_thread(fetch)
    context.log(f"Wrote {len(written)} files from {context.input['url']}")
    return {}


def options_of(given: Mapping[str, Any]) -> SkeletonOptions:
    """The inputs of fetch:template that say how files are rendered. Raises ActionFailed."""
    copy_only = given.get("copyWithoutTemplating")
    if given.get("templateFileExtension") and (copy_only or given.get("cookiecutterCompat")):
        raise ActionFailed(
            "templateFileExtension cannot be used together with copyWithoutTemplating or "
            "cookiecutterCompat"
        )
    return SkeletonOptions(
        copy_only=copy_only or given.get("copyWithoutRender") or (),
        extension=_extension(given.get("templateFileExtension")),
        dialect=Dialect(
            cookiecutter=given.get("cookiecutterCompat", False),
            trim_blocks=given.get("trimBlocks", False),
            lstrip_blocks=given.get("lstripBlocks", False),
        ),
        replace=given.get("replace", False),
    )


async def _fetch_plain(context: ActionContext) -> dict[str, Any]:
    def fetch() -> list[str]:
        return _written(context, folders.read_files(_source(context)), replace=True)

    written = await asyncio.to_thread(fetch)
    context.log(f"Copied {len(written)} files from {context.input['url']}")
    return {}


def _source(context: ActionContext) -> Path:
    url: str = context.input["url"]
    if "://" in url:
        raise ActionFailed(
            f"fetching from {url!r} is not implemented; put the skeleton beside the template and "
            "write a relative url such as ./skeleton"
        )
    source = folders.inside(context.template, url)
    if not source.is_dir():
        raise ActionFailed(f"the template has no folder {url!r}")
    return source


def _written(context: ActionContext, files: Mapping[str, File], *, replace: bool) -> list[str]:
    target = folders.inside(context.workspace, context.input.get("targetPath") or ".")
    scratch = context.workspace.with_name("scratch")
    return folders.write_files(target, files, scratch=scratch, replace=replace)


def _extension(given: bool | str | None) -> str:
    if given is True:
        return TEMPLATE_EXTENSION
    return f".{given.removeprefix('.')}" if given else ""


async def _debug_log(context: ActionContext) -> dict[str, Any]:
    for line in str(context.input.get("message", "")).splitlines():
        context.log(line)
    if "extra" in context.input:
        context.log(json.dumps(context.input["extra"], indent=2, ensure_ascii=False))
    if context.input.get("listWorkspace"):
        for path in await asyncio.to_thread(folders.read_files, context.workspace):
            context.log(path)
    return {}


async def _fs_delete(context: ActionContext) -> dict[str, Any]:
    def delete() -> int:
        for path in context.input["files"]:
            folders.inside(context.workspace, path)
        globs = Globs(context.input["files"])
        matching = [path for path in folders.read_files(context.workspace) if globs.match(path)]
        for path in matching:
            folders.inside(context.workspace, path).unlink(missing_ok=True)
        return len(matching)

    context.log(f"Deleted {await asyncio.to_thread(delete)} files")
    return {}


async def _fs_rename(context: ActionContext) -> dict[str, Any]:
    def rename() -> None:
        for entry in context.input["files"]:
            origin = folders.inside(context.workspace, entry["from"])
            target = folders.inside(context.workspace, entry["to"])
            if not origin.exists() and target.exists():
                continue  # done before a crash
            if target.exists() and not entry.get("overwrite", False):
                raise ActionFailed(f"{entry['to']!r} exists already; set overwrite to replace it")
            if not origin.exists():
                raise ActionFailed(f"there is no {entry['from']!r} to rename")
            if target.is_dir():
                shutil.rmtree(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            origin.replace(target)
            context.log(f"Renamed {entry['from']} to {entry['to']}")

    await asyncio.to_thread(rename)
    return {}


def _schema(required: list[str], properties: RawObject) -> RawObject:
    return {"type": "object", "required": required, "properties": properties}


FILE_ACTIONS = (
    TemplateAction(
        id="fetch:template",
        description="Render a skeleton's files and names into the workspace.",
        input_schema=_schema(
            ["url"],
            {
                **_FETCH_PROPERTIES,
                "values": {"type": "object"},
                "copyWithoutTemplating": _TEXTS,
                "copyWithoutRender": _TEXTS,
                "cookiecutterCompat": {"type": "boolean"},
                "templateFileExtension": {"type": ["string", "boolean"]},
                "trimBlocks": {"type": "boolean"},
                "lstripBlocks": {"type": "boolean"},
            },
        ),
        run=_fetch_template,
    ),
    TemplateAction(
        id="fetch:plain",
        description="Copy files of the template into the workspace as they are.",
        input_schema=_schema(["url"], _FETCH_PROPERTIES),
        run=_fetch_plain,
    ),
    TemplateAction(
        id="debug:log",
        description="Write a message to the step's log.",
        input_schema=_schema(
            [],
            {"message": {"type": "string"}, "listWorkspace": {"type": ["boolean", "string"]}},
        ),
        run=_debug_log,
    ),
    TemplateAction(
        id="fs:delete",
        description="Delete files of the workspace.",
        input_schema=_schema(["files"], {"files": _TEXTS}),
        run=_fs_delete,
    ),
    TemplateAction(
        id="fs:rename",
        description="Rename files and folders of the workspace.",
        input_schema=_schema(
            ["files"],
            {
                "files": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["from", "to"],
                        "properties": {
                            "from": {"type": "string"},
                            "to": {"type": "string"},
                            "overwrite": {"type": "boolean"},
                        },
                    },
                }
            },
        ),
        run=_fs_rename,
    ),
)
