"""A CatalogSource read at one commit: entities and errors, or why nothing could be read.

Reading distinguishes three things that must never be confused: the descriptor says so, the
descriptor is not there any more, and it could not be read now (GitUnavailable, which is raised).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.portal.catalog.descriptors import (
    EntityError,
    Parsed,
    parse_entities,
    with_annotations,
)
from towpath.capabilities.portal.catalog.facts import locations
from towpath.capabilities.portal.catalog.placeholders import PlaceholderError, fill_in
from towpath.engines.git.port import (
    File,
    GitReader,
    PathNotFound,
    RepositoryName,
    RepositoryNotFound,
)
from towpath.machinery.documents import DocumentError, load_documents
from towpath.machinery.objects import RawObject
from towpath.machinery.references import DEFAULT_NAMESPACE

DOCUMENTS_MAX = 1000
OURS_ALONE = frozenset({"Group", "User"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source gave."""

    commit: str
    path: str
    parsed: Parsed


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why it gave nothing; `vanished` when what it described once is not there any more."""

    reason: str
    message: str
    commit: str = ""
    vanished: bool = False


async def read_source(
    git: GitReader, source: RawObject, known: Reading | Unreadable | None = None
) -> Reading | Unreadable:
    """What the source says now; `known` is the last answer, which holds while the commit does.

    Raises GitUnavailable: try again, and leave everything as it is.
    """
    project, spec = source["metadata"]["namespace"], source["spec"]
    repository = RepositoryName(project, spec["repository"])
    path = (spec.get("path") or "catalog-info.yaml").strip("/")
    try:
        head = await git.head(repository)
        if head is None:
            return Unreadable("RepositoryEmpty", f"{repository} has no commit on main yet.")
        if isinstance(known, Reading) and (known.commit, known.path) == (head, path):
            return known
        files = await git.files(repository, head)
    except (RepositoryNotFound, PathNotFound):
        return Unreadable("RepositoryNotFound", f"There is no {repository}.", vanished=True)
    file = files.get(path)
    if file is None:
        message = f"{repository} has no {path}; add it, or delete this source."
        return Unreadable("DescriptorNotFound", message, commit=head, vanished=True)
    try:
        documents = load_documents(file.content)
    except DocumentError as error:
        return Unreadable("DescriptorInvalid", f"{path}: {error}", commit=head)
    if len(documents) > DOCUMENTS_MAX:
        message = f"{path} has {len(documents)} entities; at most {DOCUMENTS_MAX} are read."
        return Unreadable("DescriptorTooLong", message, commit=head)
    return Reading(head, path, _parsed(documents, files, path, repository))


def _parsed(
    documents: list[Any], files: Mapping[str, File], path: str, repository: RepositoryName
) -> Parsed:
    filled, errors = [], []
    for index, document in enumerate(documents):
        try:
            filled.append(fill_in(document, files, path))
        except PlaceholderError as error:
            errors.append(EntityError(f"document {index + 1}", "", str(error)))
    parsed = parse_entities(filled)
    kept = []
    for entity in parsed.entities:
        refusal = _refusal(entity.kind, entity.namespace, repository.project)
        if refusal is None:
            kept.append(with_annotations(entity, locations(f"towpath-git:{repository}/{path}")))
        else:
            errors.append(EntityError(entity.ref, *refusal))
    return Parsed(tuple(kept), (*parsed.errors, *errors))


def _refusal(kind: str, namespace: str, project: str) -> tuple[str, str] | None:
    """What a project may not say, as field and message: who people are, and what others have."""
    if kind in OURS_ALONE:
        return "kind", (
            f"a {kind} comes from the platform's people and the members of projects, "
            "not from a repository"
        )
    if namespace not in (project, DEFAULT_NAMESPACE):
        return (
            "metadata.namespace",
            f"{namespace!r} belongs to another project; use {project!r}",
        )
    return None
