"""What happens next: decided from workflow and state alone."""

import pytest

from towpath.engines.ci import planning
from towpath.engines.ci.planning import Plan
from towpath.engines.ci.state import JobState, Phase, RunState, StepState
from towpath.engines.ci.workflow import read_workflow

STEPS = "runs-on: x, steps: [{run: y}]"


class Play:
    """A run whose jobs finish as the test says."""

    def __init__(self, jobs: str) -> None:
        workflow = read_workflow("ci.yaml", f"on: push\njobs:\n{jobs}")
        self.plan = Plan(workflow, {"github": {"ref": "main"}, "inputs": {}, "vars": {}})
        self.state = planning.first_state(workflow)
        self.cancelled = False
        self._clock = 0.0

    def ready(self) -> list[str]:
        found = planning.advance(self.plan, self.state, cancelled=self.cancelled)
        return [job.id for job in found]

    def start(self) -> list[str]:
        started = self.ready()
        for job_id in started:
            self.job(job_id).phase = Phase.RUNNING
        return started

    def finish(self, job_id: str, phase: str = "Succeeded", **outputs: str) -> None:
        self._clock += 1
        job = self.job(job_id)
        job.phase = Phase(phase)
        job.finished_s = self._clock
        job.outputs = outputs

    def job(self, job_id: str) -> JobState:
        return next(job for job in self.state.jobs if job.id == job_id)

    def phase(self, job_id: str) -> str:
        return str(self.job(job_id).phase)


def test_jobs_start_when_their_needs_have_succeeded() -> None:
    play = Play(f"""
  a: {{{STEPS}}}
  b: {{{STEPS}}}
  c: {{needs: [a, b], {STEPS}}}
""")
    assert play.start() == ["a", "b"]
    play.finish("a")
    assert play.start() == []
    play.finish("b")
    assert play.start() == ["c"]
    assert not planning.is_finished(play.state)
    play.finish("c")
    assert planning.is_finished(play.state)
    assert planning.result(play.state, cancelled=False) is Phase.SUCCEEDED


CONDITIONS = [
    ("", "Succeeded", "Pending", "success by default"),
    ("", "Failed", "Skipped", "skipped after a failure"),
    ("", "Skipped", "Skipped", "skipped after one that was skipped"),
    ("", "Cancelled", "Skipped", "skipped after one that was cancelled"),
    ("always()", "Failed", "Pending", "always runs after a failure"),
    ("always()", "Skipped", "Pending", "and after one that was skipped"),
    ("failure()", "Failed", "Pending", "failure runs after a failure"),
    ("failure()", "Succeeded", "Skipped", "and not after success"),
    ("failure()", "Cancelled", "Skipped", "and not after a cancelled one"),
    ("success() || failure()", "Failed", "Pending", "either"),
    ("needs.a.result == 'failure'", "Failed", "Skipped", "success is implied without a status"),
    ("always() && needs.a.result == 'skipped'", "Skipped", "Pending", "asking for the result"),
    ("!cancelled()", "Failed", "Pending", "not cancelled"),
    ("github.ref == 'main'", "Succeeded", "Pending", "a condition that holds"),
    ("github.ref == 'other'", "Succeeded", "Skipped", "one that does not"),
]


@pytest.mark.parametrize(
    ("condition", "first", "second"),
    [pytest.param(text, first, second, id=reason) for text, first, second, reason in CONDITIONS],
)
def test_condition_of_a_job(condition: str, first: str, second: str) -> None:
    play = Play(f"""
  a: {{{STEPS}}}
  b: {{needs: a, if: "{condition}", {STEPS}}}
""")
    play.start()
    play.finish("a", first)
    assert ("b" in play.ready()) == (second == "Pending")
    assert play.phase("b") == second


def test_a_failure_is_felt_by_everybody_further_down() -> None:
    play = Play(f"""
  a: {{{STEPS}}}
  b: {{needs: a, if: always(), {STEPS}}}
  c: {{needs: b, {STEPS}}}
  d: {{needs: b, if: failure(), {STEPS}}}
""")
    play.start()
    play.finish("a", "Failed")
    assert play.start() == ["b"]
    play.finish("b")
    assert play.start() == ["d"]
    assert play.phase("c") == "Skipped"


def test_skipping_goes_on_in_one_step() -> None:
    play = Play(f"""
  a: {{if: github.ref == 'other', {STEPS}}}
  b: {{needs: a, {STEPS}}}
  c: {{needs: b, {STEPS}}}
""")
    assert play.ready() == []
    assert planning.is_finished(play.state)
    assert planning.result(play.state, cancelled=False) is Phase.SUCCEEDED


def test_outputs_and_results_reach_who_names_the_job() -> None:
    play = Play(f"""
  a: {{{STEPS}}}
  b: {{needs: a, if: "needs.a.outputs.go == 'yes'", {STEPS}}}
""")
    play.start()
    play.finish("a", go="yes")
    assert play.start() == ["b"]
    context = planning.needs_context(play.state, play.plan.workflow.jobs["b"])
    assert context == {"a": {"result": "success", "outputs": {"go": "yes"}}}


MATRIX = """
  m:
    strategy: {matrix: {v: [1, 2, 3]}, max-parallel: 2}
    runs-on: x
    steps: [{run: y}]
  after: {needs: m, runs-on: x, steps: [{run: y}]}
"""


def test_a_matrix_becomes_as_many_jobs_at_most_so_many_at_once() -> None:
    play = Play(MATRIX)
    assert play.start() == ["m.1", "m.2"]
    assert [job.name for job in play.state.jobs] == ["m (1)", "m (2)", "m (3)", "after"]
    assert play.start() == []
    play.finish("m.2", answer="two")
    assert play.start() == ["m.3"]
    play.finish("m.3", answer="three")
    play.finish("m.1", answer="")
    assert play.start() == ["after"]
    assert planning.outputs_of(play.state, "m") == {"answer": "three"}


def test_one_failure_dooms_the_rest_of_a_matrix() -> None:
    play = Play(MATRIX)
    play.start()
    play.finish("m.1", "Failed")
    assert [job.id for job in planning.to_cancel(play.plan, play.state)] == ["m.2", "m.3"]
    play.finish("m.2", "Cancelled")
    play.finish("m.3", "Cancelled")
    play.ready()
    assert planning.result_of(play.state, "m") == "failure"
    assert play.phase("after") == "Skipped"
    assert planning.result(play.state, cancelled=False) is Phase.FAILED


@pytest.mark.parametrize("fail_fast", ["false", "\"${{ github.ref != 'main' }}\""])
def test_without_fail_fast_the_rest_goes_on(fail_fast: str) -> None:
    play = Play(MATRIX.replace("max-parallel: 2", f"fail-fast: {fail_fast}"))
    play.start()
    play.finish("m.1", "Failed")
    assert planning.to_cancel(play.plan, play.state) == []


def test_a_tolerated_failure_dooms_nobody() -> None:
    play = Play(MATRIX)
    play.start()
    play.finish("m.1", "Failed")
    play.job("m.1").tolerated = True
    assert planning.to_cancel(play.plan, play.state) == []
    assert play.job("m.1").result == "success"


def test_a_matrix_may_come_from_an_earlier_job() -> None:
    play = Play(f"""
  a: {{{STEPS}}}
  b: {{needs: a, strategy: {{matrix: "${{{{ fromJSON(needs.a.outputs.m) }}}}"}}, {STEPS}}}
""")
    play.start()
    play.finish("a", m='{"v": ["x", "y"]}')
    assert play.start() == ["b.1", "b.2"]
    assert play.job("b.2").matrix == {"v": "y"}


@pytest.mark.parametrize(
    "output", [pytest.param("", id="nothing"), pytest.param('{"v": []}', id="an empty vector")]
)
def test_a_matrix_that_cannot_be_computed_fails_the_job(output: str) -> None:
    play = Play(f"""
  a: {{{STEPS}}}
  b: {{needs: a, strategy: {{matrix: "${{{{ fromJSON(needs.a.outputs.m) }}}}"}}, {STEPS}}}
  c: {{needs: b, if: failure(), {STEPS}}}
""")
    play.start()
    play.finish("a", m=output)
    assert play.start() == ["c"]
    assert play.phase("b") == "Failed"
    assert "could not begin" in play.job("b").message


def test_after_a_cancel_only_who_asks_for_it_still_starts() -> None:
    play = Play(f"""
  a: {{{STEPS}}}
  b: {{needs: a, {STEPS}}}
  c: {{needs: a, if: always(), {STEPS}}}
  d: {{needs: a, if: cancelled(), {STEPS}}}
  e: {{needs: a, if: failure(), {STEPS}}}
""")
    play.start()
    play.cancelled = True
    play.finish("a", "Cancelled")
    assert play.start() == ["c", "d"]
    assert {job: play.phase(job) for job in "be"} == {"b": "Cancelled", "e": "Cancelled"}
    play.finish("c")
    play.finish("d")
    assert planning.result(play.state, cancelled=True) is Phase.CANCELLED


def test_a_restart_keeps_what_is_finished() -> None:
    state = RunState(
        [
            JobState("a", "a", "a", Phase.SUCCEEDED, outputs={"x": "1"}),
            JobState(
                "b.1",
                "b",
                "b (1)",
                Phase.RUNNING,
                matrix={"v": 1},
                matrix_size=1,
                started_s=1.0,
                steps=[StepState(1, "x", Phase.RUNNING)],
            ),
        ]
    )
    state.begin_again()
    assert state.jobs[0].outputs == {"x": "1"}
    assert (state.jobs[1].phase, state.jobs[1].steps) == (Phase.PENDING, [])
    assert state.jobs[1].matrix == {"v": 1}
