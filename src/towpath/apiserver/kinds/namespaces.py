"""Namespaces: they hold themselves with a finalizer in spec until their content is gone."""

from towpath.apiserver.registry import Behaviour
from towpath.machinery.objects import RawObject

KUBERNETES_FINALIZER = "kubernetes"
NAME_LABEL = "kubernetes.io/metadata.name"


def _prepare(obj: RawObject, old: RawObject | None) -> None:
    metadata = obj["metadata"]
    metadata.setdefault("labels", {})[NAME_LABEL] = metadata["name"]
    if old is not None:
        # Only the finalize subresource changes these.
        obj["spec"] = old.get("spec", {})
        return
    finalizers = (obj.get("spec") or {}).get("finalizers") or []
    obj["spec"] = {"finalizers": [*dict.fromkeys([*finalizers, KUBERNETES_FINALIZER])]}
    obj["status"] = {"phase": "Active"}


NAMESPACE = Behaviour(prepare=_prepare, name_pattern="label")
