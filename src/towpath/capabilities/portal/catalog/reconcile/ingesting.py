"""From what a source said to what the catalogue has: losses are accepted by people, or not at all.

An ingest that would take out too much is refused by the index; the source is then quarantined and
the catalogue stays as it is. A person accepts the version, or takes one back that was ingested:
both are lists of versions in the source's spec, so that who did it is in the audit trail.
"""

import hashlib
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from towpath.capabilities.portal.catalog.reconcile.reporting import Part, at
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM
from towpath.records.contract import CatalogIndex, Cause, Entity, EntityFilter, Ingested, Viewer

EVERYTHING = Viewer(PLATFORM, None)
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Decided:
    """What people have said of versions."""

    accepted: frozenset[str] = frozenset()
    undone: frozenset[str] = frozenset()


def decided(sources: Iterable[RawObject]) -> Decided:
    specs = [source["spec"] for source in sources]
    return Decided(
        frozenset(version for spec in specs for version in spec.get("accepted") or ()),
        frozenset(version for spec in specs for version in spec.get("undone") or ()),
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    version: str
    ingested: Ingested
    undone: bool = False

    def told(self, part: Part, *, commit: str = "") -> Part:
        return replace(
            part,
            commit=commit,
            version=self.version,
            loss=self.ingested.refused,
            undone=self.undone,
            changed_at=at(0) if self.ingested.changed else "",
            changes=(self.ingested.added, self.ingested.updated, self.ingested.removed),
        )


async def ingest(
    index: CatalogIndex,
    name: str,
    entities: Sequence[Entity],
    *,
    project: str,
    decided: Decided,
    cause: Cause,
    loses: bool,
) -> Outcome:
    """`loses`: some would go although nobody has changed what the source is."""
    version = version_of(entities)
    if version in decided.undone:
        if (await index.sources()).get(name) == version:
            await index.undo(name, cause=Cause(cause.who, "undone in the catalogue source"))
        return Outcome(version, Ingested(changed=False), undone=True)
    ingested = await index.ingest(
        name,
        entities,
        project=project,
        version=version,
        cause=cause,
        loss_allowed=not loses or version in decided.accepted,
    )
    return Outcome(version, ingested)


async def previous(
    index: CatalogIndex, name: str, but: Container[str] = frozenset()
) -> dict[str, Entity]:
    """What the index has of a source, beside these."""
    refs = [ref for ref in await index.held(name) if ref not in but]
    found: dict[str, Entity] = {}
    for start in range(0, len(refs), _PAGE):
        where = EntityFilter({"ref": refs[start : start + _PAGE], "source": (name,)})
        page = await index.query(EVERYTHING, where, limit=_PAGE, sort="name")
        found.update((entity.ref, entity) for entity in page.entities)
    return found


def loses(before: Mapping[str, Entity], after: Iterable[Entity]) -> bool:
    return bool(before.keys() - {entity.ref for entity in after})


def version_of(entities: Iterable[Entity]) -> str:
    """The same for the same entities, whatever the order in which they were found."""
    digest = hashlib.sha256()
    for entity in sorted(entities, key=lambda entity: entity.ref):
        relations = [(relation.type, relation.target) for relation in entity.relations]
        digest.update(
            orjson.dumps([entity.ref, entity.descriptor, relations], option=orjson.OPT_SORT_KEYS)
        )
    return digest.hexdigest()[:40]
