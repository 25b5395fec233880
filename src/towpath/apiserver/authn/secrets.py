"""Secrets of type kubernetes.io/service-account-token: filled with a token that has no end.

The kind is old and kept for programs that cannot renew a token. The Secret names its account in an
annotation; it is filled when the account is there, and goes when the account goes.
"""

import base64

from towpath.apiserver.authn.tokens import ServiceAccountTokens
from towpath.apiserver.calls import DeleteOptions, Target, WriteOptions
from towpath.apiserver.core import Core
from towpath.apiserver.encoding import loads
from towpath.apiserver.verbs.delete import delete_object
from towpath.apiserver.verbs.update import change
from towpath.apiserver.work import WorkSet
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.errors import Conflict, NotFound
from towpath.machinery.objects import RawObject
from towpath.machinery.users import AUTHENTICATED, MASTERS, UserInfo
from towpath.store.contract import Event

TYPE = "kubernetes.io/service-account-token"
ACCOUNT = "kubernetes.io/service-account.name"
ACCOUNT_UID = "kubernetes.io/service-account.uid"
CONTROLLER = UserInfo(
    "system:serviceaccount:kube-system:tokens-controller", (MASTERS, AUTHENTICATED)
)
SECRETS, ACCOUNTS = "core/secrets", "core/serviceaccounts"
_MARK = f'"{TYPE}"'.encode()


class TokenSecrets:
    def __init__(self, core: Core, tokens: ServiceAccountTokens, ca_pem: bytes) -> None:
        self._core = core
        self._tokens = tokens
        self._ca_pem = ca_pem
        self._work = WorkSet("token-secrets", self._keep)
        self._known: dict[str, str] = {}
        """Key of each such Secret to the key of its account."""
        for key, stored in core.store.scan(SECRETS):
            self._note(key, stored.value)
        core.store.observe(SECRETS, self._secret_changed)
        core.store.observe(ACCOUNTS, self._account_changed)

    async def run(self) -> None:
        await self._work.run(1)

    def _secret_changed(self, event: Event) -> None:
        if event.deleted:
            self._known.pop(event.key, None)
        else:
            self._note(event.key, event.value)

    def _note(self, key: str, value: bytes) -> None:
        if _MARK not in value:
            return
        secret = loads(value)
        annotations = secret["metadata"].get("annotations") or {}
        if secret.get("type") == TYPE:
            self._known[key] = f"{secret['metadata']['namespace']}/{annotations.get(ACCOUNT, '')}"
            self._work.add(key)

    def _account_changed(self, event: Event) -> None:
        if event.deleted or event.previous is None:
            for key, account in self._known.items():
                if account == event.key:
                    self._work.add(key)

    async def _keep(self, key: str) -> None:
        stored = self._core.store.get(SECRETS, key)
        if stored is None or key not in self._known:
            return
        secret = loads(stored.value)
        target = Target(SECRET, secret["metadata"]["namespace"], secret["metadata"]["name"])
        found = self._core.store.get(ACCOUNTS, self._known[key])
        account = loads(found.value) if found is not None else None
        uid = (secret["metadata"].get("annotations") or {}).get(ACCOUNT_UID)
        try:
            if account is None or uid not in (None, "", account["metadata"]["uid"]):
                options = DeleteOptions(uid=secret["metadata"]["uid"])
                await delete_object(self._core, CONTROLLER, target, options)
            elif not _is_complete(secret):

                def filled(current: RawObject) -> RawObject:
                    assert account is not None
                    return self._filled(current, account)

                await change(self._core, CONTROLLER, target, WriteOptions(), "update", filled)
        except (NotFound, Conflict):
            return  # it has changed under us, and comes again

    def _filled(self, secret: RawObject, account: RawObject) -> RawObject:
        annotations = secret["metadata"].setdefault("annotations", {})
        annotations[ACCOUNT_UID] = account["metadata"]["uid"]
        data = secret.get("data") or {}
        wanted = {
            "ca.crt": self._ca_pem,
            "namespace": account["metadata"]["namespace"].encode(),
            "token": self._tokens.issue_for_secret(account, secret).encode(),
        }
        for name, value in wanted.items():
            data[name] = data.get(name) or base64.b64encode(value).decode()
        secret["data"] = data
        return secret


def _is_complete(secret: RawObject) -> bool:
    data = secret.get("data") or {}
    return all(data.get(name) for name in ("ca.crt", "namespace", "token")) and bool(
        (secret["metadata"].get("annotations") or {}).get(ACCOUNT_UID)
    )
