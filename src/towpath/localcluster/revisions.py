"""What a DaemonSet or StatefulSet has been: one ControllerRevision for each of its templates.

`kubectl rollout history` reads them, and `undo` patches the object with one's data. The template in
use has the highest revision, also when it is an old one that has come back.
"""

from towpath.localcluster.podtemplate import hash_of
from towpath.localcluster.state import ClusterState
from towpath.machinery.core_kinds import CONTROLLER_REVISION
from towpath.machinery.errors import AlreadyExists
from towpath.machinery.objects import RawObject, annotations_of, key_of, labels_of, owner_reference

REVISION_LABEL = "controller-revision-hash"
HISTORY_LIMIT = 10


class Revisions:
    def __init__(self, state: ClusterState) -> None:
        self._revisions = state[CONTROLLER_REVISION]

    async def keep(self, owner: RawObject, pods: list[RawObject]) -> None:
        """The owner's template as the newest; the oldest go that no pod is of."""
        template_hash = hash_of(owner["spec"]["template"])
        known = sorted(self._revisions.owned_by(owner), key=number_of)
        current = next((one for one in known if hash_in(one) == template_hash), None)
        newest = number_of(known[-1]) if known else 0
        if current is None:
            try:
                await self._revisions.create(_revision(owner, template_hash, newest + 1))
            except AlreadyExists:
                return  # not seen yet, or somebody else's
        elif number_of(current) < newest:
            await self._revisions.patch(current, {"revision": newest + 1})
        await self._forget_oldest(owner, template_hash, known, pods)

    async def _forget_oldest(
        self, owner: RawObject, template_hash: str, known: list[RawObject], pods: list[RawObject]
    ) -> None:
        used = {labels_of(pod).get(REVISION_LABEL, "").rpartition("-")[2] for pod in pods}
        used.add(template_hash)
        unused = [one for one in known if hash_in(one) not in used]
        limit = int(owner["spec"].get("revisionHistoryLimit", HISTORY_LIMIT))
        for revision in unused[: max(0, len(unused) - limit)]:
            await self._revisions.delete(revision)


def number_of(revision: RawObject) -> int:
    return int(revision["revision"])


def hash_in(revision: RawObject) -> str:
    return str(labels_of(revision).get(REVISION_LABEL, ""))


def _revision(owner: RawObject, template_hash: str, number: int) -> RawObject:
    key, template = key_of(owner), owner["spec"]["template"]
    made = CONTROLLER_REVISION.object(f"{key.name}-{template_hash}", key.namespace)
    labels = (template.get("metadata") or {}).get("labels") or {}
    made["metadata"] |= {
        "labels": {**labels, REVISION_LABEL: template_hash},
        "annotations": dict(annotations_of(owner)),
        "ownerReferences": [owner_reference(owner)],
    }
    # A strategic merge patch that makes the template what it was.
    made["data"] = {"spec": {"template": {**template, "$patch": "replace"}}}
    made["revision"] = number
    return made
