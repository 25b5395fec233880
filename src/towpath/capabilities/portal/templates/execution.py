"""One step of a run: its input rendered and checked, its action run or undone, its log written."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from towpath.capabilities.portal.templates.descriptor import TemplateStep
from towpath.capabilities.portal.templates.expressions import UNDEFINED, render_input, runs
from towpath.capabilities.portal.templates.kinds import step_stream
from towpath.capabilities.portal.templates.parameters import schema_errors
from towpath.hooks.templates import ActionContext, TemplateAction
from towpath.machinery.objects import RawObject
from towpath.records.contract import LogBook

STEP_DEADLINE_S = 120.0
EACH_MAX = 1000


class StepInvalid(Exception):
    """The step's input is not what its action takes; nothing was done."""


@dataclass(frozen=True, slots=True)
class StepLog:
    """The log of one step of one run."""

    logs: LogBook
    stream: str

    def __call__(self, text: str) -> None:
        self.logs.append(self.stream, text.splitlines() or [""])

    def end(self) -> None:
        self.logs.end(self.stream)


def log_of(logs: LogBook, run: RawObject, step: TemplateStep) -> StepLog:
    metadata = run["metadata"]
    return StepLog(logs, step_stream(metadata["namespace"], metadata["name"], step.id))


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
    log: StepLog

    async def does_run(self) -> bool:
        """Whether its `if` lets it run; with `each` that is decided for each turn."""
        if self.step.each is not None:
            return self.step.condition is not False
        return await self._holds(self.given)

    async def perform(self) -> dict[str, Any]:
        """Run the action, once or for each turn; the outputs. Raises StepInvalid and its errors."""
        async with asyncio.timeout(STEP_DEADLINE_S):
            if self.step.each is None:
                return await self.action.run(await self._context(self.given))
            outputs: dict[str, list[Any]] = {}
            contexts = [context async for context in self._turns()]
            for context in contexts:
                for name, value in (await self.action.run(context)).items():
                    outputs.setdefault(name, []).append(value)
            return dict(outputs)

    async def check(self) -> None:
        """Ask the action what speaks against it, as far as the input is known now."""
        if self.action.check is None or self.step.each is not None:
            return
        rendered = await asyncio.to_thread(render_input, dict(self.step.input), self.given)
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
                    contexts = [context async for context in self._turns()]
            except StepInvalid:
                return
            for context in reversed(contexts):
                await self.action.undo(context)

    async def _turns(self) -> AsyncIterator[ActionContext]:
        turns = await asyncio.to_thread(render_input, self.step.each, self.given)
        if isinstance(turns, list):
            turns = {str(index): value for index, value in enumerate(turns)}
        if not isinstance(turns, dict):
            raise StepInvalid(
                f"each: {self.step.each!r} must give a list or an object, not {turns!r}"
            )
        if len(turns) > EACH_MAX:
            raise StepInvalid(f"each: {len(turns)} turns; at most {EACH_MAX} are allowed")
        for key, value in turns.items():
            given = {**self.given, "each": {"key": key, "value": value}}
            if await self._holds(given):
                yield await self._context(given)

    async def _holds(self, given: Mapping[str, Any]) -> bool:
        condition = self.step.condition
        if condition is None or isinstance(condition, bool):
            return condition is not False
        return runs(await asyncio.to_thread(render_input, condition, given))

    async def _context(self, given: Mapping[str, Any]) -> ActionContext:
        rendered = await asyncio.to_thread(
            lambda: render_input(dict(self.step.input), given, report=self.log)
        )
        errors = schema_errors(self.action.input_schema, rendered, "input")
        if errors:
            raise StepInvalid("; ".join(map(str, errors)))
        return self._action_context(rendered)

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
        )


def render_outputs(output: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The template's `output`: links and texts whose `if` is false are left out."""
    rendered = render_input(dict(output), given)
    for name in ("links", "text"):
        if name in rendered:
            rendered[name] = [_shown(item) for item in rendered[name] if _is_shown(item)]
    return {name: value for name, value in rendered.items() if value is not UNDEFINED}


def _is_shown(item: Any) -> bool:
    """An `if` that came to nothing was dropped with its key, so the item stays."""
    return isinstance(item, dict) and runs(item.get("if", True))


def _shown(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != "if"}
