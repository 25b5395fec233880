"""Templates of the catalogue are offered: each entity of kind Template becomes a SoftwareTemplate.

In its source's project, or among the platform's own for a source of the platform. Its files are
those beside the descriptor: in a hosted repository by the template's source, elsewhere by the
address that the catalogue read it from. What somebody else has made under that name stays.
"""

import logging
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from towpath.capabilities.portal.templates.actions.fetching import LOCATION
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE
from towpath.capabilities.portal.templates.sources import PLATFORM_PROJECT
from towpath.hooks.platform import SYSTEM_NAMESPACE, Platform
from towpath.machinery.errors import NotFound, StatusError
from towpath.machinery.objects import Key, RawObject, annotations_of, labels_of, uid_of
from towpath.records.contract import Entity, EntityFilter
from towpath.runtime.catalogsources import EVERYTHING, CatalogSources
from towpath.runtime.controller import Controller

log = logging.getLogger(__name__)

READER = "templates"
SOURCE_ANNOTATION = "towpath.dev/catalogue-source"
MANAGED_BY = "app.kubernetes.io/managed-by"
CATALOGUE = "towpath-catalogue"
READ_AT_ONCE = 100

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_HOSTED = re.compile(
    r"(?:towpath-git:([a-z0-9-]+)/([^/]+)/"
    r"|url:https?://[^/]+/git/([a-z0-9-]+)/([^/]+?)(?:\.git)?/(?:tree|blob)/main/)(.+)"
)


def catalogue_controller(platform: Platform) -> Controller:
    sources = CatalogSources(READER, platform.catalog, platform.seen, platform.changes)
    return Controller("cataloguetemplates", Offering(platform, sources), [sources])


@dataclass(frozen=True, slots=True)
class Offering:
    """One source of the catalogue: its templates are offered, and no others of it."""

    platform: Platform
    sources: CatalogSources

    async def __call__(self, key: Key) -> None:
        source = key.name
        version = await self.sources.saw(source)
        offered: set[tuple[str, str]] = set()
        for entity in await self._templates(source):
            template = template_of(entity)
            if template is not None and await self._offer(template):
                offered.add((template["metadata"]["namespace"], template["metadata"]["name"]))
        for found in (await self.platform.api.list(SOFTWARE_TEMPLATE)).items:
            metadata = found["metadata"]
            is_of_source = annotations_of(found).get(SOURCE_ANNOTATION) == source
            if is_of_source and (metadata["namespace"], metadata["name"]) not in offered:
                await self._withdraw(found)
        await self.platform.seen.see(READER, source, version)

    async def _templates(self, source: str) -> Sequence[Entity]:
        found: list[Entity] = []
        token = ""
        while True:
            page = await self.platform.catalog.query(
                EVERYTHING,
                EntityFilter({"source": (source,), "kind": ("Template",)}),
                limit=READ_AT_ONCE,
                continue_token=token,
            )
            found += page.entities
            token = page.continue_token
            if not token:
                return found

    async def _offer(self, template: RawObject) -> bool:
        name, namespace = template["metadata"]["name"], template["metadata"]["namespace"]
        api = self.platform.api
        try:
            known = await api.get(SOFTWARE_TEMPLATE, name, namespace)
        except NotFound:
            known = None
        if known is not None and labels_of(known).get(MANAGED_BY) != CATALOGUE:
            return False
        try:
            await api.apply(SOFTWARE_TEMPLATE, template, manager=CATALOGUE, force=True)
        except StatusError as error:
            # What is no template stays an entity; the catalogue's own page says what is wrong.
            log.info(
                "a template of the catalogue is not offered",
                extra={"template": f"{namespace}/{name}", "why": error.message},
            )
            return False
        return True

    async def _withdraw(self, template: RawObject) -> None:
        metadata = template["metadata"]
        try:
            await self.platform.api.delete(
                SOFTWARE_TEMPLATE, metadata["name"], metadata["namespace"], uid=uid_of(template)
            )
        except NotFound:
            return


def template_of(entity: Entity) -> RawObject | None:
    """None for one that cannot be an object: its name."""
    name = entity.name.lower()
    if not _NAME.fullmatch(name):
        return None
    descriptor = {key: one for key, one in entity.descriptor.items() if key != "relations"}
    spec: RawObject = {"descriptor": descriptor}
    namespace = entity.project or SYSTEM_NAMESPACE
    hosted = _HOSTED.fullmatch(str(annotations_of(descriptor).get(LOCATION, "")))
    if hosted is not None:
        project, repository = hosted[1] or hosted[3], hosted[2] or hosted[4]
        if project == (entity.project or PLATFORM_PROJECT):
            source = {"repository": f"{project}/{repository}", "path": posixpath.dirname(hosted[5])}
            spec["source"] = source
    template = SOFTWARE_TEMPLATE.object(name, namespace, spec=spec)
    template["metadata"]["labels"] = {MANAGED_BY: CATALOGUE}
    template["metadata"]["annotations"] = {SOURCE_ANNOTATION: entity.source}
    return template
