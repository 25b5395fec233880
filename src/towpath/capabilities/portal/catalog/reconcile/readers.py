"""How a source of each type outside of the hosted repositories is read."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from towpath.capabilities.portal.catalog.gathering import (
    Gathered,
    Memory,
    Terms,
    gather,
    terms_of,
    told_at_once,
)
from towpath.capabilities.portal.catalog.kinds import (
    DEFAULT_PATH,
    DIRECTORY,
    GIVE_PEOPLE,
    KUBERNETES,
    LDAP,
    ORGANISATION,
    PLUGIN,
    SCIM,
    URL,
)
from towpath.capabilities.portal.catalog.reconcile.models import Models
from towpath.capabilities.portal.catalog.reconcile.repositories import is_of_platform
from towpath.capabilities.portal.catalog.scim.entities import directory_of
from towpath.capabilities.portal.catalog.sources import organisation
from towpath.capabilities.portal.catalog.sources.cluster import ClusterObjects
from towpath.capabilities.portal.catalog.sources.folders import TYPE as FILE
from towpath.capabilities.portal.catalog.sources.folders import Folder
from towpath.capabilities.portal.catalog.sources.ldap import directory_found
from towpath.capabilities.portal.catalog.sources.organisation import Organisation
from towpath.capabilities.portal.catalog.sources.people import DirectoryFound, gathered_of
from towpath.capabilities.portal.catalog.sources.place import Places, Refused, Unread
from towpath.capabilities.portal.catalog.sources.plugin import found_by_plugin
from towpath.capabilities.portal.catalog.sources.web import Web
from towpath.hooks.outbound import outbound
from towpath.hooks.platform import Platform
from towpath.machinery.objects import Key, RawObject

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Read:
    gathered: Gathered
    asks_for: Callable[[str], bool]
    """Whether the source, as it is written now, asks for an address."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What makes the next reading of a source cheaper."""

    files: Memory = field(default_factory=Memory)
    repositories: organisation.Memory = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Readers:
    platform: Platform
    web: Web
    cluster: ClusterObjects
    models: Models
    memory: dict[Key, Remembered] = field(default_factory=dict)

    async def read(self, key: Key, source: RawObject) -> Read:
        """Raises PlaceError for what may not be read at all."""
        spec = source["spec"]
        of_platform = is_of_platform(source)
        if spec["type"] in GIVE_PEOPLE and not of_platform:
            raise Refused(
                f"people come from a source of type {spec['type']} in the namespace "
                "towpath-system alone; move it there"
            )
        reader = _READERS[spec["type"]]
        remembered = self.memory.setdefault(key, Remembered())
        return await reader(self, source, terms_of(source, is_of_platform=of_platform), remembered)

    async def of_cluster(self, source: RawObject, terms: Terms, _: Remembered) -> Read:
        origin = f"kubernetes:{source['spec']['kubernetes']['cluster']}"
        return Read(await self.cluster.gather(source, terms), origin.__eq__)

    async def of_web(self, source: RawObject, terms: Terms, remembered: Remembered) -> Read:
        web = await self.web.with_secret(self.platform.api, source)
        targets = [f"url:{target}" for target in source["spec"]["url"]["targets"]]
        gathered = await self._gather(Places({"url": web}), targets, terms, remembered)
        return Read(gathered, frozenset(targets).__contains__)

    async def of_folder(self, source: RawObject, terms: Terms, remembered: Remembered) -> Read:
        spec = source["spec"]["directory"]
        folder = Folder.of(
            spec["path"], self.platform.catalog_roots, of_platform=is_of_platform(source)
        )
        try:
            files = await folder.files(spec.get("files") or [f"**/{DEFAULT_PATH}"])
        except Unread as error:
            return Read(Gathered(unlisted={folder.address: str(error)}), folder.holds)
        place = Places({FILE: folder, "url": self.web})
        return Read(await self._gather(place, files, terms, remembered), folder.holds)

    async def of_organisation(
        self, source: RawObject, terms: Terms, remembered: Remembered
    ) -> Read:
        web = await self.web.with_secret(self.platform.api, source)
        owner = Organisation.of(source, web, remembered.repositories)
        path = (source["spec"].get("path") or DEFAULT_PATH).strip("/")
        files = await owner.files(source, path)
        gathered = await self._gather(Places({"url": owner}), files, terms, remembered)
        owner.forget_unsettled()
        return Read(owner.told(gathered), owner.holds)

    async def of_provisioned(self, source: RawObject, terms: Terms, _: Remembered) -> Read:
        name = f"{source['metadata']['namespace']}/{source['metadata']['name']}"
        found = await directory_of(self.platform.provisioned, name)
        return _of_people(found, f"scim:{name}", source, terms)

    async def of_ldap(self, source: RawObject, terms: Terms, _: Remembered) -> Read:
        spec = source["spec"][LDAP]
        address = f"ldap:{spec['url']}"
        api = self.platform.api
        try:
            found = await directory_found(api, await outbound(api), source)
        except Unread as error:
            return Read(Gathered(unlisted={address: str(error)}), address.__eq__)
        return _of_people(found, address, source, terms)

    async def of_plugin(self, source: RawObject, terms: Terms, _: Remembered) -> Read:
        spec = source["spec"][PLUGIN]
        address = f"plugin:{spec['plugin']}/{spec['source']}"
        try:
            documents = await found_by_plugin(self.platform, source)
        except Unread as error:
            return Read(Gathered(unlisted={address: str(error)}), address.__eq__)
        found = told_at_once(documents, address, terms, self.models.current)
        return Read(found, address.__eq__)

    async def _gather(
        self, place: Places, files: Sequence[str], terms: Terms, remembered: Remembered
    ) -> Gathered:
        model = self.models.current
        return await gather(place, files, terms, model=model, memory=remembered.files)


def _of_people(found: DirectoryFound, address: str, source: RawObject, terms: Terms) -> Read:
    spec = source["spec"]
    namespace = spec[spec["type"]].get("namespace") or "default"
    return Read(gathered_of(found, address, namespace, terms), address.__eq__)


_Reader = Callable[[Readers, RawObject, Terms, Remembered], Awaitable[Read]]
_READERS: Mapping[str, _Reader] = {
    DIRECTORY: Readers.of_folder,
    KUBERNETES: Readers.of_cluster,
    LDAP: Readers.of_ldap,
    ORGANISATION: Readers.of_organisation,
    PLUGIN: Readers.of_plugin,
    SCIM: Readers.of_provisioned,
    URL: Readers.of_web,
}
OUTSIDE = frozenset(_READERS)
OF_OBJECTS = frozenset((KUBERNETES, SCIM, LDAP, PLUGIN))
"""They tell all that there is themselves: what is not told is no orphan, it has gone."""
