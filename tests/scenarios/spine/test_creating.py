"""Every golden path is born healthy, and repositories that people bring are adopted.

One platform for the tests of this file, a name of its own for each service.
"""

import json
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.platform import PlatformProcess, running_platform_process
from tests.scenarios.spine.crashes import platform_at
from tests.support import eventually

from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.descriptor import parse_descriptor
from towpath.capabilities.portal.templates.seeding import SHIPPED
from towpath.capabilities.portal.templates.testing import render_template
from towpath.client.kubeconfig import from_kubeconfig
from towpath.engines.git.port import File
from towpath.machinery.documents import load_document

OURS = ("score.yaml", "catalog-info.yaml", ".github/workflows/ci.yaml")
HEALTHY_DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PlatformProcess]:
    folder = tmp_path_factory.mktemp("creating")
    async with running_platform_process(folder / "data") as started:
        yield started


def git(folder: Path, *arguments: str) -> str:
    author = ("-c", "user.name=Alice", "-c", "user.email=alice@example.org")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-C", str(folder), *author, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def repository(folder: Path, files: dict[str, str]) -> Path:
    """A folder of somebody's, with one commit."""
    contents = {path: File(text.encode()) for path, text in files.items()}
    folders.write_files(folder, contents, scratch=folder.with_name(f"{folder.name}-scratch"))
    git(folder, "init", "--quiet", "--initial-branch", "trunk")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "All that we have")
    return folder


@pytest.fixture(scope="module")
def python_application() -> dict[str, str]:
    """With a database, tests and a lock, and without what is ours: as the golden path had it."""
    name = "order-service"
    path = SHIPPED / "python-service"
    descriptor = parse_descriptor(load_document((path / "template.yaml").read_text()))
    files: dict[str, str] = render_template(path, descriptor, {}, {"name": name})["files"]
    return {name: text for name, text in files.items() if name not in OURS}


async def test_a_static_site_is_born_healthy_and_served_well(platform: PlatformProcess) -> None:
    made = await platform.towpath(
        *("new", "static-site", "harbour-guide", "--project", "demo", "--wait"),
        *("--set", "title=Harbour & more"),
    )
    assert made.code == 0, made.stderr
    host = "harbour-guide.staging.demo.localhost"
    page = await platform.service(host)
    assert (page.status_code, page.headers["content-encoding"]) == (200, "gzip")
    assert "<h1>Harbour &amp; more</h1>" in page.text
    assert (
        (await platform.service(host, "/css/site.css"))
        .headers["content-type"]
        .startswith("text/css")
    )
    missing = await platform.service(host, "/nothing")
    assert (missing.status_code, "There is no page here" in missing.text) == (404, True)
    again = await platform.towpath("new", "static-site", "harbour-guide", "--project", "demo")
    assert again.code == 5
    assert "has a workload harbour-guide already" in again.stderr


async def test_a_python_application_with_a_database_is_adopted_from_its_folder(
    platform: PlatformProcess, python_application: dict[str, str], tmp_path: Path
) -> None:
    mine = repository(tmp_path / "Order_Service", python_application)
    before = git(mine, "status", "--porcelain")
    shown = await platform.towpath("adopt", f"{mine}/", "--project", "demo", "--dry-run")
    assert shown.code == 0, shown.stderr
    assert "+++ b/score.yaml" in shown.stdout
    (tmp_path / "plan.patch").write_text(shown.stdout)
    git(mine, "apply", "--check", str(tmp_path / "plan.patch"))
    asked = await platform.towpath("adopt", f"{mine}/", "--project", "demo")
    assert (asked.code, "nobody said yes" in asked.stderr) == (1, True)
    assert not (platform.data_dir / "git" / "demo" / "order_service.git").exists()
    arguments = ("--repository", "orders", "--project", "demo", "--yes", "--wait")
    made = await platform.towpath("adopt", f"{mine}/", *arguments)
    assert made.code == 0, made.stderr
    answer = await platform.service("orders.staging.demo.localhost")
    assert json.loads(answer.text)["visits"] >= 1
    assert git(mine, "status", "--porcelain") == before


async def test_a_static_folder_is_adopted_from_another_address(
    platform: PlatformProcess, tmp_path: Path
) -> None:
    files = {"index.html": "<h1>Boats</h1>", "boats/list.html": "<p>One", "score.yml": "mine: 1\n"}
    mine = repository(tmp_path / "boats", files)
    token = from_kubeconfig(platform.kubeconfig, context="platform").token
    address = f"http://x:{token}@127.0.0.1:{platform.port}/git/demo/boats-source.git"
    git(mine, "push", "--quiet", address, "HEAD:main")
    arguments = ("--repository", "boats", "--project", "demo", "--yes", "--wait")
    made = await platform.towpath("adopt", address, *arguments)
    assert made.code == 0, made.stderr
    host = "boats.staging.demo.localhost"
    assert (await platform.service(host)).text == "<h1>Boats</h1>"
    assert (await platform.service(host, "/boats/list")).text == "<p>One"
    assert (await platform.service(host, "/score.yaml")).status_code == 404
    again = await platform.towpath("adopt", "boats", "--project", "demo", "--yes", "--wait")
    assert again.code == 5
    gone = await platform.towpath("delete", "boats", "--project", "demo", "--yes", "--wait")
    assert gone.code == 0, gone.stderr
    assert (platform.data_dir / "git" / "demo" / "boats.git").exists(), "it was there before"
    back = await platform.towpath("adopt", "boats", "--project", "demo", "--yes", "--wait")
    assert back.code == 0, back.stderr
    assert (await platform.service(host)).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("adopt", "nothing"), 4, "no repository nothing"),
        (("adopt", "/"), 2, "is not in a Git repository"),
        (("adopt", "ext::sh -c true"), 4, "no repository ext::sh"),
        (("adopt", "file:///etc"), 1, "transport 'file' not allowed"),
        (("adopt", ".", "--repository", "Not OK"), 2, "cannot be the name of a repository"),
        (("new", "nosuch", "x"), 4, "no template nosuch"),
    ],
)
async def test_what_cannot_be_done_is_said_with_a_code(
    platform: PlatformProcess, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = await platform.towpath(*arguments, "--project", "demo")
    assert done.code == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_language_that_cannot_be_built_is_named(
    platform: PlatformProcess, tmp_path: Path
) -> None:
    mine = repository(tmp_path / "engine", {"go.mod": "module engine\n"})
    done = await platform.towpath("adopt", f"{mine}/", "--project", "demo", "--yes")
    assert (done.code, "This is Go (go.mod)" in done.stderr) == (1, True)
    assert "towpath release create" in done.stderr
    assert not (platform.data_dir / "git" / "demo" / "engine.git").exists()


async def test_killed_in_the_middle_an_adoption_goes_on_to_the_healthy_service(
    tmp_path: Path,
) -> None:
    mine = repository(tmp_path / "boats", {"index.html": "<h1>Boats</h1>"})
    async with platform_at(tmp_path / "data") as platform:
        begun = await platform.towpath("adopt", f"{mine}/", "--project", "demo", "--yes")
        assert begun.code == 0, begun.stderr
        await platform.kill()
        await platform.start()

        async def healthy() -> bool:
            answer = await platform.service("boats.staging.demo.localhost")
            return answer.status_code == 200 and "Boats" in answer.text

        await eventually(healthy, deadline_s=HEALTHY_DEADLINE_S)
        place = platform.data_dir / "git" / "demo" / "boats.git"
        assert len(git(place, "log", "--oneline", "main").splitlines()) == 2
