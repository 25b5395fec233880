"""Objects taken from a cluster as another one can take them in: in order, without what is its own.

What the server says about an object goes (uid, versions, managedFields, status), what it gave out
goes (cluster IPs, node ports, volumes), and what controllers make of other objects is left out:
they make it again. An owner is named in an annotation, because its uid means nothing elsewhere.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from towpath.client.protocols import Client
from towpath.machinery.errors import Forbidden, MethodNotAllowed, NotFound, StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

OWNERS = "towpath.dev/owners"
"""The annotation that names owners by kind and name; an import makes references of it."""

PAGE = 500
CRDS = "customresourcedefinitions"

FIRST = (
    *("CustomResourceDefinition", "Namespace", "PriorityClass", "StorageClass"),
    *("ClusterRole", "ClusterRoleBinding", "ServiceAccount", "Role", "RoleBinding"),
    *("LimitRange", "ResourceQuota", "ConfigMap", "Secret", "PersistentVolumeClaim", "Service"),
)
LAST = (
    *("HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress"),
    *("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"),
    *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
    *("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "APIService"),
)
"""What could refuse the others comes after them."""

PASSING = frozenset(
    {
        *("Event", "Lease", "Endpoints", "EndpointSlice", "Node", "CSINode", "ComponentStatus"),
        *(
            "CertificateSigningRequest",
            "VolumeAttachment",
            "PersistentVolume",
            "ControllerRevision",
        ),
        *("PodMetrics", "NodeMetrics", "CSIStorageCapacity", "FlowSchema", "IPAddress"),
        *("PriorityLevelConfiguration", "StorageVersion", "RuntimeClass"),
    }
)
"""Kinds that say what a cluster does or has, and are nothing to take elsewhere."""

_METADATA = (
    *("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp"),
    *("deletionGracePeriodSeconds", "managedFields", "selfLink", "finalizers", "ownerReferences"),
)
_ANNOTATIONS = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "kubernetes.io/service-account.uid",
)
_GIVEN_OUT = {
    "Service": ("clusterIP", "clusterIPs", "healthCheckNodePort", "ipFamilies", "ipFamilyPolicy"),
    "PersistentVolumeClaim": ("volumeName",),
    "Pod": ("nodeName",),
    "Namespace": ("finalizers",),
}
_JOB_LABELS = ("controller-uid", "batch.kubernetes.io/controller-uid")
_TOKEN_SECRET = "kubernetes.io/service-account-token"  # noqa: S105
_BOOTSTRAPPING = "kubernetes.io/bootstrapping"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which objects."""

    kinds: Collection[str] = ()
    """By kind, plural or plural.group, in any case; all that can be taken elsewhere if none."""
    namespaces: Collection[str] = ()
    """All but those that Kubernetes itself has, if none."""
    labels: str = ""
    secrets: bool = False
    owned: bool = False
    """Also what controllers have made of other objects."""
    status: bool = False


@dataclass(slots=True)
class Exported:
    objects: list[tuple[Resource, RawObject]] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    """How many, by reason."""

    def leave_out(self, why: str) -> None:
        self.left_out[why] = self.left_out.get(why, 0) + 1


async def export(client: Client, wanted: Wanted) -> Exported:
    """Raises NotFound for a kind that the server does not have; StatusError."""
    found = Exported()
    served = _served(await client.resources())
    for resource in _chosen(served, wanted):
        for obj in await _listed(client, resource, wanted, found):
            if why := _why_not(resource, obj, wanted):
                found.leave_out(why)
            else:
                found.objects.append((resource, portable(obj, status=wanted.status)))
    await _add_what_they_need(client, served, wanted, found)
    found.objects.sort(key=lambda pair: rank(pair[1]))
    return found


def rank(obj: RawObject) -> tuple[int, str, str, str, str]:
    """Where it comes in an import, and always the same."""
    kind, metadata = obj["kind"], obj["metadata"]
    if kind in FIRST:
        wave = FIRST.index(kind)
    elif kind in LAST:
        wave = len(FIRST) + 1 + LAST.index(kind)
    else:
        wave = len(FIRST)
    return wave, metadata.get("namespace", ""), kind, obj["apiVersion"], metadata["name"]


def portable(obj: RawObject, *, status: bool = False) -> RawObject:
    """The object without what the server owns or gave out, with its keys in order."""
    kind = obj["kind"]
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _METADATA}
    annotations = {
        key: value
        for key, value in (metadata.get("annotations") or {}).items()
        if not key.startswith(_ANNOTATIONS)
    }
    if owners := _owners(obj):
        annotations[OWNERS] = json.dumps(owners, sort_keys=True)
    metadata["annotations"] = annotations
    body = {
        key: value
        for key, value in obj.items()
        if key not in ("apiVersion", "kind", "metadata") and (status or key != "status")
    }
    if isinstance(spec := body.get("spec"), dict):
        body["spec"] = _spec(kind, spec)
        if not body["spec"] and kind == "Namespace":
            del body["spec"]
    if kind == "ServiceAccount":
        body.pop("secrets", None)
    kept = {key: value for key, value in metadata.items() if value not in ({}, None)}
    return {
        "apiVersion": obj["apiVersion"],
        "kind": kind,
        "metadata": _ordered(kept),
        **_ordered(body),
    }


def _served(resources: Iterable[Resource]) -> list[Resource]:
    """Each kind once, in its preferred version."""
    known: dict[tuple[str, str], Resource] = {}
    for resource in resources:
        known.setdefault((resource.group, resource.plural), resource)
    return list(known.values())


def _chosen(served: list[Resource], wanted: Wanted) -> list[Resource]:
    if not wanted.kinds:
        return [one for one in served if one.namespaced and one.kind not in PASSING]
    chosen = []
    for word in wanted.kinds:
        lowered = word.lower()
        found = [
            one
            for one in served
            if lowered in (one.kind.lower(), one.plural, f"{one.plural}.{one.group}")
        ]
        if not found:
            raise NotFound(f"the server has no kind {word!r}; name it in full or by its plural")
        chosen.append(found[0])
    return chosen


async def _listed(
    client: Client, resource: Resource, wanted: Wanted, found: Exported
) -> list[RawObject]:
    namespaces = wanted.namespaces if resource.namespaced and wanted.namespaces else ("",)
    objects: list[RawObject] = []
    for namespace in namespaces:
        token = ""
        while True:
            try:
                page = await client.list(
                    resource, namespace, labels=wanted.labels, limit=PAGE, continue_token=token
                )
            except (MethodNotAllowed, NotFound):
                break
            except Forbidden:
                if wanted.kinds:
                    raise
                found.leave_out(f"{resource.plural}, which you may not list")
                break
            objects += page.items
            if not (token := page.continue_token):
                break
    return objects


def _why_not(resource: Resource, obj: RawObject, wanted: Wanted) -> str:
    """Why it stays where it is; "" when it is taken."""
    metadata = obj["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    labels = metadata.get("labels") or {}
    if not wanted.namespaces and namespace.startswith("kube-"):
        return "of Kubernetes itself"
    if metadata.get("deletionTimestamp"):
        return "being deleted"
    if _BOOTSTRAPPING in labels or (namespace, name) == ("default", "kubernetes"):
        return "of Kubernetes itself"
    if (resource.kind, name) in (("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")):
        return "made for each namespace"
    if resource.kind == "Secret" and not resource.group:
        if obj.get("type") == _TOKEN_SECRET:
            return "tokens of service accounts"
        if not wanted.secrets:
            return "secrets, without --secrets"
    if not wanted.owned and any(one.get("controller") for one in _references(obj)):
        return "made by a controller"
    return ""


async def _add_what_they_need(
    client: Client, served: list[Resource], wanted: Wanted, found: Exported
) -> None:
    """The namespaces of what was found, and the definitions of its kinds."""
    have = {(resource.plural, obj["metadata"]["name"]) for resource, obj in found.objects}
    needed = {("namespaces", obj["metadata"].get("namespace", "")) for _, obj in found.objects}
    needed |= {(CRDS, f"{one.plural}.{one.group}") for one, _ in found.objects if one.group}
    by_plural = {one.plural: one for one in served if one.plural in ("namespaces", CRDS)}
    for plural, name in sorted(needed - have - {("namespaces", "")}):
        if (resource := by_plural.get(plural)) is None:
            continue
        try:
            obj = await client.get(resource, name)
        except NotFound:  # a kind of Kubernetes itself
            continue
        except StatusError:
            found.leave_out(f"{plural} that you may not read")
            continue
        found.objects.append((resource, portable(obj, status=False)))


def _references(obj: RawObject) -> list[dict[str, Any]]:
    return obj["metadata"].get("ownerReferences") or []


def _owners(obj: RawObject) -> list[dict[str, Any]]:
    return [{key: value for key, value in one.items() if key != "uid"} for one in _references(obj)]


def _spec(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    spec = {
        key: value
        for key, value in spec.items()
        # A headless service is headless everywhere.
        if key not in _GIVEN_OUT.get(kind, ()) or value in ("None", ["None"])
    }
    if kind == "Service":
        spec["ports"] = [
            {key: value for key, value in port.items() if key != "nodePort"}
            for port in spec.get("ports") or ()
        ]
    if kind == "Job" and not spec.get("manualSelector"):
        spec.pop("selector", None)
        spec["template"] = _without_labels(spec.get("template") or {}, _JOB_LABELS)
    if kind == "Pod":
        spec = _without_token_volumes(spec)
    return spec


def _without_labels(template: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    metadata = template.get("metadata") or {}
    labels = {key: text for key, text in (metadata.get("labels") or {}).items() if key not in names}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _without_token_volumes(spec: dict[str, Any]) -> dict[str, Any]:
    """Admission puts them into every pod anew."""

    def kept(items: Any) -> list[Any]:
        return [one for one in items or () if not one["name"].startswith("kube-api-access-")]

    spec = {**spec, "volumes": kept(spec.get("volumes"))}
    for part in ("containers", "initContainers"):
        if part in spec:
            spec[part] = [
                {**one, "volumeMounts": kept(one.get("volumeMounts"))} for one in spec[part]
            ]
    return spec


def _ordered(value: Any) -> Any:
    """Keys by name, so that the same object is the same text whoever served it."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    return value
