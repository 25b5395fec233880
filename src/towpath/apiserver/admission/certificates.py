"""Who asks for a certificate is written down by the server; who decides on it decides only."""

from towpath.apiserver.core import Core, Operation
from towpath.apiserver.kinds.certificates import DECISIONS
from towpath.machinery.conditions import now
from towpath.machinery.objects import RawObject

COLLECTION = "certificates.k8s.io/certificatesigningrequests"


async def certificate_requester(_core: Core, operation: Operation) -> None:
    if operation.served.collection != COLLECTION:
        return
    obj, old, user = operation.obj, operation.old, operation.user
    if operation.kind == "CREATE":
        obj["spec"] = {**obj["spec"], "username": user.name, "groups": list(user.groups)}
    elif old is not None and operation.target.subresource in ("approval", "status"):
        decides = operation.target.subresource == "approval"
        status = (old if decides else obj).get("status") or {}
        decisions = _conditions(obj if decides else old, decisions=True)
        others = _conditions(old if decides else obj, decisions=False)
        for condition in decisions:
            if not condition.get("lastTransitionTime"):
                condition["lastTransitionTime"] = now()
        obj["status"] = {**status, "conditions": [*decisions, *others]}


def _conditions(obj: RawObject, *, decisions: bool) -> list[RawObject]:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return [one for one in conditions if (one.get("type") in DECISIONS) == decisions]
