"""deletecollection: delete each object that the selection finds, one after the other."""

from msgspec.structs import replace

from towpath.apiserver.calls import DeleteOptions, Page, ReadOptions, Target
from towpath.apiserver.core import Core
from towpath.apiserver.encoding import loads
from towpath.apiserver.verbs.delete import delete_object
from towpath.apiserver.verbs.list import select_page
from towpath.machinery.errors import NotFound
from towpath.machinery.users import UserInfo


async def delete_collection(
    core: Core,
    user: UserInfo,
    target: Target,
    selection: ReadOptions,
    options: DeleteOptions,
) -> Page:
    await core.require(user, "deletecollection", target)
    found = await select_page(core, target, selection)
    deleted: list[bytes] = []
    warnings: dict[str, None] = {}
    for value in found.items:
        metadata = loads(value)["metadata"]
        one = replace(target, namespace=metadata.get("namespace", ""), name=metadata["name"])
        try:
            done = await delete_object(core, user, one, replace(options, uid=metadata["uid"]))
        except NotFound:
            # Somebody else deleted it meanwhile, which is what was asked for.
            continue
        deleted.append(value)
        warnings |= dict.fromkeys(done.warnings)
    revision = str(core.store.revision)
    return Page(deleted, revision, found.continue_token, found.remaining, tuple(warnings))
