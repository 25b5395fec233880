"""The golden path `static-site`: rendered as expected, and good for what it says."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from towpath.capabilities.delivery.promotions.score.parse import parse_score
from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.descriptor import parse_descriptor
from towpath.capabilities.portal.templates.parameters import parameter_errors
from towpath.capabilities.portal.templates.seeding import SHIPPED
from towpath.capabilities.portal.templates.testing import render_template, run_tests
from towpath.engines.git.port import File
from towpath.machinery.documents import load_document

GOLDEN_PATH = SHIPPED / "static-site"
EVIL = "</title></p><script>alert(1)</script>\"'&"


def rendered(name: str, **parameters: Any) -> dict[str, str]:
    raw = load_document((GOLDEN_PATH / "template.yaml").read_text())
    values = {"name": name, **parameters}
    assert parameter_errors(raw, values) == []
    files: dict[str, str] = render_template(GOLDEN_PATH, parse_descriptor(raw), {}, values)["files"]
    return files


def written(folder: Path, files: dict[str, str]) -> Path:
    contents = {path: File(text.encode()) for path, text in files.items()}
    folders.write_files(folder / "site", contents, scratch=folder / "scratch")
    return folder / "site"


def own_tests(site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-m", "unittest", "discover", "--start-directory", "tests"],
        cwd=site,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("path", ["static-site", "adopt-repository"])
def test_its_own_tests_pass(path: str) -> None:
    run_tests(SHIPPED / path, update=False)


@pytest.mark.parametrize("given", [{}, {"title": EVIL, "description": EVIL, "colour": "rose"}])
def test_the_sites_tests_pass_whatever_was_typed(given: dict[str, str], tmp_path: Path) -> None:
    files = rendered("harbour-guide", **given)
    done = own_tests(written(tmp_path, files))
    assert done.returncode == 0, done.stderr
    assert not any("<script" in text for path, text in files.items() if path.endswith(".html"))
    assert "${{" not in files["public/index.html"]


@pytest.mark.parametrize(
    ("page", "old", "new", "said"),
    [
        ("index.html", 'href="/guide/"', 'href="/gone/"', "there is no /gone/"),
        ("index.html", "#change", "#nothing", "'nothing' not found"),
        ("index.html", "</main>", "", "<main> is still open at </body>"),
        ("guide/index.html", "<h1>", "<h1></h1><h1>", "one <h1> says what the page is"),
        ("404.html", ' lang="en"', "", "<html> says no language"),
    ],
)
def test_the_sites_tests_see_what_is_wrong(
    page: str, old: str, new: str, said: str, tmp_path: Path
) -> None:
    site = written(tmp_path, rendered("harbour-guide"))
    file = site / "public" / page
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    done = own_tests(site)
    assert done.returncode != 0
    assert said in done.stderr


@pytest.mark.parametrize("name", ["no", "calendar", "zebra-9", "a-site-with-a-rather-long-name"])
def test_every_document_has_the_name_as_text(name: str) -> None:
    files = rendered(name)
    score = load_document(files["score.yaml"])
    parse_score(score)
    assert score["metadata"]["name"] == name
    assert load_document(files["catalog-info.yaml"])["metadata"]["name"] == name
