"""Which Location led to an entity, found again by what both say of where they were read. Pure."""

import posixpath
from fnmatch import fnmatchcase
from urllib.parse import urljoin

from towpath.capabilities.portal.catalog.facts import LOCATION
from towpath.capabilities.portal.catalog.sources.place import is_pattern, target_of, type_of
from towpath.machinery.objects import RawObject


def ref_of(entity: RawObject) -> str:
    metadata = entity["metadata"]
    return f"{entity['kind']}:{metadata['namespace']}/{metadata['name']}".lower()


def leads_to(location: RawObject, entity: RawObject) -> bool:
    """Whether one of its targets is where the entity was read; nothing leads to itself."""
    if ref_of(location) == ref_of(entity):
        return False
    base, place = _place(location), _place(entity)
    spec = location["spec"]
    targets = [spec.get("target"), *(spec.get("targets") or ())]
    return any(_is_there(base, one, place) for one in targets if isinstance(one, str) and one)


def _place(entity: RawObject) -> str:
    return str((entity["metadata"].get("annotations") or {}).get(LOCATION, ""))


def _is_there(base: str, target: str, place: str) -> bool:
    if type_of(base) == "url" or target.startswith(("https://", "http://")):
        led = f"url:{urljoin(target_of(base), target)}"
    else:
        folder = posixpath.dirname(target_of(base))
        led = f"{type_of(base)}:{posixpath.normpath(posixpath.join(folder, target))}"
    return fnmatchcase(place, led) if is_pattern(led) else led == place
