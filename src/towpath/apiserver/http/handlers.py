"""The verbs over HTTP: each takes a request apart, calls the verb and sends what comes back."""

from msgspec.structs import replace

from towpath.apiserver.calls import Patch, Verbs
from towpath.apiserver.http.bodies import (
    BODY_IS_HERE,
    JSON_PATCH,
    as_go_numbers,
    beside_the_loop,
    check_content_type,
    check_duplicates,
    check_patch_duplicates,
    check_patch_type,
    media_type_of,
    read_body,
)
from towpath.apiserver.http.decoding import (
    decode_delete_options,
    decode_object,
    decode_patch,
    decode_scale,
)
from towpath.apiserver.http.media import Form, check_routable, negotiate
from towpath.apiserver.http.query import delete_options, read_options, write_options
from towpath.apiserver.http.requests import ApiRequest
from towpath.apiserver.http.responses import (
    send_bytes,
    send_large,
    send_object,
    success_status,
    warning_headers,
)
from towpath.apiserver.http.views import list_bytes, object_bytes, scale_bytes
from towpath.apiserver.verbs.apply import APPLY
from towpath.apiserver.writing import Telling
from towpath.machinery.errors import BadRequest
from towpath.machinery.objects import RawObject


async def get(verbs: Verbs, request: ApiRequest) -> int:
    form = _form(request)
    version = request.query.get("resourceVersion", "")
    stored = await verbs.get(request.user, request.target, version)
    if form is not Form.PLAIN and request.target.subresource == "scale":
        stored = scale_bytes(stored, form, request.query)
    elif form is not Form.PLAIN:
        stored = object_bytes(request.served, stored, form, request.query)
    await send_large(request.scope, request.send, stored)
    return 200


async def list_(verbs: Verbs, request: ApiRequest) -> int:
    # Of a list the options are looked at first, other than everywhere else.
    check_routable(request.header(b"accept"), custom=request.served.custom)
    options = read_options(request.query)
    form = _form(request, lists=True)
    page = await verbs.list(request.user, request.target, options)
    body = await list_bytes(request.served, page, form, request.query)
    await send_large(request.scope, request.send, body)
    return 200


async def create(verbs: Verbs, request: ApiRequest) -> int:
    form = _form(request)
    content_type = request.header(b"content-type")
    check_content_type(content_type, custom=request.served.custom)
    body = await _body(request)
    options = write_options(request.query, request.header(b"user-agent"))
    obj, warnings = await _decoded(request, body, content_type)
    with Telling(warnings, besides=True):
        written = await verbs.create(request.user, request.target, obj, options)
    return await _send_written(request, written.object, 201, (*warnings, *written.warnings), form)


async def update(verbs: Verbs, request: ApiRequest) -> int:
    form = _form(request)
    body = await _body(request)
    options = write_options(request.query, request.header(b"user-agent"), "UpdateOptions")
    content_type = request.header(b"content-type")
    check_content_type(content_type, custom=request.served.custom)
    obj, warnings = await _decoded(request, body, content_type)
    with Telling(warnings, besides=True):
        written = await verbs.update(request.user, request.target, obj, options)
    status = 201 if written.created else 200
    return await _send_written(
        request, written.object, status, (*warnings, *written.warnings), form
    )


async def patch(verbs: Verbs, request: ApiRequest) -> int:
    media_type = media_type_of(request.header(b"content-type"))
    check_patch_type(media_type, custom=request.served.custom)
    form = _form(request)
    body = await _body(request)
    agent = request.header(b"user-agent")
    options = write_options(request.query, agent, "PatchOptions", applies=media_type == APPLY)
    try:
        document = await beside_the_loop(lambda: decode_patch(body, media_type), body, media_type)
    except BadRequest:
        if media_type != APPLY:
            # Who may not, or means what is not there, is told that first.
            nothing: Patch = [] if media_type == JSON_PATCH else {}
            tried = replace(options, dry_run=True)
            await verbs.patch(request.user, request.target, nothing, media_type, tried)
        raise
    if request.served.custom:
        document = as_go_numbers(document)
    warnings = check_patch_duplicates(body, media_type, document, options.field_validation)
    # Who applies is told of keys that come twice only after the rest has been found right.
    with Telling([] if media_type == APPLY else warnings, besides=True):
        written = await verbs.patch(request.user, request.target, document, media_type, options)
    status = 201 if written.created else 200
    told = (*warnings, *written.warnings)
    return await _send_written(request, written.object, status, told, form)


async def delete(verbs: Verbs, request: ApiRequest) -> int:
    form = _form(request)
    options = delete_options(request.query, await _delete_body(request))
    deleted = await verbs.delete(request.user, request.target, options)
    if deleted.finished and not request.served.behaviour.delete_returns_object:
        headers = warning_headers(deleted.warnings)
        await send_object(request.send, success_status(deleted.details), headers=headers)
        return 200
    return await _send_written(request, deleted.object, 200, deleted.warnings, form)


async def delete_collection(verbs: Verbs, request: ApiRequest) -> int:
    form = _form(request)
    selection = read_options(request.query)
    options = delete_options(request.query, await _delete_body(request))
    page = await verbs.delete_collection(request.user, request.target, selection, options)
    body = await list_bytes(request.served, page, form, request.query)
    await send_large(request.scope, request.send, body, warning_headers(page.warnings))
    return 200


def _form(request: ApiRequest, *, lists: bool = False) -> Form:
    """The form of the answer, refused before anything is done for it."""
    accept = request.header(b"accept")
    return negotiate(accept, custom=request.served.custom, lists=lists).form


async def _body(request: ApiRequest) -> bytes:
    is_here = BODY_IS_HERE in request.scope
    return await read_body(request.receive, request.content_length, is_here=is_here)


async def _decoded(
    request: ApiRequest, body: bytes, content_type: str
) -> tuple[RawObject, list[str]]:
    """The object in the body, and warnings about the body."""

    def decode() -> RawObject:
        if request.target.subresource:
            return decode_scale(body, content_type)
        obj = decode_object(body, content_type, request.served)
        return as_go_numbers(obj) if request.served.custom else obj

    obj = await beside_the_loop(decode, body, content_type)
    validation = request.query.get("fieldValidation", "")
    return obj, check_duplicates(body, content_type, obj, validation)


async def _delete_body(request: ApiRequest) -> RawObject | None:
    body = await _body(request)
    content_type = request.header(b"content-type")
    if body:
        check_content_type(content_type, custom=False)
    return decode_delete_options(body, content_type) if body else None


async def _send_written(
    request: ApiRequest, stored: bytes, status: int, warnings: tuple[str, ...], form: Form
) -> int:
    if form is not Form.PLAIN:
        with Telling([*warnings], besides=True):
            stored = object_bytes(request.served, stored, form, request.query)
    await send_bytes(
        request.send, stored, status=status, headers=warning_headers(warnings) if warnings else ()
    )
    return status
