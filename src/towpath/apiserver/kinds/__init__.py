"""What is particular to each built-in kind: defaults, what the server fills in, what it refuses."""

from towpath.apiserver.kinds.definitions import CUSTOM_RESOURCE_DEFINITION
from towpath.apiserver.kinds.namespaces import NAMESPACE
from towpath.apiserver.registry import Behaviour

_GENERATIONS = Behaviour(counts_generations=True)
_PATH_NAMES = Behaviour(name_pattern="path")
_RETURNS_OBJECT = Behaviour(delete_returns_object=True)

BEHAVIOURS: dict[str, Behaviour] = {
    "ClusterRole": _PATH_NAMES,
    "ClusterRoleBinding": _PATH_NAMES,
    "CronJob": _GENERATIONS,
    "CustomResourceDefinition": CUSTOM_RESOURCE_DEFINITION,
    "DaemonSet": _GENERATIONS,
    "Deployment": _GENERATIONS,
    "HorizontalPodAutoscaler": Behaviour(),
    "Ingress": _GENERATIONS,
    "Job": _GENERATIONS,
    "Namespace": NAMESPACE,
    "NetworkPolicy": _GENERATIONS,
    "PersistentVolume": _RETURNS_OBJECT,
    "PersistentVolumeClaim": _RETURNS_OBJECT,
    "Pod": Behaviour(counts_generations=True, delete_returns_object=True),
    "PodDisruptionBudget": _GENERATIONS,
    "PodTemplate": Behaviour(counts_generations=True, delete_returns_object=True),
    "ReplicaSet": _GENERATIONS,
    "ReplicationController": _GENERATIONS,
    "ResourceQuota": _RETURNS_OBJECT,
    "Role": _PATH_NAMES,
    "RoleBinding": _PATH_NAMES,
    "Service": Behaviour(delete_returns_object=True, name_pattern="label1035"),
    "ServiceAccount": _RETURNS_OBJECT,
    "StatefulSet": _GENERATIONS,
    "StorageClass": _RETURNS_OBJECT,
    "ValidatingAdmissionPolicy": _GENERATIONS,
    "ValidatingAdmissionPolicyBinding": _GENERATIONS,
    "MutatingWebhookConfiguration": _GENERATIONS,
    "ValidatingWebhookConfiguration": _GENERATIONS,
}
