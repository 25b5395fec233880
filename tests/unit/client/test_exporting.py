"""What of an object is taken elsewhere, and in which order it comes."""

import json
from typing import Any

from towpath.client.exporting import OWNERS, portable, rank
from towpath.client.importing import differences


def obj(kind: str, api_version: str = "v1", **fields: Any) -> dict[str, Any]:
    metadata = {
        "name": "a",
        "namespace": "shop",
        "uid": "1",
        "resourceVersion": "5",
        "generation": 2,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [{}],
        "finalizers": ["example.dev/x"],
        **fields.pop("metadata", {}),
    }
    return {"kind": kind, "apiVersion": api_version, "metadata": metadata, **fields}


def test_what_the_server_owns_stays() -> None:
    annotations = {
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "deployment.kubernetes.io/revision": "3",
        "mine": "kept",
    }
    found = portable(
        obj("Deployment", "apps/v1", metadata={"annotations": annotations}, status={"replicas": 1})
    )
    assert found == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"annotations": {"mine": "kept"}, "name": "a", "namespace": "shop"},
    }
    assert list(found) == ["apiVersion", "kind", "metadata"]
    assert portable(obj("X", status={"a": 1}), status=True)["status"] == {"a": 1}


def test_what_the_server_gave_out_stays_and_headless_is_headless() -> None:
    spec = {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [{"nodePort": 30000}]}
    assert portable(obj("Service", spec=spec))["spec"] == {"ports": [{}]}
    headless = {"clusterIP": "None", "clusterIPs": ["None"]}
    assert portable(obj("Service", spec=headless))["spec"] == {**headless, "ports": []}


def test_a_job_and_a_pod_lose_what_was_put_into_them() -> None:
    labels = {"controller-uid": "1", "batch.kubernetes.io/controller-uid": "1", "app": "a"}
    job = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}
    assert portable(obj("Job", "batch/v1", spec=job))["spec"] == {
        "template": {"metadata": {"labels": {"app": "a"}}}
    }
    token, own = {"name": "kube-api-access-x"}, {"name": "own"}
    pod = {
        "nodeName": "n",
        "volumes": [token, own],
        "containers": [{"name": "c", "volumeMounts": [token, own]}],
    }
    assert portable(obj("Pod", spec=pod))["spec"] == {
        "volumes": [own],
        "containers": [{"name": "c", "volumeMounts": [own]}],
    }


def test_an_owner_is_named_without_its_uid() -> None:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "p", "uid": "9"}
    found = portable(obj("ConfigMap", metadata={"ownerReferences": [owner]}))
    del owner["uid"]
    assert json.loads(found["metadata"]["annotations"][OWNERS]) == [owner]
    assert "ownerReferences" not in found["metadata"]


def test_what_others_stand_on_comes_first_and_what_could_refuse_them_last() -> None:
    kinds = [
        "ValidatingWebhookConfiguration",
        "Widget",
        "RoleBinding",
        "Namespace",
        "Ingress",
        "Role",
        "Secret",
        "CustomResourceDefinition",
    ]
    assert sorted(kinds, key=lambda kind: rank(obj(kind))) == [
        "CustomResourceDefinition",
        "Namespace",
        "Role",
        "RoleBinding",
        "Secret",
        "Widget",
        "Ingress",
        "ValidatingWebhookConfiguration",
    ]


def test_differences_are_a_line_each_and_show_no_secret() -> None:
    old = {"a": 1, "b": {"c": [1, 2]}, "gone": "x"}
    new = {"a": 2, "b": {"c": [1, 3]}, "new": "y" * 100}
    shown = "y" * 59
    assert list(differences(old, new)) == [
        "~ a: 1 -> 2",
        "~ b.c[1]: 2 -> 3",
        '- gone: "x"',
        f'+ new: "{shown}...',
    ]
    assert list(differences({"p": "old"}, {"p": "new"}, secret=True)) == [
        "~ p: (secret) -> (secret)"
    ]
