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


def _prepare(obj: RawObject, old: RawObject | None) -> None:
    if old is not None:
        # Only the finalize subresource changes these.
        obj["spec"] = old.get("spec", {})
        return
    finalizers = (obj.get("spec") or {}).get("finalizers") or []
    obj["spec"] = {"finalizers": [*dict.fromkeys([*finalizers, KUBERNETES_FINALIZER])]}
    obj["status"] = {"phase": "Active"}


def _validate(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    causes: list[Cause] = []
    for name in (obj.get("spec") or {}).get("finalizers") or ():
        words = qualified_name_errors(name)
        if not is_qualified_finalizer(name):
            words = [*words, UNQUALIFIED]
        causes += [invalid_value("spec.finalizers", name, each) for each in words]
    return causes


NAMESPACE = Behaviour(default=_default, prepare=_prepare, validate=_validate, name_pattern="label")
