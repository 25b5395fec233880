"""From an image and a pod to a command line."""

from pathlib import Path

import pytest

from towpath.localcluster.pods.commands import (
    ImageConfig,
    ImageRefused,
    Relocation,
    base_environment,
    command_of,
)
from towpath.machinery.objects import RawObject

IMAGE = ImageConfig(entrypoint=("python", "-m", "app"), command=("serve",), working_dir="/app")


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        pytest.param({}, ["HOST-PYTHON", "-m", "app", "serve"], id="the image's own"),
        pytest.param({"args": ["x"]}, ["HOST-PYTHON", "-m", "app", "x"], id="args replace Cmd"),
        pytest.param({"command": ["sh"]}, ["sh"], id="command replaces both"),
        pytest.param({"command": ["sh"], "args": ["$(A)"]}, ["sh", "1"], id="with expansion"),
        pytest.param(
            {"command": ["/usr/local/bin/python3.12", "x"]}, ["HOST-PYTHON", "x"], id="any python"
        ),
        pytest.param({"command": ["pythonic"]}, ["pythonic"], id="but not what only looks like it"),
    ],
)
def test_commands(container: RawObject, expected: list[str]) -> None:
    raw = {"name": "app", **container}
    found = command_of(raw, IMAGE, {"A": "1"}, python="HOST-PYTHON", relocation=Relocation())
    assert found == expected


def test_nothing_to_run_is_refused() -> None:
    with pytest.raises(ImageRefused):
        command_of({"name": "a"}, ImageConfig(), {}, python="p", relocation=Relocation())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/app", "/cache/1/app"),
        ("/app/main.py", "/cache/1/app/main.py"),
        ("/app/lib:/app:/usr/lib", "/cache/1/app/lib:/cache/1/app:/usr/lib"),
        ("/application", "/application"),
        ("/other/app", "/other/app"),
        ("--config=/app/x", "--config=/cache/1/app/x"),
    ],
)
def test_relocation_moves_whole_folders_only(text: str, expected: str) -> None:
    assert Relocation({"/app": "/cache/1/app"}).of(text) == expected


def test_an_image_with_its_own_base_is_refused() -> None:
    with pytest.raises(ImageRefused):
        ImageConfig.parse("x", {"config": {"Entrypoint": ["nginx"]}})


def test_the_image_configuration_is_read() -> None:
    config = {
        "Labels": {"dev.towpath.image.base": "declared"},
        "Env": ["A=b=c", "PATH=/app/bin:/bin"],
        "Cmd": ["x"],
    }
    parsed = ImageConfig.parse("x", {"config": config})
    env = base_environment(
        parsed,
        home=Path("/home"),
        programs=Path("/programs"),
        relocation=Relocation({"/app": "/real"}),
    )
    assert parsed.command == ("x",)
    assert env["A"] == "b=c"
    assert env["PATH"] == "/programs:/real/bin:/bin"
