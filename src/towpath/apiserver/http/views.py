"""The form of objects in an answer: as stored, as a Table, or only their metadata.

Plain objects are never parsed here. Long lists are turned into tables in slices, so that the loop
is not held for long. What makes tables is loaded with the first one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import orjson

from towpath.apiserver.calls import Page
from towpath.apiserver.columns import columns_for
from towpath.apiserver.http.media import Form
from towpath.apiserver.http.query import Query
from towpath.apiserver.registry import Served
from towpath.machinery.errors import BadRequest, NotAcceptable, StatusError, Unclassified
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

_SCALES = Served(Resource("autoscaling", "v1", "Scale", "scale"), "scale", "ScaleList")
SLICE = 200
INCLUDED = ("Metadata", "Object", "None")


def object_bytes(served: Served, stored: bytes, form: Form, query: Query) -> bytes:
    """One object in the form that was asked for."""
    if form is Form.PLAIN:
        return stored
    if form.shape is Form.PARTIAL_LIST:
        raise _not_a_list(served)
    return event_encoder(served, form, query)(stored)


def _not_a_list(served: Served) -> StatusError:
    if served.custom:
        return Unclassified("content is not a list")
    return NotAcceptable(
        "you requested PartialObjectMetadataList, but the requested object is not a list "
        f"(*{_go_name(served)})"
    )


def _go_name(served: Served) -> str:
    resource = served.resource
    package = (resource.group or "core").partition(".")[0]
    return "unstructured.Unstructured" if served.custom else f"{package}.{resource.kind}"


def scale_bytes(stored: bytes, form: Form, query: Query) -> bytes:
    """A Scale, which has columns of its own whatever is scaled."""
    return object_bytes(_SCALES, stored, form, query)


async def list_bytes(served: Served, page: Page, form: Form, query: Query) -> bytes:
    """A page of a collection in the form that was asked for."""
    metadata = list_metadata(page)
    if form is Form.PLAIN:
        return _plain_list(served, page, metadata)
    if form.shape is Form.PARTIAL:
        raise NotAcceptable(
            "you requested PartialObjectMetadata, but the requested object is a list "
            f"(*{_go_name(served)}List)"
        )
    if form.shape is Form.TABLE:
        return await _table_list(served, page, form, query)
    items = [partial(obj, form) async for obj in _decoded(page)]
    return orjson.dumps(
        {
            "kind": "PartialObjectMetadataList",
            "apiVersion": form.api_version,
            "metadata": metadata,
            # As Go writes a list that nobody has put anything into.
            "items": items or None,
        }
    )


async def _table_list(served: Served, page: Page, form: Form, query: Query) -> bytes:
    from towpath.machinery.tables import row, table

    columns, now, include = columns_for(served), datetime.now(UTC), included(query)
    version = form.api_version
    rows = [row(columns, obj, now, include, version) async for obj in _decoded(page)]
    return orjson.dumps(table(columns, rows, list_metadata(page), api_version=version))


async def _decoded(page: Page) -> AsyncIterator[RawObject]:
    for start in range(0, len(page.items), SLICE):
        for stored in page.items[start : start + SLICE]:
            yield orjson.loads(stored)
        await asyncio.sleep(0)


def event_encoder(served: Served, form: Form, query: Query) -> Callable[[bytes], bytes]:
    """Turns the object of a watch event into the bytes to send; a table's columns come once."""
    if form is Form.PLAIN:
        return bytes
    if form.shape is not Form.TABLE:
        return lambda stored: orjson.dumps(partial(orjson.loads(stored), form))
    from towpath.machinery.tables import row, table

    columns, include, first = columns_for(served), included(query), True
    version = form.api_version

    def encode(stored: bytes) -> bytes:
        nonlocal first
        obj = orjson.loads(stored)
        rows = [row(columns, obj, datetime.now(UTC), include, version)]
        version_of = obj["metadata"].get("resourceVersion")
        metadata = {"resourceVersion": version_of} if version_of else {}
        encoded = orjson.dumps(
            table(columns, rows, metadata, with_definitions=first, api_version=version)
        )
        first = False
        return encoded

    return encode


def included(query: Query) -> str:
    """How much of each object goes into its row."""
    include = query.get("includeObject", "") or "Metadata"
    if include not in INCLUDED:
        raise BadRequest(
            f'Unable to convert to Table as requested: includeObject: Invalid value: "{include}": '
            "must be 'Metadata', 'Object', 'None', or empty"
        )
    return include


def partial(obj: RawObject, form: Form) -> RawObject:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": form.api_version,
        "metadata": obj.get("metadata") or {},
    }


def list_metadata(page: Page) -> RawObject:
    metadata: RawObject = {"resourceVersion": page.resource_version}
    if page.continue_token:
        metadata["continue"] = page.continue_token
    if page.remaining is not None:
        metadata["remainingItemCount"] = page.remaining
    return metadata


def _plain_list(served: Served, page: Page, metadata: RawObject) -> bytes:
    head = orjson.dumps(
        {
            "kind": served.list_kind,
            "apiVersion": served.resource.api_version,
            "metadata": metadata,
            "items": [],
        }
    )
    items = page.items if served.custom else _without_kinds(served, page.items)
    return b"".join((head[:-2], b",".join(items), b"]}"))


def _without_kinds(served: Served, items: list[bytes]) -> list[bytes]:
    """Items of built-in lists do not repeat what the list has said."""
    resource = served.resource
    start = orjson.dumps({"apiVersion": resource.api_version, "kind": resource.kind})[:-1] + b","
    return [b"{" + item[len(start) :] if item.startswith(start) else item for item in items]
