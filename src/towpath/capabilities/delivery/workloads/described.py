"""What the catalogue knows of a service: its entity, and the page of whoever owns it."""

from towpath.hooks.pages import Visit
from towpath.hooks.showing import docs_page
from towpath.machinery.references import (
    DEFAULT_NAMESPACE,
    BadReference,
    parse_reference,
)
from towpath.records.contract import Entity


async def described(visit: Visit, project: str, name: str) -> Entity | None:
    """Its entity, which its catalog-info.yaml may place in its project or in `default`."""
    catalog = visit.records.catalog
    found = await catalog.get(visit.viewer, f"component:{project}/{name}".lower())
    if found is not None:
        return found
    found = await catalog.get(visit.viewer, f"component:{DEFAULT_NAMESPACE}/{name}".lower())
    return found if found is not None and found.project == project else None


def docs_of(entity: Entity | None) -> str:
    """Where its docs are read; "" when its catalogue file names none that are kept beside it."""
    metadata = (entity.descriptor.get("metadata") or {}) if entity else {}
    place = str((metadata.get("annotations") or {}).get("backstage.io/techdocs-ref", ""))
    if entity is None or not place.startswith("dir:"):
        return ""
    return docs_page(entity.kind, entity.namespace, entity.name)


async def owner_page(visit: Visit, owner: str) -> str:
    """Where one learns whom to ask; "" for an owner that the catalogue does not know."""
    try:
        ref = parse_reference(owner, default_kind="group")
    except BadReference:
        return ""
    if not await visit.records.catalog.existing(visit.viewer, [ref.key]):
        return ""
    return f"/catalog/{ref.kind.lower()}/{ref.namespace}/{ref.name}"
