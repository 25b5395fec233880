"""What an action is done to, read with the rights of who asks: what they may not see, they cannot
have something done to."""

from dataclasses import dataclass

from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.actions.kinds import ENTITY_API
from towpath.client.protocols import Client
from towpath.hooks.rules import Known
from towpath.hooks.showing import get_if_there
from towpath.machinery.errors import Forbidden, NotFound
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo
from towpath.records.contract import CatalogIndex, Viewer


class TargetMissing(Exception):
    """It is not there, or they may not see it; `str()` says so."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, in which project, and with what."""

    user: UserInfo
    viewer: Viewer
    project: str
    api: Client
    """With their rights."""
    catalog: CatalogIndex


@dataclass(frozen=True, slots=True)
class Target:
    """`object` of the API or `entity` of the catalogue; both empty where there is none."""

    object: RawObject
    entity: RawObject
    uid: str = ""


NO_TARGET = Target({}, {})


async def target_of(asking: Asking, wanted: RawObject | None) -> Target:
    """Raises TargetMissing."""
    if not wanted:
        return NO_TARGET
    kind, name = wanted["kind"], wanted["name"]
    if wanted["apiVersion"] == ENTITY_API:
        namespace, _, plain = name.rpartition("/")
        ref = f"{kind}:{namespace or 'default'}/{plain}".lower()
        found = await asking.catalog.get(asking.viewer, ref)
        if found is None or found.project not in ("", asking.project):
            raise TargetMissing(f"there is no {kind} {name} in the catalogue of {asking.project}")
        return Target({}, found.descriptor, ref)
    try:
        resource = await asking.api.resolve(wanted["apiVersion"], kind)
        namespace = asking.project if resource.namespaced else ""
        obj = await asking.api.get(resource, name, namespace)
    except (NotFound, Forbidden):
        raise TargetMissing(f"there is no {kind} {name} in {asking.project}") from None
    return Target(obj, {}, obj["metadata"]["uid"])


async def known_of(
    asking: Asking, target: Target, inputs: RawObject, run: RawObject | None = None
) -> Known:
    """What the rules of an action may ask."""
    about: dict[str, str] = {}
    if run is not None:
        metadata, spec = run["metadata"], run["spec"]
        about = {
            "name": metadata["name"],
            "uid": metadata.get("uid", ""),
            "project": metadata["namespace"],
            "requestedBy": spec.get("requestedBy", ""),
            "reason": spec.get("reason", ""),
        }
    return Known(
        asking.user,
        object=target.object,
        entity=target.entity,
        project=await get_if_there(asking.api, PROJECT, asking.project, "") or {},
        inputs=inputs,
        outputs=((run or {}).get("status") or {}).get("outputs") or {},
        run=about,
    )
