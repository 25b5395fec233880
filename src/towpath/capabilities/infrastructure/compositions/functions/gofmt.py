"""Go's fmt verbs as far as compositions use them: %s %v %d %f %x %q %t %% with width and precision.

Where Go prints a mismatch into the text (`%!d(string=a)`), so do we: what a Composition makes here
it makes under Crossplane too. Source: the documentation of Go's package fmt.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

_VERB = re.compile(r"%([-+0 #]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])")
_KINDS = {bool: "bool", int: "int64", float: "float64", str: "string", type(None): "<nil>"}


def sprintf(template: str, values: Sequence[Any]) -> str:
    position = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal position
        flags, width, precision, verb = match.groups()
        if verb == "%":
            return "%"
        if position >= len(values):
            return f"%!{verb}(MISSING)"
        value = values[position]
        position += 1
        text = _one(verb, value, precision)
        return _pad(text, flags, int(width or 0))

    text = _VERB.sub(replace, template)
    if position < len(values):
        extra = ", ".join(f"{_kind(value)}={plain(value)}" for value in values[position:])
        text += f"%!(EXTRA {extra})"
    return text


def plain(value: Any) -> str:
    """Go's %v."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return "[" + " ".join(plain(item) for item in value) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{k}:{plain(v)}" for k, v in sorted(value.items())) + "]"
    return str(value)


def _one(verb: str, value: Any, precision: str | None) -> str:
    cut = int(precision) if precision is not None else None
    number = isinstance(value, int) and not isinstance(value, bool)
    if verb == "v":
        return plain(value)
    if verb == "s" and isinstance(value, str):
        return value[:cut] if cut is not None else value
    if verb == "q" and isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if verb == "t" and isinstance(value, bool):
        return plain(value)
    if verb == "d" and number:
        return str(value)
    if verb in "xX" and isinstance(value, str):
        return value.encode().hex() if verb == "x" else value.encode().hex().upper()
    if verb in "xXob" and number:
        return format(value, verb)
    if verb in "feg" and isinstance(value, float):
        return format(value, f".{6 if cut is None else cut}{verb}" if verb != "g" else "g")
    return f"%!{verb}({_kind(value)}={plain(value)})"


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "[]interface {}" if isinstance(value, list) else "map")


def _pad(text: str, flags: str, width: int) -> str:
    if "-" in flags:
        return text.ljust(width)
    return text.rjust(width, "0" if "0" in flags and text.lstrip("-").isdigit() else " ")
