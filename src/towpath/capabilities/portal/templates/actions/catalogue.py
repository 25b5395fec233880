"""catalog:register and catalog:fetch: what the catalogue reads from now on, and what it knows."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
from towpath.capabilities.portal.templates.actions.failures import ActionFailed
from towpath.capabilities.portal.templates.actions.fetching import taking
from towpath.engines.git.port import RepositoryName
from towpath.hooks.platform import Platform
from towpath.hooks.templates import NOTHING_OUTSIDE, ActionContext, TemplateAction
from towpath.machinery.errors import AlreadyExists, NotFound
from towpath.machinery.objects import RawObject, annotations_of, uid_of
from towpath.machinery.references import BadReference, parse_reference
from towpath.machinery.users import UserInfo
from towpath.records.contract import CatalogIndex, Viewer

DEFAULT_PATH = "catalog-info.yaml"
RUN_ANNOTATION = "towpath.dev/template-run-uid"
"""Whose the source is while its run can still be undone."""

_HOSTED = re.compile(r"https?://[^/]+/git/([a-z0-9-]+)/([^/]+?)(?:\.git)?(?:/tree/main)?(/.*)?")

_TEXT: RawObject = {"type": "string"}
_FLAG: RawObject = {"type": "boolean"}
_SCHEMA: RawObject = {
    "anyOf": [
        taking(["catalogInfoUrl"], {"catalogInfoUrl": _TEXT, "optional": _FLAG}),
        taking(
            ["repoContentsUrl"],
            {"repoContentsUrl": _TEXT, "catalogInfoPath": _TEXT, "optional": _FLAG},
        ),
    ]
}


def register_action(platform: Platform) -> TemplateAction:
    api = platform.api

    async def run(context: ActionContext) -> dict[str, Any]:
        place = _location(context)
        source = CATALOG_SOURCE.object(place.name, context.project, spec=place.spec)
        source["metadata"]["annotations"] = {RUN_ANNOTATION: uid_of(context.run)}
        try:
            await api.create(CATALOG_SOURCE, source)
        except AlreadyExists:
            found = await api.get(CATALOG_SOURCE, place.name, context.project)
            is_ours = annotations_of(found).get(RUN_ANNOTATION) == uid_of(context.run)
            if not is_ours and not context.input.get("optional"):
                raise ActionFailed(
                    f"the project {context.project} has a catalogue source {place.name} "
                    "already; choose another name"
                ) from None
        context.log(f"The catalogue reads {place.shown}")
        output = {"catalogInfoUrl": place.url(platform)}
        if place.repository is not None:
            output["entityRef"] = f"component:{context.project}/{place.repository.name}"
        return output

    async def undo(context: ActionContext) -> None:
        place = _location(context)
        try:
            found = await api.get(CATALOG_SOURCE, place.name, context.project)
            if annotations_of(found).get(RUN_ANNOTATION) != uid_of(context.run):
                return
            uid = uid_of(found)
            await api.delete(CATALOG_SOURCE, place.name, context.project, uid=uid)
        except NotFound:
            return
        context.log(f"The catalogue no longer reads {place.shown}")

    return TemplateAction(
        id="catalog:register",
        description="Let the catalogue read the repository's descriptor.",
        input_schema=_SCHEMA,
        run=run,
        undo=undo,
    )


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    """Of the source."""
    spec: RawObject
    shown: str
    repository: RepositoryName | None

    def url(self, platform: Platform) -> str:
        if self.repository is None:
            return self.shown
        return f"{platform.git.clone_url(self.repository)}#{self.spec['path']}"


def _location(context: ActionContext) -> _Place:
    """Where the descriptor is. Raises ActionFailed."""
    url = context.input.get("repoContentsUrl") or context.input["catalogInfoUrl"]
    found = _HOSTED.fullmatch(url)
    if found is None:
        return _elsewhere(context, url)
    project, name, rest = found.groups()
    if project != context.project:
        raise ActionFailed(f"{url!r} belongs to {project}, not to {context.project}")
    path = (context.input.get("catalogInfoPath") or rest or DEFAULT_PATH).strip("/")
    repository = RepositoryName(project, name)
    spec: RawObject = {"type": "git", "repository": name, "path": path}
    return _Place(name, spec, f"{path} of {repository}", repository)


def _elsewhere(context: ActionContext, url: str) -> _Place:
    """A file of the web, which the catalogue reads with its own care for addresses."""
    if "repoContentsUrl" in context.input:
        path = context.input.get("catalogInfoPath") or DEFAULT_PATH
        url = f"{url.rstrip('/')}/{path.lstrip('/')}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ActionFailed(f"{url!r} is no address of a descriptor")
    slug = re.sub(r"[^a-z0-9]+", "-", f"{parts.hostname}{parts.path}".lower()).strip("-")[:40]
    digest = hashlib.sha256(url.encode()).hexdigest()[:8]
    spec: RawObject = {"type": "url", "url": {"targets": [url]}}
    return _Place(f"{slug.strip('-')}-{digest}", spec, url, None)


_REFS = taking(
    [],
    {
        "entityRef": _TEXT,
        "entityRefs": {"type": "array", "items": _TEXT},
        "optional": _FLAG,
        "defaultKind": _TEXT,
        "defaultNamespace": _TEXT,
    },
)
_ENTITIES: RawObject = {
    "type": "object",
    "properties": {"entity": {"type": "object"}, "entities": {"type": "array"}},
}


def fetch_action(catalogue: CatalogIndex) -> TemplateAction:
    async def run(context: ActionContext) -> dict[str, Any]:
        given = context.input
        one, many = given.get("entityRef"), given.get("entityRefs")
        if not one and not many:
            if given.get("optional"):
                return {}
            raise ActionFailed("Missing entity reference or references")
        output: dict[str, Any] = {}
        if one:
            output["entity"] = await _entity(context, one)
        if many:
            output["entities"] = [await _entity(context, ref) for ref in many]
        return output

    async def _entity(context: ActionContext, ref: str) -> RawObject | None:
        given = context.input
        try:
            wanted = parse_reference(
                ref,
                default_kind=given.get("defaultKind") or "",
                default_namespace=given.get("defaultNamespace") or "default",
            )
        except BadReference as error:
            raise ActionFailed(str(error)) from error
        # As the project sees it: a template's author must not read other projects through a run.
        viewer = Viewer(UserInfo(context.user), frozenset({context.project}))
        found = await catalogue.get(viewer, wanted.key)
        if found is None and not given.get("optional"):
            raise ActionFailed(f"Entity {ref} not found")
        return None if found is None else found.descriptor

    return TemplateAction(
        id="catalog:fetch",
        description="Read entities of the catalogue by their references.",
        input_schema=_REFS,
        run=run,
        supports_dry_run=True,
        stays=NOTHING_OUTSIDE,
        output_schema=_ENTITIES,
    )
