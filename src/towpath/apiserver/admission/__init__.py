"""What every write must pass, as two ordered tuples of small functions.

Mutating ones run before validation and may change the object; validating ones run after it and
may only refuse. Rules of the platform are not here but in the API: CEL in definitions, admission
policies, webhooks.
"""

from towpath.apiserver.admission.addresses import assign_address
from towpath.apiserver.admission.definitions import definition_stays, establish_definition
from towpath.apiserver.admission.limits import check_limits, default_limits
from towpath.apiserver.admission.namespaces import immortal_namespaces, namespace_exists
from towpath.apiserver.admission.policies import PolicyAdmission
from towpath.apiserver.admission.webhooks import MutatingWebhooks, ValidatingWebhooks
from towpath.apiserver.core import Admit
from towpath.apiserver.quota import QuotaAdmission
from towpath.store.contract import Store


def mutating_chain(store: Store) -> tuple[Admit, ...]:
    return (
        definition_stays,
        namespace_exists,
        establish_definition,
        assign_address,
        default_limits,
        MutatingWebhooks(store),
    )


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
