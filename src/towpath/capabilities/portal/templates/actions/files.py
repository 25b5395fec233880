"""Actions on the run's workspace: fs:*, debug:* and catalog:write, beside those that fetch.

They make nothing outside the workspace, which goes with the run; so there is nothing to undo.
"""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.actions.failures import (
    ActionFailed,
    InputRefused,
    NameTaken,
)
from towpath.capabilities.portal.templates.actions.fetching import (
    fetch_actions,
    options_of,
    taking,
)
from towpath.capabilities.portal.templates.expressions.engine import as_json, call, indented
from towpath.engines.git.port import File
from towpath.hooks.templates import NOTHING_OUTSIDE, ActionContext, TemplateAction
from towpath.machinery.globs import Globs
from towpath.machinery.objects import RawObject

__all__ = ["FILE_ACTIONS", "WORKSPACE_ACTIONS", "ActionFailed", "NameTaken", "options_of"]

WAIT_S_MAX = 600.0
SHOWN_BYTES_MAX = 64 * 1024
SOURCE_TEMPLATE = "backstage.io/source-template"

_TEXTS: RawObject = {"type": "array", "items": {"type": "string"}}


async def _debug_log(context: ActionContext) -> dict[str, Any]:
    context.log(await asyncio.to_thread(indented, context.input))
    if message := context.input.get("message"):
        context.log(str(message))
    wanted = context.input.get("listWorkspace")
    if wanted:
        context.log(await asyncio.to_thread(_listing, context.workspace, wanted))
    return {}


def _listing(workspace: Path, wanted: bool | str) -> str:
    lines = ["Workspace:"]
    for path, file in folders.read_files(workspace).items():
        if wanted != "with-contents":
            lines.append(f"  - {path}")
        elif len(file.content) > SHOWN_BYTES_MAX:
            lines.append(f" - {path}: [skipped]")
        else:
            lines.append(f" - {path}:\n\n  {file.content.decode('utf-8', 'replace')}")
    return "\n".join(lines)


async def _debug_wait(context: ActionContext) -> dict[str, Any]:
    given = context.input
    wait_s = (
        given.get("minutes", 0) * 60 + given.get("seconds", 0) + given.get("milliseconds", 0) / 1000
    )
    if wait_s > WAIT_S_MAX:
        raise ActionFailed(f"{wait_s:g} seconds is longer than the {WAIT_S_MAX:g} that are allowed")
    done = asyncio.Event()
    asyncio.get_running_loop().call_later(max(wait_s, 0), done.set)
    await done.wait()
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
            if not entry["from"] or not entry["to"]:
                raise InputRefused("each file must have a from and to property")
            origin = folders.inside(context.workspace, entry["from"])
            target = folders.inside(context.workspace, entry["to"])
            if not origin.exists() and target.exists():
                continue  # done before a crash
            if target.exists() and not entry.get("overwrite", False):
                raise ActionFailed(
                    f"dest already exists. {entry['to']!r} is there; set overwrite to replace it"
                )
            if not origin.exists():
                raise ActionFailed(f"there is no {entry['from']!r} to rename")
            if origin in target.parents:
                raise ActionFailed(f"{entry['to']!r} is inside {entry['from']!r} itself")
            if target.is_dir():
                shutil.rmtree(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            origin.replace(target)
            context.log(f"Renamed {entry['from']} to {entry['to']}")

    await asyncio.to_thread(rename)
    return {}


async def _fs_readdir(context: ActionContext) -> dict[str, Any]:
    def read() -> dict[str, Any]:
        found: dict[str, Any] = {"files": [], "folders": []}
        for wanted in context.input["paths"]:
            place = folders.inside(context.workspace, wanted)
            if not place.is_dir():
                raise ActionFailed(f"the workspace has no folder {wanted!r}")
            for entry in _entries(place, recursive=context.input.get("recursive", False)):
                path = entry.relative_to(context.workspace).as_posix()
                # The place on our disk is nobody's business: the full path is the workspace's too.
                one = {"name": entry.name, "path": path, "fullPath": path}
                found["folders" if entry.is_dir() else "files"].append(one)
        return found

    return await asyncio.to_thread(read)


def _entries(place: Path, *, recursive: bool) -> Iterator[Path]:
    for entry in sorted(place.iterdir()):
        yield entry
        if recursive and entry.is_dir() and not entry.is_symlink():
            yield from _entries(entry, recursive=True)


async def _catalog_write(context: ActionContext) -> dict[str, Any]:
    path = str(context.input.get("filePath") or "catalog-info.yaml")
    entity = dict(context.input["entity"])
    if not isinstance(entity.get("metadata"), dict):
        raise ActionFailed("the entity has no metadata; its name, at least, belongs there")
    metadata = dict(entity["metadata"])
    if context.template_ref:
        annotations = {**(metadata.get("annotations") or {})}
        metadata["annotations"] = {**annotations, SOURCE_TEMPLATE: context.template_ref}
    entity["metadata"] = metadata

    def write() -> None:
        text: str = call("writeYaml", as_json(entity))["text"]
        target = folders.inside(context.workspace, path)
        relative = os.path.relpath(target, context.workspace)
        scratch = context.workspace.with_name("scratch")
        folders.write_files(context.workspace, {relative: File(text.encode())}, scratch=scratch)

    await asyncio.to_thread(write)
    context.log(f"Writing {path}")
    return {}


def _action(
    name: str,
    description: str,
    required: list[str],
    properties: RawObject,
    run: Callable[[ActionContext], Awaitable[dict[str, Any]]],
    *,
    supports_dry_run: bool = True,
    output: RawObject | None = None,
) -> TemplateAction:
    return TemplateAction(
        id=name,
        description=description,
        input_schema=taking(required, properties),
        run=run,
        supports_dry_run=supports_dry_run,
        stays=NOTHING_OUTSIDE,
        output_schema={"type": "object", "properties": output} if output else None,
    )


_RENAMING = taking(
    ["from", "to"],
    {"from": {"type": "string"}, "to": {"type": "string"}, "overwrite": {"type": "boolean"}},
)
_ENTRY: RawObject = {
    "type": "object",
    "properties": {part: {"type": "string"} for part in ("name", "path", "fullPath")},
}

WORKSPACE_ACTIONS = (
    _action(
        "debug:log",
        "Write a message to the step's log, or list the workspace there.",
        [],
        {
            "message": {"type": "string"},
            "listWorkspace": {
                "anyOf": [
                    {"type": "boolean"},
                    {"type": "string", "enum": ["with-filenames", "with-contents"]},
                ]
            },
        },
        _debug_log,
    ),
    _action(
        "debug:wait",
        "Wait for a while, ten minutes at most.",
        [],
        {unit: {"type": "number"} for unit in ("minutes", "seconds", "milliseconds")},
        _debug_wait,
        supports_dry_run=False,
    ),
    _action(
        "fs:delete",
        "Delete files of the workspace.",
        ["files"],
        {"files": _TEXTS},
        _fs_delete,
    ),
    _action(
        "fs:rename",
        "Rename files and folders of the workspace.",
        ["files"],
        {"files": {"type": "array", "items": _RENAMING}},
        _fs_rename,
    ),
    _action(
        "fs:readdir",
        "List files and folders of the workspace.",
        ["paths"],
        {
            "paths": {"type": "array", "items": {"type": "string", "minLength": 1}},
            "recursive": {"type": "boolean"},
        },
        _fs_readdir,
        output={part: {"type": "array", "items": _ENTRY} for part in ("files", "folders")},
    ),
    _action(
        "catalog:write",
        "Write a descriptor of the catalogue into the workspace.",
        ["entity"],
        {"filePath": {"type": "string"}, "entity": {"type": "object"}},
        _catalog_write,
    ),
)

FILE_ACTIONS = (*fetch_actions(None), *WORKSPACE_ACTIONS)
"""All that need no platform."""
