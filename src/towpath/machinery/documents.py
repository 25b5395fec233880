"""YAML as manifests and descriptors use it: read strictly, written the same way every time.

Reading is YAML 1.1 as kubectl's users expect it, with two differences: a timestamp stays a string,
and a key that appears twice is an error, for one of the two values would be lost in silence.
Writing keeps the order of keys, and quotes what some YAML reader would take for a number.
"""

import re
from typing import Any

import yaml

SIZE_MAX = 4 * 1024 * 1024


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


_Loader.yaml_implicit_resolvers = {
    first: [(tag, expression) for tag, expression in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def load_documents(text: str | bytes) -> list[Any]:
    """Every document that is not empty. Raises DocumentError."""
    if len(text) > SIZE_MAX:
        raise DocumentError(f"it is {len(text)} bytes long; {SIZE_MAX} are read at most")
    try:
        return [document for document in yaml.load_all(text, _Loader) if document is not None]
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DocumentError(_sentence(error)) from error


def load_document(text: str | bytes) -> Any:
    """The only document. Raises DocumentError when there is none, or more than one."""
    documents = load_documents(text)
    if len(documents) != 1:
        raise DocumentError(f"it holds {len(documents)} YAML documents instead of one")
    return documents[0]


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
