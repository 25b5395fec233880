"""Taking back what a lease was for: deleted as its owner would, or what a template's run made."""

from contextlib import suppress

from towpath.capabilities.delivery.workloads.kinds import REPOSITORY_OWNER_ANNOTATION, WORKLOAD
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.engines.git.port import RepositoryName
from towpath.hooks.leases import EXPIRES, LONGEST
from towpath.hooks.platform import Platform
from towpath.hooks.showing import get_if_there
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, annotations_of

ENDED = "towpath.dev/lease-ended"
"""On a run of a template: until when what it made was kept."""
_ADDRESS = "/git/"


async def take(platform: Platform, resource: Resource, obj: RawObject) -> None:
    metadata = obj["metadata"]
    name, namespace = metadata["name"], metadata.get("namespace", "")
    if resource == TEMPLATE_RUN:
        await _take_made(platform, obj)
        # The run is a record of what was: it stays, and is no lease any more.
        note = {EXPIRES: None, ENDED: annotations_of(obj).get(EXPIRES, "")}
        patch = {"metadata": {"annotations": note}}
        await platform.api.patch(resource, name, namespace, patch)
        return
    with suppress(NotFound):
        await platform.api.delete(resource, name, namespace, uid=metadata["uid"])


async def hand_over(platform: Platform, run: RawObject) -> bool:
    """The lease of a run goes to the workload that it has made: that is what people look at."""
    if (run.get("status") or {}).get("phase") != "Succeeded":
        return False
    workload = await _workload_of(platform, run)
    if workload is None:
        return False
    name, project = workload["metadata"]["name"], run["metadata"]["namespace"]
    lease = {key: one for key, one in annotations_of(run).items() if key in (EXPIRES, LONGEST)}
    given = {"metadata": {"annotations": lease}}
    if EXPIRES not in annotations_of(workload):
        await platform.api.patch(WORKLOAD, name, project, given)
    taken = {"metadata": {"annotations": dict.fromkeys(lease)}}
    await platform.api.patch(TEMPLATE_RUN, run["metadata"]["name"], project, taken)
    return True


async def _workload_of(platform: Platform, run: RawObject) -> RawObject | None:
    project, uid = run["metadata"]["namespace"], run["metadata"]["uid"]
    for step in (run.get("status") or {}).get("steps") or ():
        name = (step.get("output") or {}).get("name")
        if step.get("action") == "towpath:workload" and isinstance(name, str):
            found = await get_if_there(platform.api, WORKLOAD, name, project)
            if found and annotations_of(found).get(REPOSITORY_OWNER_ANNOTATION) == uid:
                return found
    return None


async def _take_made(platform: Platform, run: RawObject) -> None:
    """Its workload, which takes its repository with it; else the repositories that it made."""
    project, uid = run["metadata"]["namespace"], run["metadata"]["uid"]
    if workload := await _workload_of(platform, run):
        metadata = workload["metadata"]
        await platform.api.delete(WORKLOAD, metadata["name"], project, uid=metadata["uid"])
        return
    for step in (run.get("status") or {}).get("steps") or ():
        address = (step.get("output") or {}).get("remoteUrl")
        if isinstance(address, str) and _ADDRESS in address:
            place = address.partition(_ADDRESS)[2].removesuffix(".git")
            owner, _, name = place.partition("/")
            if owner == project and name:
                await platform.git.archive(RepositoryName(project, name), owner_uid=uid)
