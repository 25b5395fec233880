"""Templates that are offered: one that cannot run says so at itself, before anybody tries."""

from dataclasses import dataclass
from typing import Any

from towpath.capabilities.portal.templates.descriptor import DescriptorInvalid, parse_descriptor
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE
from towpath.capabilities.portal.templates.plan import refuse_unknown_actions
from towpath.capabilities.portal.templates.sources import source_of
from towpath.hooks.platform import Platform
from towpath.machinery.objects import key_of
from towpath.runtime.controller import Controller
from towpath.runtime.outcomes import Stalled
from towpath.runtime.sources import Enqueue, Watch
from towpath.runtime.steps import Subject, stepwise


def template_controller(platform: Platform) -> Controller:
    return Controller(
        "softwaretemplates",
        _template_check(platform),
        [Watch(platform.api, SOFTWARE_TEMPLATE), _NewActions(platform)],
    )


@dataclass(frozen=True, slots=True)
class _NewActions:
    """Every template again when a plug-in has brought actions: one may be what it waits for."""

    platform: Platform

    async def run(self, enqueue: Enqueue) -> None:
        if self.platform.template_actions_changed is None:
            return
        async for _ in self.platform.template_actions_changed():
            for template in (await self.platform.api.list(SOFTWARE_TEMPLATE)).items:
                enqueue(key_of(template))


def _template_check(platform: Platform) -> Any:
    async def valid(subject: Subject) -> None:
        """A template that cannot run says so where it is offered."""
        try:
            descriptor = parse_descriptor(subject.spec["descriptor"])
        except DescriptorInvalid as error:
            raise Stalled("TemplateInvalid", str(error)) from error
        refuse_unknown_actions(descriptor, platform.template_actions())
        source_of(subject.obj)

    return stepwise(platform.api, SOFTWARE_TEMPLATE, [valid], ready_message="It can be run.")
