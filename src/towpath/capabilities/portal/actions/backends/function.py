"""`function`: what plug-ins bring for templates' steps, called once for a run of an action."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from towpath.capabilities.portal.actions.backends.order import NothingToUndo, Order, Refused, Result
from towpath.hooks.forms import form_errors
from towpath.hooks.platform import Platform
from towpath.hooks.templates import ActionContext, TemplateAction
from towpath.machinery.objects import RawObject
from towpath.runtime.outcomes import Waiting


@dataclass(frozen=True, slots=True)
class FunctionBackend:
    platform: Platform
    can_undo: bool = False

    async def prepare(self, order: Order) -> RawObject:
        action = self._action(order)
        errors = form_errors(action.input_schema, order.plan.get("input") or {})
        if errors:
            field, why = next(iter(errors.items()))
            raise Refused(f"{action.id}: {field or 'its input'}: {why}")
        return {"canUndo": action.undo is not None}

    async def act(self, order: Order) -> Result:
        action, folder = self._action(order), await self._folder(order)
        try:
            outputs = await action.run(self._context(order, folder))
        except (OSError, asyncio.CancelledError):
            raise
        except Exception as error:
            raise Refused(f"{action.id}: {error}") from error
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        return Result(f"{action.id} is done.", (), outputs or {})

    async def cancel(self, order: Order) -> None:
        """It has a deadline of its own."""

    async def undo(self, order: Order) -> Result:
        action = self._action(order)
        if action.undo is None:
            raise NothingToUndo(f"{action.id} knows no way back.")
        folder = await self._folder(order)
        try:
            await action.undo(self._context(order, folder))
        except (OSError, asyncio.CancelledError):
            raise
        except Exception as error:
            raise Refused(f"{action.id}: {error}") from error
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        return Result(f"What {action.id} did is taken back.")

    def _action(self, order: Order) -> TemplateAction:
        name = order.plan["name"]
        found = self.platform.template_actions().get(name)
        if found is None:
            raise Waiting(
                "FunctionNotHere",
                f"There is no function {name}: its plug-in is starting, switched off or not "
                "installed; the page About says which.",
                after_s=10,
            )
        return found

    async def _folder(self, order: Order) -> Path:
        folder = self.platform.data_dir / "actions" / order.uid
        for part in ("workspace", "template"):
            await asyncio.to_thread((folder / part).mkdir, parents=True, exist_ok=True)
        return folder

    def _context(self, order: Order, folder: Path) -> ActionContext:
        return ActionContext(
            project=order.project,
            run=order.run,
            step="run",
            input=dict(order.plan.get("input") or {}),
            workspace=folder / "workspace",
            template=folder / "template",
            log=order.log,
            user=order.requester.name,
        )
