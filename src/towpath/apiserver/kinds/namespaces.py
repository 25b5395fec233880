"""Namespaces: they hold themselves with a finalizer in spec until their content is gone."""

from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import invalid_value
from towpath.machinery.errors import Cause
from towpath.machinery.names import UNQUALIFIED, is_qualified_finalizer, qualified_name_errors
from towpath.machinery.objects import RawObject

KUBERNETES_FINALIZER = "kubernetes"
NAME_LABEL = "kubernetes.io/metadata.name"


def _default(obj: RawObject) -> None:
    metadata = obj["metadata"]
    if name := metadata.get("name"):
        metadata["labels"] = {**(metadata.get("labels") or {}), NAME_LABEL: name}
    status = obj.get("status") or {}
    obj["status"] = {**status, "phase": status.get("phase") or "Active"}


def _prepare(obj: RawObject, old: RawObject | None) -> None:
    if old is not None:
        # Only the finalize subresource changes these.
        obj["spec"] = old.get("spec", {})
        return
    finalizers = (obj.get("spec") or {}).get("finalizers") or []
    obj["spec"] = {"finalizers": [*dict.fromkeys([*finalizers, KUBERNETES_FINALIZER])]}
    obj["status"] = {"phase": "Active"}


def _validate(obj: RawObject, old: RawObject | None) -> list[Cause]:
    causes: list[Cause] = []
    phase, goes = obj["status"]["phase"], "deletionTimestamp" in obj["metadata"]
    is_written = old is not None and obj["status"] != old.get("status")
    wanted, empty = ("Terminating", "is not empty") if goes else ("Active", "is empty")
    if is_written and phase != wanted:
        why = f"may only be '{wanted}' if `deletionTimestamp` {empty}"
        causes.append(invalid_value("status.Phase", phase, why))
    for name in (obj.get("spec") or {}).get("finalizers") or ():
        words = qualified_name_errors(name)
        if not is_qualified_finalizer(name):
            words = [*words, UNQUALIFIED]
        causes += [invalid_value("spec.finalizers", name, each) for each in words]
    return causes


NAMESPACE = Behaviour(default=_default, prepare=_prepare, validate=_validate, name_pattern="label")
