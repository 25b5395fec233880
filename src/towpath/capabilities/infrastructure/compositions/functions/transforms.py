"""Transforms of patch-and-transform: one value in, one value out.

Source: function-patch-and-transform input/v1beta1 and its README.
"""

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from towpath.capabilities.infrastructure.compositions.functions.contract import FunctionError
from towpath.capabilities.infrastructure.compositions.functions.gofmt import plain, sprintf
from towpath.machinery.objects import RawObject
from towpath.machinery.quantities import parse_quantity


def transform(value: Any, transforms: Sequence[RawObject]) -> Any:
    """The value after all transforms, in order. Raises FunctionError naming the failing one."""
    for index, one in enumerate(transforms):
        kind = one.get("type", "")
        if kind not in _TRANSFORMS:
            raise FunctionError(
                f"transforms[{index}].type is {kind!r}; it must be one of {', '.join(_TRANSFORMS)}"
            )
        if kind not in one:
            raise FunctionError(f"transforms[{index}].{kind} is missing for type {kind!r}")
        try:
            value = _TRANSFORMS[kind](value, one[kind])
        except (ValueError, KeyError, TypeError, re.error) as error:
            raise FunctionError(f"transforms[{index}] ({kind}) failed: {error}") from error
    return value


def _map(value: Any, pairs: RawObject) -> Any:
    if not isinstance(value, str):
        raise ValueError(f"{plain(value)} is not a string, and only strings can be map keys")
    if value not in pairs:
        raise ValueError(f"key {value!r} is not found in map ({', '.join(sorted(pairs))})")
    return pairs[value]


def _match(value: Any, config: RawObject) -> Any:
    for pattern in config.get("patterns") or ():
        if _matches(value, pattern):
            return pattern["result"]
    return value if config.get("fallbackTo") == "Input" else config.get("fallbackValue")


def _matches(value: Any, pattern: RawObject) -> bool:
    if not isinstance(value, str):
        return False
    if pattern.get("type", "literal") == "regexp":
        return re.search(pattern["regexp"], value) is not None
    return bool(pattern["literal"] == value)


def _math(value: Any, config: RawObject) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{plain(value)} is not a number")
    kind = config.get("type", "Multiply")
    if kind == "Multiply":
        return value * config["multiply"]
    if kind == "ClampMin":
        return max(value, config["clampMin"])
    if kind == "ClampMax":
        return min(value, config["clampMax"])
    raise ValueError(f"math type {kind!r} is not one of Multiply, ClampMin, ClampMax")


def _string(value: Any, config: RawObject) -> str:
    kind = config.get("type", "Format")
    if kind == "Format":
        return sprintf(config["fmt"], [value])
    if kind == "Convert":
        return _string_convert(value, config["convert"])
    text = plain(value)
    if kind == "TrimPrefix":
        return text.removeprefix(config["trim"])
    if kind == "TrimSuffix":
        return text.removesuffix(config["trim"])
    if kind == "Regexp":
        match = re.search(config["regexp"]["match"], text)
        if match is None:
            raise ValueError(f"{text!r} does not match {config['regexp']['match']!r}")
        return match.group(config["regexp"].get("group", 0)) or ""
    if kind == "Join":
        return str(config["join"]["separator"]).join(plain(item) for item in value)
    if kind == "Replace":
        return text.replace(config["replace"]["search"], config["replace"]["replace"])
    raise ValueError(f"string type {kind!r} is not known")


def _string_convert(value: Any, conversion: str) -> str:
    text = plain(value)
    if conversion == "FromBase64":
        try:
            return base64.b64decode(text, validate=True).decode()
        except binascii.Error as error:
            raise ValueError(f"{text!r} is not base64") from error
    if conversion not in _STRING_CONVERSIONS:
        raise ValueError(f"string conversion {conversion!r} is not known")
    return _STRING_CONVERSIONS[conversion](value, text)


def _digest(algorithm: str) -> Callable[[Any, str], str]:
    def hash_of(value: Any, text: str) -> str:
        # Strings are hashed as they are, everything else as JSON.
        data = text if isinstance(value, str) else _json(value)
        return hashlib.new(algorithm, data.encode()).hexdigest()

    return hash_of


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


_STRING_CONVERSIONS: dict[str, Callable[[Any, str], str]] = {
    "ToUpper": lambda _, text: text.upper(),
    "ToLower": lambda _, text: text.lower(),
    "ToBase64": lambda _, text: base64.b64encode(text.encode()).decode(),
    "ToJson": lambda value, _: _json(value),
    "ToSha1": _digest("sha1"),
    "ToSha256": _digest("sha256"),
    "ToSha512": _digest("sha512"),
    "ToAdler32": lambda _, text: str(zlib.adler32(text.encode())),
}


def _convert(value: Any, config: RawObject) -> Any:
    to_type, form = config["toType"], config.get("format", "none")
    if to_type == "string":
        return plain(value)
    if to_type in ("int", "int64"):
        return int(float(value)) if isinstance(value, str) and "." in value else int(value)
    if to_type == "float64":
        return float(parse_quantity(value)) if form == "quantity" else float(value)
    if to_type == "bool":
        return _to_bool(value)
    if to_type in ("object", "array"):
        if form != "json":
            raise ValueError(f"conversion to {to_type} needs format: json")
        return json.loads(value)
    raise ValueError(f"toType {to_type!r} is not known")


def _to_bool(value: Any) -> bool:
    if not isinstance(value, str):
        return bool(value)
    if value in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if value in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise ValueError(f"{value!r} is neither true nor false")


_TRANSFORMS: dict[str, Callable[[Any, Any], Any]] = {
    "map": _map,
    "match": _match,
    "math": _math,
    "string": _string,
    "convert": _convert,
}
