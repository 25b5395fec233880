"""What makes pipelines happen.

pushes      hears of pushes, and looks at every repository once at the start
triggers    a repository's key in, PipelineRuns for what was pushed out
heads       which heads have been dealt with, kept in a ConfigMap
executions  the queue of runs and those that run
orders      a PipelineRun to what the engine is told
progress    what the engine tells to status, and back after a restart
retention   old runs go
"""

from collections.abc import Sequence

from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.pipelines.reconcile.executions import Executions
from towpath.capabilities.delivery.pipelines.reconcile.heads import HeadsSeen, Remembered
from towpath.capabilities.delivery.pipelines.reconcile.orders import Orders
from towpath.capabilities.delivery.pipelines.reconcile.pushes import Pushes
from towpath.capabilities.delivery.pipelines.reconcile.triggers import Triggers
from towpath.engines.ci.engine import CIEngine
from towpath.hooks.platform import Platform
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Watch


def controllers(platform: Platform) -> Sequence[Controller]:
    pushes = Pushes(platform.git)
    remembered = Remembered(HeadsSeen(platform.api))
    triggers = Triggers(platform.api, platform.git, pushes)
    engine = CIEngine(
        git=platform.git,
        processes=platform.processes,
        logs=platform.logs,
        runs_dir=platform.data_dir / "ci",
        cache_dir=platform.cache_dir / "ci",
    )
    executions = Executions(platform.api, platform.logs, engine, Orders(platform))
    return (
        Controller("pipeline-triggers", triggers.reconcile, (pushes, remembered)),
        Controller(
            "pipeline-runs",
            executions.reconcile,
            (executions, Watch(platform.api, PIPELINE_RUN)),
        ),
    )
