"""What the README and the tutorial show in a terminal is what a terminal shows, modulo numbers."""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.platform import Finished, PlatformProcess, running_platform_process
from tests.support import eventually

ROOT = Path(__file__).parent.parent.parent.parent
SHOWN = re.compile(r"<!-- terminal: (\w+) -->\n```text\n(.*?)```", re.DOTALL)
NEW = "new python-service order-service --project demo --set owner=team-a --wait"
STAGING = "order-service.staging.demo.localhost"
# A phase that passes quickly is not always seen.
PASSING = ("Promotion to staging: Syncing",)


def shown(name: str) -> list[str]:
    """The lines that the README shows, without the command."""
    blocks = dict(SHOWN.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    return [plain(line) for line in blocks[name].splitlines() if line and line[0] != "$"]


def plain(line: str) -> str:
    """A line without what differs from run to run and from machine to machine."""
    line = re.sub(r"/\S+?(?=/kubeconfig|$)", "DIR", line) if "http" not in line else line
    line = re.sub(r"link=\S+", "link=LINK", line)
    line = re.sub(r"kept apart by \w+", "kept apart by ISOLATION", line)
    line = re.sub(r"(?<=[-/ ])[0-9a-f]{8,10}\b", "COMMIT", line)
    line = re.sub(r"\d+(\.\d+)?", "N", line)
    return " ".join(line.split())


def lines(text: str) -> list[str]:
    return [plain(line) for line in text.splitlines() if line.strip()]


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[PlatformProcess]:
    async with running_platform_process(tmp_path / "data", "--demo") as platform:
        yield platform


async def test_the_readme_shows_what_happens(platform: PlatformProcess) -> None:
    started = lines(platform.output)
    assert [line for line in shown("up") if line not in started] == []

    made = await platform.towpath(*NEW.split())
    assert made.code == 0, made.stderr
    said = lines(made.stderr + made.stdout)
    missing = [line for line in shown("new") if line not in said]
    assert [line for line in missing if not line.endswith(PASSING)] == []

    answer = await platform.service(STAGING)
    assert [plain(answer.text.strip())] == shown("curl")

    told = await platform.towpath("show", "order-service")
    assert lines(told.stdout) == shown("show")
    assert told.stderr == ""


@pytest.mark.slow
async def test_the_tutorial_can_be_followed(platform: PlatformProcess, tmp_path: Path) -> None:
    """Its commands, in its order, as its two people."""
    home = tmp_path / "home"
    home.mkdir()

    async def sh(script: str) -> Finished:
        """As a person would: a home of their own, `towpath` on the PATH."""
        path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
        setting = {"HOME": home, "PATH": path, "PORT": platform.port}
        exports = " ".join(f"{name}='{value}'" for name, value in setting.items())
        person = (
            "git config --global user.name Alice && git config --global user.email a@example.org"
        )
        done = await platform.run("sh", "-ec", f"export {exports}; cd $HOME; {person}; {script}")
        assert done.code == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done

    await sh(f"towpath {NEW}")
    await sh("towpath logs order-service --env staging")
    await sh(
        "towpath git setup;"
        "git clone http://localhost:$PORT/git/demo/order-service.git; cd order-service;"
        "sed -i 's/Hello from/Ahoy from/' src/order_service/app.py;"
        "git commit -qam 'Another greeting'; git push -q"
    )

    async def greets_anew() -> bool:
        return "Ahoy from" in (await platform.service(STAGING)).text

    await eventually(greets_anew, deadline_s=30, every_s=0.1)
    await sh("towpath promote order-service --to production")
    assert "WaitingForApproval" in (await sh("towpath promotions")).stdout
    approved = await sh(
        'link="$(towpath login-link --user bob)"; export TOWPATH_KUBECONFIG="$HOME/bob.kubeconfig";'
        'towpath login "$link"; towpath approve order-service --comment "Looks good" --wait'
    )
    assert "Signed in as bob" in approved.stdout
    await sh("kubectl --context local -n demo-staging scale deployment order-service --replicas 3")

    async def drift_is_told() -> bool:
        told = await sh("towpath show order-service")
        return "spec.replicas" in told.stdout and "healed from Git" in told.stdout

    await eventually(drift_is_told, deadline_s=20, every_s=0.2)
    await sh("towpath rollback order-service --env staging --wait")
    await sh("towpath delete order-service --yes --wait")
    assert "order-service" not in (await sh("towpath list")).stdout
