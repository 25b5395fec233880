"""apply: server-side apply. A manager says what it wants; who wants something else is told."""

from towpath.apiserver.calls import Target, WriteOptions, Written
from towpath.apiserver.core import Core
from towpath.machinery.errors import UnsupportedMediaType
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo

APPLY = "application/apply-patch+yaml"


async def apply(
    core: Core, user: UserInfo, target: Target, body: RawObject, options: WriteOptions
) -> Written:
    raise UnsupportedMediaType(f"patch type {APPLY} is not implemented")
