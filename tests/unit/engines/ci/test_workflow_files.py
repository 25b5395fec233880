"""Reading workflow files: what they say, and what is wrong with them."""

import textwrap

import pytest

from towpath.engines.ci.workflow import Workflow, WorkflowInvalid, read_workflow
from towpath.engines.ci.workflow.model import DispatchTrigger, PushTrigger
from towpath.engines.ci.workflow.needs import ancestors

FILE = ".github/workflows/ci.yaml"

WHOLE = """
name: CI
run-name: Build of ${{ github.ref_name }}
on:
  push:
    branches: [main, 'release/**']
    paths-ignore: ['docs/**']
  pull_request:
  workflow_dispatch:
    inputs:
      level:
        type: choice
        options: [low, high]
        default: low
        required: true
  schedule:
    - cron: '0 0 * * *'
permissions: read-all
env:
  MODE: fast
  COUNT: 3
defaults:
  run:
    shell: bash
concurrency:
  group: ci-${{ github.ref }}
  cancel-in-progress: true
jobs:
  test:
    name: Test on ${{ matrix.python }}
    runs-on: ${{ matrix.os }}
    strategy:
      fail-fast: false
      max-parallel: 2
      matrix:
        os: [ubuntu-latest]
        python: ['3.11', 3.12]
        include:
          - python: '3.13'
            experimental: yes
    continue-on-error: ${{ matrix.experimental == 'yes' }}
    timeout-minutes: 5
    outputs:
      digest: ${{ steps.build.outputs.digest }}
    steps:
      - uses: Actions/Checkout@v5
        with:
          Fetch-Depth: 0
      - id: build
        name: Build
        if: success() && matrix.python != '3.12'
        run: |
          echo digest=1 >> "$GITHUB_OUTPUT"
        env:
          TOKEN: ${{ secrets.TOKEN }}
        working-directory: src
        shell: python
        timeout-minutes: 1.5
  release:
    needs: test
    if: github.ref == 'refs/heads/main'
    runs-on: [self-hosted, linux]
    steps:
      - run: echo ${{ needs.test.outputs.digest }}
"""


def read(text: str) -> Workflow:
    return read_workflow(FILE, textwrap.dedent(text))


def with_job(job: str) -> str:
    indented = textwrap.indent(textwrap.dedent(job).strip("\n"), "    ")
    return f"on: push\njobs:\n  a:\n{indented}\n"


def test_a_whole_file() -> None:
    workflow = read(WHOLE)
    assert workflow.name == "CI"
    assert list(workflow.triggers) == ["push", "pull_request", "workflow_dispatch", "schedule"]
    push = workflow.triggers["push"]
    assert isinstance(push, PushTrigger)
    assert push.branches is not None
    assert push.branches.only == ("main", "release/**")
    dispatch = workflow.triggers["workflow_dispatch"]
    assert isinstance(dispatch, DispatchTrigger)
    assert dispatch.inputs["level"].options == ("low", "high")
    assert workflow.env == {"MODE": "fast", "COUNT": 3}
    assert workflow.defaults.shell == "bash"
    assert workflow.concurrency is not None
    assert workflow.concurrency.cancel_in_progress is True
    test, release = workflow.jobs["test"], workflow.jobs["release"]
    assert test.strategy is not None
    assert test.strategy.matrix["python"] == ["3.11", 3.12]
    assert test.strategy.matrix["include"] == [{"python": "3.13", "experimental": "yes"}]
    assert (test.strategy.fail_fast, test.strategy.max_parallel) == (False, 2)
    assert release.needs == ("test",)
    assert release.runs_on == ["self-hosted", "linux"]
    checkout, build = test.steps
    assert str(checkout.uses) == "actions/checkout@v5"
    assert checkout.inputs == {"fetch-depth": "0"}
    assert checkout.title == "Run actions/checkout@v5"
    assert (build.number, build.id, build.shell, build.timeout_minutes) == (
        2,
        "build",
        "python",
        1.5,
    )
    assert build.condition.asks_for_status
    assert not release.condition.asks_for_status


def test_what_has_no_effect_is_a_warning() -> None:
    workflow = read(WHOLE.replace("    needs: test", "    needs: test\n    environment: prod"))
    assert len(workflow.warnings) == 2
    assert any("schedule" in warning for warning in workflow.warnings)
    assert any("jobs.release.environment" in warning for warning in workflow.warnings)


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        pytest.param("push", ["push"], id="a word"),
        pytest.param("[push, workflow_dispatch]", ["push", "workflow_dispatch"], id="a list"),
        pytest.param("{push: }", ["push"], id="a mapping to nothing"),
    ],
)
def test_on_is_a_word_not_a_boolean(on: str, expected: list[str]) -> None:
    workflow = read(f"on: {on}\njobs: {{a: {{runs-on: x, steps: [{{run: y}}]}}}}")
    assert list(workflow.triggers) == expected


STEPS = "runs-on: x\nsteps:\n"

PROBLEMS = [
    ("", 1, "", "an empty file"),
    ("on: @x", 1, "", "a file that is not YAML"),
    ("- a", 1, "", "a list instead of a workflow"),
    ("on: push", 1, "", "no jobs"),
    ("jobs: {a: {runs-on: x, steps: [{run: y}]}}", 1, "", "no event"),
    ("on: push\njobs: {}", 2, "jobs", "an empty mapping of jobs"),
    ("on: push\njob: {}", 2, "job", "a key with a typing mistake"),
    ("on: push\non: push\njobs: {}", 2, "on", "a key that stands twice"),
    ("on: pusch\njobs: {}", 1, "on", "an event that does not exist"),
    ("on:\n  push:\n    branches: ['[']\njobs: {}", 3, "on.push.branches[0]", "a bad pattern"),
    (
        "on:\n  push:\n    branches: a\n    branches-ignore: b\njobs: {}",
        4,
        "on.push.branches-ignore",
        "filters that exclude each other",
    ),
    ("on:\n  push:\n    tag: v1\njobs: {}", 3, "on.push.tag", "an unknown filter"),
    ("on: push\njobs:\n  1a: {}", 3, "jobs.1a", "a job id that begins with a digit"),
    (with_job("runs-on: x"), 4, "jobs.a", "a job without steps"),
    (with_job("steps: [{run: y}]"), 4, "jobs.a", "a job without runs-on"),
    (with_job("runs-on: windows-2022\nsteps: [{run: y}]"), 4, "jobs.a.runs-on", "Windows"),
    (with_job("container: debian\n" + STEPS + "- run: y"), 4, "jobs.a.container", "a container"),
    (with_job("services: {}\n" + STEPS + "- run: y"), 4, "jobs.a.services", "services"),
    (with_job("uses: ./.github/workflows/b.yaml"), 4, "jobs.a.uses", "a reusable workflow"),
    (with_job("needs: b\n" + STEPS + "- run: y"), 4, "jobs.a", "a job that does not exist"),
    (with_job("needs: a\n" + STEPS + "- run: y"), 4, "jobs.a", "a job that needs itself"),
    (with_job("strategy: {matrix: {a: 1}}\n" + STEPS + "- run: y"), 4, "jobs.a.strategy.matrix.a",
     "a vector that is no list"),
    (with_job("strategy: {matrix: {a: []}}\n" + STEPS + "- run: y"), 4, "jobs.a.strategy.matrix.a",
     "an empty vector"),
    (with_job("timeout-minutes: soon\n" + STEPS + "- run: y"), 4, "jobs.a.timeout-minutes",
     "a timeout that is no number"),
    (with_job("continue-on-error: perhaps\n" + STEPS + "- run: y"), 4, "jobs.a.continue-on-error",
     "a flag that is no boolean"),
    (with_job("if: env.X == 1\n" + STEPS + "- run: y"), 4, "jobs.a.if",
     "env in the condition of a job"),
    (with_job("env: {A: '${{ steps.x }}'}\n" + STEPS + "- run: y"), 4, "jobs.a.env.A",
     "steps in the env of a job"),
    (with_job(STEPS + "- name: y"), 6, "jobs.a.steps[0]", "a step without run or uses"),
    (with_job(STEPS + "- {run: a, uses: b/c@v1}"), 6, "jobs.a.steps[0]", "a step with both"),
    (with_job(STEPS + "- {run: a, with: {}}"), 6, "jobs.a.steps[0].with", "with beside run"),
    (with_job(STEPS + "- uses: actions/checkout"), 6, "jobs.a.steps[0].uses", "no version"),
    (with_job(STEPS + "- uses: ./action"), 6, "jobs.a.steps[0].uses", "a local action"),
    (with_job(STEPS + "- uses: docker://alpine"), 6, "jobs.a.steps[0].uses", "an image as action"),
    (with_job(STEPS + "- {id: x, run: a}\n- {id: X, run: b}"), 7, "jobs.a.steps[1]",
     "an id that stands twice"),
    (with_job(STEPS + "- run: echo ${{ github.sha }"), 6, "jobs.a.steps[0].run",
     "an expression without its end"),
    (with_job(STEPS + "- run: echo ${{ git.sha }}"), 6, "jobs.a.steps[0].run",
     "an unknown context"),
    (with_job(STEPS + "- run: echo ${{ uppercase('a') }}"), 6, "jobs.a.steps[0].run",
     "an unknown function"),
    (with_job(STEPS + "- run: echo ${{ always() }}"), 6, "jobs.a.steps[0].run",
     "a status function outside a condition"),
    (with_job(STEPS + "- {run: a, if: secrets.X}"), 6, "jobs.a.steps[0].if",
     "secrets in a condition"),
    (with_job(STEPS + "- {run: a, if: 'a =='}"), 6, "jobs.a.steps[0].if", "half a condition"),
    (with_job(STEPS + "- {run: a, env: [A=1]}"), 6, "jobs.a.steps[0].env", "env as a list"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "path"),
    [pytest.param(text, line, path, id=reason) for text, line, path, reason in PROBLEMS],
)
def test_problem(text: str, line: int, path: str) -> None:
    with pytest.raises(WorkflowInvalid) as raised:
        read_workflow(FILE, text)
    assert (line, path) in [(problem.line, problem.path) for problem in raised.value.problems]
    assert str(raised.value).startswith(FILE)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(WorkflowInvalid) as raised:
        read(with_job("run-on: x\nsteps:\n- name: a\n- rum: b"))
    assert len(raised.value.problems) == 5


@pytest.mark.parametrize(
    ("needs", "circle"),
    [
        pytest.param({"a": "b", "b": "c", "c": "a"}, True, id="three in a circle"),
        pytest.param({"a": "", "b": "a c", "c": "d", "d": "b"}, True, id="a circle further on"),
        pytest.param({"a": "", "b": "a", "c": "a", "d": "b c"}, False, id="a diamond is none"),
        pytest.param({"d": "b c", "c": "a", "b": "a", "a": ""}, False, id="last job first"),
    ],
)
def test_circles(needs: dict[str, str], circle: bool) -> None:
    jobs = "".join(
        f"  {job}: {{needs: [{', '.join(others.split())}], runs-on: x, steps: [{{run: y}}]}}\n"
        for job, others in needs.items()
    )
    text = f"on: push\njobs:\n{jobs}"
    if circle:
        with pytest.raises(WorkflowInvalid, match="circle"):
            read(text)
    else:
        assert ancestors(read(text).jobs, "d") == {"a", "b", "c"}


def test_aliases_that_unfold_without_end_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(WorkflowInvalid, match="more than"):
        read("\n".join(lines))


def test_an_anchor_is_a_value_like_any_other() -> None:
    text = """
    on: push
    jobs:
      a: {runs-on: x, env: &shared {A: 1}, steps: &steps [{run: y}]}
      b: {runs-on: x, env: *shared, steps: *steps}
    """
    workflow = read(text)
    assert workflow.jobs["b"].env == {"A": 1}
    assert workflow.jobs["b"].steps[0].run == "y"
