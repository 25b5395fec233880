"""Pipelines: a push runs the repository's workflow files, each as a PipelineRun.

- The same push is one run, however often it is heard of: the run's name says repository, workflow
  and commit. Which heads have been seen is kept beside them, so that a restart starts nothing anew
  and a push that a crash has swallowed is found.
- A run goes on after a crash: finished jobs keep their results, others begin again.
- What runs is the engine's affair (engines/ci); here are the object, the triggers, the queue, the
  logs' addresses and the commands.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="pipelines",
    summary="Runs GitHub Actions workflow files when somebody pushes",
    kinds=".kinds:KINDS",
    controllers=".reconcile:controllers",
    commands=".commands:COMMANDS",
    pages=".pages:PAGES",
    reads=".reads:reads",
)
