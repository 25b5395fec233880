"""What is known of a repository that shall be adopted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Kind = Literal["python", "static", ""]
PYTHON: Final = "python"
STATIC: Final = "static"

WEB_PORT = 8000
SITE_PORT = 8080


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was read, and in which file."""

    what: str
    value: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """What speaks against it, and what to do about it."""

    what: str
    do: str
    of_start: bool = False
    """Whether naming a command answers it."""

    def __str__(self) -> str:
        return f"{self.what} {self.do}"


@dataclass(slots=True)
class Findings:
    kind: Kind = ""
    framework: str = ""
    title: str = ""
    description: str = ""
    port: int = 0
    health_path: str = ""
    process: str = ""
    """The shell command that starts it where the image builder does not find that by itself."""
    overrides_process: bool = False
    """The repository says how it is started, but not so that it finds its address."""
    needs_database: bool = False
    has_lock: bool = False
    has_tests: bool = False
    dependencies: tuple[str, ...] = ()
    """Lines of requirements.txt, where that is all that there is."""
    score: str = ""
    """The path of what is there already; "" when it is not."""
    pipeline: str = ""
    """A workflow that makes releases."""
    catalog: str = ""
    other_workflows: tuple[str, ...] = ()
    found: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def problems_with(self, process: str) -> list[Problem]:
        """What still speaks against it where a person has said what starts it."""
        return [one for one in self.problems if not (process and one.of_start)]

    def tell(self, what: str, value: object, source: str = "") -> None:
        self.found.append(Finding(what, str(value), source))


Texts = Mapping[str, str]
"""The files that are text, by path."""
