"""function-auto-ready: a composed resource is ready when its own Ready condition says so."""

from towpath.capabilities.infrastructure.compositions.functions.contract import Request, State
from towpath.machinery.conditions import is_true


def auto_ready(request: Request, state: State) -> State:
    for name, desired in state.resources.items():
        observed = request.observed.get(name)
        if desired.ready is None and observed and is_true(observed.resource, "Ready"):
            desired.ready = True
    return state
