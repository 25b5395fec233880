"""PipelineRun: one execution of one workflow file for one commit."""

import hashlib
import re

from towpath.machinery.kinds import (
    AGE,
    CONDITIONS_SCHEMA,
    Column,
    custom_resource_definition,
    towpath_resource,
)
from towpath.machinery.objects import RawObject

PIPELINE_RUN = towpath_resource("PipelineRun", "pipelineruns")

PENDING = "Pending"
RUNNING = "Running"
SUCCEEDED = "Succeeded"
FAILED = "Failed"
CANCELLED = "Cancelled"
SKIPPED = "Skipped"
RUN_PHASES = (PENDING, RUNNING, SUCCEEDED, FAILED, CANCELLED)
FINISHED = (SUCCEEDED, FAILED, CANCELLED)
STEP_PHASES = (*RUN_PHASES, SKIPPED)

REPOSITORY_LABEL = "towpath.dev/repository"
WORKFLOW_LABEL = "towpath.dev/workflow"
COMMIT_LABEL = "towpath.dev/commit"
FINALIZER = "towpath.dev/pipelines"
"""A run that is deleted is gone when its programs, its folder and its logs are."""

COMMIT_CHARACTERS = 10
NAME_CHARACTERS_MAX = 200


def _fixed(schema: RawObject) -> RawObject:
    """A field that keeps its first value. Each has a default or is required, so none can go."""
    rule = {"rule": "self == oldSelf", "message": "a run is immutable; only cancel can be set"}
    return {**schema, "x-kubernetes-validations": [rule]}


_SPEC: RawObject = {
    "type": "object",
    "required": ["repository", "ref", "commit", "workflow"],
    "properties": {
        "repository": _fixed(
            {
                "type": "string",
                "minLength": 1,
                "maxLength": 100,
                "description": "The name of a repository of this project.",
            }
        ),
        "ref": _fixed(
            {
                "type": "string",
                "pattern": "^refs/",
                "maxLength": 500,
                "description": "The branch or tag that was pushed: `refs/heads/main`.",
            }
        ),
        "commit": _fixed(
            {
                "type": "string",
                "pattern": "^[0-9a-f]{40}([0-9a-f]{24})?$",
                "description": "The commit that is run.",
            }
        ),
        "before": _fixed(
            {
                "type": "string",
                "default": "",
                "maxLength": 64,
                "description": 'The commit that the ref had before the push, "" for a new ref.',
            }
        ),
        "workflow": _fixed(
            {
                "type": "string",
                "pattern": "^\\.github/workflows/[^/]+\\.ya?ml$",
                "maxLength": 200,
                "description": "The workflow file's path in the repository.",
            }
        ),
        "event": _fixed(
            {
                "type": "string",
                "enum": ["push", "pull_request", "workflow_dispatch"],
                "default": "push",
                "description": "What happened; the file must name it under `on`.",
            }
        ),
        "actor": _fixed(
            {
                "type": "string",
                "default": "",
                "maxLength": 253,
                "description": "Who pushed.",
            }
        ),
        "attempt": _fixed(
            {
                "type": "integer",
                "minimum": 1,
                "maximum": 1000,
                "default": 1,
                "description": "More than 1 for a run that was started again.",
            }
        ),
        "inputs": _fixed(
            {
                "type": "object",
                "maxProperties": 25,
                "default": {},
                "additionalProperties": {"type": "string", "maxLength": 10_000},
                "description": "The inputs of a workflow_dispatch.",
            }
        ),
        "cancel": {
            "type": "boolean",
            "default": False,
            "description": "Set it to stop the run; it cannot be taken back.",
            "x-kubernetes-validations": [
                {"rule": "self || !oldSelf", "message": "a cancelled run stays cancelled"}
            ],
        },
    },
}

_TIMES: RawObject = {
    "startedAt": {"type": "string", "format": "date-time"},
    "finishedAt": {"type": "string", "format": "date-time"},
}

_STEP: RawObject = {
    "type": "object",
    "required": ["number", "name", "phase"],
    "properties": {
        "number": {"type": "integer"},
        "name": {"type": "string"},
        "phase": {"type": "string", "enum": list(STEP_PHASES)},
        **_TIMES,
        "exitCode": {"type": "integer"},
        "message": {"type": "string"},
    },
}

_JOB: RawObject = {
    "type": "object",
    "required": ["id", "job", "name", "phase"],
    "properties": {
        "id": {"type": "string", "description": "With the position in its matrix: `test.2`."},
        "job": {"type": "string", "description": "The job's key in the workflow file."},
        "name": {"type": "string"},
        "phase": {"type": "string", "enum": list(STEP_PHASES)},
        "tolerated": {"type": "boolean", "description": "It failed, and that counts as success."},
        "matrix": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "matrixSize": {"type": "integer"},
        **_TIMES,
        "message": {"type": "string"},
        "outputs": {"type": "object", "additionalProperties": {"type": "string"}},
        "steps": {"type": "array", "items": _STEP},
    },
}

_STATUS: RawObject = {
    "type": "object",
    "properties": {
        "phase": {
            "type": "string",
            "enum": list(RUN_PHASES),
            "description": "How far it is.",
        },
        "title": {
            "type": "string",
            "description": "`run-name`, or the first line of the commit's message.",
        },
        "message": {
            "type": "string",
            "description": "Why it failed and where the log is, or what it waits for.",
        },
        "progress": {"type": "string", "description": "Finished jobs of all jobs: `1/3`."},
        **_TIMES,
        "jobs": {
            "type": "array",
            "items": _JOB,
            "description": "A matrix is as many jobs as it has combinations.",
        },
        "warnings": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What is in the file and has no effect here.",
        },
        "observedGeneration": {"type": "integer"},
        "conditions": CONDITIONS_SCHEMA,
    },
}

PIPELINE_RUN_CRD = custom_resource_definition(
    PIPELINE_RUN,
    spec=_SPEC,
    status=_STATUS,
    columns=(
        Column("Repository", ".spec.repository"),
        Column("Phase", ".status.phase"),
        Column("Jobs", ".status.progress"),
        Column("Event", ".spec.event", priority=1),
        Column("Ref", ".spec.ref", priority=1),
        Column("Commit", ".spec.commit", priority=1),
        Column("Message", ".status.message", priority=1),
        AGE,
    ),
    short_names=("run", "runs"),
    categories=("towpath",),
    selectable=(".status.phase",),
)

KINDS = (PIPELINE_RUN_CRD,)


def run_name(
    repository: str, workflow: str, commit: str, attempt: int = 1, *, ambiguous: bool = False
) -> str:
    """The name that a push gives its run, so that the same push twice is one run.

    `ambiguous`: another workflow file of the commit has the same stem.
    """
    stem = workflow.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    words = f"{repository}-{stem}"
    slug = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
    if ambiguous or slug != words or len(slug) > NAME_CHARACTERS_MAX:
        # Something was lost on the way to a name: `CI.yaml` and `ci.yaml` must not be one run.
        digest = hashlib.sha256(f"{repository}/{workflow}".encode()).hexdigest()[:6]
        slug = f"{slug[:NAME_CHARACTERS_MAX]}-{digest}"
    name = f"{slug}-{commit[:COMMIT_CHARACTERS]}"
    return name if attempt == 1 else f"{name}-{attempt}"


def label_value(text: str) -> str:
    """At most 63 characters that a label's value may have, for finding, not for reading back."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:63].strip("-._")


def log_prefix(project: str, run: str) -> str:
    """What the names of a run's log streams begin with."""
    return f"pipelinerun/{project}/{run}/"


def log_stream(project: str, run: str, job: str, step: int) -> str:
    return f"{log_prefix(project, run)}{job}/{step}"


def phase_of(run: RawObject) -> str:
    phase: str = (run.get("status") or {}).get("phase") or PENDING
    return phase


def is_finished(run: RawObject) -> bool:
    return phase_of(run) in FINISHED
