"""What every write must pass, as two ordered tuples of small functions.

Mutating ones run before validation and may change the object; validating ones run after it and
may only refuse. Rules of the platform are not here but in the API: CEL in definitions, admission
policies, webhooks.
"""

from towpath.apiserver.admission.addresses import assign_address
from towpath.apiserver.admission.definitions import definition_stays, establish_definition
from towpath.apiserver.admission.limits import check_limits, default_limits
from towpath.apiserver.admission.namespaces import immortal_namespaces, namespace_exists
from towpath.apiserver.admission.policies import MutatingPolicies, PolicyAdmission
from towpath.apiserver.admission.webhooks import MutatingWebhooks, ValidatingWebhooks
from towpath.apiserver.core import Admit, Core, Operation
from towpath.apiserver.encoding import copy_of
from towpath.apiserver.quota import QuotaAdmission
from towpath.store.contract import Store


def mutating_chain(store: Store) -> tuple[Admit, ...]:
    return (
        definition_stays,
        namespace_exists,
        establish_definition,
        assign_address,
        default_limits,
        Mutations(store),
    )


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


def validating_chain(store: Store, further: tuple[Admit, ...] = ()) -> tuple[Admit, ...]:
    # Quota comes last: it reserves what every other one has let pass.
    return (
        immortal_namespaces,
        check_limits,
        PolicyAdmission(store),
        ValidatingWebhooks(store),
        *further,
        QuotaAdmission(store),
    )
