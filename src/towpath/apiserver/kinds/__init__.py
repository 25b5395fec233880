"""What is particular to each built-in kind: defaults, what the server fills in, what it refuses."""

from importlib import import_module

from msgspec.structs import replace

from towpath.apiserver.kinds.access import BINDING, ROLE
from towpath.apiserver.kinds.certificates import CERTIFICATE_REQUEST
from towpath.apiserver.kinds.configuration import CONFIG_MAP, SECRET
from towpath.apiserver.kinds.definitions import CUSTOM_RESOURCE_DEFINITION
from towpath.apiserver.kinds.flows import FLOW_SCHEMA, PRIORITY_LEVEL
from towpath.apiserver.kinds.limitranges import LIMIT_RANGE
from towpath.apiserver.kinds.namespaces import NAMESPACE
from towpath.apiserver.kinds.networking.endpoints import ENDPOINT_SLICE, ENDPOINTS
from towpath.apiserver.kinds.networking.ingresses import INGRESS, INGRESS_CLASS, NETWORK_POLICY
from towpath.apiserver.kinds.networking.services import SERVICE
from towpath.apiserver.kinds.nodes import NODE
from towpath.apiserver.kinds.pods import default_pod, prepare_pod, validate_pod
from towpath.apiserver.kinds.podspec.warnings import for_pod
from towpath.apiserver.kinds.quotas import QUOTA
from towpath.apiserver.kinds.small_kinds import (
    ACCOUNT,
    EVENT,
    LEASE,
    PRIORITY_CLASS,
    REVISION,
    RUNTIME,
)
from towpath.apiserver.kinds.storage.claims import PERSISTENT_VOLUME_CLAIM
from towpath.apiserver.kinds.storage.drivers import ATTRIBUTES, DRIVER, STORED
from towpath.apiserver.kinds.storage.volumes import STORAGE_CLASS, VOLUME
from towpath.apiserver.kinds.workloads.deployments import (
    DAEMON_SET,
    DEPLOYMENT,
    POD_TEMPLATE,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
)
from towpath.apiserver.kinds.workloads.jobs import CRON_JOB, JOB
from towpath.apiserver.kinds.workloads.scaling import AUTOSCALER, BUDGET
from towpath.apiserver.kinds.workloads.statefulsets import STATEFUL_SET
from towpath.apiserver.registry import Behaviour
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject

_PLAIN = Behaviour()

CREATED_BY_UPDATE = frozenset(
    (
        "ClusterRole",
        "ClusterRoleBinding",
        "Endpoints",
        "Event",
        "Lease",
        "LimitRange",
        "Role",
        "RoleBinding",
        "Service",
    )
)
NEEDS_VERSION = frozenset(
    (
        "CustomResourceDefinition",
        "Lease",
        "MutatingWebhookConfiguration",
        "PodDisruptionBudget",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    )
)


CHECKED_ONCE_MORE = frozenset(
    (
        *("DaemonSet", "Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"),
        *("CronJob", "EndpointSlice", "HorizontalPodAutoscaler", "Lease", "LimitRange"),
        *("PodTemplate", "PriorityClass", "ResourceQuota", "Service"),
    )
)
CHECKED_TWICE_MORE = frozenset(
    (
        *("ClusterRole", "ClusterRoleBinding", "ConfigMap", "ControllerRevision", "Endpoints"),
        *("Ingress", "IngressClass", "Job", "Namespace", "NetworkPolicy", "Node"),
        *("PersistentVolumeClaim", "Pod", "Role", "RoleBinding", "Secret", "ServiceAccount"),
        *("PersistentVolume", "StorageClass"),
    )
)
"""How often metadata is looked at, which shows in the causes of a refusal."""


def _later(module: str, name: str) -> Behaviour:
    """Of a kind whose rules bring the compiler of CEL: loaded with its first object."""

    def behaviour() -> Behaviour:
        found: Behaviour = getattr(import_module(f"{__name__}.{module}"), name)
        return found

    def default(obj: RawObject) -> None:
        behaviour().default(obj)

    def validate(obj: RawObject, old: RawObject | None) -> list[Cause]:
        return behaviour().validate(obj, old)

    return Behaviour(default=default, validate=validate, counts_generations=True)


_POLICY_BINDING = _later("admission.policies", "POLICY_BINDING")
_WEBHOOKS = _later("admission.webhooks", "WEBHOOKS")
_PARTICULAR: dict[str, Behaviour] = {
    "CertificateSigningRequest": CERTIFICATE_REQUEST,
    "CSIDriver": DRIVER,
    "CSINode": STORED,
    "ClusterRole": ROLE,
    "ClusterRoleBinding": BINDING,
    "ConfigMap": CONFIG_MAP,
    "ControllerRevision": REVISION,
    "CronJob": CRON_JOB,
    "CustomResourceDefinition": CUSTOM_RESOURCE_DEFINITION,
    "DaemonSet": DAEMON_SET,
    "Deployment": DEPLOYMENT,
    "EndpointSlice": ENDPOINT_SLICE,
    "Endpoints": ENDPOINTS,
    "Event": EVENT,
    "FlowSchema": FLOW_SCHEMA,
    "HorizontalPodAutoscaler": AUTOSCALER,
    "Ingress": INGRESS,
    "IngressClass": INGRESS_CLASS,
    "Job": JOB,
    "Lease": LEASE,
    "LimitRange": LIMIT_RANGE,
    "MutatingAdmissionPolicy": _later("admission.policies", "MUTATING_POLICY"),
    "MutatingAdmissionPolicyBinding": _POLICY_BINDING,
    "MutatingWebhookConfiguration": _WEBHOOKS,
    "Namespace": NAMESPACE,
    "NetworkPolicy": NETWORK_POLICY,
    "Node": NODE,
    "PersistentVolume": VOLUME,
    "PersistentVolumeClaim": PERSISTENT_VOLUME_CLAIM,
    "Pod": Behaviour(
        default=default_pod,
        prepare=prepare_pod,
        validate=validate_pod,
        warn=for_pod,
        counts_generations=True,
        delete_returns_object=True,
    ),
    "PodDisruptionBudget": BUDGET,
    "PodTemplate": POD_TEMPLATE,
    "ReplicaSet": REPLICA_SET,
    "ReplicationController": REPLICATION_CONTROLLER,
    "PriorityClass": PRIORITY_CLASS,
    "PriorityLevelConfiguration": PRIORITY_LEVEL,
    "ResourceQuota": QUOTA,
    "Role": ROLE,
    "RoleBinding": BINDING,
    "RuntimeClass": RUNTIME,
    "Secret": SECRET,
    "Service": SERVICE,
    "ServiceAccount": ACCOUNT,
    "StatefulSet": STATEFUL_SET,
    "StorageClass": STORAGE_CLASS,
    "ValidatingAdmissionPolicy": _later("admission.policies", "POLICY"),
    "ValidatingAdmissionPolicyBinding": _POLICY_BINDING,
    "ValidatingWebhookConfiguration": _WEBHOOKS,
    "VolumeAttachment": STORED,
    "VolumeAttributesClass": ATTRIBUTES,
}


def behaviour_of(kind: str) -> Behaviour:
    return replace(
        _PARTICULAR.get(kind, _PLAIN),
        created_by_update=kind in CREATED_BY_UPDATE,
        needs_version=kind in NEEDS_VERSION,
        metadata_checks=2 * (kind in CHECKED_TWICE_MORE) + (kind in CHECKED_ONCE_MORE),
    )
