"""TemplateInstance: each repository that says what it came of, and how far it is behind.

The repository is the truth and the object its index: it comes and goes with the file in the
repository. Only `spec.optOut` is somebody's word, and stays while the instance is there.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE
from towpath.capabilities.portal.templates.sources import parse_source
from towpath.capabilities.portal.templates.upgrades.answers import (
    PATHS,
    Answers,
    AnswersUnreadable,
    read_answers,
)
from towpath.capabilities.portal.templates.upgrades.kinds import (
    BEHIND,
    CURRENT,
    OPEN,
    TEMPLATE_INSTANCE,
    TEMPLATE_UPGRADE,
    UNKNOWN,
    instance_name,
    phase_of,
)
from towpath.capabilities.portal.templates.upgrades.versions import (
    Lineage,
    commit_of,
    newest_versions,
    reference_of,
    template_of,
)
from towpath.client.protocols import Client
from towpath.engines.git.port import (
    MAIN,
    File,
    GitHost,
    GitReader,
    PathNotFound,
    RepositoryName,
    RepositoryNotFound,
)
from towpath.machinery.errors import AlreadyExists, NotFound
from towpath.machinery.objects import CommitSHA, Key, RawObject, key_of
from towpath.runtime.outcomes import Stalled
from towpath.runtime.sources import Enqueue


async def answer_files(
    git: GitReader, repository: RepositoryName, commit: CommitSHA
) -> dict[str, File]:
    """The first of the files that may say what the repository came of."""
    for path in PATHS:
        if file := await git.file(repository, commit, path):
            return {path: file}
    return {}


@dataclass(frozen=True, slots=True)
class Instances:
    api: Client
    git: GitHost
    lineage: Lineage

    async def reconcile(self, key: Key) -> float | None:
        """The key is a repository's."""
        repository = RepositoryName(key.namespace, key.name)
        name = instance_name(repository.name)
        try:
            head = await self.git.head(repository)
            files = await answer_files(self.git, repository, head) if head else {}
        except RepositoryNotFound:
            files = {}
        try:
            answers = read_answers(files)
            trouble = ""
        except AnswersUnreadable as error:
            answers, trouble = None, str(error)
        if answers is None and not trouble:
            await self._forget(name, repository.project)
            return None
        found = await self._object(name, repository)
        if found is None:
            return None
        status = await self._status(repository, answers, trouble)
        await self._write(found, status)
        return None

    async def _forget(self, name: str, project: str) -> None:
        try:
            await self.api.delete(TEMPLATE_INSTANCE, name, project)
        except NotFound:
            return

    async def _object(self, name: str, repository: RepositoryName) -> RawObject | None:
        """Found or made; None where no project is: the platform's own repositories."""
        try:
            return await self.api.get(TEMPLATE_INSTANCE, name, repository.project)
        except NotFound:
            pass
        obj = TEMPLATE_INSTANCE.object(
            name, repository.project, spec={"repository": repository.name}
        )
        try:
            return await self.api.create(TEMPLATE_INSTANCE, obj)
        except AlreadyExists:
            return await self.api.get(TEMPLATE_INSTANCE, name, repository.project)
        except NotFound:
            return None

    async def _status(
        self, repository: RepositoryName, answers: Answers | None, trouble: str
    ) -> dict[str, Any]:
        if answers is None:
            return {"phase": UNKNOWN, "message": trouble, "upgrade": ""}
        status: dict[str, Any] = {
            "origin": answers.origin,
            "template": answers.template,
            "revision": answers.revision,
            "upgrade": await self._open_upgrade(repository),
        }
        try:
            template = await template_of(self.api, repository.project, answers)
            status["template"] = reference_of(template)
            revision = await commit_of(self.git, template, answers.revision)
            latest = await self.lineage.latest(template)
            status |= {"revision": revision, "latest": latest}
            between = await self.lineage.between(template, revision, latest)
        except (Stalled, RepositoryNotFound) as error:
            said = error.message if isinstance(error, Stalled) else str(error)
            return {**status, "phase": UNKNOWN, "message": said}
        count = len(between)
        status |= {"behind": count, "phase": BEHIND if count else CURRENT}
        return {**status, "message": _told(count)}

    async def _open_upgrade(self, repository: RepositoryName) -> str:
        fields = f"spec.repository={repository.name}"
        listed = await self.api.list(TEMPLATE_UPGRADE, repository.project, fields=fields)
        names = [
            one["metadata"]["name"] for one in listed.items if (phase_of(one) or OPEN[0]) in OPEN
        ]
        return max(names, default="")

    async def _write(self, found: RawObject, status: dict[str, Any]) -> None:
        old = found.get("status") or {}
        status = {"observedGeneration": found["metadata"].get("generation", 1), **status}
        changed: dict[str, Any] = {
            name: value for name, value in status.items() if old.get(name) != value
        }
        changed |= {name: None for name in old if name not in status and name != "conditions"}
        if changed:
            metadata = found["metadata"]
            await self.api.patch(
                TEMPLATE_INSTANCE,
                metadata["name"],
                metadata["namespace"],
                {"status": changed},
                subresource="status",
            )


def _told(count: int) -> str:
    if not count:
        return "It has the newest version of its template."
    return f"{count} newer version{'s' if count > 1 else ''} of its template can be had."


@dataclass(frozen=True, slots=True)
class Versions:
    """A template's status says its versions: not everybody may read the repository they are in."""

    api: Client
    git: GitReader

    async def reconcile(self, key: Key) -> float | None:
        try:
            template = await self.api.get(SOFTWARE_TEMPLATE, key.name, key.namespace)
            versions = await newest_versions(self.git, template)
        except (NotFound, Stalled, RepositoryNotFound, PathNotFound):
            return None  # the template's own condition says so
        if (template.get("status") or {}).get("versions") != versions:
            status = {"status": {"versions": versions}}
            await self.api.patch(
                SOFTWARE_TEMPLATE, key.name, key.namespace, status, subresource="status"
            )
        return None


@dataclass(frozen=True, slots=True)
class Repositories:
    """A Source: every repository at the start, then each whose main moves or goes."""

    git: GitHost

    async def run(self, enqueue: Enqueue) -> None:
        pushes = self.git.pushes()  # listening begins before the look at what there is
        for repository in await self.git.repositories():
            enqueue(Key(repository.project, repository.name))
        async for push in pushes:
            if push.ref == MAIN:
                enqueue(Key(push.repository.project, push.repository.name))


@dataclass(frozen=True, slots=True)
class NewVersions:
    """A Source: what a template concerns, when its repository is pushed to.

    The object of a template says which repository that is; so templates are asked at each push to
    anything, which costs a look at a few objects and no more.
    """

    api: Client
    git: GitHost
    concerned: Callable[[Client, RawObject, Enqueue], Awaitable[None]]

    async def run(self, enqueue: Enqueue) -> None:
        async for repository in self._pushed():
            templates = (await self.api.list(SOFTWARE_TEMPLATE)).items
            for template in templates:
                raw = template["spec"].get("source")
                if raw and parse_source(raw).repository == repository:
                    await self.concerned(self.api, template, enqueue)

    async def _pushed(self) -> AsyncIterator[RepositoryName]:
        async for push in self.git.pushes():
            if push.ref == MAIN or push.ref.startswith("refs/tags/"):
                yield push.repository


async def enqueue_instances(api: Client, template: RawObject, enqueue: Enqueue) -> None:
    fields = f"status.template={reference_of(template)}"
    for instance in (await api.list(TEMPLATE_INSTANCE, fields=fields)).items:
        enqueue(Key(instance["metadata"]["namespace"], instance["spec"]["repository"]))


async def enqueue_template(_: Client, template: RawObject, enqueue: Enqueue) -> None:
    enqueue(key_of(template))
