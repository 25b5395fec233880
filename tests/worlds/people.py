"""What a member of the project does at a terminal: makes services, pushes, promotes, decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.platform import Finished, PlatformProcess
from tests.scenarios.spine.terminals import Person, sign_in
from tests.support import eventually
from towpath.machinery.kinds import Resource, towpath_resource
from towpath.machinery.objects import RawObject

PROJECT = "demo"
PROMOTION = towpath_resource("Promotion", "promotions")
PIPELINE_RUN = towpath_resource("PipelineRun", "pipelineruns")
INITIATIVE = towpath_resource("Initiative", "initiatives")

HELPER = "credential.helper=!towpath git credential"
MOVED_DEADLINE_S = 90.0


@dataclass(slots=True)
class Member:
    """Somebody who has signed in on a machine of their own."""

    name: str
    person: Person
    platform: PlatformProcess

    async def towpath(self, *arguments: str) -> Finished:
        """A command that must work."""
        done = await self.person.towpath(*arguments)
        assert done.code == 0, f"{self.name}: towpath {' '.join(arguments)}\n{done.stderr}"
        return done

    async def new_service(self, name: str, **parameters: str) -> None:
        given = [part for item in parameters.items() for part in ("--set", "=".join(item))]
        await self.towpath("new", "python-service", name, "--project", PROJECT, *given, "--wait")

    async def push(self, service: str, message: str, changes: Mapping[str, str]) -> None:
        """Write files (a path may be a pattern) and push them; what follows is not waited for."""
        clone = self.person.home / "src" / service
        if not clone.exists():
            url = f"http://localhost:{self.platform.port}/git/{PROJECT}/{service}.git"
            await self.git("clone", "-q", "-c", HELPER, url, str(clone))
        await self.git("-C", str(clone), "pull", "-q")
        for pattern, text in changes.items():
            found = [*clone.glob(pattern)] or [clone / pattern]
            found[0].parent.mkdir(parents=True, exist_ok=True)
            found[0].write_text(text, encoding="utf-8")
        author = ("-c", f"user.name={self.name}", "-c", f"user.email={self.name}@example.org")
        await self.git("-C", str(clone), "add", "--all")
        await self.git("-C", str(clone), *author, "commit", "-qm", message)
        await self.git("-C", str(clone), "push", "-q")

    async def git(self, *arguments: str) -> None:
        done = await self.person.git(*arguments)
        assert done.code == 0, f"{self.name}: git {' '.join(arguments)}\n{done.stderr}"


async def member(platform: PlatformProcess, name: str, folder: Path) -> Member:
    return Member(name, await sign_in(platform, name, folder / name), platform)


async def until_phases(
    platform: PlatformProcess, resource: Resource, service: str, expected: Mapping[str, int]
) -> None:
    """Wait until so many promotions or pipeline runs of a service are in each of these phases."""
    field = "repository" if resource == PIPELINE_RUN else "workload"
    async with platform.client() as client:

        async def reached() -> bool:
            listed = await client.list(resource, PROJECT)
            phases = [_phase(one) for one in listed.items if one["spec"][field] == service]
            return all(phases.count(phase) >= count for phase, count in expected.items())

        await eventually(reached, deadline_s=MOVED_DEADLINE_S, every_s=0.1)


def _phase(obj: RawObject) -> str:
    return str((obj.get("status") or {}).get("phase", ""))


async def be_due(platform: PlatformProcess, day: str) -> None:
    """Something that every service should have reached by then, on the demo's scorecard."""
    spec = {"title": "Gold for all", "scorecard": "readiness", "level": "Gold", "due": day}
    async with platform.client() as api:
        await api.create(INITIATIVE, INITIATIVE.object("gold", "towpath-system", spec=spec))
