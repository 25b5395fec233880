"""Workflow files: from YAML to a checked Workflow, or to a list of problems with their lines.

places    YAML as places: each value knows its line and its path in the file
model     what a workflow file says
reading   places to model; unknown keys, bad needs and cycles are problems
contexts  which contexts and functions an expression may use where
triggers  whether an event starts a workflow
"""

from towpath.engines.ci.workflow.model import Job, Step, Strategy, Workflow
from towpath.engines.ci.workflow.places import Problem, WorkflowInvalid
from towpath.engines.ci.workflow.reading import read_workflow
from towpath.engines.ci.workflow.triggers import Event, is_triggered

__all__ = [
    "Event",
    "Job",
    "Problem",
    "Step",
    "Strategy",
    "Workflow",
    "WorkflowInvalid",
    "is_triggered",
    "read_workflow",
]
