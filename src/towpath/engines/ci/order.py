"""What a run is about: the facts that are fixed before it starts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from towpath.engines.ci.workflow.model import Workflow
from towpath.engines.git.port import RepositoryName
from towpath.machinery.objects import CommitSHA

NO_COMMIT = "0" * 40


@dataclass(frozen=True, slots=True)
class RunOrder:
    """One run of one workflow. Secrets are masked in every log of it."""

    uid: str
    """Of the run; the name of its folder."""
    name: str
    repository: RepositoryName
    ref: str
    commit: CommitSHA
    workflow: Workflow
    event: str
    actor: str
    log_stream: Callable[[str, int], str]
    """The name of a step's log, from the job's id and the step's number."""
    payload: Mapping[str, Any] = field(default_factory=dict)
    """The `github.event` context."""
    attempt: int = 1
    inputs: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
    """For this host's own API, Git and registry, with the rights of the project's pipelines."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that every step gets beside GitHub's."""
    readable: Sequence[Path] = ()
    """Files outside the run's folder that steps may read."""
    server_url: str = ""
    clone_url: str = ""

    @property
    def run_id(self) -> int:
        """A number, for programs that expect GitHub's; the same for every attempt at a restart."""
        return int.from_bytes(self.uid.encode()[-6:].rjust(6, b"0"), "big")

    @property
    def ref_name(self) -> str:
        for prefix in ("refs/heads/", "refs/tags/", "refs/pull/"):
            if self.ref.startswith(prefix):
                return self.ref.removeprefix(prefix)
        return self.ref

    @property
    def ref_type(self) -> str:
        return "tag" if self.ref.startswith("refs/tags/") else "branch"
