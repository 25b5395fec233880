"""A CatalogEdit becomes a commit: of whoever made it, on the file that describes the entity.

In a repository of another Git host it is on a branch, and proposed there by a pull request.

It is tried once for as long as the file changes under it, and kept for a while after, so that the
page that asked for it can say what became of it.
"""

import posixpath
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

from towpath.capabilities.delivery.promotions.kinds import DEPLOYMENTS
from towpath.capabilities.portal.catalog import editing
from towpath.capabilities.portal.catalog.descriptors import reference_of
from towpath.capabilities.portal.catalog.facts import LOCATION
from towpath.capabilities.portal.catalog.kinds import CATALOG_EDIT
from towpath.capabilities.portal.catalog.reconcile.ingesting import EVERYTHING
from towpath.capabilities.portal.catalog.sources.hosted_git import TYPE, split
from towpath.capabilities.portal.remotes.kinds import (
    REMOTE_REPOSITORY,
    is_remote,
    propose,
)
from towpath.client.protocols import Client
from towpath.engines.git.port import (
    MAIN,
    File,
    GitHost,
    PathNotFound,
    RepositoryName,
    RepositoryNotFound,
    Signature,
    StaleCommit,
)
from towpath.hooks.platform import Trail
from towpath.machinery.conditions import get_condition, set_condition
from towpath.machinery.documents import DocumentError, dump_document
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import CommitSHA, Key, RawObject
from towpath.records.contract import CatalogIndex

KEPT_S = 7 * 24 * 3600.0
ATTEMPTS_MAX = 20
TITLE_MAX = 250
PROPOSED_LOOK_S = 2.0
_RESOURCE = f"{CATALOG_EDIT.plural}.{CATALOG_EDIT.group}"


@dataclass(frozen=True, slots=True)
class Edits:
    api: Client
    git: GitHost
    index: CatalogIndex
    trail: Trail

    async def __call__(self, key: Key) -> float | None:
        try:
            edit = await self.api.get(CATALOG_EDIT, key.name, key.namespace)
        except NotFound:
            return None
        if get_condition(edit, "Ready") is not None:
            return await self._age(edit)
        author = await self.trail.last_writer("", _RESOURCE, key.namespace, key.name)
        after = {**edit, "status": {}}
        try:
            repository, commit = await self._commit(edit, author or "towpath")
            url = ""
            if await is_remote(self.api, repository.project, repository.name):
                url = await self._proposed(edit, repository)
                if not url:
                    return PROPOSED_LOOK_S
        except (editing.EditError, RepositoryNotFound, PathNotFound, DocumentError) as error:
            set_condition(after, "Ready", status=False, reason="NotPossible", message=f"{error}.")
        else:
            after["status"]["commit"] = commit
            reason, message = "Committed", f"The description is changed by {commit[:10]}."
            if url:
                after["status"]["pullRequest"] = url
                reason, message = "Proposed", f"The change is proposed: {url}"
            set_condition(after, "Ready", status=True, reason=reason, message=message)
        status = {"status": after["status"]}
        await self.api.patch(CATALOG_EDIT, key.name, key.namespace, status, subresource="status")
        return KEPT_S

    async def _age(self, edit: RawObject) -> float | None:
        """Seconds until it goes; it goes when none are left."""
        made = datetime.fromisoformat(edit["metadata"]["creationTimestamp"])
        left_s = KEPT_S - (datetime.now(UTC) - made).total_seconds()
        if left_s > 0:
            return left_s
        metadata = edit["metadata"]
        await self.api.delete(CATALOG_EDIT, metadata["name"], metadata["namespace"])
        return None

    async def _proposed(self, edit: RawObject, repository: RepositoryName) -> str:
        """The page of its pull request, "" while there is none."""
        title, _, body = _message(edit["spec"]).partition("\n")
        spec = {
            "repository": repository.name,
            "branch": _branch(edit),
            "title": title[:TITLE_MAX],
            "body": body.strip(),
        }
        metadata = edit["metadata"]
        name, project = f"edit-{metadata['name']}", metadata["namespace"]
        pull = await propose(self.api, name, project, edit, spec)
        return str((pull.get("status") or {}).get("url") or "")

    async def _commit(self, edit: RawObject, author: str) -> tuple[RepositoryName, CommitSHA]:
        """Raises EditError, and what Git raises."""
        spec, project = edit["spec"], edit["metadata"]["namespace"]
        if "put" in spec:
            repository = RepositoryName(project, spec["put"]["repository"])
            path = _inside(spec["put"]["path"])
        else:
            repository, path = await self._place(spec["entity"].lower(), project)
        if repository.name == DEPLOYMENTS:
            raise editing.EditError(f"{repository} is written by promotions alone")
        signature = Signature(author, f"{author.replace(':', '.')}@users.towpath.invalid")
        ref = MAIN
        if await is_remote(self.api, repository.project, repository.name):
            ref = f"refs/heads/{_branch(edit)}"
        for _ in range(ATTEMPTS_MAX):
            head = await self.git.head(repository)
            made = await self.git.head(repository, ref)
            if ref != MAIN and made not in (None, head):
                return repository, made
            text = "" if head is None else await self._text(repository, head, path)
            changed = await self._changed(spec, repository, path, text)
            if changed == text:
                raise editing.EditError(f"{path} says so already")
            try:
                await self.git.move(repository, ref, expected=made, new=head, author=signature)
                commit = await self.git.write(
                    repository,
                    {path: File(changed.encode()) if changed.strip() else None},
                    message=_message(spec),
                    author=signature,
                    expected=head,
                    ref=ref,
                )
                return repository, commit
            except StaleCommit:
                continue
        raise editing.EditError(f"{repository} is changed too often just now; try again")

    async def _place(self, ref: str, project: str) -> tuple[RepositoryName, str]:
        """The file that describes the entity; of one that is gone, where it was."""
        entity = await self.index.get(EVERYTHING, ref)
        location = ""
        if entity is not None:
            annotations = entity.descriptor["metadata"].get("annotations") or {}
            location = str(annotations.get(LOCATION, ""))
        else:
            for change in await self.index.history(EVERYTHING, ref, limit=5):
                location = location or location_in(change.before)
        if there := await self._elsewhere(location, project):
            return there
        if not location.startswith(f"{TYPE}:"):
            raise editing.EditError(
                f"{ref} is described at {location or 'no place'}, which is in no repository of "
                f"{project}; a RemoteRepository of it is one"
            )
        repository, path = split(location)
        if repository.project != project:
            raise editing.EditError(f"{ref} is described in the project {repository.project}")
        return repository, path

    async def _elsewhere(self, location: str, project: str) -> tuple[RepositoryName, str] | None:
        """The project's RemoteRepository whose page the file is below."""
        if not location.startswith("url:"):
            return None
        for remote in (await self.api.list(REMOTE_REPOSITORY, project)).items:
            page = (remote.get("status") or {}).get("page") or ""
            if page and location.startswith(f"url:{page}/"):
                name = RepositoryName(project, remote["metadata"]["name"])
                return name, unquote(location.removeprefix(f"url:{page}/"))
        return None

    async def _text(self, repository: RepositoryName, commit: CommitSHA, path: str) -> str:
        file = (await self.git.files(repository, commit)).get(path)
        return "" if file is None else file.content.decode()

    async def _changed(
        self, spec: RawObject, repository: RepositoryName, path: str, text: str
    ) -> str:
        if "put" in spec:
            return editing.with_document(text, spec["entity"], dump_document(_described(spec)))
        if "owner" in spec:
            return editing.with_owner(text, spec["entity"], spec["owner"])
        commit = await self.git.commit(repository, CommitSHA(spec["before"]))
        piece = None
        if commit.parents:
            old = await self._text(repository, commit.parents[0], path)
            piece = editing.document_of(old, spec["entity"])
        return editing.with_document(text, spec["entity"], piece)


def _branch(edit: RawObject) -> str:
    return f"towpath/edit-{edit['metadata']['name']}"


def location_in(descriptor: bytes | None) -> str:
    """Of an entity as the history keeps it."""
    import orjson

    if descriptor is None:
        return ""
    kept = orjson.loads(descriptor)
    entity = kept.get("descriptor", kept)
    annotations = (entity.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(LOCATION, ""))


def _inside(path: str) -> str:
    found = posixpath.normpath(path)
    if found.startswith(("/", "..")) or ".git" in found.lower().split("/"):
        raise editing.EditError(f"put.path: {path} is no file of a repository")
    return found


def _described(spec: RawObject) -> RawObject:
    descriptor: RawObject = spec["put"]["descriptor"]
    try:
        known = reference_of(descriptor).key
    except (KeyError, TypeError, AttributeError):
        raise editing.EditError("put.descriptor: it has no kind and metadata.name") from None
    if known != spec["entity"].lower():
        raise editing.EditError(f"put.descriptor: it is {known}, not {spec['entity']}")
    return descriptor


def _message(spec: RawObject) -> str:
    name = spec["entity"].rpartition("/")[2]
    if "put" in spec:
        subject = f"{name} is described"
    elif "owner" in spec:
        subject = f"{name} is owned by {spec['owner'].rpartition('/')[2]}"
    else:
        subject = f"{name} is described as before {spec['before'][:10]}"
    return f"{subject}\n\n{spec['reason']}\n" if spec.get("reason") else f"{subject}\n"
