"""The built-in kinds that an API server of ours serves."""

from functools import cache

from msgspec import Struct

from towpath.machinery.kinds import Resource

ALL_VERBS = (*("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"),)


class BuiltinKind(Struct, frozen=True):
    resource: Resource
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    """`status` and `scale`, and those with a meaning of their own: `log`, `token`, `finalize`..."""
    verbs: tuple[str, ...] = ALL_VERBS
    deprecation: str = ""

    @property
    def singular(self) -> str:
        return self.resource.kind.lower()

    @property
    def struct(self) -> str:
        """The reference of its type in facts: `core/v1.Pod`."""
        package = (self.resource.group or "core").removesuffix(".k8s.io").partition(".")[0]
        return f"{package}/{self.resource.version}.{self.resource.kind}"

    @property
    def is_stored(self) -> bool:
        """False for questions such as SubjectAccessReview, which are answered and forgotten."""
        return "get" in self.verbs


_REVIEW = ("create",)


def _kind(
    group: str,
    version: str,
    kind: str,
    plural: str,
    short_names: str = "",
    *,
    namespaced: bool = True,
    categories: str = "",
    subresources: str = "",
    verbs: tuple[str, ...] = ALL_VERBS,
    deprecation: str = "",
) -> BuiltinKind:
    return BuiltinKind(
        Resource(group, version, kind, plural, namespaced),
        tuple(short_names.split()),
        tuple(categories.split()),
        tuple(subresources.split()),
        verbs,
        deprecation,
    )


_CORE = (
    _kind("", "v1", "ConfigMap", "configmaps", "cm"),
    _kind(
        *("", "v1", "Endpoints", "endpoints", "ep"),
        deprecation="v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    ),
    _kind("", "v1", "Event", "events", "ev"),
    _kind("", "v1", "LimitRange", "limitranges", "limits"),
    _kind(
        *("", "v1", "Namespace", "namespaces", "ns"),
        namespaced=False,
        subresources="status finalize",
        verbs=tuple(verb for verb in ALL_VERBS if verb != "deletecollection"),
    ),
    _kind("", "v1", "Node", "nodes", "no", namespaced=False, subresources="status"),
    _kind(
        *("", "v1", "PersistentVolume", "persistentvolumes", "pv"),
        namespaced=False,
        subresources="status",
    ),
    _kind("", "v1", "PodTemplate", "podtemplates"),
    _kind(
        *("", "v1", "ReplicationController", "replicationcontrollers", "rc"),
        categories="all",
        subresources="status scale",
    ),
    _kind(
        *("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", "pvc"),
        subresources="status",
    ),
    _kind(
        *("", "v1", "Pod", "pods", "po"),
        categories="all",
        subresources="status log exec attach portforward eviction ephemeralcontainers resize",
    ),
    _kind("", "v1", "ResourceQuota", "resourcequotas", "quota", subresources="status"),
    _kind("", "v1", "Secret", "secrets"),
    _kind("", "v1", "Service", "services", "svc", categories="all", subresources="status"),
    _kind("", "v1", "ServiceAccount", "serviceaccounts", "sa", subresources="token"),
)

_WORKLOADS = (
    _kind("apps", "v1", "ControllerRevision", "controllerrevisions"),
    _kind("apps", "v1", "DaemonSet", "daemonsets", "ds", categories="all", subresources="status"),
    _kind(
        *("apps", "v1", "Deployment", "deployments", "deploy"),
        categories="all",
        subresources="status scale",
    ),
    _kind(
        *("apps", "v1", "ReplicaSet", "replicasets", "rs"),
        categories="all",
        subresources="status scale",
    ),
    _kind(
        *("apps", "v1", "StatefulSet", "statefulsets", "sts"),
        categories="all",
        subresources="status scale",
    ),
    _kind("batch", "v1", "CronJob", "cronjobs", "cj", categories="all", subresources="status"),
    _kind("batch", "v1", "Job", "jobs", categories="all", subresources="status"),
    _kind(
        *("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa"),
        categories="all",
        subresources="status",
    ),
    _kind(
        *("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa"),
        categories="all",
        subresources="status",
    ),
    _kind(
        *("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", "pdb"),
        subresources="status",
    ),
)

_NETWORK = (
    _kind("networking.k8s.io", "v1", "Ingress", "ingresses", "ing", subresources="status"),
    _kind("networking.k8s.io", "v1", "IngressClass", "ingressclasses", namespaced=False),
    _kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", "netpol"),
    _kind(
        *("networking.k8s.io", "v1", "ServiceCIDR", "servicecidrs"),
        namespaced=False,
        subresources="status",
    ),
    _kind("networking.k8s.io", "v1", "IPAddress", "ipaddresses", "ip", namespaced=False),
    _kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
)

_CONTROL = (
    _kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False),
    _kind(
        *("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings"),
        namespaced=False,
    ),
    _kind("rbac.authorization.k8s.io", "v1", "Role", "roles"),
    _kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings"),
    _kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", "pc", namespaced=False),
    _kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", "sc", namespaced=False),
    _kind(
        *("certificates.k8s.io", "v1"),
        *("CertificateSigningRequest", "certificatesigningrequests", "csr"),
        namespaced=False,
        subresources="approval status",
    ),
    _kind("coordination.k8s.io", "v1", "Lease", "leases"),
    _kind(
        *("flowcontrol.apiserver.k8s.io", "v1", "FlowSchema", "flowschemas"),
        namespaced=False,
        subresources="status",
    ),
    _kind(
        *("flowcontrol.apiserver.k8s.io", "v1"),
        *("PriorityLevelConfiguration", "prioritylevelconfigurations"),
        namespaced=False,
        subresources="status",
    ),
    _kind("events.k8s.io", "v1", "Event", "events", "ev"),
    _kind(
        *("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions"),
        "crd crds",
        namespaced=False,
        categories="api-extensions",
        subresources="status",
    ),
    _kind(
        *("admissionregistration.k8s.io", "v1"),
        *("ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
        namespaced=False,
        categories="api-extensions",
        subresources="status",
    ),
    _kind(
        *("admissionregistration.k8s.io", "v1"),
        *("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
        namespaced=False,
        categories="api-extensions",
    ),
    *(
        _kind(
            *("admissionregistration.k8s.io", "v1beta1"),
            *(f"MutatingAdmissionPolicy{suffix}", f"mutatingadmissionpolic{plural}"),
            namespaced=False,
            categories="api-extensions",
        )
        for suffix, plural in (("", "ies"), ("Binding", "ybindings"))
    ),
    _kind(
        *("admissionregistration.k8s.io", "v1"),
        *("ValidatingWebhookConfiguration", "validatingwebhookconfigurations"),
        namespaced=False,
        categories="api-extensions",
    ),
    _kind(
        *("admissionregistration.k8s.io", "v1"),
        *("MutatingWebhookConfiguration", "mutatingwebhookconfigurations"),
        namespaced=False,
        categories="api-extensions",
    ),
)

_REVIEWS = (
    _kind(
        *("authentication.k8s.io", "v1", "TokenReview", "tokenreviews"),
        namespaced=False,
        verbs=_REVIEW,
    ),
    _kind(
        *("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews"),
        namespaced=False,
        verbs=_REVIEW,
    ),
    _kind(
        *("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews"),
        namespaced=False,
        verbs=_REVIEW,
    ),
    _kind(
        *("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
        namespaced=False,
        verbs=_REVIEW,
    ),
    _kind(
        *("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews"),
        namespaced=False,
        verbs=_REVIEW,
    ),
    _kind(
        *("authorization.k8s.io", "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews"),
        verbs=_REVIEW,
    ),
)

_STORAGE = (
    _kind("storage.k8s.io", "v1", "CSIDriver", "csidrivers", namespaced=False),
    _kind("storage.k8s.io", "v1", "CSINode", "csinodes", namespaced=False),
    _kind("storage.k8s.io", "v1", "CSIStorageCapacity", "csistoragecapacities"),
    _kind(
        *("storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments"),
        namespaced=False,
        subresources="status",
    ),
    _kind(
        *("storage.k8s.io", "v1", "VolumeAttributesClass", "volumeattributesclasses", "vac"),
        namespaced=False,
    ),
)

_DEVICES = (
    _kind("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", namespaced=False),
    _kind("resource.k8s.io", "v1", "DeviceClass", "deviceclasses", namespaced=False),
    _kind("resource.k8s.io", "v1", "ResourceSlice", "resourceslices", namespaced=False),
    _kind("resource.k8s.io", "v1", "ResourceClaim", "resourceclaims", subresources="status"),
    _kind("resource.k8s.io", "v1", "ResourceClaimTemplate", "resourceclaimtemplates"),
)

BUILTINS = _CORE + _WORKLOADS + _NETWORK + _STORAGE + _DEVICES + _CONTROL + _REVIEWS


@cache
def _by_kind() -> dict[tuple[str, str, str], BuiltinKind]:
    return {
        (kind.resource.group, kind.resource.version, kind.resource.kind): kind for kind in BUILTINS
    }


@cache
def _by_plural() -> dict[tuple[str, str, str], BuiltinKind]:
    return {
        (kind.resource.group, kind.resource.version, kind.resource.plural): kind
        for kind in BUILTINS
    }


def find(group: str, version: str, kind: str) -> BuiltinKind | None:
    return _by_kind().get((group, version, kind))


def by_plural(group: str, version: str, plural: str) -> BuiltinKind | None:
    return _by_plural().get((group, version, plural))
