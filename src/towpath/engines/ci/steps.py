"""One step: its condition, its program or action, and what it leaves for the steps after it."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from towpath.engines.ci.actions import ACTIONS, ActionCall, ActionFailed
from towpath.engines.ci.commands import Listener
from towpath.engines.ci.expressions import (
    ExpressionError,
    Scope,
    Value,
    is_truthy,
    render,
    render_text,
    to_text,
)
from towpath.engines.ci.expressions.values import to_number
from towpath.engines.ci.filecommands import FileCommandError, Said, make_files, read_files
from towpath.engines.ci.jobwork import JobWork
from towpath.engines.ci.programs import Ended
from towpath.engines.ci.shells import UnknownShell, shell_named
from towpath.engines.ci.state import Phase, StepState
from towpath.engines.ci.steplog import StepLog
from towpath.engines.ci.workflow.model import Defaults, Raw, Step
from towpath.engines.processes.port import Limits, ProcessError, ProcessSpec

Changed = Callable[[], None]
T = TypeVar("T")

LIMITS = Limits(open_files=65_536, processes=4096)
NAME_CHARACTERS_MAX = 200


class StepFailed(Exception):
    """`str()` is one sentence for the user; the exit code is that of its program, if it had one."""

    def __init__(self, message: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(slots=True)
class StepRun:
    """One step being run."""

    work: JobWork
    step: Step
    state: StepState
    defaults: Defaults
    log: StepLog
    changed: Changed
    note: str = ""
    """What its log begins with."""
    outputs: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    """All variables that expressions see: the job's and the step's own."""

    async def run(self) -> None:
        try:
            wanted = await self._computed(self._prepare)
        except ExpressionError as error:
            self._begin()
            self._end(Phase.FAILED, str(error))
            return
        if not wanted:
            self.state.phase = Phase.SKIPPED
            self._remember("skipped", "skipped")
            return
        self._begin()
        try:
            await self._do()
        except (StepFailed, ActionFailed, ProcessError, ExpressionError, FileCommandError) as error:
            self.state.exit_code = getattr(error, "exit_code", None)
            self.log.say(f"##[error]{error}")
            self._end(Phase.CANCELLED if self.work.stop.is_set else Phase.FAILED, str(error))
        else:
            self._end(Phase.SUCCEEDED, "")

    def _prepare(self) -> bool:
        """Compute variables and name; whether the step is wanted at all."""
        self.env = {**self.work.env, **env_of(self.step.env, self.work.scope(self.work.env))}
        scope = self._scope()
        self.state.name = self.work.mask.hide(_name(self.step, scope))
        return self.step.condition.holds(scope)

    async def _computed(self, compute: Callable[[], T]) -> T:
        """In a thread when files are hashed, which takes its time."""
        if self.step.hashes_files:
            return await asyncio.to_thread(compute)
        return compute()

    def _begin(self) -> None:
        self.state.phase = Phase.RUNNING
        self.state.started_s = time.time()
        if self.note:
            self.log.say(self.note)
        self.changed()

    def _end(self, phase: Phase, message: str) -> None:
        self.log.end()
        self.state.phase = phase
        self.state.finished_s = time.time()
        self.state.message = self.work.mask.hide(message)
        outcome = {Phase.SUCCEEDED: "success", Phase.FAILED: "failure"}.get(phase, "cancelled")
        conclusion = outcome
        if outcome == "failure":
            if self._is_tolerated():
                conclusion = "success"
                self.state.message += " (and the job goes on: continue-on-error)"
            else:
                self.work.failed = True
        self._remember(outcome, conclusion)
        self.changed()

    def _remember(self, outcome: str, conclusion: str) -> None:
        if self.step.id:
            self.work.steps[self.step.id] = {
                "outputs": dict(self.outputs),
                "outcome": outcome,
                "conclusion": conclusion,
            }

    def _is_tolerated(self) -> bool:
        try:
            return is_truthy(render(self.step.continue_on_error, self._scope()))
        except ExpressionError as error:
            self.state.message += f"; continue-on-error: {error}"
            return False

    def _scope(self) -> Scope:
        scope = self.work.scope(self.env)
        github = {**scope.contexts["github"], "action": self.step.id or f"__{self.step.number}"}
        return replace(scope, contexts={**scope.contexts, "github": github})

    async def _do(self) -> None:
        if self.step.uses is None:
            ended, said = await self._run_script(self.step.run, {})
            self._take(said)
            self._check(ended)
            return
        action = ACTIONS[self.step.uses.name]
        inputs = await self._computed(self._inputs)
        for unknown in sorted(set(inputs) - action.inputs):
            self.log.say(f"##[warning]`{unknown}` is not an input of {self.step.uses}")
        call = ActionCall(
            self.work,
            {name: value for name, value in inputs.items() if name in action.inputs},
            self.log,
            self._script_of_action,
            self.outputs,
        )
        await action.run(call)

    def _inputs(self) -> dict[str, str]:
        scope = self._scope()
        return {name: render_text(value, scope) for name, value in self.step.inputs.items()}

    async def _script_of_action(self, script: str, variables: Mapping[str, str]) -> Ended:
        ended, _ = await self._run_program(["bash", "-e", "-c", script], ".", variables)
        return ended

    # -- run: --------------------------------------------------------------------------------

    async def _run_script(self, text: str, variables: Mapping[str, str]) -> tuple[Ended, Said]:
        script, chosen = await self._computed(lambda: self._script(text))
        try:
            shell = shell_named(chosen.shell)
        except UnknownShell as error:
            raise StepFailed(str(error)) from error
        path = self.work.place.control / f"{self.step.number}{shell.suffix}"
        path.write_text(script, "utf-8", newline="\n")
        command = shell.command(str(path))
        self._show_script(script, command)
        return await self._run_program(command, chosen.working_directory, variables)

    def _script(self, text: str) -> tuple[str, Defaults]:
        scope = self._scope()
        own = Defaults(
            render_text(self.step.shell, scope), render_text(self.step.working_directory, scope)
        )
        return render_text(text, scope), own.over(self.defaults)

    def _show_script(self, script: str, command: Sequence[str]) -> None:
        first = script.strip().splitlines()[:1]
        own = [f"  {name}: {value}" for name, value in self.env.items()]
        self.log.say(
            f"##[group]Run {first[0] if first else ''}",
            *script.rstrip().splitlines(),
            f"shell: {' '.join(command[:-1])} {{0}}",
            *(["env:", *own] if own else []),
            "##[endgroup]",
        )

    async def _run_program(
        self, argv: Sequence[str], folder: str, variables: Mapping[str, str]
    ) -> tuple[Ended, Said]:
        work, number = self.work, self.step.number
        said_folder = work.place.said(number)
        files = make_files(said_folder)
        env = work.process_env({**self.env, **variables}, files)
        env["GITHUB_ACTION"] = self.step.id or f"__{number}"
        listener = Listener(work.mask)
        place = work.place
        scratch = place.root / "tmp"
        scratch.mkdir(exist_ok=True)
        spec = ProcessSpec(
            id=f"ci.{work.order.uid.lower()}.{work.number}.{number}",
            project=work.order.repository.project,
            argv=argv,
            cwd=place.workspace / folder,
            env=env,
            log=place.logs / f"{number}.log",
            writable=(place.workspace, place.temp, place.home, scratch, said_folder),
            caches=(work.means.environments.project_cache(work.order.repository.project),),
            readable=(
                place.control,
                work.means.tools.folder,
                *work.means.network.readable,
                *work.order.readable,
            ),
            # /tmp lasts for the job, as it does on GitHub; without namespaces it is the host's.
            mounts={} if work.means.programs.host.isolation == "none" else {"/tmp": scratch},  # noqa: S108
            limits=LIMITS,
        )
        ended = await work.means.programs.run(
            spec,
            listener=listener,
            log=self.log,
            stop=work.stop,
            deadline_s=self._deadline_s(),
        )
        spec.log.unlink(missing_ok=True)
        if ended.exit_code != 0 and not ended.why and listener.first_error:
            return replace(ended, why=f"{listener.first_error} (exit code {ended.exit_code})"), (
                read_files(said_folder)
            )
        return ended, read_files(said_folder)

    def _deadline_s(self) -> float:
        minutes = render(self.step.timeout_minutes, self._scope())
        if minutes is None:
            return self.work.deadline_s
        own_s = asyncio.get_running_loop().time() + to_number(minutes) * 60
        return min(own_s, self.work.deadline_s)

    def _take(self, said: Said) -> None:
        """What the step has written to its files; also when it has failed."""
        self.outputs.update(said.outputs)
        self.work.env.update(said.env)
        self.work.path += said.path
        for warning in said.warnings:
            self.log.say(f"##[warning]{warning}")
        if said.summary.strip():
            self.log.say("##[group]Summary", said.summary.rstrip(), "##[endgroup]")

    def _check(self, ended: Ended) -> None:
        if ended.exit_code != 0 or ended.why:
            raise StepFailed(ended.why or f"exit code {ended.exit_code}", ended.exit_code)


def env_of(raw: Raw, scope: Scope) -> dict[str, str]:
    """The variables of an `env`. Raises ExpressionError."""
    value: Value = render(raw, scope)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ExpressionError(f"env is a mapping of names to values, not `{to_text(value)}`")
    return {name: to_text(item) for name, item in value.items()}


def _name(step: Step, scope: Scope) -> str:
    try:
        name = render_text(step.title, scope)
    except ExpressionError:
        name = step.title
    return " ".join(name.split())[:NAME_CHARACTERS_MAX]
