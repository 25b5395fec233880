"""YAML as manifests and descriptors use it: read strictly, written the same way every time.

Reading is YAML 1.1 as kubectl's users expect it, with two differences: a timestamp stays a string,
and a key that appears twice is an error, for one of the two values would be lost in silence.
Numbers of base 60 are text, as in kubectl. A text may come from anybody: one that is nested too
deep, or grows by its aliases, is refused before it costs anything.
Writing keeps the order of keys, and quotes what some YAML reader would take for a number.
"""

import math
import re
from typing import Any

import yaml

from towpath.machinery.nesting import DEPTH_MAX

SIZE_MAX = 4 * 1024 * 1024
MARKS_MAX = 200_000
"""Of commas, colons and line ends: about as many items are read, which takes seconds."""
MERGES_MAX = 100
MERGED_KEYS_MAX = 10_000
NODE_WEIGHT = 8
"""What an item counts for beside its characters, when a document's true size is told."""
GROWS_BY_MAX = 1024 * 1024
"""What aliases may add to it, however small its text is."""
NUMBER_LENGTH_MAX = 64
INT64_MIN, UINT64_MAX = -(2**63), 2**64 - 1

# A level takes half a column of indentation at the least: a sequence may stand where its key does.
_DEEPLY_INDENTED = re.compile(rf"^[ \-?:]{{{DEPTH_MAX // 2}}}", re.MULTILINE)


class DocumentError(ValueError):
    """The text is not the YAML it should be; `str()` is one sentence with line and column."""


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


def load_documents(text: str | bytes) -> list[Any]:
    """Every document that is not empty. Raises DocumentError."""
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        _check_size(decoded)
        return [document for document in yaml.load_all(decoded, _Loader) if document is not None]
    except (yaml.YAMLError, ValueError) as error:
        raise DocumentError(_sentence(error)) from error


def load_document(text: str | bytes) -> Any:
    """The only document. Raises DocumentError when there is none, or more than one."""
    documents = load_documents(text)
    if len(documents) != 1:
        raise DocumentError(f"it holds {len(documents)} YAML documents instead of one")
    return documents[0]


class _Settings(_Loader):
    """Tags name objects of other programs; they are nothing to us, and never made."""


_Settings.add_multi_constructor("", lambda *_: None)


def load_settings(text: str | bytes) -> Any:
    """A document of another program's, whose own tags stand for nothing. Raises DocumentError."""
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        _check_size(decoded)
        return yaml.load(decoded, _Settings)  # noqa: S506 - a safe loader, see above
    except (yaml.YAMLError, ValueError) as error:
        raise DocumentError(_sentence(error)) from error


def as_json(document: Any, *, size: int) -> Any:
    """The document as JSON has it: keys are text, numbers have 64 bits, every alias is a copy.

    `size` is that of its text, which what it holds may not be many times as large as. Raises
    DocumentError.
    """
    return _Plain(GROWS_BY_MAX + 2 * NODE_WEIGHT * size).of(document, 0)


class _Plain:
    def __init__(self, size_max: int) -> None:
        self._left = size_max

    def of(self, value: Any, depth: int) -> Any:
        self._left -= NODE_WEIGHT + (len(value) if isinstance(value, str) else 0)
        if self._left < 0:
            raise DocumentError("the document contains excessive aliasing")
        if isinstance(value, dict | list) and depth >= DEPTH_MAX:
            raise DocumentError(f"exceeded max depth of {DEPTH_MAX}, or an anchor contains itself")
        if isinstance(value, dict):
            return {_key(key): self.of(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.of(inner, depth + 1) for inner in value]
        return _scalar(value)


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if INT64_MIN <= value <= UINT64_MAX else float(value)
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, bytes):
        return value.decode()
    raise DocumentError(f"{value!r} cannot be said in JSON")


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return str(key).lower()
    if isinstance(key, str | int | float):
        return str(key)
    raise DocumentError(f"{str(key)[:40]!r} cannot be a key in JSON")


def _check_size(text: str) -> None:
    """The composer calls itself for each level: what is too deep is told by its events before."""
    if len(text) > SIZE_MAX:
        raise DocumentError(f"it is {len(text)} bytes long; {SIZE_MAX} are read at most")
    if sum(map(text.count, ",:\n")) > MARKS_MAX:
        raise DocumentError(f"it has more than {MARKS_MAX} commas, colons and lines; send JSON")
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
                raise DocumentError(f"line {line}: exceeded max depth of {DEPTH_MAX}")
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


def dump_document(document: Any) -> str:
    """The same data gives the same text."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text
