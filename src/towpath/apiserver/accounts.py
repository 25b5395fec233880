"""Every namespace has a service account `default`, as workloads expect."""

from towpath.apiserver.calls import Target, WriteOptions
from towpath.apiserver.core import Core
from towpath.apiserver.verbs.create import create
from towpath.apiserver.work import WorkSet
from towpath.machinery.core_kinds import SERVICE_ACCOUNT
from towpath.machinery.errors import AlreadyExists, Forbidden, NotFound
from towpath.machinery.users import AUTHENTICATED, MASTERS, UserInfo
from towpath.store.contract import Event

CONTROLLER = UserInfo(
    "system:serviceaccount:kube-system:service-account-controller", (MASTERS, AUTHENTICATED)
)
NAMESPACES, ACCOUNTS = "core/namespaces", "core/serviceaccounts"
NAME = "default"


class DefaultAccounts:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._work = WorkSet("default-accounts", self._ensure)
        for namespace, _ in core.store.scan(NAMESPACES):
            self._work.add(namespace)
        core.store.observe(NAMESPACES, self._namespace_changed)
        core.store.observe(ACCOUNTS, self._account_changed)

    async def run(self) -> None:
        await self._work.run(1)

    def _namespace_changed(self, event: Event) -> None:
        if event.previous is None:
            self._work.add(event.key)

    def _account_changed(self, event: Event) -> None:
        namespace, _, name = event.key.partition("/")
        if event.deleted and name == NAME:
            self._work.add(namespace)

    async def _ensure(self, namespace: str) -> None:
        if self._core.store.get(ACCOUNTS, f"{namespace}/{NAME}") is not None:
            return
        account = SERVICE_ACCOUNT.object(NAME, namespace)
        target = Target(SERVICE_ACCOUNT, namespace)
        try:
            await create(self._core, CONTROLLER, target, account, WriteOptions())
        except (AlreadyExists, NotFound, Forbidden):
            # Somebody made it, or the namespace is going: nothing is missing.
            return
