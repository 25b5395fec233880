"""The official Python client, `kubernetes`."""

import threading
from typing import Any

from kubernetes import client, config, dynamic, stream, utils, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.informer import SharedInformer
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock
from tests.conformance.clients.tries import run, soon

NAMESPACE = "default"


def config_map(name: str, **data: str) -> client.V1ConfigMap:
    labels = {"app": "demo"}
    return client.V1ConfigMap(
        metadata=client.V1ObjectMeta(name=name, labels=labels), data=data or None
    )


def typed_objects() -> None:
    core = client.CoreV1Api()
    created = core.create_namespaced_config_map(NAMESPACE, config_map("c", a="1"))
    assert created.metadata.uid
    created.data = {"a": "2"}
    replaced = core.replace_namespaced_config_map("c", NAMESPACE, created)
    created.data = {"a": "3"}
    assert refused(lambda: core.replace_namespaced_config_map("c", NAMESPACE, created)) == 409
    assert replaced.data == {"a": "2"}
    core.patch_namespaced_config_map("c", NAMESPACE, {"data": {"b": "1"}})
    assert core.read_namespaced_config_map("c", NAMESPACE).data == {"a": "2", "b": "1"}
    for name in ("d", "e"):
        core.create_namespaced_config_map(NAMESPACE, config_map(name))
    first = core.list_namespaced_config_map(NAMESPACE, label_selector="app=demo", limit=2)
    rest = core.list_namespaced_config_map(NAMESPACE, limit=2, _continue=first.metadata._continue)
    assert [one.metadata.name for one in (*first.items, *rest.items)] == ["c", "d", "e"]
    core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="app=demo")
    assert refused(lambda: core.read_namespaced_config_map("c", NAMESPACE)) == 404
    # What a deletion answers differs by kind, and this client insists on it.
    spec = client.V1PodSpec(containers=[client.V1Container(name="main", image="example.dev/app")])
    pod = client.V1Pod(metadata=client.V1ObjectMeta(name="p"), spec=spec)
    core.create_namespaced_pod(NAMESPACE, pod)
    assert core.delete_namespaced_pod("p", NAMESPACE).metadata.name == "p"
    port = client.V1ServicePort(port=80)
    service = client.V1Service(
        metadata=client.V1ObjectMeta(name="s"), spec=client.V1ServiceSpec(ports=[port])
    )
    core.create_namespaced_service(NAMESPACE, service)
    assert core.delete_namespaced_service("s", NAMESPACE)


def refused(ask: Any) -> int:
    try:
        ask()
    except ApiException as error:
        return int(error.status)
    return 0


def workloads() -> None:
    apps = client.AppsV1Api()
    labels = {"app": "web"}
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "example.dev/app"}]},
            },
        },
    }
    utils.create_from_dict(client.ApiClient(), manifest, namespace=NAMESPACE)
    scale = apps.read_namespaced_deployment_scale("web", NAMESPACE)
    scale.spec.replicas = 3
    assert apps.replace_namespaced_deployment_scale("web", NAMESPACE, scale).spec.replicas == 3
    found = apps.read_namespaced_deployment("web", NAMESPACE)
    assert found.spec.strategy.rolling_update.max_surge == "25%"
    found.status.replicas = 3
    assert apps.replace_namespaced_deployment_status("web", NAMESPACE, found).status.replicas == 3
    batch = client.BatchV1Api()
    template = client.V1PodTemplateSpec(
        spec=client.V1PodSpec(
            restart_policy="Never",
            containers=[client.V1Container(name="main", image="example.dev/app")],
        )
    )
    job = client.V1Job(
        metadata=client.V1ObjectMeta(name="j"), spec=client.V1JobSpec(template=template)
    )
    assert batch.create_namespaced_job(NAMESPACE, job).spec.backoff_limit == 6


def dynamic_objects() -> None:
    finder = dynamic.DynamicClient(client.ApiClient())
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }
    names = {"plural": "gadgets", "singular": "gadget", "kind": "Gadget"}
    definitions = finder.resources.get(
        api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition"
    )
    definitions.create(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "gadgets.example.dev"},
            "spec": {
                "group": "example.dev",
                "scope": "Namespaced",
                "names": names,
                "versions": [version],
            },
        }
    )
    finder.resources.invalidate_cache()
    gadgets = finder.resources.get(api_version="example.dev/v1", kind="Gadget")
    body: dict[str, Any] = {
        "apiVersion": "example.dev/v1",
        "kind": "Gadget",
        "metadata": {"name": "g"},
        "spec": {"size": 1},
    }
    made = gadgets.create(body, namespace=NAMESPACE)
    body["spec"]["size"] = 2
    applied = gadgets.server_side_apply(
        body, namespace=NAMESPACE, field_manager="other", force_conflicts=True
    )
    assert applied.spec.size == 2
    ready = {**body, "status": {"ready": True}}
    gadgets.status.patch(ready, namespace=NAMESPACE, content_type="application/merge-patch+json")
    seen = [
        (event["type"], event["object"].metadata.generation)
        for event in gadgets.watch(
            namespace=NAMESPACE, resource_version=made.metadata.resourceVersion, timeout=1
        )
    ]
    assert seen == [("MODIFIED", 2), ("MODIFIED", 2)], seen
    gadgets.delete("g", namespace=NAMESPACE)


def watches() -> None:
    """A version that has been compacted is told as 410; from a fresh list it goes on."""
    core = client.CoreV1Api()
    before = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version
    core.create_namespaced_config_map(NAMESPACE, config_map("a"))
    follower = watch.Watch()
    for event in follower.stream(
        core.list_namespaced_config_map, NAMESPACE, resource_version=before, timeout_seconds=20
    ):
        assert (event["type"], event["object"].metadata.name) == ("ADDED", "a")
        follower.stop()
    # The test compacts the store when it sees this.
    core.create_namespaced_config_map(NAMESPACE, config_map("compact-now"))
    soon(lambda: refused(lambda: core.read_namespaced_config_map("compacted", NAMESPACE)) == 0, "")
    stale = watch.Watch().stream(
        core.list_namespaced_config_map, NAMESPACE, resource_version=before, timeout_seconds=20
    )
    assert refused(lambda: next(stale)) == 410


def informers() -> None:
    core = client.CoreV1Api()
    core.create_namespaced_config_map(NAMESPACE, config_map("there"))
    informer = SharedInformer(
        core.list_namespaced_config_map, namespace=NAMESPACE, label_selector="app=demo"
    )
    heard: set[tuple[str, str]] = set()
    for kind in ("ADDED", "MODIFIED", "DELETED"):
        informer.add_event_handler(
            kind, lambda seen, kind=kind: heard.add((kind, seen.metadata.name))
        )
    informer.start()
    soon(lambda: ("ADDED", "there") in heard, "what is there is heard")
    core.create_namespaced_config_map(NAMESPACE, config_map("later"))
    core.patch_namespaced_config_map("later", NAMESPACE, {"data": {"x": "1"}})
    core.delete_namespaced_config_map("there", NAMESPACE)
    wanted = {("ADDED", "later"), ("MODIFIED", "later"), ("DELETED", "there")}
    soon(lambda: wanted <= heard, "every change is heard")
    assert [one.metadata.name for one in informer.cache.list()] == ["later"]
    informer.stop()


def leader_election() -> None:
    leads: list[str] = []

    def candidate(name: str, led: threading.Event) -> threading.Thread:
        def on_start() -> None:
            leads.append(name)
            led.set()

        settings = electionconfig.Config(
            LeaseLock("elected", NAMESPACE, name),
            lease_duration=4,
            renew_deadline=3,
            retry_period=1,
            onstarted_leading=on_start,
            onstopped_leading=lambda: None,
        )
        thread = threading.Thread(target=leaderelection.LeaderElection(settings).run, daemon=True)
        thread.start()
        return thread

    first = threading.Event()
    candidate("one", first)
    assert first.wait(20)
    candidate("two", threading.Event())
    leases = client.CoordinationV1Api()
    lease = leases.read_namespaced_lease("elected", NAMESPACE)
    assert lease.spec.holder_identity == "one"
    renewed = lease.spec.renew_time
    soon(
        lambda: leases.read_namespaced_lease("elected", NAMESPACE).spec.renew_time > renewed,
        "the leader renews its lease",
    )
    assert leads == ["one"]


def execution() -> None:
    """In the running pod `p`."""
    core = client.CoreV1Api()
    said = stream.stream(
        core.connect_get_namespaced_pod_exec,
        "p",
        NAMESPACE,
        command=["sh", "-c", "read line; echo out $line; echo err >&2; exit 5"],
        stdin=True,
        stdout=True,
        stderr=True,
        tty=False,
        _preload_content=False,
    )
    said.write_stdin("hello\n")
    said.run_forever(timeout=20)
    assert said.read_stdout() == "out hello\n"
    assert said.read_stderr() == "err\n"
    assert said.returncode == 5
    said.close()
    assert "hello" in core.read_namespaced_pod_log("p", NAMESPACE)


if __name__ == "__main__":
    config.load_kube_config()
    run(
        typed_objects,
        workloads,
        dynamic_objects,
        watches,
        informers,
        leader_election,
        execution,
    )
