"""The catalogue as a file, out and in: nothing is lost on the way.

Pure. What the catalogue adds by itself (uid, etag, relations, where it was read) is left out, for
it is made again; all that an author wrote stays. In CSV each row is an entity: what people sort and
filter by in columns of their own, and the whole descriptor in the last.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from towpath.capabilities.portal.catalog.descriptors import reference_of
from towpath.machinery.documents import DocumentError, dump_document, load_documents
from towpath.machinery.objects import RawObject

FORMATS = ("yaml", "json", "csv")
COLUMNS = ("kind", "namespace", "name", "title", "type", "lifecycle", "owner", "system", "tags")
DESCRIPTOR = "descriptor"
_MADE = ("uid", "etag", "generation")
_MADE_ANNOTATIONS = (
    "backstage.io/managed-by-location",
    "backstage.io/managed-by-origin-location",
    "backstage.io/orphan",
    "towpath.dev/unseen",
)


class TransferError(Exception):
    """The file is no catalogue; `str()` says where and why."""


def as_written(entity: Mapping[str, Any]) -> RawObject:
    """The descriptor without what the catalogue made of it."""
    metadata = {key: value for key, value in entity["metadata"].items() if key not in _MADE}
    annotations = {
        key: value
        for key, value in (metadata.pop("annotations", None) or {}).items()
        if key not in _MADE_ANNOTATIONS
    }
    if annotations:
        metadata["annotations"] = annotations
    kept = {key: value for key, value in entity.items() if key not in ("relations", "status")}
    return {**kept, "metadata": metadata}


def written(entities: Iterable[Mapping[str, Any]], form: str) -> str:
    descriptors = [as_written(entity) for entity in entities]
    if form == "json":
        return orjson.dumps(descriptors, option=orjson.OPT_INDENT_2).decode() + "\n"
    if form == "csv":
        return _as_csv(descriptors)
    return "---\n".join(dump_document(one) for one in descriptors)


def _as_csv(descriptors: Sequence[RawObject]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow((*COLUMNS, DESCRIPTOR))
    for one in descriptors:
        metadata, spec = one["metadata"], one.get("spec") or {}
        row = {
            "kind": one["kind"],
            "namespace": metadata.get("namespace", ""),
            "name": metadata["name"],
            "title": metadata.get("title", ""),
            "tags": " ".join(metadata.get("tags") or ()),
        }
        cells = [str(row.get(name, spec.get(name) or "")) for name in COLUMNS]
        table.writerow([*(_safe(cell) for cell in cells), orjson.dumps(one).decode()])
    return text.getvalue()


def _safe(cell: str) -> str:
    """A spreadsheet takes what begins so for a formula; the descriptor holds it as it is."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def read_file(text: str, suffix: str) -> list[RawObject]:
    """Raises TransferError."""
    if suffix == ".csv":
        found = _from_csv(text)
    else:
        # JSON is YAML.
        try:
            found = [
                one
                for document in load_documents(text)
                for one in (document if isinstance(document, list) else [document])
            ]
        except DocumentError as error:
            raise TransferError(str(error)) from error
    for number, one in enumerate(found, 1):
        if not isinstance(one, dict) or not isinstance(one.get("metadata"), dict):
            raise TransferError(f"entity {number} has no kind and metadata.name")
    return found


def _from_csv(text: str) -> list[Any]:
    found = []
    csv.field_size_limit(16 * 2**20)
    for number, row in enumerate(csv.DictReader(io.StringIO(text)), 2):
        try:
            found.append(orjson.loads(row.get(DESCRIPTOR) or ""))
        except orjson.JSONDecodeError as error:
            raise TransferError(f"line {number}: {DESCRIPTOR}: {error}") from error
    return found


def edit_of(descriptor: RawObject, repository: str, path: str) -> RawObject:
    """The spec of a CatalogEdit that puts the descriptor into a repository."""
    try:
        ref = reference_of(descriptor).key
    except (KeyError, TypeError, AttributeError) as error:
        raise TransferError(f"an entity has no {error}") from error
    where = path or f"catalog/{descriptor['kind'].lower()}.yaml"
    put = {"repository": repository, "path": where, "descriptor": as_written(descriptor)}
    return {"entity": ref, "put": put, "reason": "Imported"}
