"""What every write must pass, as two ordered tuples of small functions.

Mutating ones run before validation and may change the object; validating ones run after it and
may only refuse. Rules of the platform are not here but in the API: CEL in definitions, admission
policies, webhooks.
"""

from towpath.apiserver.admission.addresses import assign_address
from towpath.apiserver.admission.certificates import certificate_requester, certificate_rights
from towpath.apiserver.admission.classes import default_class, immortal_priorities, pod_classes
from towpath.apiserver.admission.definitions import definition_stays, establish_definition
from towpath.apiserver.admission.limits import check_limits, default_limits
from towpath.apiserver.admission.namespaces import immortal_namespaces, namespace_exists
from towpath.apiserver.core import Admit, Core, Operation
from towpath.apiserver.quota import QuotaAdmission
from towpath.store.contract import Store

_GROUP = "admissionregistration.k8s.io"
MUTATING = (f"{_GROUP}/mutatingadmissionpolicies", f"{_GROUP}/mutatingwebhookconfigurations")
VALIDATING = (f"{_GROUP}/validatingadmissionpolicies", f"{_GROUP}/validatingwebhookconfigurations")


def mutating_chain(store: Store) -> tuple[Admit, ...]:
    return (
        definition_stays,
        namespace_exists,
        establish_definition,
        assign_address,
        default_class,
        pod_classes,
        default_limits,
        certificate_requester,
        _with_the_first(store, MUTATING, "Mutations"),
    )


def validating_chain(store: Store, further: tuple[Admit, ...] = ()) -> tuple[Admit, ...]:
    # Quota comes last: it reserves what every other one has let pass.
    return (
        immortal_namespaces,
        immortal_priorities,
        certificate_rights,
        check_limits,
        _with_the_first(store, VALIDATING, "Validations"),
        *further,
        QuotaAdmission(store),
    )


def _with_the_first(store: Store, collections: tuple[str, ...], name: str) -> Admit:
    """One of extensions.py, loaded when one of the collections has something for it to do.

    It brings the compiler of CEL, a fifth of what the API server would load at its start.
    """
    loaded: Admit | None = None

    async def admit(core: Core, operation: Operation) -> None:
        nonlocal loaded
        if loaded is None:
            if not any(store.count(collection) for collection in collections):
                return
            from towpath.apiserver.admission import extensions

            loaded = getattr(extensions, name)(store)
        await loaded(core, operation)

    return admit
