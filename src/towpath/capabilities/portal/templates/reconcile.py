"""Runs of templates, step by step, so that a restart at any point goes on where it was.

    plan       read the template, check parameters and names; nothing is made before this passes
    execute    each step in order; what it did is written down before the next one begins
    undo       after a failure or a deletion: every step's undo, the last one first
    release    the workspace goes, then the finalizer

Written down means: in status, which is all that a restart reads. A step that was interrupted runs
again; actions are idempotent per run.
"""

import asyncio
import copy
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from towpath.capabilities.portal.templates import folders, progress
from towpath.capabilities.portal.templates.actions.files import NameTaken
from towpath.capabilities.portal.templates.approving import RunApproval
from towpath.capabilities.portal.templates.catalogued import catalogue_controller
from towpath.capabilities.portal.templates.context import place_of, run_context, user_known
from towpath.capabilities.portal.templates.descriptor import (
    Descriptor,
    TemplateStep,
    parse_descriptor,
)
from towpath.capabilities.portal.templates.execution import (
    Secrets,
    StepExecution,
    absent,
    log_of,
    render_outputs,
)
from towpath.capabilities.portal.templates.kinds import (
    ADOPT,
    CANCELLED_BY,
    DECISION,
    FAILED,
    FINALIZER,
    NAME_TAKEN,
    ON_FAILURE_ASK,
    RETRY,
    SKIPPED,
    SUCCEEDED,
    TEMPLATE_RUN,
    UNDO,
    log_prefix,
)
from towpath.capabilities.portal.templates.offered import template_controller
from towpath.capabilities.portal.templates.owners import EVERYBODY, AsOfNow, owner_errors
from towpath.capabilities.portal.templates.plan import make_plan
from towpath.capabilities.portal.templates.secrets import (
    NotThereYet,
    forget_secrets,
    secret_errors,
    secrets_of,
)
from towpath.capabilities.portal.templates.seeding import seeding_controller
from towpath.capabilities.portal.templates.sources import materialise, parse_source
from towpath.engines.git.port import GitUnavailable, StaleCommit
from towpath.hooks.approvals import APPROVAL, asks_for
from towpath.hooks.platform import Platform
from towpath.machinery.errors import (
    Conflict,
    NotFound,
    StorageFull,
    TooManyRequests,
    Unavailable,
)
from towpath.machinery.objects import Key, RawObject, annotations_of, is_deleting, uid_of
from towpath.runtime.controller import Controller
from towpath.runtime.outcomes import Stalled
from towpath.runtime.sources import Enqueue, Watch

log = logging.getLogger(__name__)

RUNS_AT_ONCE = 4
PASSING = (GitUnavailable, StaleCommit, Unavailable, TooManyRequests, StorageFull)
"""Errors of the place, not of the template: the step is tried again for a while."""
RETRIES_MAX = 8
SECRETS_WAITS_MAX = 30
"""Looks for a Secret that has not come yet, a second apart."""


def controllers(platform: Platform) -> Sequence[Controller]:
    return (
        template_controller(platform),
        catalogue_controller(platform),
        Controller(
            "templateruns",
            RunReconciler(platform),
            [
                Watch(platform.api, TEMPLATE_RUN),
                Watch(platform.api, APPROVAL, asks_for(TEMPLATE_RUN.kind)),
                _Leftovers(platform),
            ],
            concurrency=RUNS_AT_ONCE,
        ),
        seeding_controller(platform),
    )


class _Cancelled(Exception):
    """The run was deleted or cancelled while it was going on."""


@dataclass(frozen=True, slots=True)
class _Run:
    """A run on its way: its object as we are changing it, and what the API has of it."""

    obj: RawObject
    saved: RawObject
    secrets: Secrets = field(default_factory=lambda: Secrets({}))

    @property
    def key(self) -> tuple[str, str]:
        return self.obj["metadata"]["name"], self.obj["metadata"]["namespace"]


class RunReconciler:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._retries: dict[str, int] = {}
        self._approval = RunApproval(platform)

    async def __call__(self, key: Key) -> float | None:
        try:
            found = await self._platform.api.get(TEMPLATE_RUN, key.name, key.namespace)
        except NotFound:
            await self._platform.logs.forget(log_prefix(key.namespace, key.name))
            return None
        if progress.is_finished(found) and not _shall_begin_again(found):
            await self._release(found)
            return None
        if FINALIZER not in (found["metadata"].get("finalizers") or ()):
            if is_deleting(found):
                return None
            found = await self._set_finalizer(found, present=True)
        try:
            secrets = await self._secrets(found)
        except NotThereYet:
            return 1.0
        run = _Run(found, copy.deepcopy(found), secrets)
        try:
            again_s = await self._proceed(run)
        except _Cancelled:
            again_s = None
            progress.fail(run.obj, *_why_ended(run.obj))
            await self._save(run, check_deletion=False)
            await self._undo(run)
        if progress.is_finished(run.obj):
            await self._release(run.obj)
        return again_s

    async def _secrets(self, run: RawObject) -> Secrets:
        """Raises NotThereYet for a while; without them the run itself says what is missing."""
        waits = f"{uid_of(run)}/secrets"
        try:
            secrets = await secrets_of(self._platform.api, run)
        except NotThereYet:
            self._retries[waits] = self._retries.get(waits, 0) + 1
            if self._retries[waits] < SECRETS_WAITS_MAX and not _shall_end(run):
                raise
            secrets = Secrets({})
        except Stalled as stalled:
            log.warning("secrets of a run are refused", extra={"why": stalled.message})
            secrets = Secrets({})
        self._retries.pop(waits, None)
        return secrets

    async def _proceed(self, run: _Run) -> float | None:
        """Whatever is next for the run; it is finished, or waits for a decision, afterwards.

        Seconds until it is to be looked at again, if any.
        """
        decision = annotations_of(run.obj).get(DECISION, "")
        if decision:
            await self._take_off_decision(run)
        if decision.partition(":")[0] == RETRY and progress.can_begin_again(run.obj):
            progress.begin_again(run.obj, decision.partition(":")[2])
            await self._save(run)
        if progress.phase_of(run.obj) == FAILED:
            await self._settle(run, decision)
            return None
        if _shall_end(run.obj):
            if not run.obj.get("status"):
                progress.refuse(run.obj, *_why_ended(run.obj))
                await self._save(run, check_deletion=False)
                return None
            raise _Cancelled
        if not run.obj.get("status"):
            try:
                await self._plan(run)
            except Stalled as stalled:
                progress.refuse(run.obj, stalled.reason, stalled.message)
                await self._save(run)
                return None
            await self._save(run)
        again_s = await self._decided(run)
        if again_s is None and not progress.is_finished(run.obj):
            await self._execute(run)
        return again_s

    async def _decided(self, run: _Run) -> float | None:
        """None when nobody has to be waited for, or somebody has said no."""
        try:
            again_s = await self._approval(run.obj)
        except Stalled as stalled:
            progress.refuse(run.obj, stalled.reason, stalled.message)
            again_s = None
        await self._save(run)
        return again_s

    async def _settle(self, run: _Run, decision: str) -> None:
        """A failed run: undone at once, or when somebody has said so."""
        if progress.is_undecided(run.obj) and not _shall_end(run.obj):
            if decision == ADOPT:
                progress.adopted(run.obj, run.obj["spec"].get("requestedBy") or "")
                await self._save(run)
                return
            if decision != UNDO:
                return
        progress.undoing(run.obj)
        await self._undo(run)

    async def _take_off_decision(self, run: _Run) -> None:
        patch = {"metadata": {"annotations": {DECISION: None}}}
        written = await self._platform.api.patch(TEMPLATE_RUN, *run.key, patch)
        run.obj["metadata"] = written["metadata"]

    # Plan.

    async def _plan(self, run: _Run) -> None:
        platform = self._platform
        actions = platform.template_actions()
        plan = await make_plan(platform.api, platform.git, actions, run.obj)
        await self._refuse_unknown_owners(plan.raw, run.obj["spec"].get("parameters") or {})
        await self._prepare(run, plan.source, plan.revision)
        wrong = secret_errors(plan.raw, run.secrets.given)
        if wrong:
            raise Stalled("SecretsInvalid", "; ".join(map(str, wrong)))
        given = run_context(run.obj, await self._user(run), await self._place(run), {})
        problems: list[str] = []
        is_taken = True
        for step in plan.descriptor.steps:
            try:
                execution = self._execution(run, step, given)
                if await execution.does_run():
                    await execution.check()
            except PASSING:
                raise
            except Exception as error:  # noqa: BLE001 - whatever speaks against it is told
                problems.append(f"{step.name}: {_sentence(error)}")
                is_taken = is_taken and isinstance(error, NameTaken)
        if problems:
            raise Stalled(NAME_TAKEN if is_taken else "NotPossible", "; ".join(problems))
        template: RawObject = {"descriptor": plan.raw}
        if plan.raw_source is not None:
            template |= {"source": plan.raw_source, "revision": plan.revision}
        progress.begin(run.obj, template, plan.descriptor)

    async def _refuse_unknown_owners(
        self, descriptor: RawObject, parameters: Mapping[str, Any]
    ) -> None:
        """Raises Stalled."""
        errors = await owner_errors(descriptor, parameters, AsOfNow(self._platform))
        if errors:
            raise Stalled("ParametersInvalid", "; ".join(map(str, errors)))

    async def _prepare(self, run: _Run, source: Any, revision: Any) -> None:
        """The run's folder, with the template's files."""
        folder = self._folder(run.obj)
        await asyncio.to_thread((folder / "workspace").mkdir, parents=True, exist_ok=True)
        if source is not None:
            await materialise(self._platform.git, source, revision, folder / "template")

    async def _user(self, run: _Run) -> Mapping[str, Any]:
        name = run.obj["spec"].get("requestedBy") or ""
        return await user_known(self._platform.catalog, EVERYBODY, name)

    async def _place(self, run: _Run) -> Mapping[str, str]:
        return await place_of(self._platform.api, self._platform.addresses.registry(), run.obj)

    # Execute.

    async def _execute(self, run: _Run) -> None:
        descriptor = _planned(run.obj)
        if not await asyncio.to_thread((self._folder(run.obj) / "workspace").is_dir):
            await self._restore(run)
        user, place = await self._user(run), await self._place(run)
        for step, state in progress.template_steps(descriptor, run.obj):
            if state["phase"] in (SUCCEEDED, SKIPPED, FAILED):
                continue
            given = run_context(run.obj, user, place, progress.outputs_of(run.obj))
            await self._perform(run, self._execution(run, step, given), state)
        failed = progress.failed_step(run.obj)
        if failed is not None:
            asks = run.obj["spec"].get("onFailure") == ON_FAILURE_ASK
            message = f"{failed['name']}: {failed.get('message', '')}"
            progress.fail(run.obj, "StepFailed", message, asks=asks)
            await self._save(run, check_deletion=False)
            if not asks:
                await self._undo(run)
            return
        given = run_context(run.obj, user, place, progress.outputs_of(run.obj))
        output = await asyncio.to_thread(render_outputs, descriptor.output, given)
        progress.succeed(run.obj, output)
        await self._save(run)

    async def _restore(self, run: _Run) -> None:
        """The run's folder was lost: read the template again and begin with the first step."""
        template = run.obj["status"]["template"]
        source = parse_source(template["source"]) if "source" in template else None
        await self._prepare(run, source, template.get("revision"))
        progress.start_over(run.obj)

    async def _perform(self, run: _Run, execution: StepExecution, state: RawObject) -> None:
        """Run one step; after one has failed, only if its `if` asks for that."""
        has_failed = progress.failed_step(run.obj) is not None
        if has_failed and not await execution.runs_after_failure():
            progress.step_is_skipped(state, progress.AFTER_FAILURE)
            await self._skipped(run, execution, progress.AFTER_FAILURE)
            return
        if not has_failed and not await execution.does_run():
            progress.step_is_skipped(state)
            await self._skipped(run, execution, "Skipped, because its `if` does not hold.")
            return
        progress.step_begins(state)
        await self._save(run)
        try:
            output = await execution.perform()
        except Exception as error:  # noqa: BLE001 - any error of an action fails the run
            await self._perform_failed(run, execution, state, error)
            return
        progress.step_succeeds(state, run.secrets.hidden(output))
        execution.log.end()
        await self._save(run)

    async def _skipped(self, run: _Run, execution: StepExecution, why: str) -> None:
        execution.log(why)
        execution.log.end()
        await self._save(run)

    async def _perform_failed(
        self, run: _Run, execution: StepExecution, state: RawObject, error: Exception
    ) -> None:
        """The step has failed; or raise the error again while it may pass."""
        message = run.secrets.hide(_sentence(error))
        retry = f"{uid_of(run.obj)}/{execution.step.id}"
        if isinstance(error, PASSING) and self._retries.get(retry, 0) < RETRIES_MAX:
            self._retries[retry] = self._retries.get(retry, 0) + 1
            execution.log(f"Trying again: {message}")
            progress.step_waits(state, message)
            await self._save(run)
            raise error
        self._retries.pop(retry, None)
        if not _is_expected(error):
            log.error("action failed", exc_info=error, extra={"action": execution.action.id})
        execution.log(f"Failed: {message}")
        execution.log.end()
        progress.step_fails(state, message)
        await self._save(run)

    # Undo.

    async def _undo(self, run: _Run) -> None:
        """Take back everything, the last step first. Raises what an undo raised, to be retried."""
        steps = {step.id: step for step in _planned(run.obj).steps}
        user, place = await self._user(run), await self._place(run)
        given = run_context(run.obj, user, place, progress.outputs_of(run.obj))
        for state in progress.to_undo(run.obj):
            execution = self._execution(run, steps[state["id"]], given)
            try:
                await execution.undo()
            except Exception as error:
                progress.undo_fails(run.obj, state, _sentence(error))
                await self._save(run, check_deletion=False)
                raise
            execution.log.end()
            if execution.action.undo is not None or state["phase"] == FAILED:
                progress.step_is_undone(state, was_failed=state["phase"] == FAILED)
            await self._save(run, check_deletion=False)
        progress.undone(run.obj)
        await self._save(run, check_deletion=False)

    # Release.

    async def _release(self, run: RawObject) -> None:
        await forget_secrets(self._platform.api, run)
        await asyncio.to_thread(folders.remove, self._folder(run))
        if FINALIZER in (run["metadata"].get("finalizers") or ()):
            await self._set_finalizer(run, present=False)

    async def _set_finalizer(self, run: RawObject, *, present: bool) -> RawObject:
        metadata = run["metadata"]
        others = [name for name in metadata.get("finalizers") or () if name != FINALIZER]
        patch = {
            "metadata": {
                "resourceVersion": metadata["resourceVersion"],
                "finalizers": [*others, FINALIZER] if present else others,
            }
        }
        name, namespace = metadata["name"], metadata["namespace"]
        try:
            return await self._platform.api.patch(TEMPLATE_RUN, name, namespace, patch)
        except NotFound:
            return run

    async def _save(self, run: _Run, *, check_deletion: bool = True) -> None:
        """Write the changed parts of status. Raises _Cancelled when the run was deleted meanwhile.

        Nobody else writes this status, so the write needs no resourceVersion.
        """
        status, saved = run.obj["status"], run.saved.get("status") or {}
        changed = {key: value for key, value in status.items() if saved.get(key) != value}
        if changed:
            written = await self._platform.api.patch(
                TEMPLATE_RUN, *run.key, {"status": changed}, subresource="status"
            )
            run.obj["metadata"] = written["metadata"]
            run.saved["status"] = copy.deepcopy(status)
        if check_deletion and _shall_end(run.obj):
            raise _Cancelled

    def _execution(self, run: _Run, step: TemplateStep, given: Mapping[str, Any]) -> StepExecution:
        offered = self._platform.template_actions()
        return StepExecution(
            step=step,
            action=offered.get(step.action) or absent(step.action),
            run=run.obj,
            given=given,
            folder=self._folder(run.obj),
            log=log_of(self._platform.logs, run.obj, step, run.secrets),
            secrets=run.secrets,
        )

    def _folder(self, run: RawObject) -> Path:
        return self._platform.data_dir / "runs" / uid_of(run)


@dataclass(frozen=True, slots=True)
class _Leftovers:
    """Once, at the start: folders of runs that are gone or finished."""

    platform: Platform

    async def run(self, enqueue: Enqueue) -> None:
        listed = await self.platform.api.list(TEMPLATE_RUN)
        living: set[str] = {uid_of(run) for run in listed.items if not progress.is_finished(run)}
        root = self.platform.data_dir / "runs"
        await asyncio.to_thread(_remove_others, root, living)


def _remove_others(root: Path, living: set[str]) -> None:
    if root.is_dir():
        for folder in root.iterdir():
            if folder.name not in living:
                folders.remove(folder)


def _shall_end(run: RawObject) -> bool:
    return is_deleting(run) or CANCELLED_BY in annotations_of(run)


def _shall_begin_again(run: RawObject) -> bool:
    wanted = annotations_of(run).get(DECISION, "").partition(":")[0]
    return wanted == RETRY and progress.can_begin_again(run) and not _shall_end(run)


def _why_ended(run: RawObject) -> tuple[str, str]:
    """Reason and message."""
    if is_deleting(run):
        return "Deleted", "The run was deleted before it was finished."
    return "Cancelled", f"{annotations_of(run)[CANCELLED_BY]} cancelled it."


def _planned(run: RawObject) -> Descriptor:
    """The template as it was when the run began, whatever has become of it since."""
    return parse_descriptor(run["status"]["template"]["descriptor"])


def _sentence(error: Exception) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return "it did not finish in time"
    return str(error) or type(error).__name__


def _is_expected(error: Exception) -> bool:
    """Errors whose text was written for the user; anything else is a defect to be logged."""
    return not isinstance(error, TypeError | KeyError | AttributeError | AssertionError | Conflict)
