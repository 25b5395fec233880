"""What the steps of one job share while it runs."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from towpath.engines.ci.environments import Environments, Slot
from towpath.engines.ci.expressions import Scope, Value
from towpath.engines.ci.hashing import hash_files
from towpath.engines.ci.masking import Mask
from towpath.engines.ci.network import HostNetwork
from towpath.engines.ci.order import RunOrder
from towpath.engines.ci.places import JobPlace
from towpath.engines.ci.programs import Programs, Stop
from towpath.engines.ci.tools import Tools
from towpath.engines.git.port import GitReader
from towpath.records.contract import LogBook


@dataclass(frozen=True, slots=True)
class Means:
    """What the engine works with; the same for every job."""

    git: GitReader
    programs: Programs
    book: LogBook
    environments: Environments
    network: HostNetwork
    tools: Tools


@dataclass(slots=True)
class JobWork:
    means: Means
    order: RunOrder
    place: JobPlace
    number: int
    """Among the jobs of the run: with the run's uid, part of the ids of its programs."""
    mask: Mask
    stop: Stop
    contexts: dict[str, Value]
    """github, needs, strategy, matrix, inputs, vars, secrets, runner."""
    env: dict[str, str] = field(default_factory=dict)
    """Of the workflow and the job, then what steps have written to GITHUB_ENV."""
    path: list[str] = field(default_factory=list)
    steps: dict[str, Value] = field(default_factory=dict)
    failed: bool = False
    cancelled: bool = False
    deadline_s: float = 0.0
    """Of the whole job, as a time of the loop."""
    slot: Slot | None = None
    default_variables: dict[str, str] = field(default_factory=dict)

    def scope(self, env: Mapping[str, str]) -> Scope:
        """What the expressions of a step can name."""
        status = "cancelled" if self.cancelled else "failure" if self.failed else "success"
        workspace = self.place.workspace
        return Scope(
            {
                **self.contexts,
                "env": dict(env),
                "steps": self.steps,
                "job": {"status": status},
            },
            {
                "success": lambda _: status == "success",
                "failure": lambda _: status == "failure",
                "cancelled": lambda _: status == "cancelled",
                "always": lambda _: True,
                "hashfiles": lambda patterns: hash_files(workspace, patterns),
            },
        )

    def process_env(self, env: Mapping[str, str], said: Mapping[str, str]) -> dict[str, str]:
        """All variables of a program, and nothing of the platform's own."""
        cache = self.means.environments.project_cache(self.order.repository.project)
        variables = {
            "HOME": str(self.place.home),
            "LANG": "C.UTF-8",
            "UV_CACHE_DIR": str(cache / "uv"),
            "UV_NO_PROGRESS": "1",
            "TOWPATH_CACHE": str(cache / "towpath"),
            **self.means.network.variables,
            **self.default_variables,
            **self.order.environment,
            **env,
            **said,
        }
        if self.slot is not None:
            variables.setdefault("UV_PROJECT_ENVIRONMENT", str(self.slot.environment))
        path = self.means.tools.path(env.get("PATH", ""))
        variables["PATH"] = ":".join([*reversed(self.path), path])
        return variables

    async def use_environment(self, key: str, *, whole: bool = True) -> None:
        """Take the Python environment that belongs to the lock file that was checked out.

        The one before is given back; `whole` tells whether every program has ended by itself.
        """
        if self.slot is not None:
            self.slot.free(whole=whole)
            self.slot = None
        if key:
            project = self.order.repository.project
            self.slot = await asyncio.to_thread(self.means.environments.take, project, key)
