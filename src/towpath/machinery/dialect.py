"""The YAML library, set up for documents.py: what is read, what is refused, how it is written."""

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import yaml

from towpath.machinery.nesting import DEPTH_MAX

T = TypeVar("T")

SIZE_MAX = 4 * 1024 * 1024
MARKS_MAX = 200_000
"""Of commas, colons and line ends: about as many items are read, which takes seconds."""
MERGES_MAX = 100
MERGED_KEYS_MAX = 10_000
NUMBER_LENGTH_MAX = 64

# A level takes half a column of indentation at the least: a sequence may stand where its key does.
_DEEPLY_INDENTED = re.compile(rf"^[ \-?:]{{{DEPTH_MAX // 2}}}", re.MULTILINE)


class _Loader(yaml.CSafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} appears twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge keys copy: a few of them could make a document of any size."""
        written = len(node.value)
        for key, value in node.value:
            merges = key.tag == "tag:yaml.org,2002:merge"
            if merges and isinstance(value, yaml.SequenceNode) and len(value.value) > MERGES_MAX:
                raise _refusal(f"more than {MERGES_MAX} mappings are merged", key)
        super().flatten_mapping(node)
        if len(node.value) > max(written, MERGED_KEYS_MAX):
            raise _refusal(f"merging makes more than {MERGED_KEYS_MAX} keys", node)

    def construct_number(self, node: yaml.ScalarNode) -> Any:
        text = str(node.value)
        if ":" in text:
            return text
        if len(text) > NUMBER_LENGTH_MAX:
            raise _refusal(f"a number of {len(text)} digits", node)
        is_integer = node.tag == "tag:yaml.org,2002:int"
        return (self.construct_yaml_int if is_integer else self.construct_yaml_float)(node)


def _refusal(problem: str, node: yaml.Node) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


for _kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _Loader.construct_number)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, expression) for tag, expression in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


class _Newer(_Loader):
    """YAML 1.2's core schema: fewer texts are something else."""

    def construct_number(self, node: yaml.ScalarNode) -> Any:
        text = str(node.value)
        if len(text) > NUMBER_LENGTH_MAX:
            raise _refusal(f"a number of {len(text)} digits", node)
        if node.tag == "tag:yaml.org,2002:int":
            return int(text, _BASES.get(text[:2], 10))
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


_BASES = {"0x": 16, "0o": 8}
_NEWER = {
    "null": (r"~|null|Null|NULL|", "~nN\0"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    "merge": ("<<", "<"),
}
_Newer.yaml_implicit_resolvers = {}
for _kind, (_pattern, _first) in _NEWER.items():
    _Newer.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}",
        re.compile(f"^(?:{_pattern})$"),
        ["" if letter == "\0" else letter for letter in _first],
    )
for _kind in ("int", "float"):
    _Newer.add_constructor(f"tag:yaml.org,2002:{_kind}", _Newer.construct_number)


class _Settings(_Loader):
    """Tags name objects of other programs; they are nothing to us, and never made."""


_Settings.add_multi_constructor("", lambda *_: None)


def all_documents(text: str) -> list[Any]:
    """Raises ValueError with one sentence."""
    return _read(text, lambda: list(yaml.load_all(text, _Loader)))


def repeated_keys(text: str) -> list[tuple[int, str]]:
    return _read(text, lambda: [*_repeated(yaml.compose(text, Loader=yaml.CSafeLoader))])


def _repeated(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            yield from _repeated(value)
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    yield key.start_mark.line + 1, key.value
                seen.add(key.value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item)


def all_newer_documents(text: str) -> list[Any]:
    """By YAML 1.2. Raises ValueError with one sentence."""
    return _read(text, lambda: list(yaml.load_all(text, _Newer)))


def settings(text: str) -> Any:
    """Raises ValueError with one sentence."""
    return _read(text, lambda: yaml.load(text, _Settings))  # noqa: S506 - a safe loader, see above


def _read(text: str, load: Callable[[], T]) -> T:
    try:
        _check_size(text)
        return load()
    except yaml.YAMLError as error:
        raise ValueError(_sentence(error)) from error


def _check_size(text: str) -> None:
    """The composer calls itself for each level: what is too deep is told by its events before."""
    if len(text) > SIZE_MAX:
        raise ValueError(f"it is {len(text)} bytes long; {SIZE_MAX} are read at most")
    if sum(map(text.count, ",:\n")) > MARKS_MAX:
        raise ValueError(f"it has more than {MARKS_MAX} commas, colons and lines; send JSON")
    few_brackets = text.count("[") + text.count("{") <= DEPTH_MAX // 2
    if few_brackets and not _DEEPLY_INDENTED.search(text):
        return
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEPTH_MAX:
                assert event.start_mark is not None, "events of a parser have a place"
                line = event.start_mark.line + 1
                raise ValueError(f"line {line}: exceeded max depth of {DEPTH_MAX}")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _sentence(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    if mark is None:
        return str(problem)
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}"


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


_LOOKS_LIKE_A_NUMBER = re.compile(r"[-+.]?[0-9][0-9_.,:eExXoOa-fA-F+-]*")


def _represent_text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if "\n" in text:
        style = "|"
    elif _LOOKS_LIKE_A_NUMBER.fullmatch(text) or text.lower() in {"y", "n"}:
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def dumped(document: Any) -> str:
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text
