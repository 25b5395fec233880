"""Who asks for a certificate is written down by the server; who decides on it decides only."""

from towpath.apiserver import refusals
from towpath.apiserver.authn.signing import CLIENT_SIGNER
from towpath.apiserver.core import Core, Operation
from towpath.apiserver.kinds.certificates import DECISIONS
from towpath.machinery.causes import forbidden, quote
from towpath.machinery.conditions import now
from towpath.machinery.objects import RawObject
from towpath.machinery.users import MASTERS, AccessRequest

CERTIFICATES = "certificates.k8s.io/certificatesigningrequests"


async def certificate_rights(core: Core, operation: Operation) -> None:
    """Who approves or signs may do so for that signer; nobody is made a superuser."""
    if operation.kind == "DELETE":
        return
    signer = str((operation.obj.get("spec") or {}).get("signerName") or "")
    subresource = operation.target.subresource
    if not subresource:
        if operation.kind == "CREATE" and signer == CLIENT_SIGNER:
            _refuse_superuser(operation)
        return
    verb = "approve" if subresource == "approval" else "sign"
    if subresource == "status" and not _is_signing(operation):
        return
    if not await _may(core, operation, verb, signer):
        why = f'user not permitted to {verb} requests with signerName "{signer}"'
        raise refusals.forbidden(operation.served, operation.name, why)


def _is_signing(operation: Operation) -> bool:
    before = ((operation.old or {}).get("status") or {}).get("certificate")
    return bool((operation.obj.get("status") or {}).get("certificate") != before)


async def _may(core: Core, operation: Operation, verb: str, signer: str) -> bool:
    if MASTERS in operation.user.groups:
        return True
    domain = signer.partition("/")[0]
    for name in (signer, f"{domain}/*"):
        request = AccessRequest(
            verb=verb, group="certificates.k8s.io", resource="signers", namespace="", name=name
        )
        if await core.authorize(operation.user, request):
            return True
    return False


def _refuse_superuser(operation: Operation) -> None:
    from towpath.apiserver.authn.issuing import organisations_of

    request = (operation.obj.get("spec") or {}).get("request") or ""
    if MASTERS in organisations_of(request):
        why = f"use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed"
        raise refusals.forbidden(operation.served, operation.name, why)


async def certificate_requester(_core: Core, operation: Operation) -> None:
    obj, old, user = operation.obj, operation.old, operation.user
    if operation.kind == "CREATE":
        obj["spec"] = {**obj["spec"], "username": user.name, "groups": list(user.groups)}
    elif old is not None and operation.target.subresource in ("approval", "status"):
        conditions = _conditions(obj)
        decides = operation.target.subresource == "approval"
        if not decides:
            conditions = _with_decisions_kept(operation, conditions, _conditions(old))
        status = (old if decides else obj).get("status") or {}
        _date(conditions, _conditions(old))
        obj["status"] = {**status, "conditions": conditions}


def _with_decisions_kept(
    operation: Operation, conditions: list[RawObject], before: list[RawObject]
) -> list[RawObject]:
    """Who writes the status decides nothing. That none is taken away, validation sees to."""
    decided = {one["type"]: one for one in before if one.get("type") in DECISIONS}
    for condition in conditions:
        kind = condition.get("type")
        if kind in DECISIONS and kind not in decided:
            words = f"updates may not add a condition of type {quote(str(kind))}"
            causes = [forbidden("status.conditions", words)]
            raise refusals.invalid(operation.served, operation.name, causes)
    return [decided.get(str(one.get("type")), one) for one in conditions]


def _date(conditions: list[RawObject], before: list[RawObject]) -> None:
    since = {(one.get("type"), one.get("status")): one.get("lastTransitionTime") for one in before}
    for condition in conditions:
        moment = now()
        changed = since.get((condition.get("type"), condition.get("status"))) or moment
        condition["lastUpdateTime"] = condition.get("lastUpdateTime") or moment
        condition["lastTransitionTime"] = condition.get("lastTransitionTime") or changed


def _conditions(obj: RawObject) -> list[RawObject]:
    return list((obj.get("status") or {}).get("conditions") or ())
