"""`towpath release create` and `towpath releases`, against a real API server."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
from tests.support import running_api_server

from towpath.capabilities.delivery.releases.checks import OBJECTS
from towpath.capabilities.delivery.releases.commands import release_create, releases
from towpath.capabilities.delivery.workloads.kinds import RELEASE, RELEASE_CRD
from towpath.client.protocols import Client
from towpath.hooks.commands import CommandError, Terminal
from towpath.machinery.core_kinds import NAMESPACE
from towpath.machinery.errors import StatusError

IMAGE = f"registry.towpath.dev/demo/orders@sha256:{'a' * 64}"
COMMIT = "0123456789" * 4
SCORE = """
apiVersion: score.dev/v1b1
metadata: {name: orders, annotations: {since: 2026-01-01}}
containers: {main: {image: .}}
"""


class Screen:
    """A terminal without a screen: it remembers what was shown."""

    def __init__(self, api: Client) -> None:
        self.api = api
        self.rows: list[Mapping[str, str]] = []

    def show(self, data: Any, rows: Sequence[Mapping[str, str]] | None = None) -> None:
        self.rows = list(rows or ())


@pytest.fixture
async def screen(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Screen]:
    for name in ("TOWPATH_WORKLOAD", "GITHUB_SHA", "GITHUB_REPOSITORY", "TOWPATH_RUN"):
        monkeypatch.delenv(name, raising=False)
    async with running_api_server(kinds=[RELEASE_CRD]) as api:
        client = api.client()
        await client.create(NAMESPACE, NAMESPACE.object("demo"))
        for obj in OBJECTS:
            resource = await client.resolve(obj["apiVersion"], obj["kind"])
            await client.create(resource, obj)
        yield Screen(client)


@pytest.fixture
def score(tmp_path: Path) -> Path:
    path = tmp_path / "score.yaml"
    path.write_text(SCORE)
    return path


async def create(screen: Screen, score: Path, **changes: str) -> str:
    """The name that was printed, which is all that is printed."""
    options: dict[str, Any] = {
        "image": IMAGE,
        "workload": "orders",
        "commit": COMMIT,
        "project": "demo",
        **changes,
    }
    with redirect_stdout(StringIO()) as output:
        await release_create(cast(Terminal, screen), score=score, **options)
    return output.getvalue().removesuffix("\n")


async def test_a_release_carries_the_score_file_verbatim(screen: Screen, score: Path) -> None:
    name = await create(screen, score)
    release = await screen.api.get(RELEASE, name, "demo")
    assert name == "orders-01234567"
    assert release["spec"]["score"]["metadata"]["annotations"] == {"since": "2026-01-01"}
    assert release["metadata"]["labels"]["towpath.dev/workload"] == "orders"


async def test_what_the_pipeline_knows_need_not_be_said(
    screen: Screen, score: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOWPATH_WORKLOAD", "orders")
    monkeypatch.setenv("GITHUB_SHA", COMMIT)
    monkeypatch.setenv("GITHUB_REPOSITORY", "demo/orders-code")
    monkeypatch.setenv("TOWPATH_RUN", "orders-ci-0123456789")
    name = await create(screen, score, workload="", commit="")
    spec = (await screen.api.get(RELEASE, name, "demo"))["spec"]
    assert (spec["repository"], spec["run"]) == ("orders-code", "orders-ci-0123456789")


async def test_the_same_release_again_is_fine_also_from_another_run(
    screen: Screen, score: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await create(screen, score)
    monkeypatch.setenv("TOWPATH_RUN", "another")
    assert await create(screen, score) == first


async def test_other_content_for_the_same_commit_is_refused(screen: Screen, score: Path) -> None:
    await create(screen, score)
    with pytest.raises(CommandError, match="image"):
        await create(screen, score, image=IMAGE.replace("a" * 64, "b" * 64))
    score.write_text(SCORE.replace("main", "other"))
    with pytest.raises(CommandError, match="score"):
        await create(screen, score)


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param({"image": IMAGE.replace("a" * 64, "b" * 64)}, id="a declared field"),
        pytest.param({"score": {"containers": {"main": {"image": "x"}}}}, id="inside the Score"),
    ],
)
async def test_a_release_cannot_be_changed(
    screen: Screen, score: Path, patch: dict[str, Any]
) -> None:
    name = await create(screen, score)
    with pytest.raises(StatusError):
        await screen.api.patch(RELEASE, name, "demo", {"spec": patch})


@pytest.mark.parametrize(
    ("content", "part"),
    [
        pytest.param("a: [", "not YAML", id="not YAML"),
        pytest.param("- a", "mapping", id="a list"),
        pytest.param("apiVersion: score.dev/v2", "score.dev/v1b1", id="another version"),
        pytest.param("apiVersion: score.dev/v1b1", "metadata.name", id="no name"),
        pytest.param(
            "apiVersion: score.dev/v1b1\nmetadata: {name: a}", "containers", id="no containers"
        ),
    ],
)
async def test_a_score_file_that_is_none(
    screen: Screen, score: Path, content: str, part: str
) -> None:
    score.write_text(content)
    with pytest.raises(CommandError, match=part):
        await create(screen, score)


async def test_an_image_needs_its_digest_and_a_release_its_commit(
    screen: Screen, score: Path
) -> None:
    with pytest.raises(CommandError, match="digest"):
        await create(screen, score, image="registry.towpath.dev/demo/orders:latest")
    with pytest.raises(CommandError, match="commit"):
        await create(screen, score, commit="")
    with pytest.raises(CommandError, match="Score"):
        await create(screen, score.with_name("missing.yaml"))


async def test_releases_are_listed_by_workload(screen: Screen, score: Path) -> None:
    await create(screen, score)
    await create(screen, score, workload="shop")
    await releases(cast(Terminal, screen), "orders", project="demo")
    assert [row["name"] for row in screen.rows] == ["orders-01234567"]
