"""The filters and tests of Nunjucks, plus Backstage's own, each a function of value and arguments.

Left out, and refused by name: `random` (a run must give the same twice) and `urlize` (for HTML).
"""

import html
import json
import math
import re
from collections.abc import Callable, Mapping
from functools import cmp_to_key
from urllib.parse import quote

from towpath.capabilities.portal.templates.expressions import values
from towpath.capabilities.portal.templates.expressions.arguments import Arguments
from towpath.capabilities.portal.templates.expressions.limits import ExpressionError
from towpath.capabilities.portal.templates.expressions.patterns import Pattern
from towpath.capabilities.portal.templates.expressions.scaffolder import SCAFFOLDER_FILTERS
from towpath.capabilities.portal.templates.expressions.values import UNDEFINED, Value

Filter = Callable[[Value, Arguments], Value]
Test = Callable[[Value, Arguments], bool]

_URI_SAFE = "!'()*-._~"
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--[\s\S]*?-->")
_WORD = re.compile(r"\w+")


def _text(value: Value) -> str:
    """The value as text, nothing for null and undefined."""
    return values.printed(value)


def _list_of(value: Value, name: str, arguments: Arguments) -> list[Value]:
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        arguments.meter.items(len(value))
        return list(value)
    if values.is_nothing(value):
        return []
    raise ExpressionError(f"the filter `{name}` needs a list, not {values.kind_of(value)}")


def _attribute(item: Value, path: Value) -> Value:
    """`item.a.b` for the path `a.b`; the item itself without a path."""
    if values.is_nothing(path):
        return item
    for key in values.text_of(path).split("."):
        item = values.member(item, key)
    return item


def _default(value: Value, arguments: Arguments) -> Value:
    replacement = arguments.get(0, "default_value", "")
    if values.truthy(arguments.get(1, "boolean", False)):
        return value if values.truthy(value) else replacement
    return replacement if value is UNDEFINED else value


def _dump(value: Value, arguments: Arguments) -> Value:
    if value is UNDEFINED:
        return UNDEFINED
    indent = arguments.get(0, "spaces", None)
    width = int(values.number_of(indent)) if indent else None
    separators = (",", ":") if width is None else (",", ": ")
    return json.dumps(
        _jsonable(value),
        indent=min(width, 10) if width else None,
        separators=separators,
        ensure_ascii=False,
    )


def _jsonable(value: Value) -> Value:
    if isinstance(value, list):
        return [None if item is UNDEFINED else _jsonable(item) for item in value]
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items() if item is not UNDEFINED}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | bool | int) else {}


def _replace(value: Value, arguments: Arguments) -> Value:
    old, new = arguments.get(0, "old"), arguments.get(1, "new_")
    text = values.number_text(value) if values.is_number(value) else value
    if not isinstance(text, str):
        return value
    if isinstance(old, Pattern):
        return old.replace(text, values.text_of(new))
    if not isinstance(old, str | int | float):
        return value
    count = int(values.number_of(arguments.get(2, "max_count", -1)))
    searched, replacement = values.text_of(old), values.text_of(new)
    occurrences = text.count(searched) if count < 0 else min(text.count(searched), count)
    arguments.meter.text(len(text) + occurrences * len(replacement))
    return text.replace(searched, replacement, count)


def _join(value: Value, arguments: Arguments) -> Value:
    separator = _text(arguments.get(0, "del", ""))
    path = arguments.get(1, "attribute")
    parts = [_text(_attribute(item, path)) for item in _list_of(value, "join", arguments)]
    arguments.meter.text(sum(map(len, parts)) + len(separator) * len(parts))
    return separator.join(parts)


def _length(value: Value, arguments: Arguments) -> Value:
    return len(value) if isinstance(value, str | list | dict) else 0


def _reverse(value: Value, arguments: Arguments) -> Value:
    return value[::-1] if isinstance(value, str) else _list_of(value, "reverse", arguments)[::-1]


def _list(value: Value, arguments: Arguments) -> Value:
    if isinstance(value, dict):
        return [{"key": key, "value": item} for key, item in value.items()]
    return list(_list_of(value, "list", arguments))


def _round(value: Value, arguments: Arguments) -> Value:
    precision = int(values.number_of(arguments.get(0, "precision", 0)))
    factor = 10.0 ** max(min(precision, 15), -15)
    scaled = values.number_of(value) * factor
    if not math.isfinite(scaled):
        return scaled
    method = arguments.get(1, "method", "common")
    rounded = {"ceil": math.ceil, "floor": math.floor}.get(
        values.text_of(method), lambda number: math.floor(number + 0.5)
    )(scaled)
    return values.settled(rounded / factor)


def _int(value: Value, arguments: Arguments) -> Value:
    base = int(values.number_of(arguments.get(1, "base", 10)))
    found = re.match(r"\s*([+-]?)(?:0[xX](?=[0-9a-fA-F]))?([0-9a-zA-Z]+)", values.text_of(value))
    digits = ""
    for character in found.group(2) if found else "":
        if not character.isascii() or int(character, 36) >= base:
            break
        digits += character
    if found is None or not digits:
        return arguments.get(0, "default", 0)
    return values.settled(int(found.group(1) + digits[:400], base))


def _float(value: Value, arguments: Arguments) -> Value:
    found = re.match(r"\s*[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)", values.text_of(value))
    return values.settled(float(found.group())) if found else arguments.get(0, "default", 0)


def _sort(value: Value, arguments: Arguments) -> Value:
    backwards = values.truthy(arguments.get(0, "reverse", False))
    case_sensitive = values.truthy(arguments.get(1, "case_sensitive", False))
    path = arguments.get(2, "attribute")

    def key(item: Value) -> Value:
        found = _attribute(item, path)
        if path is not UNDEFINED and found is UNDEFINED:
            raise ExpressionError(f"the filter `sort` finds no attribute {values.text_of(path)}")
        return found if case_sensitive or not isinstance(found, str) else found.lower()

    def compare(left: Value, right: Value) -> int:
        return values.less(key(right), key(left)) - values.less(key(left), key(right))

    items = _list_of(value, "sort", arguments)
    return sorted(items, key=cmp_to_key(compare), reverse=backwards)


def _dictsort(value: Value, arguments: Arguments) -> Value:
    if not isinstance(value, dict):
        raise ExpressionError(f"the filter `dictsort` needs an object, not {values.kind_of(value)}")
    case_sensitive = values.truthy(arguments.get(0, "case_sensitive", False))
    by_value = arguments.get(1, "by", "key") == "value"

    def key(pair: tuple[Value, Value]) -> str:
        text = values.text_of(pair[1] if by_value else pair[0])
        return text if case_sensitive else text.upper()

    return [list(pair) for pair in sorted(value.items(), key=key)]


def _groupby(value: Value, arguments: Arguments) -> Value:
    groups: dict[str, Value] = {}
    for item in _list_of(value, "groupby", arguments):
        group = values.text_of(_attribute(item, arguments.get(0, "attribute")))
        groups.setdefault(group, []).append(item)
    return groups


def _sum(value: Value, arguments: Arguments) -> Value:
    total = arguments.get(1, "start", 0)
    for item in _list_of(value, "sum", arguments):
        total = values.add(total, _attribute(item, arguments.get(0, "attribute")))
        arguments.meter.text(len(total) if isinstance(total, str) else 0)
    return total


def _batch(value: Value, arguments: Arguments) -> Value:
    items = _list_of(value, "batch", arguments)
    size = max(int(values.number_of(arguments.get(0, "linecount", 1))), 1)
    arguments.meter.items(size)
    rows: list[Value] = [items[start : start + size] for start in range(0, len(items), size)]
    filler = arguments.get(1, "fill_with")
    if rows and values.truthy(filler):
        rows[-1] = rows[-1] + [filler] * (size - len(rows[-1]))
    return rows


def _slices(value: Value, arguments: Arguments) -> Value:
    items = _list_of(value, "slice", arguments)
    count = max(int(values.number_of(arguments.get(0, "slices", 1))), 1)
    arguments.meter.items(count)
    filler = arguments.get(1, "fill_with")
    size, extra = divmod(len(items), count)
    rows: list[Value] = []
    start = 0
    for index in range(count):
        end = start + size + (index < extra)
        row = items[start:end]
        if values.truthy(filler) and index >= extra and extra:
            row = [*row, filler]
        rows.append(row)
        start = end
    return rows


def _selection(name: str, *, keep: bool) -> Filter:
    def select(value: Value, arguments: Arguments) -> Value:
        test = values.text_of(arguments.get(0, "test", "truthy"))
        function = TESTS.get(test)
        if function is None:
            raise ExpressionError(f"the filter `{name}` knows no test `{test}`")
        rest = Arguments(arguments.positional[1:], {}, arguments.meter)
        return [item for item in _list_of(value, name, arguments) if function(item, rest) is keep]

    return select


def _attribute_selection(name: str, *, keep: bool) -> Filter:
    def select(value: Value, arguments: Arguments) -> Value:
        path = arguments.get(0, "attribute")
        items = _list_of(value, name, arguments)
        return [item for item in items if values.truthy(_attribute(item, path)) is keep]

    return select


def _indent(value: Value, arguments: Arguments) -> Value:
    width = max(int(values.number_of(arguments.get(0, "width", 4))), 0)
    first = values.truthy(arguments.get(1, "indentfirst", False))
    lines = _text(value).split("\n")
    arguments.meter.text(sum(map(len, lines)) + (width + 1) * len(lines))
    pad = " " * width
    return "\n".join(pad + line if index or first else line for index, line in enumerate(lines))


def _center(value: Value, arguments: Arguments) -> Value:
    width = int(values.number_of(arguments.get(0, "width", 80)))
    arguments.meter.text(width)
    text = _text(value)
    if len(text) >= width:
        return text
    spaces = width - len(text)
    left = spaces // 2
    return " " * left + text + " " * (spaces - left)


def _truncate(value: Value, arguments: Arguments) -> Value:
    text = _text(value)
    length = int(values.number_of(arguments.get(0, "length", 255)))
    if len(text) <= length:
        return text
    cut = text[:length]
    if not values.truthy(arguments.get(1, "killwords", False)):
        space = text.rfind(" ", 0, length + 1)
        cut = text[: space if space > 0 else length]
    return cut + _text(arguments.get(2, "end", "..."))


def _urlencode(value: Value, arguments: Arguments) -> Value:
    if isinstance(value, str):
        return quote(value, safe=_URI_SAFE)
    pairs = value.items() if isinstance(value, dict) else _list_of(value, "urlencode", arguments)
    return "&".join(
        f"{quote(_text(key), safe=_URI_SAFE)}={quote(_text(item), safe=_URI_SAFE)}"
        for key, item in pairs
    )


def _striptags(value: Value, arguments: Arguments) -> Value:
    text = _TAG.sub("", _text(value)).strip()
    if values.truthy(arguments.get(0, "preserve_linebreaks", False)):
        lines = (re.sub(r"[ \t]+", " ", line).strip() for line in text.split("\n"))
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
    return re.sub(r"\s+", " ", text)


def _abs(value: Value, arguments: Arguments) -> Value:
    return abs(values.number_of(value))


def _escape(value: Value, arguments: Arguments) -> Value:
    return html.escape(_text(value)).replace("&#x27;", "&#39;")


def _texts(function: Callable[[str], str]) -> Filter:
    return lambda value, arguments: function(_text(value))


def _title(text: str) -> str:
    return " ".join(word[:1].upper() + word[1:].lower() for word in text.split(" "))


def _first(value: Value, arguments: Arguments) -> Value:
    return values.member(value, 0)


def _last(value: Value, arguments: Arguments) -> Value:
    return value[-1] if isinstance(value, list | str) and value else UNDEFINED


FILTERS: Mapping[str, Filter] = {
    "abs": _abs,
    "batch": _batch,
    "capitalize": _texts(str.capitalize),
    "center": _center,
    "d": _default,
    "default": _default,
    "dictsort": _dictsort,
    "dump": _dump,
    "e": _escape,
    "escape": _escape,
    "first": _first,
    "float": _float,
    "forceescape": _escape,
    "groupby": _groupby,
    "indent": _indent,
    "int": _int,
    "join": _join,
    "json": _dump,
    "jsonify": _dump,
    "last": _last,
    "length": _length,
    "list": _list,
    "lower": _texts(str.lower),
    "nl2br": _texts(lambda text: re.sub(r"\r\n|\n", "<br />\n", text)),
    "reject": _selection("reject", keep=False),
    "rejectattr": _attribute_selection("rejectattr", keep=False),
    "replace": _replace,
    "reverse": _reverse,
    "round": _round,
    "safe": lambda value, arguments: "" if values.is_nothing(value) else values.text_of(value),
    "select": _selection("select", keep=True),
    "selectattr": _attribute_selection("selectattr", keep=True),
    "slice": _slices,
    "sort": _sort,
    "string": lambda value, arguments: values.text_of(value),
    "striptags": _striptags,
    "sum": _sum,
    "title": _texts(_title),
    "trim": _texts(str.strip),
    "truncate": _truncate,
    "upper": _texts(str.upper),
    "urlencode": _urlencode,
    "wordcount": lambda value, arguments: len(_WORD.findall(_text(value))),
    **SCAFFOLDER_FILTERS,
}


def _compared(compare: Callable[[Value, Value], bool]) -> Test:
    return lambda value, arguments: compare(value, arguments.get(0, "other"))


def _divisible(value: Value, arguments: Arguments) -> bool:
    return values.remainder(values.number_of(value), values.number_of(arguments.get(0, "by"))) == 0


TESTS: Mapping[str, Test] = {
    "defined": lambda value, arguments: value is not UNDEFINED,
    "undefined": lambda value, arguments: value is UNDEFINED,
    "none": lambda value, arguments: value is None,
    "null": lambda value, arguments: value is None,
    "truthy": lambda value, arguments: values.truthy(value),
    "falsy": lambda value, arguments: not values.truthy(value),
    "number": lambda value, arguments: values.is_number(value),
    "string": lambda value, arguments: isinstance(value, str),
    "iterable": lambda value, arguments: isinstance(value, list | str),
    "mapping": lambda value, arguments: isinstance(value, dict),
    "odd": lambda value, arguments: values.remainder(values.number_of(value), 2) in (1, -1),
    "even": lambda value, arguments: values.remainder(values.number_of(value), 2) == 0,
    "lower": lambda value, arguments: isinstance(value, str) and value == value.lower(),
    "upper": lambda value, arguments: isinstance(value, str) and value == value.upper(),
    "divisibleby": _divisible,
    "eq": _compared(values.strict_equal),
    "equalto": _compared(values.strict_equal),
    "sameas": _compared(values.strict_equal),
    "ne": _compared(lambda value, other: not values.strict_equal(value, other)),
    "lt": _compared(values.less),
    "lessthan": _compared(values.less),
    "le": _compared(values.less_or_equal),
    "gt": _compared(lambda value, other: values.less(other, value)),
    "greaterthan": _compared(lambda value, other: values.less(other, value)),
    "ge": _compared(lambda value, other: values.less_or_equal(other, value)),
}
