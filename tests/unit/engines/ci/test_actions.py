"""Actions that are not to be had are refused at once; files stay in the workspace."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from towpath.engines.ci.actions import check_actions
from towpath.engines.ci.environments import Environments, Slot, key_of_lock
from towpath.engines.ci.places import empty, write_tree
from towpath.engines.ci.workflow import WorkflowInvalid, read_workflow
from towpath.engines.git.port import File


def lock(name: str, version: str = "1.0") -> File:
    return File(
        f"""
version = 1
requires-python = ">=3.11"
[[package]]
name = "{name}"
version = "0.1.0"
source = {{ editable = "." }}
[[package]]
name = "starlette"
version = "{version}"
source = {{ registry = "https://pypi.org/simple" }}
""".encode()
    )


def test_an_unknown_action_is_named_with_its_step_and_the_remedy() -> None:
    workflow = read_workflow(
        "ci.yaml",
        "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n"
        "      - uses: actions/checkout@v5\n"
        "      - {name: Cache, uses: actions/cache@v4}\n",
    )
    with pytest.raises(WorkflowInvalid) as raised:
        check_actions(workflow)
    (problem,) = raised.value.problems
    assert (problem.line, problem.path) == (7, "jobs.a.steps[1].uses")
    for part in ("actions/cache@v4", "step 2", "`Cache`", "actions/checkout", "remove it"):
        assert part in problem.message


def test_services_of_one_template_share_an_environment() -> None:
    assert key_of_lock({"uv.lock": lock("orders")}) == key_of_lock({"uv.lock": lock("shop")})
    assert key_of_lock({"uv.lock": lock("orders")}) != key_of_lock({"uv.lock": lock("orders", "2")})


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({}, id="no lock file"),
        pytest.param({"sub/uv.lock": lock("a")}, id="a lock file elsewhere"),
        pytest.param({"uv.lock": lock("a"), "b/uv.lock": lock("b")}, id="two lock files"),
        pytest.param({"uv.lock": File(b"= =")}, id="a broken lock file"),
    ],
)
def test_without_one_clear_lock_file_there_is_no_shared_environment(files: dict[str, File]) -> None:
    assert key_of_lock(files) == ""


def test_a_slot_belongs_to_one_job_at_a_time_over_platforms(tmp_path: Path) -> None:
    one = Environments(tmp_path, lambda _: 7)
    other = Environments(tmp_path, lambda _: 7)
    first, second = one.take("demo", "key"), other.take("demo", "key")
    assert first.folder != second.folder
    assert first.folder.parent == tmp_path / "demo-7" / "environments"
    first.free()
    assert other.take("demo", "key").folder == first.folder


@pytest.mark.parametrize(
    "cut_off",
    [
        pytest.param(lambda slot: slot.free(whole=False), id="the job was cancelled"),
        pytest.param(lambda slot: os.close(slot._lock), id="the platform was killed"),
    ],
)
def test_a_slot_whose_job_was_cut_off_is_emptied_for_the_next(
    cut_off: Callable[[Slot], None], tmp_path: Path
) -> None:
    environments = Environments(tmp_path, lambda _: None)
    slot = environments.take("demo", "key")
    slot.environment.mkdir(parents=True)
    slot.free()
    assert environments.take("demo", "key").environment.exists()
    other = Environments(tmp_path, lambda _: None)
    slot = other.take("demo", "another")
    slot.environment.mkdir(parents=True)
    cut_off(slot)
    again = other.take("demo", "another")
    assert again.folder == slot.folder
    assert not again.environment.exists()


def test_the_least_recently_used_environments_go(tmp_path: Path) -> None:
    environments = Environments(tmp_path, lambda _: None)
    root = tmp_path / "demo" / "environments"
    for number in range(12):
        (root / f"key{number}-0").mkdir(parents=True)
    held = environments.take("demo", "key0")
    environments.take("demo", "another").free()
    names = {path.name for path in root.iterdir()}
    assert held.folder.name in names
    assert len(names) <= 9


def test_a_link_in_place_of_the_environments_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    for number in range(12):
        (elsewhere / f"precious{number}").mkdir(parents=True)
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "environments").symlink_to(elsewhere)
    Environments(tmp_path, lambda _: None).take("demo", "key").free()
    assert len(list(elsewhere.iterdir())) == 12


def test_writing_a_tree_replaces_what_is_in_the_way_and_follows_no_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    workspace = tmp_path / "workspace"
    (workspace / "folder" / "inner").mkdir(parents=True)
    (workspace / "docs").symlink_to(outside)
    (workspace / "link").symlink_to(outside / "kept")
    write_tree(
        workspace,
        {
            "docs/kept": File(b"new"),
            "link": File(b"new"),
            "folder": File(b"a file now", executable=True),
            "a/b/c": File(b"deep"),
        },
    )
    assert (outside / "kept").read_text() == "kept"
    assert (workspace / "docs" / "kept").read_bytes() == b"new"
    assert (workspace / "link").read_bytes() == b"new"
    assert (workspace / "folder").stat().st_mode & 0o111
    assert (workspace / "a" / "b" / "c").read_bytes() == b"deep"
    empty(workspace)
    assert list(workspace.iterdir()) == []
    assert (outside / "kept").exists()


@pytest.mark.parametrize("path", ["../x", "a/../../x", "a//b", "."])
def test_a_tree_cannot_leave_its_root(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match=r"is not (a path|the name)"):
        write_tree(tmp_path, {path: File(b"x")})
