"""Things with a deterministic name and the owner's uid: adopt only what is ours (DESIGN 12.15)."""

from collections.abc import Mapping

from towpath.client.protocols import Client
from towpath.machinery.core_kinds import NAMESPACE
from towpath.machinery.errors import AlreadyExists, NotFound
from towpath.machinery.objects import RawObject, is_deleting, labels_of, uid_of
from towpath.runtime.outcomes import Stalled, Waiting


async def claim_namespace(
    client: Client, name: str, *, uid_label: str, uid: str, labels: Mapping[str, str]
) -> RawObject:
    """Make the namespace, or adopt the one that this uid made before. Raises Stalled otherwise."""
    wanted = {**labels, uid_label: uid}
    try:
        return await client.create(NAMESPACE, _namespace(name, wanted))
    except AlreadyExists:
        found = await client.get(NAMESPACE, name)
    if labels_of(found).get(uid_label) != uid:
        raise Stalled(
            "NamespaceTaken",
            f"Namespace {name} exists and belongs to somebody else; choose another name, or "
            f"remove the namespace if nothing in it is needed.",
        )
    if is_deleting(found):
        raise Waiting("NamespaceTerminating", f"Namespace {name} is still being removed.")
    if wanted.items() <= labels_of(found).items():
        return found
    return await client.patch(NAMESPACE, name, "", {"metadata": {"labels": wanted}})


async def release_namespace(client: Client, name: str, *, uid_label: str, uid: str) -> None:
    """Delete a claimed namespace; raises Waiting until it is gone. A foreign one is left alone."""
    try:
        found = await client.get(NAMESPACE, name)
    except NotFound:
        return
    if labels_of(found).get(uid_label) != uid:
        return
    if not is_deleting(found):
        await client.delete(NAMESPACE, name, uid=uid_of(found))
        try:
            await client.get(NAMESPACE, name)
        except NotFound:
            return
    raise Waiting(
        "NamespaceTerminating", f"Namespace {name} is being removed with all in it.", after_s=1
    )


def _namespace(name: str, labels: Mapping[str, str]) -> RawObject:
    return NAMESPACE.object(name) | {"metadata": {"name": name, "labels": dict(labels)}}
