"""list: a page of a collection in key order, consistent over all pages.

The first page is the current state; its token carries the revision and the last key, and later
pages show the collection as it was then, or answer Expired when that is no longer known.
"""

import asyncio
import base64
import binascii

import orjson

from towpath.apiserver import refusals
from towpath.apiserver.calls import Page, ReadOptions, Target
from towpath.apiserver.conversion import in_version
from towpath.apiserver.core import Core
from towpath.apiserver.registry import Served
from towpath.apiserver.selection import Selection, select
from towpath.machinery.causes import quote
from towpath.machinery.errors import BadRequest, Cause, Timeout, Unclassified
from towpath.machinery.users import UserInfo
from towpath.store.contract import Compacted, FutureRevision, Stored

Entries = list[tuple[str, Stored]]

LOOKED_AT_ONCE = 1000
VERSION_DIGITS_MAX = 20
VERSION_MAX = 2**64 - 1
ENCODED_BY = "meta.k8s.io/v1"
WHATEVER_IS_NOW = -1
"""The revision in a token of a list that goes on without being one of any moment."""
TOKEN_SHOWN_MAX = 100


async def list_page(core: Core, user: UserInfo, target: Target, options: ReadOptions) -> Page:
    await core.require(user, "list", target, options.field_selector)
    return await select_page(core, target, options)


async def select_page(core: Core, target: Target, options: ReadOptions) -> Page:
    served = core.registry.find(target.resource)
    selection = select(served, target.namespace, options.label_selector, options.field_selector)
    revision, after = _position(core, options, selection)
    remaining: int | None = None
    keys = _indexed(core, served, selection, revision, after)
    if keys is not None:
        found = _current(core, served, keys, options.limit + 1 if options.limit > 0 else 0)
    elif selection.matches is not None or selection.key:
        entries = _entries(core, served, selection, revision, after)
        found = await _matching(entries, selection, options.limit)
    else:
        # One more than asked for tells whether there is a next page.
        limit = options.limit + 1 if options.limit > 0 else 0
        found = _entries(core, served, selection, revision, after, limit)
        remaining = core.store.count(served.collection, selection.prefix, after=after)
    page = found[: options.limit] if options.limit > 0 else found
    values = await in_version(core, [stored.value for _, stored in page], served)
    if len(page) == len(found):
        return Page(values, str(revision))
    left = max(1, remaining - len(page)) if remaining is not None else None
    return Page(values, str(revision), _token(revision, page[-1][0]), left)


def _indexed(
    core: Core, served: Served, selection: Selection, revision: int, after: str
) -> list[str] | None:
    """The keys of what is meant; None when it takes looking: indexes know the present alone."""
    if revision != core.store.revision or selection.key:
        return None
    return core.indexes.keys(served.collection, selection.prefix, after, selection.wanted)


def _current(core: Core, served: Served, keys: list[str], limit: int) -> Entries:
    entries = []
    for key in keys[:limit] if limit else keys:
        stored = core.store.get(served.collection, key)
        assert stored is not None, f"{served.collection} {key} is indexed and is not there"
        entries.append((key, stored))
    return entries


async def _matching(entries: Entries, selection: Selection, limit: int) -> Entries:
    """Those that the selection takes; long lists are gone through a slice at a time.

    With a limit one more, if there is one: it tells that there is a next page.
    """
    found: Entries = []
    for start in range(0, len(entries), LOOKED_AT_ONCE):
        if start:
            await asyncio.sleep(0)
        for key, stored in entries[start : start + LOOKED_AT_ONCE]:
            if selection.takes(key, stored.value):
                found.append((key, stored))
                if 0 < limit < len(found):
                    return found
    return found


def _entries(
    core: Core, served: Served, selection: Selection, revision: int, after: str, limit: int = 0
) -> Entries:
    store, collection = core.store, served.collection
    if revision == store.revision:
        if selection.key:
            stored = store.get(collection, selection.key)
            return [(selection.key, stored)] if stored is not None and selection.key > after else []
        return store.scan(collection, selection.prefix, after=after, limit=limit)
    try:
        return store.scan_at(revision, collection, selection.prefix, after=after, limit=limit)
    except Compacted:
        if not after:
            raise refusals.list_too_old() from None
        raise refusals.expired_token(_token(WHATEVER_IS_NOW, after)) from None
    except FutureRevision:
        raise too_large_version(revision, store.revision) from None


def _position(core: Core, options: ReadOptions, selection: Selection) -> tuple[int, str]:
    """The revision to show, and the key to begin after."""
    if options.continue_token:
        revision, after = _read_token(options.continue_token, selection.prefix)
        if options.resource_version not in ("", "0"):
            raise BadRequest("specifying resource version is not allowed when using continue")
        return (core.store.revision if revision == WHATEVER_IS_NOW else revision), after
    current = core.store.revision
    if options.resource_version in ("", "0"):
        return current, ""
    try:
        wanted = parse_version(options.resource_version)
    except Unclassified as error:
        # A list alone tells that it is the request that is wrong.
        raise BadRequest(f"invalid resource version: {error}") from None
    if wanted > current:
        raise too_large_version(wanted, current)
    match = options.resource_version_match
    # Clients from before there were matches mean with a limit the very version.
    is_exact = match == "Exact" or (not match and options.limit > 0)
    return (wanted if is_exact else current), ""


def parse_version(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise _bad_version(text, "invalid syntax")
    if len(text) > VERSION_DIGITS_MAX or int(text) > VERSION_MAX:
        raise _bad_version(text, "value out of range")
    return int(text)


def _bad_version(text: str, why: str) -> Unclassified:
    shown = quote(text[:TOKEN_SHOWN_MAX])
    return Unclassified(
        f"resourceVersion: Invalid value: {shown}: strconv.ParseUint: parsing {shown}: {why}"
    )


def too_large_version(wanted: int, current: int) -> Timeout:
    """Clients know the cause, and list again without a version."""
    return Timeout(
        f"Timeout: Too large resource version: {wanted}, current: {current}",
        causes=[Cause("ResourceVersionTooLarge", "Too large resource version")],
        retry_after_s=1,
    )


def _token(revision: int, last_key: str) -> str:
    content = {"v": ENCODED_BY, "rv": revision, "start": last_key}
    return base64.urlsafe_b64encode(orjson.dumps(content)).rstrip(b"=").decode()


def _read_token(token: str, prefix: str) -> tuple[int, str]:
    """Revision and last key. A client may have made it up: it must not lead out of the prefix."""
    try:
        content = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError) as error:
        raise _bad_token(str(error)) from None
    if not isinstance(content, dict) or content.get("v") != ENCODED_BY:
        version = content.get("v") or "" if isinstance(content, dict) else ""
        raise _bad_token(f"server does not recognize this encoded version {version}")
    revision, last_key = content.get("rv"), content.get("start")
    if not isinstance(revision, int) or (revision <= 0 and revision != WHATEVER_IS_NOW):
        why = f"incorrect encoded start resourceVersion (version {ENCODED_BY})"
        raise _bad_token(why)
    if not isinstance(last_key, str) or not last_key.startswith(prefix):
        raise _bad_token(str(last_key))
    return revision, last_key


def _bad_token(why: str) -> BadRequest:
    shown = why[:TOKEN_SHOWN_MAX]
    return BadRequest(f"invalid continue token: continue key is not valid: {shown}")
