"""Which built-in resource has which columns."""

from towpath.machinery.core_kinds import RBAC_GROUP
from towpath.machinery.tables import cluster, pods, storage, workloads
from towpath.machinery.tables.columns import Cells, TableColumns, definitions

_ADMISSION = "admissionregistration.k8s.io"
_FLOWS = "flowcontrol.apiserver.k8s.io"

_TABLE: tuple[tuple[str, str, str, Cells], ...] = (
    ("", "configmaps", cluster.CONFIG_MAP, cluster.config_map),
    ("", "endpoints", cluster.ENDPOINTS, cluster.endpoints),
    ("", "events", cluster.EVENT, cluster.event),
    ("", "namespaces", cluster.NAMESPACE, cluster.namespace),
    ("", "nodes", cluster.NODE, cluster.node),
    ("", "persistentvolumeclaims", cluster.CLAIM, cluster.claim),
    ("", "persistentvolumes", cluster.VOLUME, cluster.volume),
    ("", "pods", pods.COLUMNS, pods.cells),
    ("", "podtemplates", workloads.POD_TEMPLATE, workloads.pod_template),
    ("", "replicationcontrollers", workloads.REPLICA_SET, workloads.replication_controller),
    ("", "resourcequotas", cluster.QUOTA, cluster.quota),
    ("", "secrets", cluster.SECRET, cluster.secret),
    ("", "serviceaccounts", cluster.NAME_AND_AGE, cluster.name_and_age),
    ("", "services", cluster.SERVICE, cluster.service),
    ("apps", "controllerrevisions", workloads.REVISION, workloads.revision),
    ("apps", "daemonsets", workloads.DAEMON_SET, workloads.daemon_set),
    ("apps", "deployments", workloads.DEPLOYMENT, workloads.deployment),
    ("apps", "replicasets", workloads.REPLICA_SET, workloads.replica_set),
    ("apps", "statefulsets", workloads.STATEFUL_SET, workloads.stateful_set),
    ("autoscaling", "horizontalpodautoscalers", workloads.AUTOSCALER, workloads.autoscaler),
    ("autoscaling", "scale", cluster.SCALE, cluster.scale),
    ("batch", "cronjobs", workloads.CRON_JOB, workloads.cron_job),
    ("batch", "jobs", workloads.JOB, workloads.job),
    (
        "certificates.k8s.io",
        "certificatesigningrequests",
        cluster.CERTIFICATE_REQUEST,
        cluster.certificate_request,
    ),
    ("coordination.k8s.io", "leases", cluster.LEASE, cluster.lease),
    ("discovery.k8s.io", "endpointslices", cluster.ENDPOINT_SLICE, cluster.endpoint_slice),
    ("events.k8s.io", "events", cluster.EVENT, cluster.event),
    (_FLOWS, "flowschemas", cluster.FLOW_SCHEMA, cluster.flow_schema),
    (_FLOWS, "prioritylevelconfigurations", cluster.PRIORITY_LEVEL, cluster.priority_level),
    ("networking.k8s.io", "ingressclasses", cluster.INGRESS_CLASS, cluster.ingress_class),
    ("networking.k8s.io", "ingresses", cluster.INGRESS, cluster.ingress),
    ("networking.k8s.io", "networkpolicies", cluster.NETWORK_POLICY, cluster.network_policy),
    ("networking.k8s.io", "ipaddresses", storage.ADDRESS, storage.address),
    ("networking.k8s.io", "servicecidrs", storage.RANGE, storage.address_range),
    ("node.k8s.io", "runtimeclasses", storage.RUNTIME_CLASS, storage.runtime_class),
    ("policy", "poddisruptionbudgets", workloads.DISRUPTION_BUDGET, workloads.disruption_budget),
    ("scheduling.k8s.io", "priorityclasses", cluster.PRIORITY_CLASS, cluster.priority_class),
    ("resource.k8s.io", "deviceclasses", cluster.NAME_AND_AGE, cluster.name_and_age),
    ("resource.k8s.io", "resourceclaims", storage.RESOURCE_CLAIM, storage.resource_claim),
    ("resource.k8s.io", "resourceclaimtemplates", cluster.NAME_AND_AGE, cluster.name_and_age),
    ("resource.k8s.io", "resourceslices", storage.RESOURCE_SLICE, storage.resource_slice),
    ("storage.k8s.io", "csidrivers", storage.DRIVER, storage.driver),
    ("storage.k8s.io", "csinodes", storage.DRIVERS_OF_NODE, storage.drivers_of_node),
    ("storage.k8s.io", "csistoragecapacities", storage.CAPACITY, storage.capacity),
    ("storage.k8s.io", "storageclasses", cluster.STORAGE_CLASS, cluster.storage_class),
    ("storage.k8s.io", "volumeattachments", storage.ATTACHMENT, storage.attachment),
    ("storage.k8s.io", "volumeattributesclasses", storage.ATTRIBUTES, storage.attributes),
    (RBAC_GROUP, "clusterrolebindings", cluster.BINDING, cluster.binding),
    (RBAC_GROUP, "rolebindings", cluster.BINDING, cluster.binding),
    (_ADMISSION, "mutatingwebhookconfigurations", cluster.WEBHOOKS, cluster.webhooks),
    (_ADMISSION, "mutatingadmissionpolicies", cluster.MUTATING_POLICY, cluster.policy),
    (_ADMISSION, "validatingadmissionpolicies", cluster.POLICY, cluster.policy),
    *(
        (
            _ADMISSION,
            f"{kind}admissionpolicybindings",
            cluster.POLICY_BINDING,
            cluster.policy_binding,
        )
        for kind in ("mutating", "validating")
    ),
    (_ADMISSION, "validatingwebhookconfigurations", cluster.WEBHOOKS, cluster.webhooks),
)

COLUMNS = {
    (group, plural): TableColumns(definitions(text), cells) for group, plural, text, cells in _TABLE
}
"""Roles, CRDs and limit ranges show name and creation time, as on a kube-apiserver."""
