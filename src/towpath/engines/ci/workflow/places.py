"""YAML as places: a value together with where it stands, so that every problem names its line.

Plain scalars are read by YAML 1.2's core schema, as GitHub does: `on`, `yes` and dates are strings,
`true`, `12`, `0o14` and `~` are not. Duplicate keys are a problem, and so is a file that unfolds
its aliases to more than VALUES_MAX values.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

VALUES_MAX = 20_000
DEPTH_MAX = 40

_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.CSafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - the library's way


for _kind, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789"),
    (
        "float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        "-+.0123456789",
    ),
):
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(_pattern), list(_first))


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong with a workflow file."""

    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}"
        return f"{where}, {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class WorkflowInvalid(Exception):
    """The file cannot be run; `str()` names the file and its problems, first line first."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = sorted(set(problems))
        super().__init__(f"{file}: " + "; ".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Place:
    """A value in the file. `problems` is shared by all places of the file."""

    node: yaml.Node
    path: str
    problems: list[Problem] = field(repr=False)

    @property
    def line(self) -> int:
        return int(self.node.start_mark.line) + 1

    def wrong(self, message: str) -> None:
        self.problems.append(Problem(self.line, self.path, message))

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, yaml.MappingNode)

    @property
    def is_sequence(self) -> bool:
        return isinstance(self.node, yaml.SequenceNode)

    @property
    def is_null(self) -> bool:
        return bool(self.node.tag == _TAG + "null")

    def items(self) -> Iterator[tuple[str, "Place"]]:
        """Keys and places of a mapping; a key that stands twice is a problem."""
        if not isinstance(self.node, yaml.MappingNode):
            self.wrong(f"a mapping is expected, not {_what(self.node)}")
            return
        seen: set[str] = set()
        for key_node, value_node in self.node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else ""
            place = Place(value_node, f"{self.path}.{key}".lstrip("."), self.problems)
            if not key:
                Place(key_node, self.path, self.problems).wrong("a key must be a plain word")
                continue
            if key in seen:
                Place(key_node, place.path, self.problems).wrong(f"`{key}` stands here twice")
                continue
            seen.add(key)
            yield key, place

    def fields(self, known: frozenset[str], what: str) -> dict[str, "Place"]:
        """The places of a mapping with known keys; any other key is a problem."""
        found: dict[str, Place] = {}
        for key, place in self.items():
            if key in known:
                found[key] = place
            else:
                place.wrong(f"`{key}` is not a key of {what}{_did_you_mean(key, known)}")
        return found

    def elements(self) -> Iterator["Place"]:
        if not isinstance(self.node, yaml.SequenceNode):
            self.wrong(f"a list is expected, not {_what(self.node)}")
            return
        for index, node in enumerate(self.node.value):
            yield Place(node, f"{self.path}[{index}]", self.problems)

    def one_or_more(self) -> list["Place"]:
        """The elements of a list, or the single value itself."""
        return list(self.elements()) if self.is_sequence else [self]

    def text(self) -> str:
        """A scalar as text; anything else is a problem and reads as empty."""
        if not isinstance(self.node, yaml.ScalarNode):
            self.wrong(f"text is expected, not {_what(self.node)}")
            return ""
        return "" if self.is_null else str(self.node.value)

    def value(self) -> Any:
        """The value as plain data: None, bool, int, float, str, list, dict."""
        if isinstance(self.node, yaml.ScalarNode):
            return _scalar(self.node)
        if self.is_sequence:
            return [element.value() for element in self.elements()]
        return {key: place.value() for key, place in self.items()}

    def scalars(self) -> Iterator["Place"]:
        """Every scalar in the value."""
        if self.is_sequence:
            for element in self.elements():
                yield from element.scalars()
        elif self.is_mapping:
            for _, place in self.items():
                yield from place.scalars()
        else:
            yield self


def read_places(file: str, text: str) -> Place:
    """The root of a file. Raises WorkflowInvalid when it is not YAML, or unreasonably large."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or str(error)
        line = mark.line + 1 if mark else 1
        raise WorkflowInvalid(file, [Problem(line, "", f"this is not YAML: {reason}")]) from error
    if node is None:
        raise WorkflowInvalid(file, [Problem(1, "", "the file is empty")])
    if (line := _too_much(node)) is not None:
        message = f"more than {VALUES_MAX} values, or nested more than {DEPTH_MAX} deep"
        raise WorkflowInvalid(file, [Problem(line, "", message)])
    return Place(node, "", [])


def _too_much(root: yaml.Node) -> int | None:
    """The line at which the file has become unreasonable; aliases count as often as they stand."""
    count = 0
    waiting: list[tuple[yaml.Node, int]] = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if count > VALUES_MAX or depth > DEPTH_MAX:
            return int(node.start_mark.line) + 1
        if isinstance(node, yaml.SequenceNode):
            waiting += [(child, depth + 1) for child in node.value]
        elif isinstance(node, yaml.MappingNode):
            waiting += [(child, depth + 1) for _, child in node.value]
    return None


def _scalar(node: yaml.ScalarNode) -> Any:
    text = str(node.value)
    match node.tag.removeprefix(_TAG):
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text, 0) if text.startswith(("0o", "0x")) else int(text)
        case "float":
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        case _:
            return text


def _what(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    text = str(node.value)
    return f"`{text if len(text) <= 40 else text[:40] + '...'}`" if text else "nothing"


def _did_you_mean(key: str, known: frozenset[str]) -> str:
    import difflib

    close = difflib.get_close_matches(key, sorted(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else f"; there are {', '.join(sorted(known))}"
