"""The part of kubectl's JSONPath that printer columns use.

`.a.b[0]['c.d'].e[?(@.type=="Ready")].f`, also slices, `*` and `..name`.

A compiled path is a function from an object to the list of values found; nothing found is an
empty list. Source: k8s.io/client-go/util/jsonpath.
"""

import re
from collections.abc import Callable
from typing import Any

from towpath.machinery.remembering import remember_short

Path = Callable[[Any], list[Any]]
_Step = Callable[[list[Any]], list[Any]]

_TOKEN = re.compile(
    r"""\.\.(?P<deep>[\w\-]+)
    | \.?\*(?P<star>)
    | \.(?P<name>(?:\\.|[^.\[\]\\*])+)
    | \[(?:'(?P<single>(?:\\.|[^'])*)'|"(?P<double>(?:\\.|[^"])*)")\]
    | \[(?P<index>-?\d+)\]
    | \[(?P<slice>-?\d*:-?\d*)\]
    | \[\*(?P<all>)\]
    | \[\?\((?P<filter>.*?)\)\]
    """,
    re.VERBOSE,
)
_FILTER = re.compile(
    r"\s*@(?P<path>[^=!<>\s]*)\s*(?:(?P<operator>==|!=|<=|>=|<|>)\s*(?P<value>.+?))?\s*\Z"
)
_ESCAPED = re.compile(r"\\(.)")


@remember_short(1024)
def compile_path(text: str) -> Path:
    """Raises ValueError when the path is not one we understand."""
    body = text.strip().removeprefix("{").removesuffix("}").removeprefix("$").removeprefix("@")
    steps: list[_Step] = []
    position = 0
    if body and body[0] not in ".[":
        raise ValueError(f"JSON path {text!r} must start with '.' or '['")
    while position < len(body):
        if body[position:] == ".":
            break
        found = _TOKEN.match(body, position)
        if found is None:
            raise ValueError(f"JSON path {text!r} is not understood at {body[position:]!r}")
        steps.append(_step(found))
        position = found.end()
    return _path(steps)


def _path(steps: list[_Step]) -> Path:
    def find(obj: Any) -> list[Any]:
        values = [obj]
        for step in steps:
            values = step(values)
            if not values:
                break
        return values

    return find


def _step(found: re.Match[str]) -> _Step:
    groups = {name: value for name, value in found.groupdict().items() if value is not None}
    if "index" in groups:
        return _index_step(int(groups["index"]))
    if "slice" in groups:
        start, _, stop = groups["slice"].partition(":")
        return _slice_step(int(start) if start else None, int(stop) if stop else None)
    if "star" in groups or "all" in groups:
        return _children
    if "filter" in groups:
        return _filter_step(groups["filter"])
    if "deep" in groups:
        return _deep_step(groups["deep"])
    name = groups.get("name", groups.get("single", groups.get("double", "")))
    return _name_step(_ESCAPED.sub(r"\1", name))


def _name_step(name: str) -> _Step:
    return lambda values: [
        value[name] for value in values if isinstance(value, dict) and name in value
    ]


def _index_step(index: int) -> _Step:
    return lambda values: [
        value[index]
        for value in values
        if isinstance(value, list) and -len(value) <= index < len(value)
    ]


def _slice_step(start: int | None, stop: int | None) -> _Step:
    return lambda values: [
        item for value in values if isinstance(value, list) for item in value[start:stop]
    ]


def _children(values: list[Any]) -> list[Any]:
    result: list[Any] = []
    for value in values:
        if isinstance(value, list):
            result += value
        elif isinstance(value, dict):
            result += value.values()
    return result


def _deep_step(name: str) -> _Step:
    def find(values: list[Any]) -> list[Any]:
        result: list[Any] = []
        for value in values:
            if isinstance(value, dict) and name in value:
                result.append(value[name])
            result += find(_children([value]))
        return result

    return find


def _filter_step(text: str) -> _Step:
    found = _FILTER.match(text)
    if found is None:
        raise ValueError(f"JSON path filter {text!r} is not understood")
    path, operator = compile_path(found["path"]), found["operator"]
    if operator is None:
        return lambda values: [item for item in _children(values) if path(item)]
    wanted = _literal(found["value"])
    compare = _COMPARISONS[operator]
    return lambda values: [
        item
        for item in _children(values)
        if any(_holds(compare, value, wanted) for value in path(item))
    ]


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: bool(left == right),
    "!=": lambda left, right: bool(left != right),
    "<": lambda left, right: bool(left < right),
    "<=": lambda left, right: bool(left <= right),
    ">": lambda left, right: bool(left > right),
    ">=": lambda left, right: bool(left >= right),
}


def _holds(compare: Callable[[Any, Any], bool], value: Any, wanted: Any) -> bool:
    try:
        return compare(value, wanted)
    except TypeError:
        return False


def _literal(text: str) -> Any:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return _ESCAPED.sub(r"\1", text[1:-1])
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
    except ValueError:
        raise ValueError(f"JSON path literal {text!r} is not understood") from None
