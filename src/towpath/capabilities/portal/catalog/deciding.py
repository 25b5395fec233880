"""What people decide about a source, as writes to it: accept a loss, take a version back, refresh.

The same for the portal and the terminal. A version is accepted or undone by name, so that what
comes after it is judged anew.
"""

import time

from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE, REFRESH_ANNOTATION
from towpath.client.protocols import Client
from towpath.machinery.errors import BadRequest
from towpath.machinery.objects import RawObject

ACCEPT, UNDO, REFRESH = "accept", "undo", "refresh"
KEPT = 50
"""Versions that are remembered; the oldest go."""


async def decide(api: Client, source: RawObject, what: str, version: str = "") -> RawObject:
    """The source as it is then. Raises BadRequest, and what the API refuses."""
    metadata = source["metadata"]
    patch = change_of(source, what, version)
    return await api.patch(CATALOG_SOURCE, metadata["name"], metadata["namespace"], patch)


def change_of(source: RawObject, what: str, version: str) -> RawObject:
    """Pure: the merge patch."""
    if what == REFRESH:
        return {"metadata": {"annotations": {REFRESH_ANNOTATION: f"{time.time():.3f}"}}}
    spec, status = source["spec"], source.get("status") or {}
    accepted, undone = list(spec.get("accepted") or ()), list(spec.get("undone") or ())
    if what == ACCEPT:
        waiting = [held["version"] for held in status.get("quarantine") or ()]
        wanted = [version] if version else [*dict.fromkeys((*waiting, *undone))]
        if not wanted:
            raise BadRequest("nothing of this source is held back")
        accepted += [one for one in wanted if one not in accepted and one in waiting]
        undone = [one for one in undone if one not in wanted]
    else:
        wanted_back = version or status.get("version") or ""
        if not wanted_back:
            raise BadRequest(
                "version: which one? The source is of several parts, each with its own history"
            )
        accepted = [one for one in accepted if one != wanted_back]
        undone += [] if wanted_back in undone else [wanted_back]
    resource_version = source["metadata"].get("resourceVersion")
    return {
        "metadata": {"resourceVersion": resource_version},
        "spec": {"accepted": accepted[-KEPT:], "undone": undone[-KEPT:]},
    }
