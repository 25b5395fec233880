"""The actions that steps can use: files in the workspace, and what the platform makes of them.

Each is idempotent per run, and what makes something outside the workspace can undo it.
"""

from collections.abc import Mapping

from towpath.capabilities.portal.templates.actions import remotes
from towpath.capabilities.portal.templates.actions.adoption import (
    commit_action,
    propose_action,
    read_action,
)
from towpath.capabilities.portal.templates.actions.catalogue import fetch_action, register_action
from towpath.capabilities.portal.templates.actions.fetching import fetch_actions
from towpath.capabilities.portal.templates.actions.files import WORKSPACE_ACTIONS
from towpath.capabilities.portal.templates.actions.proposals import propose_actions
from towpath.capabilities.portal.templates.actions.publishing import publish_actions
from towpath.capabilities.portal.templates.actions.repository import publish_action
from towpath.capabilities.portal.templates.actions.web import http_actions
from towpath.capabilities.portal.templates.actions.workload import workload_action
from towpath.hooks.platform import Platform
from towpath.hooks.templates import TemplateAction


def actions(platform: Platform) -> Mapping[str, TemplateAction]:
    offered = (
        *fetch_actions(remotes.reader(platform)),
        *WORKSPACE_ACTIONS,
        *http_actions(platform.api),
        *publish_actions(platform),
        *propose_actions(platform.api),
        fetch_action(platform.catalog),
        publish_action(platform),
        workload_action(platform),
        register_action(platform),
        read_action(platform.git, platform.api),
        propose_action(platform.git),
        commit_action(platform),
    )
    return {action.id: action for action in offered}
