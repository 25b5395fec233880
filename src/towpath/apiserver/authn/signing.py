"""Signs requests for client certificates that somebody has approved.

Only for the signer `kubernetes.io/kube-apiserver-client`: with such a certificate one is, at this
API, whoever its subject names. What cannot be signed is told in a condition, and not tried again.
"""

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path

from towpath.apiserver.calls import Target, WriteOptions
from towpath.apiserver.core import Core
from towpath.apiserver.encoding import loads
from towpath.apiserver.verbs.update import change
from towpath.apiserver.work import WorkSet
from towpath.machinery.conditions import now
from towpath.machinery.errors import Conflict, NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import AUTHENTICATED, MASTERS, UserInfo
from towpath.store.contract import Event

CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
REQUESTS = "certificates.k8s.io/certificatesigningrequests"
REQUEST = Resource(
    "certificates.k8s.io",
    "v1",
    "CertificateSigningRequest",
    "certificatesigningrequests",
    namespaced=False,
)
CONTROLLER = UserInfo(
    "system:serviceaccount:kube-system:certificate-controller", (MASTERS, AUTHENTICATED)
)


class CertificateSigner:
    def __init__(self, core: Core, pki_folder: Path) -> None:
        self._core = core
        self._folder = pki_folder
        self._work = WorkSet("certificates", self._sign)
        for key, stored in core.store.scan(REQUESTS):
            self._note(key, stored.value)
        core.store.observe(REQUESTS, self._changed)

    async def run(self) -> None:
        await self._work.run(1)

    def _changed(self, event: Event) -> None:
        if not event.deleted:
            self._note(event.key, event.value)

    def _note(self, key: str, value: bytes) -> None:
        if b'"Approved"' in value and _waits(loads(value)):
            self._work.add(key)

    async def _sign(self, key: str) -> None:
        stored = self._core.store.get(REQUESTS, key)
        if stored is None:
            return
        obj = loads(stored.value)
        if not _waits(obj):
            return
        outcome = await asyncio.to_thread(self._outcome, obj["spec"])
        target = Target(REQUEST, name=obj["metadata"]["name"], subresource="status")
        try:
            await change(self._core, CONTROLLER, target, WriteOptions(), "update", outcome)
        except (NotFound, Conflict):
            return  # it has changed under us, and comes again

    def _outcome(self, spec: RawObject) -> Callable[[RawObject], RawObject]:
        from towpath.apiserver.authn.issuing import NotSignable, client_certificate

        try:
            pem = client_certificate(
                self._folder,
                base64.b64decode(spec["request"]),
                set(spec.get("usages") or ()),
                spec.get("expirationSeconds"),
            )
        except NotSignable as error:
            failed = {
                "type": "Failed",
                "status": "True",
                "reason": "SignerValidationFailure",
                "message": str(error),
                "lastUpdateTime": now(),
                "lastTransitionTime": now(),
            }
            return lambda obj: _with_condition(obj, failed)
        text = base64.b64encode(pem).decode()
        return lambda obj: {**obj, "status": {**(obj.get("status") or {}), "certificate": text}}


def _with_condition(obj: RawObject, condition: RawObject) -> RawObject:
    status = obj.get("status") or {}
    conditions = [*(status.get("conditions") or ()), condition]
    return {**obj, "status": {**status, "conditions": conditions}}


def _waits(obj: RawObject) -> bool:
    status = obj.get("status") or {}
    types = {condition.get("type") for condition in status.get("conditions") or ()}
    return (
        obj["spec"].get("signerName") == CLIENT_SIGNER
        and "Approved" in types
        and not types & {"Denied", "Failed"}
        and not status.get("certificate")
    )
