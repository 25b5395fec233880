"""The actions that `uses:` can name here. Everything else is refused before a run starts.

An action is a function of the job's work and its own inputs: no action's code is downloaded. Each
does what a workflow that also runs on GitHub expects of it.
"""

from towpath.engines.ci.actions.catalogue import ACTIONS, check_actions
from towpath.engines.ci.actions.contract import ActionCall, ActionFailed

__all__ = ["ACTIONS", "ActionCall", "ActionFailed", "check_actions"]
