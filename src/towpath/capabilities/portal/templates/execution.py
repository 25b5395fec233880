"""One step of a run: its input rendered and checked, its action run or undone, its log written."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

from towpath.capabilities.portal.templates.descriptor import TemplateStep
from towpath.capabilities.portal.templates.expressions import (
    UNDEFINED,
    render_input,
    render_value,
    runs,
)
from towpath.capabilities.portal.templates.expressions.engine import as_json, call
from towpath.capabilities.portal.templates.kinds import step_stream
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.templates import ActionContext, TemplateAction
from towpath.machinery.errors import Unavailable
from towpath.machinery.objects import RawObject
from towpath.records.contract import LogBook

STEP_DEADLINE_S = 120.0
WAITING_DEADLINE_S = 700.0
"""Of a step that only waits, ten minutes at most."""
WAITING = "debug:wait"
EACH_MAX = 1000


class StepInvalid(Exception):
    """The step's input is not what its action takes; nothing was done."""


HIDDEN = "***"


class Secrets:
    """What a run was given to use and not to show; `hide` knows what came of them too."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.given = dict(given)
        self._writings: set[str] = set()
        for text in self.given.values():
            self._remember(text)

    def _remember(self, text: str) -> None:
        """As it is, line by line, and as JSON has it between its quotes."""
        if not text.strip():
            return
        for one in (text, *(line for line in text.splitlines() if len(line.strip()) > 1)):
            in_json = (json.dumps(one, ensure_ascii=plain)[1:-1] for plain in (True, False))
            self._writings.update((one, *in_json))

    @property
    def shown(self) -> dict[str, str]:
        """In their place, for inputs that people see."""
        return dict.fromkeys(self.given, HIDDEN)

    def learn(self, rendered: Any, without: Any) -> None:
        """Texts of an input that would be others without the secrets are secret as well."""
        if isinstance(rendered, str):
            if rendered != without:
                self._remember(rendered)
        elif isinstance(rendered, list):
            plain = without if isinstance(without, list) else []
            for one, other in zip_longest(rendered, plain[: len(rendered)]):
                self.learn(one, other)
        elif isinstance(rendered, Mapping):
            for key, one in rendered.items():
                self.learn(one, without.get(key) if isinstance(without, Mapping) else None)

    def hide(self, text: str) -> str:
        for writing in sorted(self._writings, key=len, reverse=True):
            text = text.replace(writing, HIDDEN)
        return text

    def hidden(self, value: Any) -> Any:
        """The value without secrets in any of its texts."""
        if not self._writings:
            return value
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, list):
            return [self.hidden(one) for one in value]
        if isinstance(value, Mapping):
            return {key: self.hidden(one) for key, one in value.items()}
        return value


NO_SECRETS = Secrets({})


class Log(Protocol):
    """What a step says while it works."""

    def __call__(self, text: str) -> None: ...

    def end(self) -> None: ...


@dataclass(frozen=True, slots=True)
class StepLog:
    """The log of one step of one run; secrets never reach it."""

    logs: LogBook
    stream: str
    secrets: Secrets = NO_SECRETS

    def __call__(self, text: str) -> None:
        self.logs.append(self.stream, self.secrets.hide(text).splitlines() or [""])

    def end(self) -> None:
        self.logs.end(self.stream)


def log_of(
    logs: LogBook, run: RawObject, step: TemplateStep, secrets: Secrets = NO_SECRETS
) -> StepLog:
    metadata = run["metadata"]
    return StepLog(logs, step_stream(metadata["namespace"], metadata["name"], step.id), secrets)


@dataclass(frozen=True, slots=True)
class StepExecution:
    """What is needed to run or undo a step."""

    step: TemplateStep
    action: TemplateAction
    run: RawObject
    given: Mapping[str, Any]
    """What its expressions see."""
    folder: Path
    """The run's own: `workspace` and `template` are in it."""
    log: Log
    secrets: Secrets = NO_SECRETS

    async def does_run(self) -> bool:
        """Whether its `if` lets it run; with `each` that is decided for each turn."""
        if self.step.each is not None:
            return self.step.condition is not False
        return await self._holds(self.given)

    async def runs_after_failure(self) -> bool:
        """Whether its `if` asks `always()` or `failure()`: no other step runs after one failed."""
        condition = self.step.condition
        if not isinstance(condition, str):
            return False
        asked = await asyncio.to_thread(render_value, condition, self.given, failed=True)
        return asked.asks_for_failures and (self.step.each is not None or asked.holds)

    async def perform(self) -> dict[str, Any]:
        """Run the action, once or for each turn; the outputs. Raises StepInvalid and its errors."""
        deadline_s = WAITING_DEADLINE_S if self.action.id == WAITING else STEP_DEADLINE_S
        async with asyncio.timeout(deadline_s):
            if self.step.each is None:
                return await self.action.run(await self._context(self.given))
            outputs: dict[str, list[Any]] = {}
            turns = [(turn, context) async for turn, context in self._turns()]
            for turn, context in turns:
                self.log(f"{'Skipping' if context is None else 'Running'} step each: {turn}")
                if context is None:
                    continue
                for name, value in (await self.action.run(context)).items():
                    outputs.setdefault(name, []).append(value)
            return dict(outputs)

    async def check(self) -> None:
        """Ask the action what speaks against it, as far as the input is known now."""
        if self.action.check is None or self.step.each is not None:
            return
        given = self._with_secrets(self.given)
        rendered = await asyncio.to_thread(render_input, dict(self.step.input), given)
        await self.action.check(self._action_context(rendered))

    async def undo(self) -> None:
        """Take back what the action made, the last turn first; nothing when it never ran."""
        if self.action.undo is None:
            return
        async with asyncio.timeout(STEP_DEADLINE_S):
            try:
                if self.step.each is None:
                    contexts = [await self._context(self.given)]
                else:
                    turns = [context async for _, context in self._turns()]
                    contexts = [context for context in turns if context is not None]
            except StepInvalid:
                return
            for context in reversed(contexts):
                await self.action.undo(context)

    async def _turns(self) -> AsyncIterator[tuple[str, ActionContext | None]]:
        """Each turn: how it is shown, and what it runs with, None where its `if` is false."""
        given = self._with_secrets(self.given)
        turns = await asyncio.to_thread(render_input, self.step.each, given)
        where = f"Invalid value on action {self.action.id}.each parameter"
        if turns is UNDEFINED:
            raise StepInvalid(f'{where}, "{self.step.each}" cannot be resolved to a value')
        if isinstance(turns, list):
            turns = {str(index): value for index, value in enumerate(turns)}
        if not isinstance(turns, dict):
            raise StepInvalid(f"{where}, must resolve to an array or object")
        if len(turns) > EACH_MAX:
            raise StepInvalid(f"{where}: {len(turns)} turns; at most {EACH_MAX} are allowed")
        for key, value in turns.items():
            given = {**self.given, "each": {"key": key, "value": value}}
            told = {"key": key, "value": as_text(value)}
            turn = json.dumps(told, separators=(",", ":"), ensure_ascii=False)
            yield turn, await self._context(given) if await self._holds(given) else None

    async def _holds(self, given: Mapping[str, Any]) -> bool:
        condition = self.step.condition
        if condition is None or isinstance(condition, bool):
            return condition is not False
        return (await asyncio.to_thread(render_value, condition, given)).holds

    async def _context(self, given: Mapping[str, Any]) -> ActionContext:
        rendered = await asyncio.to_thread(self._checked, given)
        return self._action_context(rendered)

    def _checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Raises StepInvalid, in the words of the library that Backstage checks inputs with."""
        rendered = self._rendered(given)
        schema = as_json(self.action.input_schema)
        errors = call("schemaErrors", schema, as_json(rendered))["errors"]
        if errors:
            turn = f"[{given['each']['key']}]" if "each" in given else ""
            wrong = ", ".join(error["stack"] for error in errors)
            raise StepInvalid(f"Invalid input passed to action {self.action.id}{turn}, {wrong}")
        return rendered

    def _rendered(self, given: Mapping[str, Any]) -> dict[str, Any]:
        known = self._with_secrets(given)
        rendered: dict[str, Any] = render_input(dict(self.step.input), known, report=self.log)
        if self.secrets.given:
            self.secrets.learn(rendered, render_input(dict(self.step.input), given))
        return rendered

    def _with_secrets(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**given, "secrets": self.secrets.given}

    def _action_context(self, rendered: dict[str, Any]) -> ActionContext:
        return ActionContext(
            project=self.run["metadata"]["namespace"],
            run=self.run,
            step=self.step.id,
            input=rendered,
            workspace=self.folder / "workspace",
            template=self.folder / "template",
            log=self.log,
            user=self.run["spec"].get("requestedBy") or "",
            template_ref=template_ref(self.run),
        )


def as_text(value: Any) -> str:
    """As JavaScript makes a text of it, but for the depths of lists."""
    if isinstance(value, dict):
        return "[object Object]"
    if isinstance(value, list):
        return ",".join(as_text(one) if one is not None else "" for one in value)
    if isinstance(value, str):
        return value
    return json.dumps(value)


def absent(action: str) -> TemplateAction:
    """An action that was here when the run was planned: its plug-in has gone, or is not back."""

    async def run(_: ActionContext) -> dict[str, Any]:
        raise Unavailable(
            f"the action {action} is not here now: its plug-in is starting, switched off or "
            "uninstalled; the page About says which"
        )

    return TemplateAction(action, "of a plug-in that is not here", {"type": "object"}, run)


def template_ref(run: RawObject) -> str:
    """As Backstage writes it; "" for what is only tried."""
    template = run["spec"].get("template")
    if not template:
        return ""
    namespace = template.get("namespace") or SYSTEM_NAMESPACE
    return (
        f"template:{'default' if namespace == SYSTEM_NAMESPACE else namespace}/{template['name']}"
    )


def render_outputs(output: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The template's `output`: links and texts whose `if` is false are left out."""
    rendered = render_input(dict(output), given)
    for name in ("links", "text"):
        if isinstance(rendered.get(name), list):
            rendered[name] = [_shown(item) for item in rendered[name] if _is_shown(item)]
    return {name: value for name, value in rendered.items() if value is not UNDEFINED}


def _is_shown(item: Any) -> bool:
    """An `if` that came to nothing was dropped with its key, so the item stays."""
    return not isinstance(item, dict) or runs(item.get("if", True))


def _shown(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    return {key: value for key, value in item.items() if key != "if"}
