"""Kinds that plug-ins bring: CustomResourceDefinitions, of a group that is nobody else's."""

from collections.abc import Sequence

from towpath.app.plugins.process import Broken
from towpath.client.protocols import Client
from towpath.machinery.core_kinds import CUSTOM_RESOURCE_DEFINITION
from towpath.machinery.errors import NotFound, StatusError
from towpath.machinery.kinds import GROUP
from towpath.machinery.objects import RawObject, labels_of

LABEL = f"{GROUP}/plugin"
RESERVED = (
    GROUP,
    "argoproj.io",
    "backstage.io",
    "crossplane.io",
    "external-secrets.io",
    "k8s.io",
    "kubernetes.io",
)
"""Groups, with all below them: an object there means what Towpath or its ecosystem says."""


async def install_kinds(client: Client, plugin: str, kinds: Sequence[RawObject]) -> None:
    """Raises Broken, which names the kind and what is wrong with it."""
    for kind in kinds:
        try:
            await _install(client, plugin, kind)
        except StatusError as error:
            raise Broken(f"Its kind {_name(kind)} is refused: {error.message}") from error


async def _install(client: Client, plugin: str, kind: RawObject) -> None:
    name = _name(kind)
    group = str((kind.get("spec") or {}).get("group") or "")
    if kind.get("kind") != "CustomResourceDefinition":
        raise Broken(f"Its kind {name} is no CustomResourceDefinition")
    if not group or any(group == one or group.endswith(f".{one}") for one in RESERVED):
        raise Broken(f"Its kind {name} is of the group {group!r}; kinds need a group of their own")
    try:
        found = await client.get(CUSTOM_RESOURCE_DEFINITION, name)
    except NotFound:
        pass
    else:
        if labels_of(found).get(LABEL) != plugin:
            raise Broken(f"Its kind {name} exists already and is not its own")
    labels = {**labels_of(kind), LABEL: plugin}
    definition = {**kind, "metadata": {"name": name, "labels": labels}}
    await client.apply(
        CUSTOM_RESOURCE_DEFINITION, definition, manager=f"plugin-{plugin}", force=True
    )


def _name(kind: RawObject) -> str:
    return str((kind.get("metadata") or {}).get("name") or "without a name")[:200]
