"""Where an image goes, who pushes it, and from which commit it is."""

import base64
import json
import subprocess
from pathlib import Path

import pytest

from towpath.capabilities.delivery.images.destination import (
    Destination,
    find_credentials,
    find_destination,
)
from towpath.capabilities.delivery.images.origin import find_origin
from towpath.engines.registry.client import Credentials, is_local
from towpath.hooks.commands import CommandError

PLATFORM = {
    "TOWPATH_REGISTRY": "localhost:8080",
    "TOWPATH_PROJECT": "demo",
    "TOWPATH_WORKLOAD": "app",
    "TOWPATH_TOKEN": "secret",
}
LOGICAL = "registry.towpath.dev"


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        pytest.param(
            ("", "", ""), PLATFORM, Destination("localhost:8080", "demo/app", LOGICAL),
            id="in a pipeline of the platform",
        ),
        pytest.param(
            ("", "other", "x"), PLATFORM, Destination("localhost:8080", "other/x", LOGICAL),
            id="what is typed wins",
        ),
        pytest.param(
            ("ghcr.io/org", "", "x"), {}, Destination("ghcr.io", "org/x", "ghcr.io"),
            id="another registry needs no project",
        ),
        pytest.param(
            ("ghcr.io/org", "", ""), PLATFORM, Destination("ghcr.io", "org/demo/app", "ghcr.io"),
            id="another registry with a project",
        ),
        pytest.param(
            (LOGICAL, "", ""), PLATFORM, Destination("localhost:8080", "demo/app", LOGICAL),
            id="the logical host",
        ),
    ],
)  # fmt: skip
def test_destinations(
    given: tuple[str, str, str], environment: dict[str, str], expected: Destination
) -> None:
    assert find_destination(*given, environment) == expected


@pytest.mark.parametrize(
    ("given", "environment"),
    [
        pytest.param(("ghcr.io/org", "demo", ""), {}, id="no workload"),
        pytest.param(("", "", "app"), {"TOWPATH_REGISTRY": "localhost:8080"}, id="no project"),
    ],
)
def test_what_is_missing_is_named(given: tuple[str, str, str], environment: dict[str, str]) -> None:
    with pytest.raises(CommandError) as caught:
        find_destination(*given, environment)
    assert caught.value.hint


def docker_config(folder: Path, content: object) -> dict[str, str]:
    (folder / "config.json").write_text(json.dumps(content))
    return {"DOCKER_CONFIG": str(folder)}


def test_the_token_of_the_platform_goes_to_its_registry_alone(tmp_path: Path) -> None:
    assert find_credentials("localhost:8080", "", "", PLATFORM) == Credentials("towpath", "secret")
    assert find_credentials("ghcr.io", "", "", {**PLATFORM, "HOME": str(tmp_path)}) is None


def test_what_is_given_wins() -> None:
    assert find_credentials("localhost:8080", "me", "pw", PLATFORM) == Credentials("me", "pw")


def test_docker_config_is_read(tmp_path: Path) -> None:
    auth = base64.b64encode(b"me:pw:with:colons").decode()
    environment = docker_config(tmp_path, {"auths": {"ghcr.io": {"auth": auth}}})
    assert find_credentials("ghcr.io", "", "", environment) == Credentials("me", "pw:with:colons")
    assert find_credentials("other.io", "", "", environment) is None


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"credHelpers": {"ghcr.io": "x"}}, id="a helper"),
        pytest.param({"credsStore": "desktop", "auths": {"ghcr.io": {"x": 1}}}, id="a store"),
        pytest.param({"auths": {"ghcr.io": {"auth": "?"}}}, id="rubbish"),
    ],
)
def test_what_cannot_be_read_of_docker_is_named(tmp_path: Path, content: object) -> None:
    with pytest.raises(CommandError):
        find_credentials("ghcr.io", "", "", docker_config(tmp_path, content))


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost:8080", True),
        ("127.0.0.1", True),
        ("[::1]:5000", True),
        ("registry.demo.localhost:80", True),
        ("ghcr.io", False),
        ("localhost.example.com", False),
    ],
)
def test_plain_http_is_for_this_machine(host: str, local: bool) -> None:
    assert is_local(host) is local


def commit(folder: Path) -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
            env={"PATH": "/usr/bin:/bin", "GIT_COMMITTER_DATE": "1700000000 +0000"},
            capture_output=True,
            check=True,
        )
        return done.stdout.decode().strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "x", "--date", "1600000000 +0000")
    return git("rev-parse", "HEAD")


def test_the_commit_and_its_time_come_from_git(tmp_path: Path) -> None:
    sha = commit(tmp_path)
    origin = find_origin(tmp_path, {})
    assert (origin.revision, origin.time_s) == (sha, 1_700_000_000)
    assert origin.created == "2023-11-14T22:13:20Z"
    assert find_origin(tmp_path, {"GITHUB_SHA": sha}) == origin
    assert find_origin(tmp_path, {"GITHUB_SHA": "f" * 40}).time_s == 0


def test_ci_says_where_the_sources_are_from(tmp_path: Path) -> None:
    environment = {
        "GITHUB_SHA": "f" * 40,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "org/app",
        "SOURCE_DATE_EPOCH": "5",
    }
    origin = find_origin(tmp_path, environment)
    assert (origin.revision, origin.source, origin.time_s) == (
        "f" * 40,
        "https://github.com/org/app",
        5,
    )
    assert find_origin(tmp_path, environment, "e" * 40).revision == "e" * 40
