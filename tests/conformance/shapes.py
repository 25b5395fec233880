"""Sequences about rights, paths and the kinds that a workload is made of."""

import pytest
from tests.conformance.asked import (
    DEPLOYMENTS,
    MAPS,
    PARTIAL_LIST,
    PODS,
    SECRETS,
    SERVICES,
    TABLE,
    config_map,
    deployment,
    pod,
    secret,
    served,
)
from tests.conformance.sides import delete, get, patch, post, put

RIGHTS = [
    pytest.param(
        [
            get(MAPS, user="mallory"),
            get(f"{MAPS}/a", user="mallory"),
            post(MAPS, config_map("a"), user="mallory"),
            delete(f"{MAPS}/a", user="mallory"),
            get("/api/v1/configmaps", user="mallory"),
            get("/api/v1/nodes", user="mallory"),
            get("/metrics", user="mallory"),
            get("/apis", user="mallory"),
            get(f"{DEPLOYMENTS}/x/scale", user="mallory"),
            post(
                "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/roles",
                {
                    "apiVersion": "rbac.authorization.k8s.io/v1",
                    "kind": "Role",
                    "metadata": {"name": "reader"},
                    "rules": [
                        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}
                    ],
                },
            ),
            post(
                "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings",
                {
                    "apiVersion": "rbac.authorization.k8s.io/v1",
                    "kind": "RoleBinding",
                    "metadata": {"name": "reader"},
                    "roleRef": {
                        "apiGroup": "rbac.authorization.k8s.io",
                        "kind": "Role",
                        "name": "reader",
                    },
                    "subjects": [
                        {"kind": "User", "name": "mallory", "apiGroup": "rbac.authorization.k8s.io"}
                    ],
                },
            ),
            get(f"{MAPS}/absent", user="mallory", until=lambda s, b: s == 404),
            delete(f"{MAPS}/a", user="mallory"),
            post(
                "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings",
                {
                    "apiVersion": "rbac.authorization.k8s.io/v1",
                    "kind": "RoleBinding",
                    "metadata": {"name": "bad"},
                    "roleRef": {"apiGroup": "", "kind": "Pod", "name": "reader"},
                    "subjects": [{"kind": "Robot", "name": "x"}],
                },
            ),
            patch(
                "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings/reader",
                {"roleRef": {"name": "other"}},
            ),
            post(
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                {
                    "apiVersion": "authorization.k8s.io/v1",
                    "kind": "SelfSubjectAccessReview",
                    "spec": {
                        "resourceAttributes": {
                            "namespace": "{ns}",
                            "verb": "list",
                            "resource": "configmaps",
                        }
                    },
                },
                user="mallory",
            ),
            post(
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                {
                    "apiVersion": "authorization.k8s.io/v1",
                    "kind": "SelfSubjectAccessReview",
                    "spec": {
                        "resourceAttributes": {
                            "namespace": "{ns}",
                            "verb": "delete",
                            "resource": "pods",
                        }
                    },
                },
                user="mallory",
            ),
            post(
                "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
                user="mallory",
            ),
        ],
        id="who may what, and in which words not",
    ),
]

SHAPES = [
    pytest.param(
        [
            get("/nothing"),
            get("/apis/none.example.dev/v1/things"),
            get("/api/v1/namespaces/{ns}/things"),
            get("/api/v9"),
            post(f"{MAPS}/a", config_map("a")),
            put(MAPS, {}),
            get(MAPS, query={"limit": "x"}),
            get(MAPS, query={"continue": "garbage"}),
            get(MAPS, query={"resourceVersion": "x"}),
            get(MAPS, query={"watch": "true", "resourceVersion": "x"}),
            get(
                MAPS,
                query={
                    "watch": "true",
                    "sendInitialEvents": "true",
                    "resourceVersionMatch": "Exact",
                },
            ),
            get(MAPS, query={"resourceVersionMatch": "Exact"}),
            get(MAPS, accept="application/xml"),
            get(MAPS, accept="application/yaml", query={"labelSelector": "none=x"}),
            get(f"{MAPS}/a/status"),
            get(f"{PODS}/absent/log"),
            get("/version", quiet=True),
            get("/healthz"),
            get("/livez"),
            get("/readyz"),
        ],
        id="paths and questions that make no sense",
    ),
    pytest.param(
        [
            post(
                SECRETS,
                secret("s", stringData={"a": "1"}, data={"b": "Yg=="}),
                query={"fieldManager": "one"},
            ),
            post(SECRETS, secret("t", data={"b": "not base64!"})),
            post(SECRETS, secret("t", type="kubernetes.io/tls", data={"b": "Yg=="})),
            post(SECRETS, secret("t", type="kubernetes.io/basic-auth", data={})),
            patch(f"{SECRETS}/s", {"type": "other"}),
            patch(f"{SECRETS}/s", {"stringData": {"c": "3"}}, query={"fieldManager": "one"}),
            get(f"{SECRETS}/s", accept=TABLE),
            delete(f"{SECRETS}/s"),
        ],
        id="secrets",
    ),
    pytest.param(
        [
            get("/api/v1/namespaces/{ns}/serviceaccounts/default", until=served, quiet=True),
            post(PODS, pod("p"), query={"fieldManager": "one"}),
            post(PODS, pod("q", containers=[])),
            post(PODS, pod("q", containers=[{"name": "Main", "image": ""}])),
            post(PODS, pod("q", restartPolicy="Sometimes")),
            post(
                PODS,
                pod("q", containers=[{"name": "a", "image": "x"}, {"name": "a", "image": "x"}]),
            ),
            post(
                PODS,
                pod(
                    "q",
                    containers=[{"name": "a", "image": "x", "ports": [{"containerPort": 99999}]}],
                ),
            ),
            post(
                PODS,
                pod(
                    "q",
                    containers=[{"name": "a", "image": "x", "env": [{"name": "", "value": "1"}]}],
                ),
            ),
            post(
                PODS,
                pod(
                    "q",
                    containers=[
                        {"name": "a", "image": "x", "resources": {"limits": {"cpu": "a lot"}}}
                    ],
                ),
            ),
            post(
                PODS,
                pod(
                    "q",
                    containers=[
                        {
                            "name": "a",
                            "image": "x",
                            "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}},
                        }
                    ],
                ),
            ),
            post(
                PODS,
                pod(
                    "q",
                    containers=[
                        {
                            "name": "a",
                            "image": "x",
                            "volumeMounts": [{"name": "v", "mountPath": "/x"}],
                        }
                    ],
                ),
            ),
            post(PODS, pod("q", containers="none")),
            patch(f"{PODS}/p", {"spec": {"nodeName": "x"}}),
            patch(f"{PODS}/p", {"spec": {"terminationGracePeriodSeconds": 3}}),
            patch(
                f"{PODS}/p/status",
                {"status": {"phase": "Running"}},
                query={"fieldManager": "kubelet"},
            ),
            get(PODS, accept=TABLE),
            get(PODS, query={"fieldSelector": "status.phase=Running"}, accept=PARTIAL_LIST),
            delete(f"{PODS}/p", {"gracePeriodSeconds": 0}),
        ],
        id="pods",
    ),
    pytest.param(
        [
            post(
                SERVICES,
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "s"},
                    "spec": {"clusterIP": "None", "selector": {"a": "b"}, "ports": [{"port": 80}]},
                },
            ),
            post(
                SERVICES,
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "t"},
                    "spec": {"ports": []},
                },
            ),
            post(
                SERVICES,
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "t"},
                    "spec": {"ports": [{"port": 0}]},
                },
            ),
            post(
                SERVICES,
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "t"},
                    "spec": {"ports": [{"port": 80}, {"port": 81}]},
                },
            ),
            post(
                SERVICES,
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "1t"},
                    "spec": {"ports": [{"port": 80}]},
                },
            ),
            get(SERVICES, accept=TABLE),
            delete(f"{SERVICES}/s"),
        ],
        id="services",
    ),
    pytest.param(
        [
            post(
                "/apis/batch/v1/namespaces/{ns}/cronjobs",
                {
                    "apiVersion": "batch/v1",
                    "kind": "CronJob",
                    "metadata": {"name": "c"},
                    "spec": {
                        "suspend": True,
                        "schedule": "*/5 * * * *",
                        "jobTemplate": {
                            "spec": {
                                "template": {
                                    "spec": {
                                        "restartPolicy": "Never",
                                        "containers": [{"name": "a", "image": "x"}],
                                    }
                                }
                            }
                        },
                    },
                },
            ),
            post(
                "/apis/batch/v1/namespaces/{ns}/cronjobs",
                {
                    "apiVersion": "batch/v1",
                    "kind": "CronJob",
                    "metadata": {"name": "d"},
                    "spec": {
                        "schedule": "whenever",
                        "jobTemplate": {
                            "spec": {
                                "template": {"spec": {"restartPolicy": "Always", "containers": []}}
                            }
                        },
                    },
                },
            ),
            post(
                "/apis/batch/v1/namespaces/{ns}/jobs",
                {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "metadata": {"name": "j"},
                    "spec": {
                        "suspend": True,
                        "template": {
                            "spec": {
                                "restartPolicy": "Never",
                                "containers": [{"name": "a", "image": "x"}],
                            }
                        },
                    },
                },
                query={"dryRun": "All"},
            ),
            post(DEPLOYMENTS, deployment("d", selector={"matchLabels": {"other": "x"}})),
            post(
                DEPLOYMENTS,
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "metadata": {"name": "d"},
                    "spec": {},
                },
            ),
            post(DEPLOYMENTS, deployment("d"), query={"dryRun": "All"}),
            post(
                "/apis/networking.k8s.io/v1/namespaces/{ns}/ingresses",
                {
                    "apiVersion": "networking.k8s.io/v1",
                    "kind": "Ingress",
                    "metadata": {"name": "i"},
                    "spec": {
                        "rules": [
                            {
                                "host": "a.localhost",
                                "http": {
                                    "paths": [
                                        {
                                            "path": "/",
                                            "pathType": "Prefix",
                                            "backend": {
                                                "service": {"name": "s", "port": {"number": 80}}
                                            },
                                        }
                                    ]
                                },
                            }
                        ]
                    },
                },
            ),
            post(
                "/apis/networking.k8s.io/v1/namespaces/{ns}/ingresses",
                {
                    "apiVersion": "networking.k8s.io/v1",
                    "kind": "Ingress",
                    "metadata": {"name": "j"},
                    "spec": {
                        "rules": [
                            {"host": "A_b", "http": {"paths": [{"path": "x", "backend": {}}]}}
                        ]
                    },
                },
            ),
            get("/apis/networking.k8s.io/v1/namespaces/{ns}/ingresses", accept=TABLE),
            post(
                "/apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers",
                {
                    "apiVersion": "autoscaling/v2",
                    "kind": "HorizontalPodAutoscaler",
                    "metadata": {"name": "h"},
                    "spec": {
                        "minReplicas": 3,
                        "maxReplicas": 2,
                        "scaleTargetRef": {"kind": "Deployment", "name": "d"},
                    },
                },
            ),
            post(
                "/apis/policy/v1/namespaces/{ns}/poddisruptionbudgets",
                {
                    "apiVersion": "policy/v1",
                    "kind": "PodDisruptionBudget",
                    "metadata": {"name": "b"},
                    "spec": {
                        "minAvailable": 1,
                        "maxUnavailable": 1,
                        "selector": {"matchLabels": {"a": "b"}},
                    },
                },
            ),
            post(
                "/apis/networking.k8s.io/v1/namespaces/{ns}/networkpolicies",
                {
                    "apiVersion": "networking.k8s.io/v1",
                    "kind": "NetworkPolicy",
                    "metadata": {"name": "n"},
                    "spec": {
                        "podSelector": {},
                        "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 80}]}],
                    },
                },
            ),
        ],
        id="the kinds that a workload is rendered to",
    ),
    pytest.param(
        [
            post(MAPS, config_map("many", **{f"unknown{one}": one for one in range(300)})),
            post(MAPS, config_map("wide", **{f"{one}{'x' * 50}": one for one in range(300)})),
            post(MAPS, config_map("long", **{letter * 3000: 1 for letter in "abc"})),
            post(MAPS, config_map("one", **{"a" * 6000: 1})),
        ],
        id="more warnings than a head may hold",
    ),
]
