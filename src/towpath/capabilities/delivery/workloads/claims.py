"""What infrastructure a workload has claimed: its state, its size, and where its secret is.

Never the secret itself: a page names the Secret and who reads it, as the manifests do.
"""

from dataclasses import dataclass
from typing import Any

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT_LABEL, target_namespace
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD_LABEL
from towpath.capabilities.infrastructure.offerings.kinds import POSTGRESQL_INSTANCE
from towpath.hooks.pages import Visit
from towpath.hooks.showing import object_page
from towpath.machinery.conditions import get_condition
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject


@dataclass(frozen=True, slots=True)
class Claim:
    name: str
    kind: str
    environment: str
    size: str
    status: str
    message: str
    policy: str
    href: str
    secret: str
    """In the project's namespace: what the offering wrote."""
    pod_secret: str
    """In the target namespace: what the pods read."""
    target: str
    parts: tuple[tuple[str, str], ...] = ()
    """Kind and name of what it is composed of."""


async def claims_of(visit: Visit, workload: str) -> list[Claim]:
    """Those that the visitor may see, in the order of their names."""
    project = visit.parameters["project"]
    labels = f"{WORKLOAD_LABEL}={workload}"
    try:
        found = (await visit.api.list(POSTGRESQL_INSTANCE, project, labels=labels)).items
    except StatusError:
        return []
    return [_claim(one, project, workload) for one in found]


def _claim(claim: RawObject, project: str, workload: str) -> Claim:
    metadata, spec = claim["metadata"], claim["spec"]
    name: str = metadata["name"]
    environment = (metadata.get("labels") or {}).get(ENVIRONMENT_LABEL, "")
    resource = name.removeprefix(f"{workload}-{environment}-")
    ready = get_condition(claim, "Ready") or {}
    is_ready = ready.get("status") == "True"
    return Claim(
        name=name,
        kind=claim["kind"],
        environment=environment,
        size=spec.get("size", ""),
        status="Ready" if is_ready else _trouble(claim),
        message="" if is_ready else ready.get("message", ""),
        policy=spec.get("deletionPolicy", "Delete"),
        href=object_page(POSTGRESQL_INSTANCE, name, project),
        secret=f"{name}-connection",
        pod_secret=f"{workload}-{resource}",
        target=target_namespace(project, environment) if environment else "",
        parts=_parts(spec),
    )


def _trouble(claim: RawObject) -> str:
    synced = get_condition(claim, "Synced") or {}
    return "Failed" if synced.get("status") == "False" else "Progressing"


def _parts(spec: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    references = (spec.get("crossplane") or {}).get("resourceRefs") or ()
    return tuple(
        (one.get("kind", ""), one.get("name", "")) for one in references if one.get("name")
    )
