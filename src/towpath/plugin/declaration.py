"""The words that a plug-in is written in, and what its functions are given.

Every function may be `async def` or a plain `def`; a plain one runs in a thread. Both are ended at
a deadline: a tab and a check after seconds, an action and a source after minutes.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from towpath.hooks.blocks import Block
from towpath.hooks.checks import Outcome, Verdict

API_VERSION = "1.1"
"""Of this module: the first number changes when something old breaks, the second when something
is added."""

Object = dict[str, Any]
"""An object of the API as it is: apiVersion, kind, metadata, spec, status."""


class Declined(Exception):
    """Raise it where an action cannot do what it was asked: the sentence is shown to people."""


class Api(Protocol):
    """The platform's API with somebody's rights: the visitor's, or the person's who types.

    Without a namespace, a service's project is meant; in a terminal TOWPATH_PROJECT, or all
    projects. Raises LookupError for what is not there, PermissionError for what they may not see,
    and RuntimeError with the API's own sentence for everything else.
    """

    async def get(
        self, api_version: str, kind: str, name: str, *, namespace: str | None = None
    ) -> Object: ...

    async def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
        limit: int = 0,
    ) -> Sequence[Object]:
        """At most 500; `labels` and `fields` are selectors."""
        ...


@dataclass(frozen=True, slots=True)
class Service:
    """The service whose page is open."""

    project: str
    name: str
    object: Object
    """The Workload, with its status."""
    visitor: str
    """Who looks; `api` has their rights."""
    api: Api

    @property
    def owner(self) -> str:
        return str((self.object.get("spec") or {}).get("owner") or "")

    @property
    def annotations(self) -> Mapping[str, str]:
        return (self.object.get("metadata") or {}).get("annotations") or {}

    @property
    def environments(self) -> Sequence[Object]:
        """What runs where: name, release, health, url."""
        return (self.object.get("status") or {}).get("environments") or ()


Blocks = Sequence[Block]


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab on the page of every service."""

    key: str
    """Part of its address: small letters, digits and dashes."""
    label: str
    show: Callable[[Service], Blocks | Awaitable[Blocks]]


@dataclass(frozen=True, slots=True)
class Check:
    """What every service should fulfil; shown on the tab Checks."""

    id: str
    title: str
    """A statement that holds when it passes: `Has a runbook`."""
    run: Callable[[Service], Verdict | Awaitable[Verdict]]
    why: str = ""
    """Why one wants that, in a sentence."""


def passed(sentence: str) -> Verdict:
    """It is as it should be."""
    return Verdict(Outcome.PASSED, sentence)


def failed(sentence: str, *, fix: str = "", href: str = "") -> Verdict:
    """What is wrong, what to do about it, and where."""
    return Verdict(Outcome.FAILED, sentence, fix, href)


def unknown(sentence: str) -> Verdict:
    """It could not be found out, or does not apply here."""
    return Verdict(Outcome.UNKNOWN, sentence)


@dataclass(frozen=True, slots=True)
class Step:
    """One execution of a template's step. It may be the second, after a crash in the first."""

    project: str
    run: Object
    """The TemplateRun; its uid is the same for every execution of the step."""
    step: str
    input: dict[str, Any]
    """As the template gives it, checked against the action's schema."""
    workspace: Path
    """What the template has made so far. Write files and folders here, nothing else."""
    template: Path
    """The folder of the template, to read."""
    user: str
    """Who asked for the run."""
    log: Callable[[str], None]
    """Writes a line to the step's log, which people follow."""


Outputs = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Action:
    """An action that templates can name. Its id begins with the plug-in's name and a colon."""

    id: str
    description: str
    run: Callable[[Step], Outputs | Awaitable[Outputs | None] | None]
    """Returns the step's outputs. Doing it twice for one run must make nothing twice."""
    input: Object = field(default_factory=lambda: {"type": "object"})
    """A JSON Schema of the input."""
    undo: Callable[[Step], Awaitable[None] | None] | None = None
    """Takes back what `run` made outside of the workspace, all or part of it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a source of the catalogue."""

    source: str
    """The CatalogSource that asks, as `<project>/<name>`."""
    settings: Object
    """What it says, checked against the source's schema."""
    secret: Mapping[str, str]
    """The texts of the Secret that it names, which says itself that this plug-in may have it."""
    log: Callable[[str], None]
    """Writes a line to the platform's log."""


Descriptors = Iterable[Object]


@dataclass(frozen=True, slots=True)
class Source:
    """A place that entities of the catalogue come from: a CatalogSource of type plugin names it."""

    id: str
    """Small letters, digits and dashes."""
    title: str
    read: Callable[[Reading], Descriptors | Awaitable[Descriptors] | AsyncIterator[Object]]
    """Returns or yields all descriptors there are now, as catalog-info.yaml has them. What is
    missing next time has gone; raise when it could not be read, and nothing goes."""
    settings: Object = field(default_factory=lambda: {"type": "object"})
    """A JSON Schema of spec.plugin.settings."""


class Terminal(Protocol):
    """What a command talks to: the API as the person who types, and their screen."""

    @property
    def api(self) -> Api: ...

    async def user(self) -> str: ...

    async def portal(self) -> str:
        """The portal's address, without a slash at the end."""
        ...

    def show(self, data: Any, rows: Sequence[Mapping[str, str]] | None = None) -> None:
        """The result, on standard output: `data` for -o json|yaml, `rows` for a table."""
        ...

    def say(self, text: str) -> None:
        """Progress and hints, on standard error."""
        ...

    def confirm(self, question: str) -> bool:
        """Ask; False when nobody is there to answer."""
        ...


@dataclass(frozen=True, slots=True)
class Command:
    """`towpath <plug-in> <word>`: the signature of `run` is the command line.

    Positional parameters are arguments, keyword-only ones are options, `bool` ones are flags; the
    docstring is the help, with a numpy-style `Parameters` section.
    """

    word: str
    run: Callable[..., Awaitable[None] | None]
    """`def run(terminal: Terminal, ...)`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """What a package adds to Towpath. `name` is also the name of its entry point."""

    name: str
    api: str
    """The version of towpath.plugin that it was written for."""
    summary: str
    tabs: Sequence[Tab] = ()
    checks: Sequence[Check] = ()
    actions: Sequence[Action] = ()
    commands: Sequence[Command] = ()
    sources: Sequence[Source] = ()
    kinds: Sequence[Object] = ()
    """CustomResourceDefinitions of a group of your own."""
