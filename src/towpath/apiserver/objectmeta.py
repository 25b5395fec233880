"""What the server itself keeps in metadata. What it accepts there is in machinery.names."""

import os
import secrets

from towpath.machinery.builtins.decoding import DecodeError, decode_object
from towpath.machinery.conditions import now
from towpath.machinery.errors import Undecodable
from towpath.machinery.kinds import Resource
from towpath.machinery.names import GONE_FROM_CREATION
from towpath.machinery.objects import RawObject

GENERATED_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
GENERATED_LENGTH = 5
GENERATED_BASE_MAX = 63 - GENERATED_LENGTH

SERVER_FIELDS = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
)
"""Clients may send these; what counts is what the server knows."""

OWN_CHECKED = ("uid", "deletionGracePeriodSeconds")
"""What a client sends of these is refused where it differs."""

EMPTY: RawObject = {"labels": {}, "annotations": {}, "ownerReferences": [], "finalizers": []}


def new_uid() -> str:
    """A random UUID. Every request has one: by the library's class it takes twice as long."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def generated_name(base: str) -> str:
    suffix = "".join(secrets.choice(GENERATED_ALPHABET) for _ in range(GENERATED_LENGTH))
    return base[:GENERATED_BASE_MAX] + suffix


def begin(obj: RawObject, namespace: str, *, counts_generations: bool, created: bool) -> None:
    """The metadata of an object that is about to exist. `created` by a POST: by an update or an
    apply it may be born with a deletion, as in a kube-apiserver.
    """
    metadata: RawObject = obj["metadata"]
    for name in SERVER_FIELDS:
        if name != "generation" and (created or name not in GONE_FROM_CREATION):
            metadata.pop(name, None)
    if namespace:
        metadata["namespace"] = namespace
    else:
        metadata.pop("namespace", None)
    metadata["uid"] = new_uid()
    metadata["creationTimestamp"] = now()
    if counts_generations:
        metadata["generation"] = 1
    drop_empty(metadata)


def carry_over(obj: RawObject, old: RawObject, *, dry_run: bool) -> None:
    """The metadata of an existing object that no client can change."""
    metadata, known = obj["metadata"], old["metadata"]
    for name in ("namespace", *SERVER_FIELDS):
        if name in OWN_CHECKED and metadata.get(name):
            continue
        if name == "selfLink" and dry_run:
            # Only what is stored loses it.
            continue
        if name in known:
            metadata[name] = known[name]
        elif name not in GONE_FROM_CREATION or metadata.get(name) is None:
            metadata.pop(name, None)
    if "generateName" in known:
        metadata.setdefault("generateName", known["generateName"])
    drop_empty(metadata)


def drop_empty(metadata: RawObject) -> None:
    """Absent and empty are the same for these; only one of them may be stored."""
    # Not managedFields: an empty list of those is a wish to forget all managers.
    for name, empty in EMPTY.items():
        if name in metadata and (metadata[name] is None or metadata[name] == empty):
            del metadata[name]


def read(resource: Resource, obj: RawObject) -> None:
    """Give metadata its form: it is typed for every kind. Raises Undecodable."""
    try:
        decode_object("meta/v1.ObjectMeta", obj["metadata"])
    except DecodeError as error:
        raise Undecodable(resource.kind, resource.version, resource.kind, str(error)) from None
