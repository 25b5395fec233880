"""What kind of application a folder holds, and what starts it."""

from pathlib import Path

import pytest

from towpath.engines.registry.builder.application import BuildError, find_application

PROJECT = '[project]\nname = "order-service"\nversion = "1"\n'


def make(folder: Path, pyproject: str = PROJECT, *files: str) -> Path:
    (folder / "pyproject.toml").write_text(pyproject)
    for name in ("uv.lock", *files):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    return folder


@pytest.mark.parametrize(
    ("pyproject", "files", "command"),
    [
        pytest.param(
            PROJECT, ["src/order_service/__main__.py"],
            ("python", "-m", "order_service"), id="a package with __main__",
        ),
        pytest.param(
            PROJECT + '[project.scripts]\nx = "shop.server:main"\n', ["src/shop/__main__.py"],
            ("python", "-m", "shop"), id="the script's package has __main__",
        ),
        pytest.param(
            PROJECT + '[project.scripts]\nx = "shop.server:main"\n', [],
            ("python", "-c", "import sys; from shop.server import main; sys.exit(main())"),
            id="a script's function",
        ),
        pytest.param(
            PROJECT + '[tool.towpath.image]\ncommand = ["python", "serve.py"]\n', [],
            ("python", "serve.py"), id="what it declares",
        ),
    ],
)  # fmt: skip
def test_the_command(
    tmp_path: Path, pyproject: str, files: list[str], command: tuple[str, ...]
) -> None:
    assert find_application(make(tmp_path, pyproject, *files)).command == command


@pytest.mark.parametrize(
    ("pyproject", "named"),
    [
        pytest.param("not toml [", "pyproject.toml", id="no toml"),
        pytest.param("[build-system]\n", "name", id="no name"),
        pytest.param(PROJECT, "scripts", id="nothing to start"),
        pytest.param(
            PROJECT + '[project.scripts]\nx = "no function"\n', "module:function", id="bad"
        ),
        pytest.param(PROJECT + '[tool.towpath.image]\ncommand = "x"\n', "list of words", id="text"),
        pytest.param(PROJECT + "[tool.towpath.image]\nentry = 1\n", "entry", id="unknown setting"),
    ],
)
def test_what_cannot_be_built_is_named(tmp_path: Path, pyproject: str, named: str) -> None:
    with pytest.raises(BuildError, match=named):
        find_application(make(tmp_path, pyproject))


def test_a_missing_lock_file_is_named_with_its_remedy(tmp_path: Path) -> None:
    make(tmp_path, PROJECT, "order_service/__main__.py")
    (tmp_path / "uv.lock").unlink()
    with pytest.raises(BuildError, match="uv lock"):
        find_application(tmp_path)


def test_an_unknown_kind_of_application_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pom.xml").write_text("")
    with pytest.raises(BuildError, match="no application"):
        find_application(tmp_path)
    with pytest.raises(BuildError, match="not a folder"):
        find_application(tmp_path / "missing")


def test_a_procfile_says_what_is_started_to_a_shell_which_fills_in_the_address(
    tmp_path: Path,
) -> None:
    make(tmp_path)
    (tmp_path / "Procfile").write_text("worker: x\nweb: gunicorn app:app -b $HOST:$PORT\n")
    found = find_application(tmp_path)
    assert found.command == ("sh", "-c", "exec gunicorn app:app -b $HOST:$PORT")


@pytest.mark.parametrize("file", ["index.html", "public/x"])
def test_a_static_site(tmp_path: Path, file: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("<p>")
    found = find_application(tmp_path)
    assert (found.kind, found.command) == (
        "static",
        ("python", "-m", "static_server", "/app/public"),
    )
