"""patch: JSON patch, merge patch, strategic merge patch; apply is in apply.py."""

from typing import Any

from towpath.apiserver.calls import Patch, Target, WriteOptions, Written
from towpath.apiserver.core import Core
from towpath.apiserver.verbs.update import change, check_subresource
from towpath.client.protocols import PatchType
from towpath.machinery.errors import UnsupportedMediaType
from towpath.machinery.users import UserInfo

APPLY = "application/apply-patch+yaml"


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
    if media_type != PatchType.MERGE:
        raise UnsupportedMediaType(f"patch type {media_type} is not implemented")
    return await change(core, user, target, options, "patch", lambda old: _merged(old, body))


def _merged(value: Any, body: Any) -> Any:
    if not isinstance(body, dict):
        return body
    result = dict(value) if isinstance(value, dict) else {}
    for name, wanted in body.items():
        if wanted is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), wanted)
    return result
