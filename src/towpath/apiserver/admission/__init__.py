"""What every write must pass, as two ordered chains of small functions.

Mutating ones run before validation and may change the object; validating ones run after it and
may only refuse. Rules of the platform are not here but in the API: CEL in definitions, admission
policies, webhooks.
"""

from towpath.apiserver.admission.addresses import SERVICES, assign_address
from towpath.apiserver.admission.certificates import (
    CERTIFICATES,
    certificate_requester,
    certificate_rights,
)
from towpath.apiserver.admission.classes import (
    CLASSES,
    PODS,
    PRIORITIES,
    default_class,
    immortal_priorities,
    pod_classes,
)
from towpath.apiserver.admission.definitions import (
    DEFINITIONS,
    definition_stays,
    establish_definition,
)
from towpath.apiserver.admission.limits import CLAIMS, check_limits, default_limits
from towpath.apiserver.admission.namespaces import (
    NAMESPACES,
    immortal_namespaces,
    namespace_exists,
)
from towpath.apiserver.core import EVERY, Admit, Chain, Core, Operation
from towpath.apiserver.quota import QuotaAdmission
from towpath.store.contract import Store

_GROUP = "admissionregistration.k8s.io"
MUTATING = (f"{_GROUP}/mutatingadmissionpolicies", f"{_GROUP}/mutatingwebhookconfigurations")
VALIDATING = (f"{_GROUP}/validatingadmissionpolicies", f"{_GROUP}/validatingwebhookconfigurations")


def mutating_chain(store: Store) -> Chain:
    return Chain(
        (EVERY, definition_stays),
        (EVERY, namespace_exists),
        ((DEFINITIONS,), establish_definition),
        ((SERVICES,), assign_address),
        (tuple(CLASSES), default_class),
        ((PODS,), pod_classes),
        ((PODS,), default_limits),
        ((CERTIFICATES,), certificate_requester),
        (EVERY, _with_the_first(store, MUTATING, "Mutations")),
    )


def validating_chain(store: Store, further: tuple[Admit, ...] = ()) -> Chain:
    # Quota comes last: it reserves what every other one has let pass.
    return Chain(
        ((NAMESPACES,), immortal_namespaces),
        ((PRIORITIES,), immortal_priorities),
        ((CERTIFICATES,), certificate_rights),
        ((PODS, CLAIMS), check_limits),
        (EVERY, _with_the_first(store, VALIDATING, "Validations")),
        *((EVERY, admit) for admit in further),
        (EVERY, QuotaAdmission(store)),
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
