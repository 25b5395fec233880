"""The plug-in of the docs, installed as they say, in a platform that has a hanging one as well."""

import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import httpx2
import pytest
from tests.platform import PlatformProcess, running_platform_process
from tests.plugins import PLAIN, importable, install
from tests.support import eventually

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.actions.kinds import ACTION, ACTION_RUN
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE, TEMPLATE_RUN
from towpath.cli.terminal import SELF_REVIEW

ROOT = Path(__file__).parent.parent.parent.parent
PAGE = ROOT / "docs" / "how-to" / "write-a-plugin.md"
FILE = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVICE = "/projects/demo/workloads/shop"
DEADLINE_S = 30.0
ROTA = ("alice", "bob", "carol")

DESCRIPTOR = {
    "apiVersion": "scaffolder.backstage.io/v1beta3",
    "kind": "Template",
    "metadata": {"name": "runbook"},
    "spec": {
        "type": "documentation",
        "steps": [
            {
                "id": "runbook",
                "name": "Write the runbook",
                "action": "on-call:runbook",
                "input": {"name": "shop"},
            },
            {
                "id": "publish",
                "name": "Publish",
                "action": "publish:towpath",
                "input": {"repoUrl": "${{ towpath.host }}?owner=demo&repo=runbooks"},
            },
        ],
        "output": {"text": [{"title": "Path", "content": "${{ steps.runbook.output.path }}"}]},
    },
}


def write_package(folder: Path) -> None:
    """The files that the page shows."""
    files = dict(FILE.findall(PAGE.read_text(encoding="utf-8")))
    assert set(files) == {"towpath_on_call/__init__.py", "pyproject.toml", "tests/test_on_call.py"}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("towpath-on-call")
    write_package(folder)
    return folder


@pytest.fixture(scope="module")
def site(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it is installed by the real installer, beside one that hangs and one that lies."""
    # Its programs run as other users, who must be able to read it.
    folder = tmp_path_factory.mktemp("environment") / "site"
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    assert uv, "the embedded servers bring uv"
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--target", str(folder), str(package)]
    subprocess.run(command, check=True)
    install(folder, "hangs", "while True: pass\n")
    spins = "async def hook(service):\n    while True: pass\n"
    install(folder, "spins", spins + PLAIN.format(name="spins", hook="hook"))
    install(folder, "unwanted", PLAIN.format(name="unwanted", hook="quiet"))
    return folder


@pytest.fixture(scope="module")
async def platform(
    anyio_backend: str, site: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[PlatformProcess]:
    data_dir = tmp_path_factory.mktemp("platform") / "data"
    with importable(site):
        arguments = ("--demo", "--without-plugin", "unwanted")
        async with running_platform_process(data_dir, *arguments) as platform:
            async with platform.client() as client:
                spec = {"repository": "shop", "environments": ["staging"], "owner": "team-a"}
                await client.create(WORKLOAD, WORKLOAD.object("shop", "demo", spec=spec))
            yield platform


@pytest.fixture(scope="module")
async def browser(platform: PlatformProcess) -> AsyncIterator[httpx2.AsyncClient]:
    address = f"http://localhost:{platform.port}"
    async with httpx2.AsyncClient(base_url=address, trust_env=False, timeout=30) as browser:
        link = platform.sign_in_link.partition("link=")[2]
        await browser.post("/sign-in", data={"link": link}, headers={"origin": address})
        yield browser


async def text(browser: httpx2.AsyncClient, path: str) -> str:
    """What a person reads there."""
    answer = await browser.get(path)
    assert answer.status_code in (200, 404), answer.text
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


async def until(browser: httpx2.AsyncClient, path: str, said: str) -> str:
    seen = [""]

    async def check() -> bool:
        seen[0] = await text(browser, path)
        return said in seen[0]

    await eventually(check, deadline_s=DEADLINE_S, every_s=0.1)
    return seen[0]


async def test_its_tab_and_its_check_are_on_the_page_of_a_service(
    browser: httpx2.AsyncClient,
) -> None:
    shown = await until(browser, f"{SERVICE}/on-call.rota", "The plug-in on-call brings this tab.")
    assert "On call" in shown and "Changes 0" in shown
    checks = await text(browser, f"{SERVICE}/checks")
    assert "Has a runbook Nights are short. From the plug-in on-call." in checks
    assert "Nobody knows what to do at night. Annotate it with example.org/runbook." in checks


async def test_those_that_hang_are_named_and_the_rest_of_the_page_is_there(
    browser: httpx2.AsyncClient,
) -> None:
    shown = await until(browser, f"{SERVICE}/spins.it", "The plug-in spins brings this tab.")
    assert "The tab It did not answer within 2 s. The plug-in spins brings this tab." in shown
    assert "team-a" in shown
    about = await until(browser, "/about", "Importing it did not come to an end within 10 s")
    assert "in hook" in about
    assert "towpath up --without-plugin spins" in about
    assert "unwanted towpath-unwanted 1.0" in about
    assert "Switched off" in about
    assert "brings this tab" in await text(browser, f"{SERVICE}/on-call.rota")


async def test_its_action_runs_in_a_template(platform: PlatformProcess) -> None:
    async with platform.client() as client:
        template = SOFTWARE_TEMPLATE.object("runbook", "demo", spec={"descriptor": DESCRIPTOR})
        await client.create(SOFTWARE_TEMPLATE, template)
        review = await client.create(SELF_REVIEW, SELF_REVIEW.object(""))
        who = review["status"]["userInfo"]["username"]
        spec = {"template": {"name": "runbook", "namespace": "demo"}, "requestedBy": who}
        await client.create(TEMPLATE_RUN, TEMPLATE_RUN.object("write-it", "demo", spec=spec))

        async def finished() -> bool:
            run = await client.get(TEMPLATE_RUN, "write-it", "demo")
            return (run.get("status") or {}).get("phase") in ("Succeeded", "Undone", "Failed")

        await eventually(finished, deadline_s=DEADLINE_S, every_s=0.1)
        run = await client.get(TEMPLATE_RUN, "write-it", "demo")
    assert run["status"]["phase"] == "Succeeded", run["status"]
    assert run["status"]["output"]["text"] == [{"title": "Path", "content": "RUNBOOK.md"}]


async def test_its_function_is_behind_the_button_of_an_action(platform: PlatformProcess) -> None:
    given = {"name": "on-call:page", "input": {"message": "${inputs.message}"}}
    spec = {
        "title": "Page who is on call",
        "operation": "CREATE",
        "userInputs": {"properties": {"message": {"type": "string"}}},
        "backend": {"type": "function", "function": given},
    }
    async with platform.client() as client:
        await client.create(ACTION, ACTION.object("page", "demo", spec=spec))
        asked = ("--set", "message=It burns", "--wait", "--project", "demo")
        done = await platform.towpath("action", "run", "page", *asked)
        assert done.code == 0, done.stderr
        (run,) = (await client.list(ACTION_RUN, "demo")).items
    assert run["status"]["phase"] == "Succeeded"
    assert run["status"]["outputs"]["paged"] in ("alice", "bob", "carol")


async def test_its_source_fills_the_catalogue(platform: PlatformProcess) -> None:
    told = {"plugin": "on-call", "source": "pagers", "settings": {"type": "phone"}}
    source = CATALOG_SOURCE.object("pagers", "demo", spec={"type": "plugin", "plugin": told})
    async with platform.client() as client:
        await client.create(CATALOG_SOURCE, source)

        async def is_read() -> bool:
            status = (await client.get(CATALOG_SOURCE, "pagers", "demo")).get("status") or {}
            return status.get("entities") == [f"resource:default/pager-of-{one}" for one in ROTA]

        await eventually(is_read, deadline_s=DEADLINE_S)


async def test_its_command_is_typed(platform: PlatformProcess) -> None:
    done = await platform.towpath("on-call", "who", "7")
    assert (done.code, done.stdout.split()) == (0, ["WEEK", "WHO", "7", "bob"])
    listed = await platform.towpath("plugin", "list")
    assert listed.code == 0, listed.stderr
    rows = {line.split()[0]: line for line in listed.stdout.splitlines()[1:]}
    assert set(rows) == {"hangs", "on-call", "spins", "unwanted"}
    assert "Healthy" in rows["on-call"] and "Tab: On call" in rows["on-call"]


@pytest.mark.slow
def test_the_tests_that_the_page_shows_pass(package: Path, site: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(package)]
    with importable(site):
        done = subprocess.run(command, capture_output=True, text=True, cwd=package)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_plugin_that_the_page_shows_has_its_types(package: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "towpath_on_call/__init__.py"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=package)
    assert done.returncode == 0, done.stdout
