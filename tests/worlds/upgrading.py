"""A template of the project's own, what came of it, and a newer version of it."""

from collections.abc import Mapping

from tests.support import eventually
from tests.worlds.people import HELPER, PROJECT, Member
from towpath.machinery.kinds import towpath_resource

TEMPLATE = "worker"
INSTANCE = towpath_resource("TemplateInstance", "templateinstances")
_REPOSITORY = "paths"
_KNOWN_DEADLINE_S = 60.0

_DESCRIPTOR = """\
apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata:
  name: worker
  title: Background worker
  description: Takes jobs from a queue, one after the other.
spec:
  owner: group:default/team-a
  type: worker
  parameters:
    title: The worker
    required: [name]
    properties:
      name: {title: Name, type: string}
      queue: {title: Queue, type: string, default: jobs, description: Where its jobs are.}
      %s
  steps:
    - id: fetch
      action: fetch:template
      input:
        url: ./skeleton
        values:
          name: ${{ parameters.name }}
          queue: ${{ parameters.queue }}
    - id: publish
      action: publish:towpath
      input:
        repoUrl: host?owner=${{ towpath.project }}&repo=${{ parameters.name }}
"""
_OBJECT = f"""\
apiVersion: towpath.dev/v1alpha1
kind: SoftwareTemplate
metadata: {{name: {TEMPLATE}, namespace: {PROJECT}}}
spec:
  source: {{repository: {PROJECT}/{_REPOSITORY}}}
  descriptor:
"""
_RETRIES = "retries: {title: Retries, type: integer, default: 3}"
SETTINGS = "queue: ${{ values.queue }}\nbatch: 10\n\ntimeout: 30s\nlog: text\n"
FIRST = {
    "skeleton/README.md": "# ${{ values.name }}\n\nTakes jobs from ${{ values.queue }}.\n",
    "skeleton/settings.yaml": SETTINGS,
    "skeleton/run.sh": "#!/bin/sh\nexec python -m worker\n",
}
SECOND = {
    "skeleton/settings.yaml": SETTINGS.replace("log: text", "log: json"),
    "skeleton/health.yaml": "path: /healthz\n",
}


def _object(parameter: str) -> str:
    return _OBJECT + "".join(f"    {line}\n" for line in (_DESCRIPTOR % parameter).splitlines())


async def offer(alice: Member) -> None:
    """The first version: in a repository that is there when it has been pushed to."""
    clone = alice.person.home / "src" / _REPOSITORY
    url = f"http://localhost:{alice.platform.port}/git/{PROJECT}/{_REPOSITORY}.git"
    await alice.git("init", "-q", "-b", "main", str(clone))
    await alice.git("-C", str(clone), "config", *HELPER.split("=", 1))
    await alice.git("-C", str(clone), "remote", "add", "origin", url)
    await _commit(alice, "The worker, as we begin", {**FIRST, "template.yaml": _DESCRIPTOR % ""})
    await _apply(alice, "")


async def newer(alice: Member, subject: str = "Logs are JSON, and there is a health check") -> None:
    changes = {**SECOND, "template.yaml": _DESCRIPTOR % _RETRIES}
    await _commit(alice, subject, changes)
    await _apply(alice, _RETRIES)


async def _commit(alice: Member, message: str, changes: Mapping[str, str]) -> None:
    clone = alice.person.home / "src" / _REPOSITORY
    for path, text in changes.items():
        place = clone / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    author = ("-c", f"user.name={alice.name}", "-c", f"user.email={alice.name}@example.org")
    await alice.git("-C", str(clone), "add", "--all")
    await alice.git("-C", str(clone), *author, "commit", "-qm", message)
    await alice.git("-C", str(clone), "push", "-q", "-u", "origin", "main")


async def _apply(alice: Member, parameter: str) -> None:
    file = alice.person.home / "src" / "template.yaml"
    file.write_text(_object(parameter), encoding="utf-8")
    await alice.towpath("apply", "--file", str(file))


async def make(alice: Member, *names: str) -> None:
    for name in names:
        await alice.towpath("new", TEMPLATE, name, "--project", PROJECT)
    await until_phases(alice, dict.fromkeys(names, "Current"))


async def until_phases(alice: Member, expected: Mapping[str, str]) -> None:
    """Wait until these repositories stand so to their template."""
    async with alice.platform.client() as client:

        async def reached() -> bool:
            found = {
                one["spec"]["repository"]: (one.get("status") or {}).get("phase")
                for one in (await client.list(INSTANCE, PROJECT)).items
            }
            return all(found.get(name) == phase for name, phase in expected.items())

        await eventually(reached, deadline_s=_KNOWN_DEADLINE_S, every_s=0.1)


async def fill(alice: Member) -> None:
    """Two workers, one of which has changed what the newer version changes; a campaign."""
    await offer(alice)
    await make(alice, "mailer", "resizer")
    mine = SETTINGS.replace("${{ values.queue }}", "jobs").replace("log: text", "log: logfmt")
    await alice.push("resizer", "Log as the others do", {"settings.yaml": mine})
    await newer(alice)
    await until_phases(alice, dict.fromkeys(("mailer", "resizer"), "Behind"))
    waves = ("--waves", "1")
    await alice.towpath("template", "upgrade", TEMPLATE, "--all", "--project", PROJECT, *waves)
