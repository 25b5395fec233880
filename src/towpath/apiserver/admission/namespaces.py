"""Objects live in namespaces that exist and are not being deleted."""

from towpath.apiserver import refusals
from towpath.apiserver.core import Core, Operation
from towpath.apiserver.encoding import loads
from towpath.apiserver.refusals import forbidden
from towpath.machinery.core_kinds import NAMESPACE
from towpath.machinery.errors import Cause

NAMESPACES = "core/namespaces"
IMMORTAL = ("default", "kube-system", "kube-public")


async def namespace_exists(core: Core, operation: Operation) -> None:
    served = operation.served
    if operation.kind != "CREATE" or not served.resource.namespaced:
        return
    namespace = operation.namespace
    stored = core.store.get(NAMESPACES, namespace)
    if stored is None:
        # In a moment it may exist: a creation that is under way counts.
        stored = await core.store.settled(NAMESPACES, namespace)
    if stored is None:
        raise refusals.not_found(core.registry.find(NAMESPACE), namespace)
    if (
        b'"deletionTimestamp":' in stored.value
        and "deletionTimestamp" in (loads(stored.value)["metadata"])
    ):
        refusal = forbidden(
            served,
            operation.name,
            f"unable to create new content in namespace {namespace} because it is being terminated",
        )
        cause = Cause(
            "NamespaceTerminating",
            f"namespace {namespace} is being terminated",
            "metadata.namespace",
        )
        raise type(refusal)(refusal.message, details=refusal.details, causes=[cause])


async def immortal_namespaces(core: Core, operation: Operation) -> None:
    """`default` and the system's own cannot be deleted: too much assumes that they are there."""
    if operation.kind == "DELETE" and operation.name in IMMORTAL:
        raise forbidden(operation.served, operation.name, "this namespace may not be deleted")
