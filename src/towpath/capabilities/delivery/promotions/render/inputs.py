"""What a rendering depends on, all of it: nothing else may change its outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from towpath.capabilities.delivery.promotions.score import Score


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the platform decides where the Score file is silent."""

    requests: Mapping[str, str] = field(default_factory=lambda: {"cpu": "50m", "memory": "64Mi"})
    limits: Mapping[str, str] = field(default_factory=lambda: {"memory": "512Mi"})
    replicas_min: int = 1
    replicas_max: int = 3
    cpu_utilization_percent: int = 80
    run_as_user: int = 65532
    progress_deadline_s: int = 120


@dataclass(frozen=True, slots=True)
class ValueChange:
    """One value of a manifest that is to be another than the Score file comes to."""

    kind: str
    name: str
    path: str
    value: str
    """As JSON."""


@dataclass(frozen=True, slots=True)
class RenderInput:
    project: str
    workload: str
    environment: str
    release: str
    image: str
    """By digest, with the logical registry host."""
    score: Score
    host: str
    """The host that the workload answers at; "" where no gateway serves it."""
    local: bool = True
    """On a local cluster nothing scales a Deployment, so Git holds its number of replicas."""
    retain_data: bool = False
    served: frozenset[str] = frozenset()
    """`Kind.group` of optional kinds that the target serves, such as ServiceMonitor."""
    changes: Sequence[ValueChange] = ()
    defaults: Defaults = field(default_factory=Defaults)

    @property
    def labels(self) -> dict[str, str]:
        return {
            "app.kubernetes.io/name": self.workload,
            "app.kubernetes.io/managed-by": "towpath",
            "towpath.dev/project": self.project,
            "towpath.dev/workload": self.workload,
            "towpath.dev/environment": self.environment,
        }

    @property
    def selector(self) -> dict[str, str]:
        return {"app.kubernetes.io/name": self.workload}
