"""Workflows, run by real processes from a real Git repository."""

from tests.scenarios.pipelines.conftest import Bench


async def test_steps_run_in_a_checkout_and_hand_values_on(bench: Bench) -> None:
    bench.files = {"src/app.py": "print('hello')\n", "run.sh": "echo ran\n"}
    outcome = await bench.do("""
        on: push
        env: {GREETING: hello}
        jobs:
          build:
            runs-on: ubuntu-latest
            env: {WHO: "${{ github.actor }}"}
            outputs:
              result: ${{ steps.make.outputs.result }}
              text: ${{ steps.make.outputs.text }}
            steps:
              - uses: actions/checkout@v5
              - id: make
                run: |
                  echo "$GREETING $WHO of $TOWPATH_PROJECT at $GITHUB_REF_NAME"
                  python src/app.py
                  echo "result=42" >> "$GITHUB_OUTPUT"
                  printf 'text<<END\\none\\ntwo\\nEND\\n' >> "$GITHUB_OUTPUT"
                  echo "LATER=later" >> "$GITHUB_ENV"
                  mkdir -p tools && printf '#!/bin/sh\\necho tool' > tools/my-tool
                  chmod +x tools/my-tool && echo "$PWD/tools" >> "$GITHUB_PATH"
              - name: After ${{ steps.make.outputs.result }}
                run: echo "$LATER ${{ env.LATER }} ${{ env.GREETING }}"; my-tool; pwd
                working-directory: src
                env: {GREETING: hi}
              - run: import sys; print(sys.version_info[0])
                shell: python
          use:
            needs: build
            runs-on: ubuntu-latest
            steps:
              - run: echo '${{ needs.build.outputs.result }} ${{ toJSON(needs.*.outputs.text) }}'
    """)
    assert outcome.phase == "Succeeded", outcome.state
    assert await outcome.log("build", 2) == ["hello ada of demo at main", "hello"]
    third = await outcome.log("build", 3)
    assert third[:2] == ["later later hi", "tool"]
    assert third[2].endswith("/work/orders/src")
    assert outcome.job("build").steps[2].name == "After 42"
    assert await outcome.log("build", 4) == ["3"]
    assert await outcome.log("use", 1) == ["42 [", '  "one\\ntwo"', "]"]


async def test_a_failing_step_ends_its_job_and_skips_who_needs_it(bench: Bench) -> None:
    outcome = await bench.do("""
        on: push
        jobs:
          test:
            runs-on: ubuntu-latest
            steps:
              - run: echo "::error file=a.py,line=3::the test is red"; exit 3
              - run: echo not reached
              - if: failure()
                run: echo "cleaned up after ${{ job.status }}"
              - if: always()
                run: echo always
          deploy:
            needs: test
            runs-on: ubuntu-latest
            steps: [{run: echo deployed}]
          report:
            needs: [deploy]
            if: always()
            runs-on: ubuntu-latest
            steps: [{run: "echo deploy was ${{ needs.deploy.result }}"}]
    """)
    assert outcome.phase == "Failed"
    assert outcome.phases == {"test": "Failed", "deploy": "Skipped", "report": "Succeeded"}
    assert outcome.steps("test") == ["Failed", "Skipped", "Succeeded", "Succeeded"]
    assert outcome.job("test").steps[0].exit_code == 3
    assert "a.py:3: the test is red" in outcome.job("test").message
    assert await outcome.log("test", 3) == ["cleaned up after failure"]
    assert await outcome.log("report", 1) == ["deploy was skipped"]


async def test_a_tolerated_failure_does_not_fail_the_job(bench: Bench) -> None:
    outcome = await bench.do("""
        on: push
        jobs:
          a:
            runs-on: ubuntu-latest
            steps:
              - {id: shaky, run: "false", continue-on-error: true}
              - run: echo ${{ steps.shaky.outcome }} ${{ steps.shaky.conclusion }}
          b:
            runs-on: ubuntu-latest
            continue-on-error: true
            steps: [{run: "false"}]
          c:
            needs: b
            runs-on: ubuntu-latest
            steps: [{run: "echo ${{ needs.b.result }}"}]
    """)
    assert outcome.phase == "Succeeded"
    assert await outcome.log("a", 2) == ["failure success"]
    assert outcome.phases == {"a": "Succeeded", "b": "Failed", "c": "Succeeded"}


async def test_a_matrix_runs_every_combination(bench: Bench) -> None:
    outcome = await bench.do("""
        on: push
        jobs:
          plan:
            runs-on: ubuntu-latest
            outputs: {versions: "${{ steps.p.outputs.versions }}"}
            steps: [{id: p, run: "echo 'versions=[1, 2]' >> $GITHUB_OUTPUT"}]
          test:
            needs: plan
            runs-on: ubuntu-latest
            strategy:
              max-parallel: 1
              matrix:
                version: ${{ fromJSON(needs.plan.outputs.versions) }}
                include: [{version: 2, extra: more}]
            steps:
              - run: echo "${{ matrix.version }} ${{ matrix.extra }} ${{ strategy.job-index }}"
    """)
    assert outcome.phase == "Succeeded"
    assert [job.name for job in outcome.state.jobs] == ["plan", "test (1)", "test (2, more)"]
    assert await outcome.log("test.1", 1) == ["1  0"]
    assert await outcome.log("test.2", 1) == ["2 more 1"]


async def test_secrets_and_masked_values_are_never_shown(bench: Bench) -> None:
    outcome = await bench.do("""
        on: push
        jobs:
          a:
            runs-on: ubuntu-latest
            outputs:
              leak: ${{ steps.x.outputs.leak }}
            steps:
              - id: x
                run: |
                  echo "the password is $PASSWORD, the token ${{ github.token }}"
                  echo "::add-mask::very-private"
                  echo "this is very-private"
                  echo "leak=$PASSWORD" >> "$GITHUB_OUTPUT"
                env: {PASSWORD: "${{ secrets.PASSWORD }}"}
              - run: echo "::error::wrong hunter2-and-more"; exit 1
    """)
    stream = outcome.order.log_stream("a", 1)
    lines = [line.text for line in await bench.records.logs.read(stream)]
    assert "hunter2" not in "\n".join(lines)
    assert "token-of-the-pipeline" not in "\n".join(lines)
    assert (await outcome.log("a", 1))[0] == "the password is ***, the token ***"
    assert (await outcome.log("a", 1))[1] == "this is ***"
    assert outcome.job("a").outputs == {}
    assert "hunter2" not in outcome.job("a").message


async def test_shells_follow_their_rules(bench: Bench) -> None:
    outcome = await bench.do("""
        on: push
        jobs:
          plain: {runs-on: x, steps: [{run: "false | true; echo on"}]}
          bash: {runs-on: x, steps: [{shell: bash, run: "false | true; echo on"}]}
          first: {runs-on: x, steps: [{run: "false\\necho on"}]}
          custom: {runs-on: x, steps: [{shell: "perl {0}", run: "print 'perl'"}]}
          unknown: {runs-on: x, steps: [{shell: pwsh, run: "echo on"}]}
          nowhere: {runs-on: x, steps: [{run: pwd, working-directory: missing}]}
    """)
    assert outcome.phases == {
        "plain": "Succeeded",
        "bash": "Failed",
        "first": "Failed",
        "custom": "Succeeded",
        "unknown": "Failed",
        "nowhere": "Failed",
    }
    assert await outcome.log("custom", 1) == ["perl"]
    assert "pwsh" in outcome.job("unknown").message
    assert "missing" in outcome.job("nowhere").message


async def test_the_job_outlives_its_scratch_files(bench: Bench) -> None:
    outcome = await bench.do("""
        on: push
        jobs:
          a:
            runs-on: x
            steps:
              - run: echo one > /tmp/towpath-scratch-test; echo two > "$RUNNER_TEMP/x"
              - run: cat /tmp/towpath-scratch-test "$RUNNER_TEMP/x"; rm /tmp/towpath-scratch-test
    """)
    assert await outcome.log("a", 2) == ["one", "two"]


async def test_a_step_that_takes_too_long_is_ended(bench: Bench) -> None:
    outcome = await bench.do("""
        on: push
        jobs:
          a:
            runs-on: x
            steps:
              - {run: "echo begun; sleep 60", timeout-minutes: 0.005}
              - {run: "echo after", if: always()}
    """)
    assert outcome.phase == "Failed"
    assert "longer" in outcome.job("a").message
    assert await outcome.log("a", 2) == ["after"]


async def test_hash_files(bench: Bench) -> None:
    bench.files = {"uv.lock": "one", "sub/uv.lock": "two", "other": "x"}
    outcome = await bench.do("""
        on: push
        jobs:
          a:
            runs-on: x
            steps:
              - run: echo "before '${{ hashFiles('uv.lock') }}'"
              - uses: actions/checkout@v5
              - run: |
                  echo "${{ hashFiles('uv.lock') }}"
                  echo "${{ hashFiles('**/uv.lock') }}"
                  echo "${{ hashFiles('**/uv.lock', '!sub/**') }}"
    """)
    assert await outcome.log("a", 1) == ["before ''"]
    one, all_of_them, one_again = await outcome.log("a", 3)
    assert len(one) == 64
    assert one != all_of_them
    assert one == one_again


async def test_host_tools_are_checked_against_what_is_asked(bench: Bench) -> None:
    outcome = await bench.do("""
        on: push
        jobs:
          a:
            runs-on: x
            steps:
              - uses: actions/setup-python@v6
                with: {python-version: ">=3.11", cache: pip}
              - uses: astral-sh/setup-uv@v7
                with: {enable-cache: true}
              - run: python --version; uv --version; command -v towpath
          b:
            runs-on: x
            steps:
              - uses: actions/setup-python@v6
                with: {python-version: "3.99"}
    """)
    assert outcome.phases == {"a": "Succeeded", "b": "Failed"}, outcome.state
    assert "3.99" in outcome.job("b").message
