"""What is on offer, read from the CompositeResourceDefinitions that there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.infrastructure.compositions.kinds import DEFINITION
from towpath.capabilities.infrastructure.offerings.kinds import DESCRIPTION, TITLE
from towpath.client.protocols import Client
from towpath.hooks.telling import state_of
from towpath.machinery.errors import NotFound, StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, annotations_of

OFFERINGS_MAX = 100
_MACHINERY = "crossplane"


@dataclass(frozen=True, slots=True)
class Offering:
    resource: Resource
    title: str
    description: str
    schema: Mapping[str, Any]
    """Of what the person who requests it says: the spec, without what Crossplane keeps there."""
    state: str

    @property
    def choice(self) -> str:
        """The first field with fixed values, which tells one claim from another; "" for none."""
        fields: Mapping[str, Any] = self.schema.get("properties") or {}
        return next((name for name, field in fields.items() if field.get("enum")), "")


async def offerings(api: Client) -> list[Offering]:
    """In the order of their titles; none where nothing is offered to the visitor."""
    try:
        listed = (await api.list(DEFINITION, limit=OFFERINGS_MAX)).items
    except StatusError:
        return []
    found = [offering for one in listed if (offering := _offering(one)) is not None]
    return sorted(found, key=lambda one: one.title)


async def offering_of(api: Client, plural: str) -> Offering:
    """By the plural of its kind. Raises NotFound."""
    for one in await offerings(api):
        if one.resource.plural == plural:
            return one
    raise NotFound(f"nothing called {plural} is offered here; see Infrastructure for what is")


def _offering(definition: RawObject) -> Offering | None:
    """None for what cannot be requested in a project."""
    spec, names = definition["spec"], definition["spec"]["names"]
    if spec.get("scope", "Namespaced") != "Namespaced":
        return None
    version = next((one for one in spec["versions"] if one["referenceable"]), None)
    if version is None:
        return None
    annotations = annotations_of(definition)
    schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    wanted = (schema.get("properties") or {}).get("spec") or {}
    fields = {
        key: field for key, field in (wanted.get("properties") or {}).items() if key != _MACHINERY
    }
    return Offering(
        resource=Resource(spec["group"], version["name"], names["kind"], names["plural"]),
        title=annotations.get(TITLE) or names["kind"],
        description=annotations.get(DESCRIPTION) or schema.get("description", ""),
        schema={"type": "object", "required": wanted.get("required", []), "properties": fields},
        state=state_of(definition).word,
    )
