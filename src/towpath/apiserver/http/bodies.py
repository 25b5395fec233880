"""Request bodies: read within a limit, decoded by their Content-Type into plain JSON data.

JSON, YAML and Kubernetes' protobuf come in; the parsers for the last two are loaded on first use.
A JSON key that appears twice loses one of its values in silence, so a client can have it looked
for. A body that does not arrive in time is refused.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import orjson

from towpath.machinery.asgi import Receive
from towpath.machinery.causes import invalid, invalid_value
from towpath.machinery.errors import BadRequest, TooLarge, TooManyRequests, UnsupportedMediaType
from towpath.machinery.nesting import DEPTH_MAX, is_too_deep
from towpath.machinery.objects import RawObject
from towpath.machinery.remembering import remember_short

BODY_BYTES_MAX = 3 * 1024 * 1024
BODY_S_MAX = 60.0
YAML_BYTES_AT_ONCE = 32 * 1024
"""More of it takes longer than the loop may be held up."""

JSON_TYPES = frozenset({"", "application/json"})
YAML_TYPES = frozenset({"application/yaml", "application/x-yaml", "text/yaml"})
PROTOBUF = "application/vnd.kubernetes.protobuf"
APPLY_YAML = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
PATCH_TYPES = (
    JSON_PATCH,
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    APPLY_YAML,
)
CUSTOM_PATCH_TYPES = tuple(name for name in PATCH_TYPES if "strategic" not in name)
OBJECT_TYPES = ("application/json", "application/yaml", PROTOBUF)


_LONE_SURROGATE = re.compile(
    rb"((?<!\\)(?:\\\\)*)\\u"
    rb"(?:[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u)[dD][c-fC-F][0-9a-fA-F]{2})"
)
"""Half of a pair, which Go reads as the sign for what cannot be read."""
PARSE_ERROR = "couldn't get version/kind; json parse error: "


_YAML_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="yaml")
"""One for the whole process: whoever sends or wants much of it waits for the others who do."""
YAML_BYTES_WAITING_MAX = 64 * 1024 * 1024
_yaml_waiting: Counter[str] = Counter()

T = TypeVar("T")


BODY_IS_HERE = "towpath.body-is-here"
"""In the scope, once all of the body has come: who reads it waits for nobody."""


class ClientDisconnected(Exception):
    """The client went away before its request was complete; there is nobody to answer."""


async def read_body(receive: Receive, announced: int | None, *, is_here: bool = False) -> bytes:
    """The whole body. Raises TooLarge before reading what is announced as too large."""
    if announced is not None and announced > BODY_BYTES_MAX:
        raise _too_large()
    if is_here:
        return await _read_all(receive)
    try:
        async with asyncio.timeout(BODY_S_MAX):
            return await _read_all(receive)
    except TimeoutError:
        raise BadRequest(f"the request's body did not arrive within {BODY_S_MAX:.0f} s") from None


async def _read_all(receive: Receive) -> bytes:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnected
    body = cast(bytes, message.get("body", b""))
    if not message.get("more_body"):
        return _within_limit(body)
    parts = bytearray(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        parts += message.get("body", b"")
        if len(parts) > BODY_BYTES_MAX:
            raise _too_large()
    return bytes(parts)


async def beside_the_loop(decode: Callable[[], T], body: bytes, content_type: str) -> T:
    """Call `decode`, which decodes the body; in a thread when that takes long."""
    is_yaml = media_type_of(content_type) in (*YAML_TYPES, APPLY_YAML)
    if not is_yaml or len(body) < YAML_BYTES_AT_ONCE or _is_json(body):
        return decode()
    return await about_yaml(decode, len(body))


def _is_json(body: bytes) -> bool:
    """It is read twice then, which is a thousandth of what reading it as YAML takes."""
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


async def about_yaml(work: Callable[[], T], size: int) -> T:
    """Call `work`, which reads or writes so many bytes of YAML. Raises TooManyRequests."""
    if size < YAML_BYTES_AT_ONCE:
        return work()
    if _yaml_waiting["bytes"] > YAML_BYTES_WAITING_MAX:
        raise TooManyRequests("too much YAML is being read and written", retry_after_s=1)
    _yaml_waiting["bytes"] += size
    try:
        return await asyncio.get_running_loop().run_in_executor(_YAML_THREAD, work)
    finally:
        _yaml_waiting["bytes"] -= size


def as_go_numbers(decoded: T) -> T:
    """Whole numbers that have no place in 64 bits, as Go reads them where it knows no type."""
    try:
        # The quickest look at all of them: it refuses what has more than 53 bits.
        orjson.dumps(decoded, option=orjson.OPT_STRICT_INTEGER)
    except orjson.JSONEncodeError:
        return cast(T, _with_floats(decoded))
    return decoded


def _with_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_floats(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_floats(inner) for inner in value]
    is_long = type(value) is int and not -(1 << 63) <= value < 1 << 63
    return float(value) if is_long else value


@remember_short(256)
def media_type_of(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def check_duplicates(body: bytes, content_type: str, obj: RawObject, validation: str) -> list[str]:
    """Warnings about keys that appear twice; under Strict they are a BadRequest instead."""
    if validation == "Ignore":
        return []
    found = _repeated(body, content_type, obj)
    if found and validation == "Strict":
        kind, version = obj.get("kind", ""), str(obj.get("apiVersion", "")).rpartition("/")[2]
        raise BadRequest(
            f'{kind} in version "{version}" cannot be handled as a {kind}: '
            f"strict decoding error: {', '.join(found)}"
        )
    return found


def check_patch_duplicates(
    body: bytes, content_type: str, patch: Any, validation: str
) -> list[str]:
    """The same of a patch."""
    if validation == "Ignore":
        return []
    found = _repeated(body, content_type, patch)
    if found and validation == "Strict":
        if media_type_of(content_type) == APPLY_YAML:
            lines = "\n  ".join(found)
            raise BadRequest(
                "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal "
                f"errors:\n  {lines}"
            )
        words = f"strict decoding error: {', '.join(found)}"
        raise invalid("", "", "", [invalid_value("patch", body.decode(errors="replace"), words)])
    return found


def _repeated(body: bytes, content_type: str, decoded: Any) -> list[str]:
    """What is said of the keys that came twice; YAML is looked at only where it is JSON."""
    media_type = media_type_of(content_type)
    is_yaml = media_type in (*YAML_TYPES, APPLY_YAML)
    if media_type == PROTOBUF:
        return []
    if body.count(b'"') <= orjson.dumps(decoded).count(b'"'):
        # Each key has two quotation marks and none has been lost: nobody has to read it again.
        return []
    if is_yaml and not _is_json(body):
        return []
    if is_yaml and (told := _repeated_by_line(body)):
        return told
    prefix = "json patch " if media_type == JSON_PATCH else ""
    return [f'{prefix}duplicate field "{path}"' for path in duplicate_fields(body)]


def _repeated_by_line(body: bytes) -> list[str]:
    """Nothing where it is long, or JSON that is no YAML: then they are told by their paths."""
    from towpath.machinery.documents import DocumentError, repeated_keys

    try:
        keys = repeated_keys(body) if len(body) < YAML_BYTES_AT_ONCE else []
    except DocumentError:
        return []
    return [f'line {line}: key "{key}" already set in map' for line, key in keys]


def check_content_type(content_type: str, *, custom: bool) -> None:
    """Raise UnsupportedMediaType unless objects come in it."""
    media_type = media_type_of(content_type)
    is_text = media_type in JSON_TYPES or media_type in YAML_TYPES
    if not is_text and (custom or media_type != PROTOBUF):
        raise _unsupported(OBJECT_TYPES)


def check_patch_type(media_type: str, *, custom: bool) -> None:
    if custom and media_type not in CUSTOM_PATCH_TYPES:
        raise _unsupported(CUSTOM_PATCH_TYPES)
    if media_type not in PATCH_TYPES:
        raise UnsupportedMediaType("415: Unsupported Media Type")


def _unsupported(accepted: tuple[str, ...]) -> UnsupportedMediaType:
    return UnsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(accepted)
    )


def decode(body: bytes, media_type: str) -> Any:
    if media_type in JSON_TYPES:
        return _decode_json(body)
    if media_type in YAML_TYPES:
        return _decode_yaml(body)
    if media_type == PROTOBUF:
        from towpath.machinery import protobuf

        message = protobuf.decode(body)
        if is_too_deep(message, body):  # some of its fields hold JSON
            raise BadRequest(f"{PARSE_ERROR}exceeded max depth of {DEPTH_MAX}")
        return message
    raise _unsupported(OBJECT_TYPES)


def _decode_json(body: bytes) -> Any:
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        try:
            decoded = orjson.loads(_LONE_SURROGATE.sub(rb"\1\\ufffd", body))
        except orjson.JSONDecodeError:
            raise BadRequest(PARSE_ERROR + _go_words(error)) from error
    if is_too_deep(decoded, body):
        raise BadRequest(f"{PARSE_ERROR}exceeded max depth of {DEPTH_MAX}")
    return decoded


def _go_words(error: ValueError) -> str:
    """What Go says of JSON that ends too early is what clients look for; the rest names a place."""
    words = str(error)
    is_short = words.startswith(("unexpected end of data", "Input is a zero-length"))
    return "unexpected end of JSON input" if is_short else words


def _decode_yaml(body: bytes) -> Any:
    """JSON is YAML, and most clients send JSON here; it is decoded as JSON when it is."""
    if body[:1] in (b"{", b"["):
        try:
            decoded = orjson.loads(body)
        except orjson.JSONDecodeError:
            pass  # flow style YAML looks like this too
        else:
            if not is_too_deep(decoded, body):
                return decoded
    if body.strip() in (b"", b"null"):
        return None
    from towpath.machinery.documents import DocumentError, as_json, load_document

    try:
        return as_json(load_document(body), size=len(body))
    except DocumentError as error:
        raise BadRequest(f"error converting YAML to JSON: yaml: {error}") from error


class _Pairs(dict[str, Any]):
    """A decoded object that remembers which of its keys came more than once."""

    duplicates: tuple[str, ...] = ()


def duplicate_fields(body: bytes) -> list[str]:
    """Paths of the keys of a JSON body that appear more than once, as `spec.ports[0].name`."""

    def pairs(entries: list[tuple[str, Any]]) -> _Pairs:
        found = _Pairs(entries)
        if len(found) != len(entries):
            counts = Counter(name for name, _ in entries)
            found.duplicates = tuple(name for name, count in counts.items() if count > 1)
        return found

    try:
        return list(_duplicates_in(json.loads(body, object_pairs_hook=pairs), ""))
    except ValueError as error:
        raise BadRequest(f"{PARSE_ERROR}{error}") from error


def _duplicates_in(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, _Pairs):
        prefix = f"{path}." if path else ""
        yield from (prefix + name for name in value.duplicates)
        for name, inner in value.items():
            yield from _duplicates_in(inner, prefix + name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _duplicates_in(inner, f"{path}[{index}]")


def _within_limit(body: bytes) -> bytes:
    if len(body) > BODY_BYTES_MAX:
        raise _too_large()
    return body


def _too_large() -> TooLarge:
    return TooLarge(f"Request entity too large: limit is {BODY_BYTES_MAX}")
