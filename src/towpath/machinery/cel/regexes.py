"""Regular expressions of rules: RE2, by way of the CEL library, in time linear in the text.

Python's own would agree on most patterns, and could be made to search for hours.
"""

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from cel_expr_python import cel

from towpath.machinery.cel.errors import CelError

_GROUP = re.compile(r"(\\.|\[[^\]]*\])|\((?:\?P?<\w+>|(?!\?))")


def matches(text: str, pattern: str) -> bool:
    return bool(_program("text.matches({})", pattern)(text))


def find(text: str, pattern: str) -> str:
    found: list[str] = _program("regex.extractAll(text, {})", _without_groups(pattern))(text)
    return found[0] if found else ""


def find_all(text: str, pattern: str, count: int = -1) -> list[str]:
    found: list[str] = _program("regex.extractAll(text, {})", _without_groups(pattern))(text)
    return found if count < 0 else found[:count]


def check(pattern: str) -> None:
    """Raises CelError for what is no pattern."""
    matches("", pattern)


_GO_WORDS = {
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "bad repetition operator": "invalid nested repetition operator",
    "trailing \\": "trailing backslash at end of expression",
}


def syntax_error(pattern: str) -> str:
    """Why RE2 does not take the pattern, as Go says it; "" when it does."""
    try:
        check(pattern)
    except CelError as error:
        told = error.message.partition("invalid regular expression: ")[2]
        for words, go_words in _GO_WORDS.items():
            if told.startswith(words):
                part = told.removeprefix(words).removeprefix(": ")
                return f"error parsing regexp: {go_words}: `{part}`"
        words, _, part = told.rpartition(": ")
        return f"error parsing regexp: {words}: `{part}`"
    return ""


def _without_groups(pattern: str) -> str:
    """The library would give a group, and a whole match is wanted."""
    return _GROUP.sub(lambda found: found[1] or "(?:", pattern)


@lru_cache(maxsize=1024)
def _program(template: str, pattern: str) -> Callable[[str], Any]:
    compiled = _environment().compile(template.format(_quoted(pattern)))

    def run(text: str) -> Any:
        value = compiled.eval(data={"text": text})
        plain = value.plain_value()
        if value.type().name() == "ERROR":
            raise CelError(f"error parsing regexp: `{pattern}`: {plain}")
        return plain

    return run


def _quoted(text: str) -> str:
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in '\\"':
        return f"\\{char}"
    return char if char.isprintable() else f"\\U{ord(char):08x}"


@cache
def _environment() -> Any:
    config = "name: regexes\nextensions:\n- name: regex\n- name: optional\n"
    return cel.NewEnv(config=cel.NewEnvConfigFromYaml(config), variables={"text": cel.Type.STRING})
