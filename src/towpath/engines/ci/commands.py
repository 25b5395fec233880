"""Workflow commands: lines of a step's output that mean something, `::name key=value::message`.

A Listener is told one line after another and answers what to show; what the commands ask for is
collected in it.
"""

import re
from dataclasses import dataclass, field

from towpath.engines.ci.masking import Mask

ANNOTATIONS_MAX = 50

_COMMAND = re.compile(
    r"\s*::(?P<name>[A-Za-z][\w-]*)(?:\s+(?P<properties>.*?))?::(?P<message>.*)\Z"
)
_GONE = {
    "set-output": 'write `name=value` to "$GITHUB_OUTPUT" instead',
    "save-state": "it is for actions only",
    "set-env": 'write `name=value` to "$GITHUB_ENV" instead',
    "add-path": 'write the folder to "$GITHUB_PATH" instead',
}
_LEVELS = ("error", "warning", "notice")


@dataclass(frozen=True, slots=True)
class Annotation:
    level: str
    message: str
    file: str = ""
    line: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}" if place else self.message


@dataclass(slots=True)
class Listener:
    """Reads the output of one step."""

    mask: Mask
    annotations: list[Annotation] = field(default_factory=list)
    _resume: str | None = None
    """The word that ends a `stop-commands`; None while commands are heard."""
    _warned: set[str] = field(default_factory=set)

    def hear(self, line: str) -> list[str]:
        """The lines to show for one line of output, masked."""
        return [self.mask.hide(shown) for shown in self._hear(line)]

    @property
    def first_error(self) -> str:
        errors = (str(one) for one in self.annotations if one.level == "error")
        return self.mask.hide(next(errors, ""))

    def _hear(self, line: str) -> list[str]:
        found = _COMMAND.match(line)
        if found is None:
            return [line]
        name, message = found["name"].lower(), _unescape(found["message"])
        if self._resume is not None:
            if name == self._resume.lower():
                self._resume = None
                return []
            return [line]
        return self._obey(name, message, found["properties"] or "", line)

    def _obey(self, name: str, message: str, properties: str, line: str) -> list[str]:
        if name in _LEVELS:
            return self._annotate(name, message, _properties(properties))
        match name:
            case "add-mask":
                self.mask.add(message)
                return []
            case "stop-commands":
                self._resume = message
                return []
            case "group":
                return [f"##[group]{message}"]
            case "endgroup":
                return ["##[endgroup]"]
            case "debug" | "echo":
                return []
        if name in _GONE:
            return self._warn_once(name)
        return [line]

    def _annotate(self, level: str, message: str, properties: dict[str, str]) -> list[str]:
        annotation = Annotation(
            level, message, properties.get("file", ""), properties.get("line", "")
        )
        if len(self.annotations) < ANNOTATIONS_MAX:
            self.annotations.append(annotation)
        return [f"##[{level}]{shown}" for shown in str(annotation).splitlines() or [""]]

    def _warn_once(self, name: str) -> list[str]:
        if name in self._warned:
            return []
        self._warned.add(name)
        return [f"##[warning]`::{name}::` is not supported and has no effect; {_GONE[name]}"]


def _properties(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(","))
    return {key.strip().lower(): _unescape_property(value) for key, _, value in pairs if value}


def _unescape(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def _unescape_property(text: str) -> str:
    return _unescape(text.replace("%3A", ":").replace("%2C", ","))
