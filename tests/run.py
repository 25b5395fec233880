"""`make test`: finds a browser, runs pytest, and says in its last lines what could not be tried.

python -m tests.run [--slow] [--second-look] [--build-engines] [pytest arguments]

All tests are spread over as many processes as there are processors; what is named in arguments runs
in one, where `-x` and `--pdb` mean something.

`--build-engines` builds a real kube-apiserver where there is none, at the lowest priority beside
the tests that do not need it; those that do come last, and skip where it could not be built.

`--second-look` runs a few failed tests once more by themselves and says which they were: on a busy
machine a deadline can pass without a fault, and a fault fails again.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engines import kube

SECOND_LOOKS_MAX = 5
TESTS_FAILED = 1
PROCESSES_MAX = 4
SLOWEST_SHOWN = 15
BUILD_S_MAX = 1500
ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".pytest_cache"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OURS = ("--slow", "--second-look", "--build-engines")


def find_browser() -> str | None:
    """A Chromium that is here, or that can be installed without asking anybody."""
    if configured := os.environ.get("TOWPATH_CHROMIUM"):
        return configured
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    return _playwright_browser() or _install_browser()


def _playwright_browser() -> str | None:
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache/ms-playwright"))
    found = sorted(cache.glob("chromium-*/chrome-linux*/chrome"))
    return str(found[-1]) if found else None


def _install_browser() -> str | None:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["apt-get", "update"], check=False, **quiet)
        install = ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]
        if subprocess.run(install, check=False, **quiet).returncode == 0:
            return shutil.which("chromium")
    download = [sys.executable, "-m", "playwright", "install", "chromium"]
    subprocess.run(download, check=False, timeout=300, capture_output=True)
    return _playwright_browser()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run_pytest(environment: dict[str, str], *arguments: str) -> int:
    """Its exit code; says what it took, as two processors are not always as many."""
    began, spent = time.monotonic(), _processor_seconds()
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    took, used = time.monotonic() - began, _processor_seconds() - spent
    say(f"{took:.0f} s, in which processors worked {used:.0f} s.")
    return code


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def look_again(environment: dict[str, str]) -> int:
    """Run what has failed by itself; more than a few failures are no accident."""
    listed = CACHE / "v/cache/lastfailed"
    failed = sorted(json.loads(listed.read_text())) if listed.exists() else []
    if not 0 < len(failed) <= SECOND_LOOKS_MAX:
        return TESTS_FAILED
    say(f"Failed at first, looked at again: {', '.join(failed)}")
    return run_pytest(environment, "--last-failed")


@contextmanager
def building_engines() -> Iterator[subprocess.Popen[bytes]]:
    """The build of a real kube-apiserver, which says what it does in a file."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "real-kube.log").open("wb") as said:
        build = subprocess.Popen(
            [sys.executable, ROOT / "tools/real-kube", "build", "--api"],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        yield build
    finally:
        build.terminate()
        build.wait()


def without_engines(build: subprocess.Popen[bytes]) -> str:
    """Waits for the build; why there is nothing to ask, or empty."""
    began = time.monotonic()
    try:
        code = build.wait(BUILD_S_MAX)
    except subprocess.TimeoutExpired:
        return f"the build took more than {BUILD_S_MAX} s"
    said = (CACHE / "real-kube.log").read_text(errors="replace").strip()
    say(f"{said}\nWaited {time.monotonic() - began:.0f} s for the build of kube-apiserver.")
    return said.splitlines()[-1] if code and said else ""


def run_everything(environment: dict[str, str], *, slow: bool, build: bool) -> tuple[int, str]:
    """The exit code, and why a real kube-apiserver was not asked."""
    spread = (
        f"-n{min(os.cpu_count() or 1, PROCESSES_MAX)}",
        f"--durations={SLOWEST_SHOWN}",
        "--durations-min=5",
    )
    marks = [] if slow else ["not slow"]
    if not (build and kube.missing()):
        selected = ("-m", " and ".join(marks)) if marks else ()
        code = run_pytest(environment, *spread, *selected)
        return code, kube.NOT_BUILT if kube.missing() else ""
    with building_engines() as building:
        selected = ("-m", " and ".join(["not real_kube", *marks]))
        code = run_pytest(environment, *spread, *selected)
        why = without_engines(building)
    selected = ("-m", " and ".join(["real_kube", *marks]))
    return max(code, run_pytest(environment, *spread, *selected)), why


def main(arguments: list[str]) -> int:
    slow, again, build = (option in arguments for option in OURS)
    rest = [argument for argument in arguments if argument not in OURS]
    environment = dict(os.environ)
    if browser := find_browser():
        environment["TOWPATH_CHROMIUM"] = browser
    elif os.environ.get("REQUIRE_BROWSER"):
        say("REQUIRE_BROWSER is set, and no Chromium is here or could be installed.")
        return 1
    why = ""
    if rest:
        code = run_pytest(environment, *(() if slow else ("-m", "not slow")), *rest)
    else:
        code, why = run_everything(environment, slow=slow, build=build)
    if code == TESTS_FAILED and again:
        code = look_again(environment)
    if not browser:
        say("Not tried: browser tests, because no Chromium is here and none could be installed.")
    if why:
        say(f"Not tried: comparison with a real kube-apiserver: {why}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
