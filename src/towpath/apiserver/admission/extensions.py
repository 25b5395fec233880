"""What users add to admission: policies and webhooks, in the order in which they are asked."""

from towpath.apiserver.admission.policies import MutatingPolicies, PolicyAdmission
from towpath.apiserver.admission.webhooks import MutatingWebhooks, ValidatingWebhooks
from towpath.apiserver.core import Core, Operation
from towpath.apiserver.encoding import copy_of
from towpath.store.contract import Store


class Mutations:
    """Policies, then webhooks; and those policies again that want to see what webhooks did."""

    def __init__(self, store: Store) -> None:
        self._policies = MutatingPolicies(store)
        self._webhooks = MutatingWebhooks(store)

    async def __call__(self, core: Core, operation: Operation) -> None:
        again = await self._policies(core, operation)
        left = copy_of(operation.obj) if again else None
        await self._webhooks(core, operation)
        if again and operation.obj != left:
            await self._policies.again(core, operation, again)


class Validations:
    """Policies, then webhooks."""

    def __init__(self, store: Store) -> None:
        self._policies = PolicyAdmission(store)
        self._webhooks = ValidatingWebhooks(store)

    async def __call__(self, core: Core, operation: Operation) -> None:
        await self._policies(core, operation)
        await self._webhooks(core, operation)
