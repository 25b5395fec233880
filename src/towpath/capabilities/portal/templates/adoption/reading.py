"""A repository's files in, what it is and what it lacks out."""

from collections.abc import Mapping

from towpath.capabilities.portal.templates.adoption import others, python
from towpath.capabilities.portal.templates.adoption.findings import (
    SITE_PORT,
    STATIC,
    Findings,
    Problem,
    Texts,
)
from towpath.engines.git.port import File
from towpath.machinery.documents import DocumentError, load_document, load_documents

SCORE = "score.yaml"
CATALOG = "catalog-info.yaml"
WORKFLOWS = ".github/workflows/"
TEXT_BYTES_MAX = 512 * 1024
TEXTS_BYTES_MAX = 16 * 2**20
FILES_MAX = 20_000

_RELEASES = "towpath release create"


def texts_of(files: Mapping[str, File]) -> dict[str, str]:
    """The files that are text and not huge, those near the root first, and not too much of it."""
    texts = {}
    size = 0
    for path in sorted(files, key=lambda path: (path.count("/"), path)):
        content = files[path].content
        if len(content) <= TEXT_BYTES_MAX and b"\0" not in content[:8192]:
            size += len(content)
            if size > TEXTS_BYTES_MAX:
                break
            texts[path] = content.decode("utf-8", "replace")
    return texts


def read_repository(files: Mapping[str, File]) -> Findings:
    found = Findings()
    if len(files) > FILES_MAX:
        found.problems.append(
            Problem(f"It has {len(files)} files; {FILES_MAX} can be looked at.", "Split it.")
        )
        return found
    texts = texts_of(files)
    _read_ours(texts, found)
    others.read_containers(texts, found)
    others.read_owner(texts, found)
    if python.is_python(texts):
        python.read_python(texts, found)
    elif _is_site(files) and not others.builds_itself(texts):
        _read_site(files, found)
    elif found.pipeline:
        found.tell("Language", others.language(texts) or "not known", "")
    else:
        found.problems.append(others.cannot_build(texts))
    if found.pipeline:
        # How an image comes to be is that workflow's business.
        found.problems = [one for one in found.problems if one.what.startswith(SCORE)]
        found.process = ""
    if found.needs_database and found.score:
        found.notes.append(f"{SCORE} is there and stays; see that it asks for the database.")
    found.description = found.description or others.first_paragraph(texts)
    return found


def _is_site(files: Mapping[str, File]) -> bool:
    return "index.html" in files or any(path.startswith("public/") for path in files)


def _read_site(files: Mapping[str, File], found: Findings) -> None:
    has_public = any(path.startswith("public/") for path in files)
    found.kind = STATIC
    found.port = SITE_PORT
    found.health_path = "/healthz"
    found.tell("Language", "static site", "public/" if has_public else "index.html")
    if has_public and "public/index.html" not in files:
        found.notes.append("public/ has no index.html: the site's first page will not be there.")
    if not has_public:
        found.notes.append(
            "Every file of the repository is served, but for those whose names begin with a dot "
            "and those of the platform. Move the site to public/ to serve only that."
        )


def _read_ours(texts: Texts, found: Findings) -> None:
    """What the platform and GitHub need, as far as it is there."""
    if SCORE in texts:
        found.score = SCORE
        found.tell("Score file", "there already", SCORE)
        try:
            document = load_document(texts[SCORE])
        except DocumentError as error:
            document = None
            found.problems.append(Problem(f"{SCORE} cannot be read: {error}.", "Correct it first."))
        if document is not None and not _is_score(document):
            found.problems.append(
                Problem(
                    f"{SCORE} is no Score file of score.dev/v1b1.",
                    "Correct it or delete it: `towpath score validate score.yaml` says what is "
                    "wrong.",
                )
            )
    if CATALOG in texts:
        found.catalog = CATALOG
        found.tell("Catalogue file", "there already", CATALOG)
        _read_catalog(texts[CATALOG], found)
    workflows = [path for path in texts if path.startswith(WORKFLOWS)]
    found.pipeline = next((path for path in workflows if _RELEASES in texts[path]), "")
    if found.pipeline:
        found.tell("Workflow", "makes releases already", found.pipeline)
    found.other_workflows = tuple(path for path in workflows if path != found.pipeline)
    if found.other_workflows:
        told = ", ".join(path.removeprefix(WORKFLOWS) for path in found.other_workflows)
        found.notes.append(
            f"Other workflows are there and stay ({told}): they run here at every push, too, and "
            "what this runner does not do fails by name. Releases do not wait for them."
        )


def _is_score(document: object) -> bool:
    return isinstance(document, dict) and document.get("apiVersion") == "score.dev/v1b1"


def _read_catalog(text: str, found: Findings) -> None:
    try:
        for document in load_documents(text):
            if isinstance(document, dict) and document.get("kind") == "Component":
                spec = document.get("spec") or {}
                if owner := spec.get("owner"):
                    found.tell("Owner", owner, CATALOG)
    except (DocumentError, AttributeError) as error:
        found.notes.append(f"{CATALOG} cannot be read, so the catalogue will say so: {error}")
