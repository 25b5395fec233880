"""The built-in resources, as data. What is particular to a kind is in `kinds/`.

Authentication and authorisation reviews are virtual: they are created and never stored, so they
are listed here for discovery and answered by the wire's authn and authz.
"""

from towpath.apiserver.kinds import BEHAVIOURS
from towpath.apiserver.registry import ALL_VERBS, Behaviour, ScalePaths, Served
from towpath.machinery.kinds import Resource

CREATE_ONLY = ("create",)

# kind, plural, scope (n: namespaced, c: cluster), short names, categories, subresources
TABLE = {
    ("", "v1"): """
        ConfigMap             configmaps             n cm      -   -
        Endpoints             endpoints              n ep      -   -
        Event                 events                 n ev      -   -
        LimitRange            limitranges            n limits  -   -
        Namespace             namespaces             c ns      -   status,finalize
        Node                  nodes                  c no      -   status
        PersistentVolume      persistentvolumes      c pv      -   status
        PersistentVolumeClaim persistentvolumeclaims n pvc     -   status
        Pod                   pods                   n po      all {pod}
        PodTemplate           podtemplates           n -       -   -
        ReplicationController replicationcontrollers n rc      all status,scale
        ResourceQuota         resourcequotas         n quota   -   status
        Secret                secrets                n -       -   -
        Service               services               n svc     all status
        ServiceAccount        serviceaccounts        n sa      -   token
    """,
    ("apps", "v1"): """
        ControllerRevision controllerrevisions n -      -   -
        DaemonSet          daemonsets          n ds     all status
        Deployment         deployments         n deploy all status,scale
        ReplicaSet         replicasets         n rs     all status,scale
        StatefulSet        statefulsets        n sts    all status,scale
    """,
    ("batch", "v1"): """
        CronJob cronjobs n cj all status
        Job     jobs     n -  all status
    """,
    ("autoscaling", "v2"): "HorizontalPodAutoscaler horizontalpodautoscalers n hpa all status",
    ("networking.k8s.io", "v1"): """
        Ingress       ingresses       n ing    - status
        IngressClass  ingressclasses  c -      - -
        NetworkPolicy networkpolicies n netpol - -
    """,
    ("policy", "v1"): "PodDisruptionBudget poddisruptionbudgets n pdb - status",
    ("discovery.k8s.io", "v1"): "EndpointSlice endpointslices n - - -",
    ("coordination.k8s.io", "v1"): "Lease leases n - - -",
    ("scheduling.k8s.io", "v1"): "PriorityClass priorityclasses c pc - -",
    ("storage.k8s.io", "v1"): "StorageClass storageclasses c sc - -",
    ("rbac.authorization.k8s.io", "v1"): """
        ClusterRole        clusterroles        c - - -
        ClusterRoleBinding clusterrolebindings c - - -
        Role               roles               n - - -
        RoleBinding        rolebindings        n - - -
    """,
    ("apiextensions.k8s.io", "v1"): """
        CustomResourceDefinition customresourcedefinitions c crd,crds api-extensions status
    """,
    ("admissionregistration.k8s.io", "v1"): """
        ValidatingAdmissionPolicy        validatingadmissionpolicies       c - api-extensions status
        ValidatingAdmissionPolicyBinding validatingadmissionpolicybindings c - api-extensions -
        MutatingWebhookConfiguration     mutatingwebhookconfigurations     c - api-extensions -
        ValidatingWebhookConfiguration   validatingwebhookconfigurations   c - api-extensions -
    """,
}

VIRTUAL = {
    ("authentication.k8s.io", "v1"): """
        SelfSubjectReview selfsubjectreviews c - - -
        TokenReview       tokenreviews       c - - -
    """,
    ("authorization.k8s.io", "v1"): """
        LocalSubjectAccessReview localsubjectaccessreviews n - - -
        SelfSubjectAccessReview  selfsubjectaccessreviews  c - - -
        SelfSubjectRulesReview   selfsubjectrulesreviews   c - - -
        SubjectAccessReview      subjectaccessreviews      c - - -
    """,
}

_SCALE = {
    "deployments": ScalePaths("spec.replicas", "status.replicas", "spec.selector"),
    "replicasets": ScalePaths("spec.replicas", "status.replicas", "spec.selector"),
    "statefulsets": ScalePaths("spec.replicas", "status.replicas", "spec.selector"),
    "replicationcontrollers": ScalePaths("spec.replicas", "status.replicas", "spec.selector"),
}


_POD_SUBRESOURCES = "status,log,exec,attach,portforward,eviction,binding"


def _names(cell: str) -> tuple[str, ...]:
    return () if cell == "-" else tuple(cell.split(","))


def _row(group: str, version: str, line: str, verbs: tuple[str, ...]) -> Served:
    kind, plural, scope, short_names, categories, subresources = line.format(
        pod=_POD_SUBRESOURCES
    ).split()
    return Served(
        resource=Resource(group, version, kind, plural, scope == "n"),
        singular=kind.lower(),
        list_kind=f"{kind}List",
        short_names=_names(short_names),
        categories=_names(categories),
        subresources=_names(subresources),
        verbs=verbs,
        behaviour=BEHAVIOURS.get(kind, Behaviour()),
        scale=_SCALE.get(plural),
    )


def builtin_resources() -> list[Served]:
    return [
        _row(group, version, line, verbs)
        for table, verbs in ((TABLE, ALL_VERBS), (VIRTUAL, CREATE_ONLY))
        for (group, version), lines in table.items()
        for line in lines.strip().splitlines()
    ]
