"""`make test`: finds a browser, runs pytest, and says in its last line what could not be tried.

python -m tests.run [--slow] [--second-look] [pytest arguments]

`--second-look` runs a few failed tests once more by themselves and says which they were: on a busy
machine a deadline can pass without a fault, and a fault fails again.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

SECOND_LOOKS_MAX = 5
TESTS_FAILED = 1
ROOT = Path(__file__).parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


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


def look_again(environment: dict[str, str]) -> int:
    """Run what has failed by itself; more than a few failures are no accident."""
    listed = ROOT / ".pytest_cache/v/cache/lastfailed"
    failed = sorted(json.loads(listed.read_text())) if listed.exists() else []
    if not 0 < len(failed) <= SECOND_LOOKS_MAX:
        return 1
    say(f"Failed at first, looked at again: {', '.join(failed)}")
    command = [sys.executable, "-m", "pytest", "-q", "--last-failed"]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def main(arguments: list[str]) -> int:
    slow, again = "--slow" in arguments, "--second-look" in arguments
    rest = [argument for argument in arguments if argument not in ("--slow", "--second-look")]
    environment = dict(os.environ)
    if browser := find_browser():
        environment["TOWPATH_CHROMIUM"] = browser
    elif os.environ.get("REQUIRE_BROWSER"):
        say("REQUIRE_BROWSER is set, and no Chromium is here or could be installed.")
        return 1
    marks = [] if slow else ["-m", "not slow"]
    command = [sys.executable, "-m", "pytest", "-q", *marks, *rest]
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if code == TESTS_FAILED and again:
        code = look_again(environment)
    if not browser:
        say("Not tried: browser tests, because no Chromium is here and none could be installed.")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
