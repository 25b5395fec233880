"""The secrets of a run: a Secret beside it, made by whoever started it, gone when it ends.

Only a Secret that carries the run's name as a label is read: nobody reaches another one through a
run, whatever the run says. Waiting for it has an end, as it is made after the run.
"""

import base64
from collections.abc import Mapping
from typing import Any

from towpath.capabilities.portal.templates.execution import Secrets
from towpath.capabilities.portal.templates.kinds import (
    SECRETS_OF_RUN,
    SECRETS_SUFFIX,
    TEMPLATE_RUN,
)
from towpath.capabilities.portal.templates.parameters import schema_errors
from towpath.client.protocols import Client
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject, labels_of, uid_of
from towpath.runtime.outcomes import Stalled


class NotThereYet(Exception):
    """The run names a Secret that has not come so far."""


async def secrets_of(api: Client, run: RawObject) -> Secrets:
    """Raises NotThereYet and Stalled."""
    name = run["spec"].get("secretsFrom")
    if not name:
        return Secrets({})
    try:
        found = await api.get(SECRET, name, run["metadata"]["namespace"])
    except NotFound:
        raise NotThereYet from None
    if labels_of(found).get(SECRETS_OF_RUN) != run["metadata"]["name"]:
        raise Stalled(
            "ForeignSecret",
            f"spec.secretsFrom: the Secret {name} is not labelled {SECRETS_OF_RUN}="
            f"{run['metadata']['name']}, so it is not for this run",
        )
    data: Mapping[str, str] = found.get("data") or {}
    return Secrets({key: base64.b64decode(value).decode() for key, value in data.items()})


async def forget_secrets(api: Client, run: RawObject) -> None:
    name = run["spec"].get("secretsFrom")
    if not name:
        return
    namespace = run["metadata"]["namespace"]
    try:
        found = await api.get(SECRET, name, namespace)
        if labels_of(found).get(SECRETS_OF_RUN) == run["metadata"]["name"]:
            await api.delete(SECRET, name, namespace, uid=uid_of(found))
    except NotFound:
        return


def secrets_name(run: str) -> str:
    """For `spec.secretsFrom` of a run of that name."""
    return f"{run}{SECRETS_SUFFIX}"


def secret_for(run: RawObject, given: Mapping[str, str]) -> RawObject:
    """To be created with the rights of whoever has created the run; it goes with the run."""
    metadata = run["metadata"]
    secret = SECRET.object(run["spec"]["secretsFrom"], metadata["namespace"])
    secret["metadata"]["labels"] = {SECRETS_OF_RUN: metadata["name"]}
    secret["metadata"]["ownerReferences"] = [
        {
            "apiVersion": run["apiVersion"],
            "kind": TEMPLATE_RUN.kind,
            "name": metadata["name"],
            "uid": metadata["uid"],
        }
    ]
    secret["stringData"] = dict(given)
    return secret


def secret_errors(descriptor: RawObject, given: Mapping[str, Any]) -> list[Any]:
    """By the template's `spec.secrets.schema`."""
    schema = (descriptor["spec"].get("secrets") or {}).get("schema")
    return schema_errors(schema, dict(given), "secrets") if isinstance(schema, dict) else []
