"""Actions that bring files into the workspace, as they are or rendered: fetch:* and workspace:*.

A relative url is below the template; any other is read by whoever is given here, which a template
tested without a platform has not. What they make is in the workspace and goes with it.
"""

import asyncio
import posixpath
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.actions.failures import ActionFailed, InputRefused
from towpath.capabilities.portal.templates.expressions import Dialect, ExpressionError, render
from towpath.capabilities.portal.templates.foreign import render_cookiecutter, render_copier
from towpath.capabilities.portal.templates.skeleton import (
    SkeletonError,
    SkeletonOptions,
    render_skeleton,
)
from towpath.engines.git.port import File
from towpath.hooks.templates import NOTHING_OUTSIDE, ActionContext, TemplateAction
from towpath.machinery.objects import RawObject

TEMPLATE_EXTENSION = ".njk"
LOCATION = "backstage.io/managed-by-location"
"""On a descriptor of the catalogue: where it was read."""

ReadTree = Callable[[ActionContext, str], Awaitable[dict[str, File]]]
"""The files of an absolute url, by their paths below it; one file has the path ""."""

_TEXT: RawObject = {"type": "string"}
_TEXTS: RawObject = {"type": "array", "items": {"type": "string"}}
_FLAG: RawObject = {"type": "boolean"}
_URL: RawObject = {"type": "string"}
_RENDERED: RawObject = {
    "values": {"type": "object"},
    "cookiecutterCompat": _FLAG,
    "replace": _FLAG,
    "trimBlocks": _FLAG,
    "lstripBlocks": _FLAG,
}
_TREE: RawObject = {
    **_RENDERED,
    "targetPath": _TEXT,
    "copyWithoutTemplating": _TEXTS,
    "copyWithoutRender": _TEXTS,
    "templateFileExtension": {"type": ["string", "boolean"]},
}


def options_of(given: Mapping[str, Any]) -> SkeletonOptions:
    """The inputs of fetch:template that say how files are rendered. Raises ActionFailed."""
    copy_only = given.get("copyWithoutTemplating")
    if given.get("templateFileExtension") and (copy_only or given.get("cookiecutterCompat")):
        raise InputRefused(
            "templateFileExtension cannot be used together with copyWithoutTemplating or "
            "cookiecutterCompat"
        )
    return SkeletonOptions(
        copy_only=copy_only or (),
        extension=_extension(given.get("templateFileExtension")),
        dialect=_dialect(given),
        replace=given.get("replace", False),
    )


def _dialect(given: Mapping[str, Any]) -> Dialect:
    return Dialect(
        cookiecutter=given.get("cookiecutterCompat", False),
        trim_blocks=given.get("trimBlocks", False),
        lstrip_blocks=given.get("lstripBlocks", False),
    )


def _extension(given: bool | str | None) -> str:
    if given is True:
        return TEMPLATE_EXTENSION
    return f".{given.removeprefix('.')}" if given else ""


def fetch_actions(read: ReadTree | None) -> Sequence[TemplateAction]:
    """`read` is None where there is no platform to fetch anything with."""
    source = _Source(read)
    return (
        _action(
            "fetch:template",
            "Render a skeleton's files and names into the workspace.",
            ["url"],
            {"url": _URL, **_TREE, "token": _TEXT},
            lambda context: _fetch_template(context, source),
        ),
        _action(
            "fetch:template:file",
            "Render one file into the workspace.",
            ["url", "targetPath"],
            {"url": _URL, "targetPath": _URL, **_RENDERED, "token": _TEXT},
            lambda context: _fetch_template_file(context, source),
        ),
        _action(
            "fetch:plain",
            "Copy files into the workspace as they are.",
            ["url"],
            {"url": _URL, "targetPath": _TEXT, "token": _TEXT},
            lambda context: _fetch_plain(context, source),
        ),
        _action(
            "fetch:plain:file",
            "Copy one file into the workspace as it is.",
            ["url", "targetPath"],
            {"url": _URL, "targetPath": _URL, "token": _TEXT},
            lambda context: _fetch_plain_file(context, source),
        ),
        _action(
            "fetch:cookiecutter",
            "Render a Cookiecutter template into the workspace; its hooks are not run.",
            ["url"],
            {
                "url": _URL,
                "targetPath": _TEXT,
                "values": {"type": "object"},
                "copyWithoutRender": _TEXTS,
                "extensions": _TEXTS,
                "imageName": _TEXT,
            },
            lambda context: _fetch_foreign(context, source, render_cookiecutter),
        ),
        _action(
            "fetch:copier",
            "Render a Copier template into the workspace; its tasks are not run.",
            ["url"],
            {"url": _URL, "targetPath": _TEXT, "values": {"type": "object"}},
            lambda context: _fetch_foreign(context, source, render_copier),
        ),
        _action(
            "workspace:template",
            "Render files of the workspace into another folder of it.",
            ["sourcePath"],
            {"sourcePath": _TEXT, **_TREE},
            lambda context: _fetch_template(context, _Workspace()),
        ),
        _action(
            "workspace:template:file",
            "Render one file of the workspace into another.",
            ["sourcePath", "targetPath"],
            {"sourcePath": _URL, "targetPath": _URL, **_RENDERED},
            lambda context: _fetch_template_file(context, _Workspace()),
        ),
    )


def _action(
    name: str,
    description: str,
    required: list[str],
    properties: RawObject,
    run: Callable[[ActionContext], Awaitable[dict[str, Any]]],
) -> TemplateAction:
    return TemplateAction(
        id=name,
        description=description,
        input_schema=taking(required, properties),
        run=run,
        supports_dry_run=True,
        stays=NOTHING_OUTSIDE,
    )


def taking(required: list[str], properties: RawObject) -> RawObject:
    """The schema of an input: what is not known is refused, as it is a mistake in writing."""
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


class _Source:
    """Files by the input `url`."""

    def __init__(self, read: ReadTree | None) -> None:
        self._read = read

    async def tree(self, context: ActionContext) -> dict[str, File]:
        url = _absolute(context)
        if "://" not in url:
            place = folders.inside(context.template, url)
            if not place.is_dir():
                raise ActionFailed(f"the template has no folder {url!r}")
            return await asyncio.to_thread(folders.read_files, place)
        files = await self._remote(context, url)
        if "" in files:
            raise ActionFailed(f"{url} is a file; use the action for files, or name a folder")
        return files

    async def file(self, context: ActionContext) -> File:
        url = _absolute(context)
        if "://" not in url:
            return await asyncio.to_thread(_one_file, context.template, url, "the template")
        files = await self._remote(context, url)
        if set(files) != {""}:
            raise ActionFailed(f"{url} is a folder; name a file in it")
        return files[""]

    async def _remote(self, context: ActionContext, url: str) -> dict[str, File]:
        if self._read is None:
            raise ActionFailed(f"{url!r} cannot be fetched here; only the template's own files can")
        return await self._read(context, url)


def _absolute(context: ActionContext) -> str:
    """A relative url of a template whose files are elsewhere, as the catalogue knows it."""
    url: str = context.input["url"]
    planned = (context.run.get("status") or {}).get("template") or {}
    if "://" in url or "source" in planned:
        return url
    metadata = (planned.get("descriptor") or {}).get("metadata") or {}
    known = str((metadata.get("annotations") or {}).get(LOCATION, ""))
    if not known.startswith("url:") or url.startswith("/"):
        return url
    address, _, _ = known.removeprefix("url:").rpartition("/")
    return urljoin(f"{address}/", url).rstrip("/")


class _Workspace:
    """Files by the input `sourcePath`."""

    async def tree(self, context: ActionContext) -> dict[str, File]:
        wanted: str = context.input["sourcePath"]
        place = folders.inside(context.workspace, wanted)
        if not place.is_dir():
            raise ActionFailed(f"the workspace has no folder {wanted!r}")
        return await asyncio.to_thread(folders.read_files, place)

    async def file(self, context: ActionContext) -> File:
        wanted: str = context.input["sourcePath"]
        return await asyncio.to_thread(_one_file, context.workspace, wanted, "the workspace")


def _one_file(root: Path, relative: str, whose: str) -> File:
    place = folders.inside(root, relative)
    if not place.is_file():
        raise ActionFailed(f"{whose} has no file {relative!r}")
    return folders.read_file(place)


async def _fetch_template(context: ActionContext, source: _Source | _Workspace) -> dict[str, Any]:
    files = await source.tree(context)
    options = options_of(context.input)

    def render_all() -> list[str]:
        rendered = render_skeleton(files, context.input.get("values") or {}, options)
        return _written(context, rendered, replace=options.replace)

    written = await asyncio.to_thread(render_all)
    context.log(f"Wrote {len(written)} files from {_shown(context)}")
    return {}


async def _fetch_template_file(
    context: ActionContext, source: _Source | _Workspace
) -> dict[str, Any]:
    target = folders.inside(context.workspace, context.input["targetPath"])
    replace = context.input.get("replace", False)
    if target.exists() and not replace:
        context.log(f"{context.input['targetPath']} is there already and is kept.")
        return {}
    file = await source.file(context)
    dialect = _dialect(context.input)
    values = context.input.get("values") or {}
    given = {"cookiecutter" if dialect.cookiecutter else "values": values}

    def render_one() -> list[str]:
        try:
            text = render(file.content.decode("utf-8", "replace"), given, dialect=dialect)
        except ExpressionError as error:
            raise SkeletonError(f"{_shown(context)}: {error}") from error
        return _write_one(context, File(text.encode("utf-8", "replace"), file.executable))

    await asyncio.to_thread(render_one)
    context.log(f"Wrote {context.input['targetPath']}")
    return {}


async def _fetch_plain(context: ActionContext, source: _Source) -> dict[str, Any]:
    files = await source.tree(context)
    written = await asyncio.to_thread(lambda: _written(context, files, replace=True))
    context.log(f"Copied {len(written)} files from {_shown(context)}")
    return {}


async def _fetch_plain_file(context: ActionContext, source: _Source) -> dict[str, Any]:
    file = await source.file(context)
    target = folders.inside(context.workspace, context.input["targetPath"])
    if not target.parent.is_dir():
        above = posixpath.dirname(posixpath.normpath(context.input["targetPath"]))
        raise ActionFailed(f"the workspace has no folder {above!r}; fetch:plain:file makes none")
    await asyncio.to_thread(lambda: _write_one(context, file))
    context.log(f"Wrote {context.input['targetPath']}")
    return {}


async def _fetch_foreign(
    context: ActionContext,
    source: _Source,
    render_files: Callable[[Mapping[str, File], Mapping[str, Any], Mapping[str, Any]], Any],
) -> dict[str, Any]:
    if context.input.get("extensions"):
        raise ActionFailed("extensions of Jinja are code of others, which is not run here")
    files = await source.tree(context)
    made = await render_files(files, context.input.get("values") or {}, context.input)
    for note in made.notes:
        context.log(note)
    written = await asyncio.to_thread(lambda: _written(context, made.files, replace=True))
    context.log(f"Wrote {len(written)} files from {_shown(context)}")
    return {}


def _shown(context: ActionContext) -> str:
    return str(context.input.get("url") or context.input.get("sourcePath"))


def _written(context: ActionContext, files: Mapping[str, File], *, replace: bool) -> list[str]:
    target = folders.inside(context.workspace, context.input.get("targetPath") or ".")
    scratch = context.workspace.with_name("scratch")
    return folders.write_files(target, files, scratch=scratch, replace=replace)


def _write_one(context: ActionContext, file: File) -> list[str]:
    path = posixpath.normpath(context.input["targetPath"].strip())
    scratch = context.workspace.with_name("scratch")
    return folders.write_files(context.workspace, {path: file}, scratch=scratch)
