"""What a plug-in offers, as the hooks that built-ins use: tabs, checks, template actions and
sources of the catalogue.

A tab and a check never raise: whatever is wrong is a plain sentence in their place.
"""

import asyncio
import logging
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from towpath.app.plugins.asking import Asked
from towpath.app.plugins.process import HookFailed
from towpath.app.plugins.supervised import NotNow, SupervisedPlugin
from towpath.hooks.blocks import Block, BlocksInvalid, Text, is_safe_link, parse_blocks
from towpath.hooks.checks import Outcome, ServiceCheck, Verdict
from towpath.hooks.pages import Visit
from towpath.hooks.sources import PluginSource, PluginSourceUnread
from towpath.hooks.tabs import Service, ServiceTab
from towpath.hooks.templates import ActionContext, TemplateAction
from towpath.machinery.objects import RawObject
from towpath.plugin.wire import ActionOffer, CheckOffer, SourceOffer, TabOffer, VerdictSent

log = logging.getLogger(__name__)

TAB_DEADLINE_S = 2.0
CHECK_DEADLINE_S = 2.0
ACTION_DEADLINE_S = 110.0
"""Shorter than that of a step, so that it is told whose it was."""
SOURCE_DEADLINE_S = 300.0


class ActionFailed(Exception):
    """The step cannot be done; `str()` is one sentence for the person who asked for the run."""


def tab_of(plugin: SupervisedPlugin, offer: TabOffer) -> ServiceTab:
    async def show(visit: Visit, service: Service) -> Sequence[Block]:
        try:
            data = await plugin.ask(
                "tab",
                offer.key,
                _subject(visit, service),
                title=f"The tab {offer.label}",
                deadline_s=TAB_DEADLINE_S,
                asked=Asked(visit.api, service.project),
            )
            return parse_blocks(data)
        except NotNow as error:
            return [Text(str(error), tone="warn")]
        except BlocksInvalid:
            return [Text(f"The plug-in {plugin.name} sent what cannot be shown.", tone="warn")]

    return ServiceTab(f"{plugin.name}.{offer.key}", offer.label, show, plugin.name)


def check_of(plugin: SupervisedPlugin, offer: CheckOffer) -> ServiceCheck:
    async def run(visit: Visit, service: Service) -> Verdict:
        try:
            data = await plugin.ask(
                "check",
                offer.id,
                _subject(visit, service),
                title=f"The check {offer.title}",
                deadline_s=CHECK_DEADLINE_S,
                asked=Asked(visit.api, service.project),
            )
            return _verdict(msgspec.convert(data, VerdictSent))
        except NotNow as error:
            return Verdict(Outcome.UNKNOWN, str(error))
        except msgspec.ValidationError:
            return Verdict(Outcome.UNKNOWN, f"The plug-in {plugin.name} sent no verdict.")

    return ServiceCheck(f"{plugin.name}.{offer.id}", offer.title, offer.why, run, plugin.name)


def _verdict(sent: VerdictSent) -> Verdict:
    href = sent.href if is_safe_link(sent.href) else ""
    return Verdict(Outcome(sent.outcome), sent.sentence, sent.fix, href)


def _subject(visit: Visit, service: Service) -> dict[str, Any]:
    return {
        "project": service.project,
        "name": service.name,
        "object": service.object,
        "visitor": visit.user.name,
    }


def action_of(plugin: SupervisedPlugin, offer: ActionOffer) -> TemplateAction:
    async def perform(hook: str, context: ActionContext) -> dict[str, Any]:
        subject = {
            "project": context.project,
            "run": context.run,
            "step": context.step,
            "input": context.input,
            "workspace": str(context.workspace.absolute()),
            "template": str(context.template.absolute()),
            "user": context.user,
        }
        template = context.template.absolute()
        try:
            outputs = await plugin.perform(
                hook,
                offer.id,
                subject,
                deadline_s=ACTION_DEADLINE_S,
                workspace=context.workspace.absolute(),
                template=template if template.exists() else context.workspace.absolute(),
                log=context.log,
            )
        except HookFailed as failed:
            raise ActionFailed(_sentence(plugin, failed)) from failed
        if odd := await asyncio.to_thread(_remove_odd_files, context.workspace):
            raise ActionFailed(
                f"the plug-in {plugin.name} left {', '.join(odd[:5])} in the workspace; "
                "only files and folders may be there"
            )
        return outputs if isinstance(outputs, dict) else {}

    async def run(context: ActionContext) -> dict[str, Any]:
        return await perform("run", context)

    async def undo(context: ActionContext) -> None:
        await perform("undo", context)

    return TemplateAction(
        id=offer.id,
        description=offer.description,
        input_schema=offer.input,
        run=run,
        undo=undo if offer.can_undo else None,
    )


def source_of(plugin: SupervisedPlugin, offer: SourceOffer) -> PluginSource:
    async def read(
        source: str, settings: RawObject, secret: Mapping[str, str]
    ) -> Sequence[RawObject]:
        def say(text: str) -> None:
            log.info("plug-in says", extra={"plugin": plugin.name, "source": source, "text": text})

        subject = {"source": source, "settings": settings, "secret": dict(secret)}
        try:
            return await plugin.read(offer.id, subject, deadline_s=SOURCE_DEADLINE_S, log=say)
        except HookFailed as failed:
            raise PluginSourceUnread(_sentence(plugin, failed)) from failed

    return PluginSource(offer.title, offer.settings, read)


def _sentence(plugin: SupervisedPlugin, failed: HookFailed) -> str:
    if failed.mild:
        return failed.message or str(failed)
    place = f" at {failed.where}" if failed.where else ""
    said = f": {failed.message}" if failed.message else ""
    return f"{failed}{place}{said} (plug-in {plugin.name})"


def _remove_odd_files(root: Path) -> list[str]:
    """Pipes, sockets and devices: whoever reads the workspace next would wait for them for ever."""
    odd = []
    for folder, _, files in os.walk(root):
        for name in files:
            path = Path(folder, name)
            mode = path.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
                path.unlink()
                odd.append(path.relative_to(root).as_posix())
    return odd
