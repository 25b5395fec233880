"""One object of each built-in kind that says much: what generated requests are made of."""

from tests.conformance.asked import Object

CONTAINER: Object = {
    "name": "main",
    "image": "example.dev/app:1",
    "command": ["run"],
    "args": ["--port", "8080"],
    "workingDir": "/app",
    "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
    "env": [
        {"name": "A", "value": "1"},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ],
    "envFrom": [{"prefix": "P_", "configMapRef": {"name": "c", "optional": True}}],
    "resources": {
        "requests": {"cpu": "100m", "memory": "64Mi"},
        "limits": {"cpu": "1", "memory": "128Mi"},
    },
    "volumeMounts": [{"name": "files", "mountPath": "/files", "readOnly": True}],
    "livenessProbe": {"httpGet": {"path": "/live", "port": 8080}, "periodSeconds": 5},
    "readinessProbe": {"tcpSocket": {"port": "http"}},
    "startupProbe": {"exec": {"command": ["true"]}},
    "lifecycle": {"preStop": {"exec": {"command": ["sleep", "1"]}}},
    "securityContext": {"runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}},
}
POD_SPEC: Object = {
    "containers": [CONTAINER],
    "initContainers": [{"name": "first", "image": "example.dev/first:1"}],
    "volumes": [
        {"name": "files", "configMap": {"name": "c", "items": [{"key": "k", "path": "p"}]}},
        {"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}},
        {"name": "secret", "secret": {"secretName": "s"}},
    ],
    "nodeSelector": {"disk": "fast"},
    "securityContext": {"runAsUser": 1000, "fsGroup": 1000},
    "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 1,
                    "podAffinityTerm": {
                        "labelSelector": {"matchLabels": {"app": "a"}},
                        "topologyKey": "kubernetes.io/hostname",
                    },
                }
            ]
        }
    },
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "zone",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app": "a"}},
        }
    ],
    "imagePullSecrets": [{"name": "pull"}],
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}],
    "terminationGracePeriodSeconds": 10,
}
SMALL_POD_SPEC: Object = {"containers": [{"name": "main", "image": "example.dev/app:1"}]}


def template(spec: Object, **fields: str) -> Object:
    return {"metadata": {"labels": {"app": "a"}}, "spec": {**spec, **fields}}


SELECTOR: Object = {"matchLabels": {"app": "a"}}
SUBJECT: Object = {"kind": "User", "name": "u", "apiGroup": "rbac.authorization.k8s.io"}
_LIST = (
    ("v1", "ConfigMap", {"data": {"a": "1", "b": "2"}, "binaryData": {"c": "AQI="}}),
    ("v1", "Secret", {"type": "Opaque", "data": {"a": "MQ=="}, "stringData": {"b": "2"}}),
    ("v1", "Namespace", {}),
    (
        "v1",
        "ServiceAccount",
        {
            "secrets": [{"name": "s"}],
            "imagePullSecrets": [{"name": "p"}],
            "automountServiceAccountToken": False,
        },
    ),
    (
        "v1",
        "Service",
        {
            "spec": {
                "clusterIP": "None",
                "selector": {"app": "a"},
                "ports": [
                    {"name": "http", "port": 80, "targetPort": "http"},
                    {"name": "dns", "port": 53, "protocol": "UDP"},
                ],
            }
        },
    ),
    (
        "v1",
        "Endpoints",
        {"subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"name": "http", "port": 80}]}]},
    ),
    (
        "v1",
        "Event",
        {
            "involvedObject": {"kind": "Pod", "name": "p", "namespace": "{ns}"},
            "reason": "Started",
            "message": "It has started.",
            "type": "Normal",
            "count": 1,
            "source": {"component": "test"},
            "firstTimestamp": "2026-01-01T00:00:00Z",
            "lastTimestamp": "2026-01-01T00:00:00Z",
        },
    ),
    (
        "v1",
        "LimitRange",
        {
            "spec": {
                "limits": [
                    {
                        "type": "Container",
                        "max": {"cpu": "2"},
                        "min": {"cpu": "10m"},
                        "default": {"cpu": "1"},
                        "defaultRequest": {"cpu": "100m"},
                    }
                ]
            }
        },
    ),
    ("v1", "ResourceQuota", {"spec": {"hard": {"pods": "10", "requests.cpu": "2"}}}),
    (
        "v1",
        "PersistentVolumeClaim",
        {
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
                "storageClassName": "fast",
            }
        },
    ),
    (
        "v1",
        "PersistentVolume",
        {
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "hostPath": {"path": "/tmp/x"},
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": "slow",
            }
        },
    ),
    ("v1", "Node", {"spec": {"podCIDR": "10.2.0.0/24", "unschedulable": True}}),
    ("v1", "PodTemplate", {"template": template(SMALL_POD_SPEC)}),
    ("v1", "Pod", {"spec": POD_SPEC}),
    (
        "v1",
        "ReplicationController",
        {"spec": {"replicas": 0, "selector": {"app": "a"}, "template": template(SMALL_POD_SPEC)}},
    ),
    ("apps/v1", "ControllerRevision", {"revision": 1, "data": {"a": 1}}),
    (
        "apps/v1",
        "Deployment",
        {
            "spec": {
                "replicas": 0,
                "selector": SELECTOR,
                "template": template(POD_SPEC),
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
                "minReadySeconds": 1,
            }
        },
    ),
    (
        "apps/v1",
        "StatefulSet",
        {
            "spec": {
                "replicas": 0,
                "serviceName": "s",
                "selector": SELECTOR,
                "template": template(SMALL_POD_SPEC),
                "volumeClaimTemplates": [
                    {
                        "metadata": {"name": "data"},
                        "spec": {
                            "accessModes": ["ReadWriteOnce"],
                            "resources": {"requests": {"storage": "1Gi"}},
                        },
                    }
                ],
            }
        },
    ),
    ("apps/v1", "DaemonSet", {"spec": {"selector": SELECTOR, "template": template(POD_SPEC)}}),
    (
        "apps/v1",
        "ReplicaSet",
        {"spec": {"replicas": 0, "selector": SELECTOR, "template": template(SMALL_POD_SPEC)}},
    ),
    (
        "batch/v1",
        "Job",
        {
            "spec": {
                "suspend": True,
                "completions": 2,
                "parallelism": 1,
                "backoffLimit": 1,
                "activeDeadlineSeconds": 60,
                "ttlSecondsAfterFinished": 60,
                "template": template(SMALL_POD_SPEC, restartPolicy="Never"),
            }
        },
    ),
    (
        "batch/v1",
        "CronJob",
        {
            "spec": {
                "schedule": "*/5 * * * *",
                "timeZone": "Etc/UTC",
                "suspend": True,
                "startingDeadlineSeconds": 10,
                "jobTemplate": {
                    "spec": {"template": template(SMALL_POD_SPEC, restartPolicy="OnFailure")}
                },
            }
        },
    ),
    (
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        {
            "spec": {
                "minReplicas": 1,
                "maxReplicas": 3,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {
                            "name": "cpu",
                            "target": {"type": "Utilization", "averageUtilization": 50},
                        },
                    }
                ],
                "behavior": {
                    "scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}
                },
            }
        },
    ),
    (
        "policy/v1",
        "PodDisruptionBudget",
        {
            "spec": {
                "minAvailable": 1,
                "selector": SELECTOR,
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
            }
        },
    ),
    (
        "networking.k8s.io/v1",
        "Ingress",
        {
            "spec": {
                "ingressClassName": "nginx",
                "tls": [{"hosts": ["a.example.dev"], "secretName": "t"}],
                "defaultBackend": {"service": {"name": "s", "port": {"name": "http"}}},
                "rules": [
                    {
                        "host": "a.example.dev",
                        "http": {
                            "paths": [
                                {
                                    "path": "/x",
                                    "pathType": "Prefix",
                                    "backend": {"service": {"name": "s", "port": {"number": 80}}},
                                }
                            ]
                        },
                    }
                ],
            }
        },
    ),
    (
        "networking.k8s.io/v1",
        "IngressClass",
        {
            "spec": {
                "controller": "example.dev/ingress",
                "parameters": {"apiGroup": "example.dev", "kind": "P", "name": "p"},
            }
        },
    ),
    (
        "networking.k8s.io/v1",
        "NetworkPolicy",
        {
            "spec": {
                "podSelector": SELECTOR,
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [
                    {
                        "from": [
                            {"podSelector": SELECTOR},
                            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
                        ],
                        "ports": [{"port": 80}, {"port": 1000, "endPort": 2000}],
                    }
                ],
                "egress": [{"to": [{"namespaceSelector": {}}]}],
            }
        },
    ),
    (
        "discovery.k8s.io/v1",
        "EndpointSlice",
        {
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.1.2.3"], "conditions": {"ready": True}}],
            "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
        },
    ),
    (
        "rbac.authorization.k8s.io/v1",
        "Role",
        {"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]},
    ),
    (
        "rbac.authorization.k8s.io/v1",
        "ClusterRole",
        {
            "rules": [
                {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
                {"nonResourceURLs": ["/healthz"], "verbs": ["get"]},
            ]
        },
    ),
    (
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        {
            "subjects": [SUBJECT, {"kind": "ServiceAccount", "name": "a", "namespace": "{ns}"}],
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "view",
            },
        },
    ),
    (
        "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding",
        {
            "subjects": [SUBJECT],
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "view",
            },
        },
    ),
    ("scheduling.k8s.io/v1", "PriorityClass", {"value": 10, "description": "Some."}),
    (
        "storage.k8s.io/v1",
        "StorageClass",
        {"provisioner": "example.dev/p", "parameters": {"a": "b"}, "mountOptions": ["ro"]},
    ),
    (
        "coordination.k8s.io/v1",
        "Lease",
        {
            "spec": {
                "holderIdentity": "me",
                "leaseDurationSeconds": 15,
                "acquireTime": "2026-01-01T00:00:00.000000Z",
                "renewTime": "2026-01-01T00:00:00.000000Z",
                "leaseTransitions": 0,
            }
        },
    ),
)
BUILT_IN: dict[tuple[str, str], Object] = {
    (version, kind): {"apiVersion": version, "kind": kind, **fields}
    for version, kind, fields in _LIST
}
