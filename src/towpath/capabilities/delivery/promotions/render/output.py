"""The manifests of a workload in an environment: `workload/` for its cluster, `infra/` for here."""

from dataclasses import dataclass

from towpath.capabilities.delivery.environments.kinds import SECRET_STORE
from towpath.capabilities.delivery.promotions.render.changes import apply_changes
from towpath.capabilities.delivery.promotions.render.environment import secret_name
from towpath.capabilities.delivery.promotions.render.files import file_objects, mounted_files
from towpath.capabilities.delivery.promotions.render.inputs import RenderInput
from towpath.capabilities.delivery.promotions.render.network import network_objects
from towpath.capabilities.delivery.promotions.render.pods import pod
from towpath.capabilities.delivery.promotions.render.resources import (
    Output,
    Provisioned,
    output_of,
    provision,
)
from towpath.capabilities.delivery.promotions.score.substitution import Reference
from towpath.machinery.documents import dump_document
from towpath.machinery.objects import RawObject

HEADER = "# Rendered by Towpath from a Score file; change it by a promotion, not here.\n"


@dataclass(frozen=True, slots=True)
class Rendered:
    """Manifests by file name."""

    workload: dict[str, RawObject]
    infra: dict[str, RawObject]


def render(given: RenderInput) -> Rendered:
    """Raises ScoreError when the Score file asks for what there is not."""
    provisioned = provision(given)

    def resolve(reference: Reference, path: str) -> Output:
        return output_of(given, provisioned, reference, path)

    files = mounted_files(given, resolve)
    workload = {"deployment.yaml": _deployment(given, pod(given, resolve, files).template)}
    workload |= network_objects(given)
    workload |= _scaling(given)
    workload |= _external_secrets(given, provisioned)
    workload |= file_objects(given, files, provisioned, SECRET_STORE)
    infra = {
        f"{name}.yaml": composite
        for name, resource in provisioned.items()
        for composite in resource.composites
    }
    apply_changes(given.changes, [*workload.values(), *infra.values()])
    return Rendered(dict(sorted(workload.items())), dict(sorted(infra.items())))


def render_files(given: RenderInput) -> dict[str, bytes]:
    """The files below `<workload>/<environment>/`."""
    rendered = render(given)
    return {
        f"{folder}/{name}": (HEADER + dump_document(manifest)).encode()
        for folder, manifests in (("workload", rendered.workload), ("infra", rendered.infra))
        for name, manifest in manifests.items()
    }


def _deployment(given: RenderInput, template: RawObject) -> RawObject:
    spec: RawObject = {
        "revisionHistoryLimit": 3,
        "progressDeadlineSeconds": given.defaults.progress_deadline_s,
        "selector": {"matchLabels": given.selector},
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
        },
        "template": template,
    }
    if given.local:
        spec = {"replicas": given.defaults.replicas_min, **spec}
    labels = {**given.labels, "towpath.dev/release": given.release}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": given.workload,
            "labels": labels,
            **({"annotations": given.score.annotations} if given.score.annotations else {}),
        },
        "spec": spec,
    }


def _scaling(given: RenderInput) -> dict[str, RawObject]:
    metadata = {"name": given.workload, "labels": given.labels}
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": dict(metadata),
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": given.workload,
            },
            "minReplicas": given.defaults.replicas_min,
            "maxReplicas": given.defaults.replicas_max,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {
                            "type": "Utilization",
                            "averageUtilization": given.defaults.cpu_utilization_percent,
                        },
                    },
                }
            ],
        },
    }
    # maxUnavailable, not minAvailable: a budget over one replica must not block a node's drain.
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": dict(metadata),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": given.selector},
        },
    }
    return {"horizontal-pod-autoscaler.yaml": autoscaler, "pod-disruption-budget.yaml": budget}


def _external_secrets(
    given: RenderInput, provisioned: dict[str, Provisioned]
) -> dict[str, RawObject]:
    """One for each resource with a connection Secret, in the workload's namespace."""
    return {
        f"external-secret-{name}.yaml": {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": secret_name(given.workload, name), "labels": given.labels},
            "spec": {
                "refreshInterval": "1h",
                "secretStoreRef": {"kind": "SecretStore", "name": SECRET_STORE},
                "target": {"name": secret_name(given.workload, name), "creationPolicy": "Owner"},
                "data": [
                    {
                        "secretKey": key,
                        "remoteRef": {"key": resource.connection, "property": key},
                    }
                    for key in resource.keys
                ],
            },
        }
        for name, resource in provisioned.items()
        if resource.connection
    }
