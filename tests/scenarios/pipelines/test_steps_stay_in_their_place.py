"""What a step must not reach, and what it must: DESIGN 12.10 for workflow steps."""

import os
from pathlib import Path

import pytest
from tests.scenarios.pipelines.conftest import Bench

PLANTED = "planted-secret"


@pytest.fixture
def isolated(bench: Bench) -> Bench:
    if bench.processes.isolation == "none":
        pytest.skip("this machine allows no isolation: the local cluster is single trust")
    return bench


async def test_a_step_does_not_see_the_platform_or_other_projects(isolated: Bench) -> None:
    places = [
        isolated.data_dir / "kubeconfig",
        isolated.data_dir / "platform" / "store.db",
        isolated.data_dir / "postgres" / "shop" / "data",
        isolated.data_dir / "ci" / "another-run" / "build" / "work" / "code",
        isolated.data_dir.parent / "cache" / "shop-200009" / "uv" / "wheel",
    ]
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(PLANTED)
        place.chmod(0o644)
    probes = "\n".join(f"        cat '{place}' || true" for place in places)
    outcome = await isolated.do(f"""
on: push
jobs:
  spy:
    runs-on: x
    steps:
    - run: |
{probes}
        cat '{isolated.data_dir}'/*/../kubeconfig || true
        ls -R '{isolated.data_dir}' | head -50
        id -u
        cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c "^SECRET_OF_PLATFORM=" || true
""")
    assert outcome.phase == "Succeeded", outcome.job("spy").message
    log = await outcome.log("spy", 1)
    assert PLANTED not in "\n".join(log)
    assert log[-1] == "0"
    if isolated.processes.isolation == "uid":
        assert log[-2] != str(os.getuid())


async def test_a_link_that_a_step_leaves_leads_us_nowhere(isolated: Bench, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    isolated.files = {"docs/kept": "from the repository", "uv.lock": "version = 1\n"}
    outcome = await isolated.do(f"""
        on: push
        jobs:
          trick:
            runs-on: x
            steps:
              - run: |
                  ln -s '{outside}' docs
                  ln -s '{outside}' "$UV_CACHE_DIR/../environments"
                  rm "$GITHUB_ENV" && ln -s /etc/hostname "$GITHUB_ENV"
                continue-on-error: true
              - uses: actions/checkout@v5
              - run: cat docs/kept
    """)
    assert (outside / "kept").read_text() == "kept"
    assert sorted(path.name for path in outside.iterdir()) == ["kept"]
    assert await outcome.log("trick", 3) == ["from the repository"]


async def test_steps_get_nothing_of_our_environment(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_PLATFORM", PLANTED)
    outcome = await bench.do("""
        on: push
        jobs: {a: {runs-on: x, steps: [{run: env}]}}
    """)
    log = await outcome.log("a", 1)
    assert PLANTED not in "\n".join(log)
    names = {line.partition("=")[0] for line in log}
    assert {"GITHUB_SHA", "GITHUB_WORKSPACE", "RUNNER_TEMP", "CI", "HOME", "PATH"} <= names
