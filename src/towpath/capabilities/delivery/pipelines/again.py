"""Running the same workflow for the same commit again: for the command line and the page alike."""

from towpath.capabilities.delivery.pipelines.kinds import FINALIZER, PIPELINE_RUN
from towpath.client.protocols import Writer
from towpath.machinery.errors import AlreadyExists, Conflict
from towpath.machinery.objects import RawObject

ATTEMPTS_MAX = 1000


async def run_again(api: Writer, run: RawObject, user: str) -> RawObject:
    """The new run. Raises Conflict when there have been too many."""
    metadata = run["metadata"]
    name, project = metadata["name"], metadata["namespace"]
    attempt = int(run["spec"].get("attempt", 1))
    first = name.removesuffix(f"-{attempt}") if attempt > 1 else name
    spec = {**run["spec"], "cancel": False, "actor": user}
    for number in range(attempt + 1, ATTEMPTS_MAX + 1):
        again = PIPELINE_RUN.object(f"{first}-{number}", project, spec={**spec, "attempt": number})
        again["metadata"]["labels"] = dict(metadata.get("labels") or {})
        again["metadata"]["finalizers"] = [FINALIZER]
        try:
            return await api.create(PIPELINE_RUN, again)
        except AlreadyExists:
            continue
    raise Conflict(f"{first} has been run {ATTEMPTS_MAX} times; push a new commit")
