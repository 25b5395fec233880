"""How actions are done, one file per backend; a backend knows an Order and nothing of the run.

Before it acts, what a restart needs to know is written down: `prepare` answers it. Acting twice
for one run does it once. What is done to the API is done as the requester.
"""

from collections.abc import Mapping

from towpath.capabilities.portal.actions.backends.commit import CommitBackend
from towpath.capabilities.portal.actions.backends.function import FunctionBackend
from towpath.capabilities.portal.actions.backends.manifest import ObjectBackend
from towpath.capabilities.portal.actions.backends.order import (
    Backend,
    NothingToUndo,
    Order,
    Refused,
    Result,
)
from towpath.capabilities.portal.actions.backends.template import TemplateBackend
from towpath.capabilities.portal.actions.backends.webhook import WebhookBackend
from towpath.capabilities.portal.actions.backends.workflow import WorkflowBackend
from towpath.hooks.platform import Platform

__all__ = ["Backend", "NothingToUndo", "Order", "Refused", "Result", "backends_of"]


def backends_of(platform: Platform) -> Mapping[str, Backend]:
    return {
        "webhook": WebhookBackend(platform),
        "workflow": WorkflowBackend(platform),
        "object": ObjectBackend(platform),
        "commit": CommitBackend(platform),
        "template": TemplateBackend(platform),
        "function": FunctionBackend(platform),
    }
