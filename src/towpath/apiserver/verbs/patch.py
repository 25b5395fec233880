"""patch: JSON patch, merge patch, strategic merge patch; apply is in apply.py.

A patch that names no resourceVersion is made again on the newest object when somebody else was
faster; one that names it (or tests it) conflicts instead.
"""

from collections.abc import Callable

import orjson

from towpath.apiserver.calls import Patch, Target, WriteOptions, Written
from towpath.apiserver.core import Core
from towpath.apiserver.encoding import copy_of
from towpath.apiserver.registry import Served
from towpath.apiserver.scale import SCALE
from towpath.apiserver.verbs.apply import APPLY, apply
from towpath.apiserver.verbs.update import MakeNew, change, change_scale, check_subresource
from towpath.client.protocols import PatchType
from towpath.machinery.builtins import BuiltinKind
from towpath.machinery.causes import invalid, invalid_value
from towpath.machinery.errors import BadRequest, Undecodable, UnsupportedMediaType
from towpath.machinery.go_values import go_text
from towpath.machinery.objects import RawObject
from towpath.machinery.patches import json_patch, merge_patch, strategic_merge_patch
from towpath.machinery.users import UserInfo


async def patch(
    core: Core,
    user: UserInfo,
    target: Target,
    body: Patch,
    media_type: str,
    options: WriteOptions,
) -> Written:
    served = core.registry.find(target.resource)
    await core.require(user, "patch", target)
    check_subresource(served, target)
    if media_type == APPLY:
        if isinstance(body, list):
            raise BadRequest("an applied configuration is an object")
        return await apply(core, user, target, body, options)
    make_new = _patching(served, body, media_type, target.subresource)
    last: list[RawObject] = []

    def remembered(old: RawObject) -> RawObject:
        last[:] = [old]
        return make_new(old)

    try:
        return await _change(core, user, target, options, remembered)
    except Undecodable as error:
        shown = go_text(body) if media_type == PatchType.STRATEGIC else _as_text(make_new(last[0]))
        raise invalid("", "", "", [invalid_value("patch", shown, error.why)]) from None


def _as_text(obj: RawObject) -> str:
    """Sorted where the patch has been at work, which is taken to be the top."""
    return orjson.dumps({name: obj[name] for name in sorted(obj)}).decode()


async def _change(
    core: Core, user: UserInfo, target: Target, options: WriteOptions, make_new: MakeNew
) -> Written:
    if target.subresource == "scale":
        return await change_scale(core, user, target, options, "patch", make_new)
    return await change(core, user, target, options, "patch", make_new)


def _patching_strategically(
    served: Served, body: RawObject, subresource: str
) -> Callable[[RawObject], RawObject]:
    """A strategic merge patch is one of a type: what it says of its own kind counts for nothing."""
    resource = SCALE if subresource == "scale" else served.resource
    reference = BuiltinKind(resource).struct

    def patched(old: RawObject) -> RawObject:
        found = strategic_merge_patch(old, body, reference)
        return {**found, "apiVersion": resource.api_version, "kind": resource.kind}

    return patched


def _patching(
    served: Served, body: Patch, media_type: str, subresource: str
) -> Callable[[RawObject], RawObject]:
    # The write changes what a patch returns, and the body is needed again when somebody else was
    # faster: they share nothing. The old object is the patch's own.
    if media_type == PatchType.JSON:
        if not isinstance(body, list):
            raise BadRequest("error decoding patch: a JSON patch is a list of operations")
        return lambda old: copy_of(json_patch(old, body))
    if isinstance(body, list):
        raise BadRequest(f"error decoding patch: a {media_type} body is an object")
    if media_type == PatchType.MERGE:
        return lambda old: merge_patch(old, body)
    if media_type == PatchType.STRATEGIC and not served.custom:
        return _patching_strategically(served, body, subresource)
    accepted = [PatchType.JSON, PatchType.MERGE, APPLY]
    if not served.custom:
        accepted.insert(2, PatchType.STRATEGIC)
    raise UnsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(accepted)
    )
