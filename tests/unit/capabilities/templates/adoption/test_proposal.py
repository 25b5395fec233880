"""The files that an adopted repository gets: valid where they are read, whatever is in them."""

import tomllib
from typing import Any

import pytest

from towpath.capabilities.delivery.promotions.score.parse import parse_score
from towpath.capabilities.portal.templates.adoption.proposal import (
    WORKFLOW,
    Answers,
    Proposal,
    diff_of,
    propose,
)
from towpath.capabilities.portal.templates.adoption.reading import read_repository
from towpath.engines.ci.actions.catalogue import check_actions
from towpath.engines.ci.workflow.reading import read_workflow
from towpath.engines.git.port import File
from towpath.machinery.documents import load_document
from towpath.machinery.references import EntityRef

OWNER = EntityRef("group", "default", "team-a")
FLASK = {
    "requirements.txt": "flask\ngunicorn\npsycopg2\npytest\n",
    "app.py": "app = Flask(__name__)\n",
    "tests/test_app.py": "",
}
EVIL = 'It says "no": #1 & \\ \x07 ${{ secrets.X }}\u2028 \U0001f6a4'


def proposed(files: dict[str, str], **answers: Any) -> Proposal:
    given = {"repository": "shop", "name": "shop", "project": "demo", "owner": OWNER, **answers}
    read = {path: File(text.encode()) for path, text in files.items()}
    return propose(read_repository(read), Answers(**given), read)


def test_a_python_application_with_a_database() -> None:
    files = proposed(FLASK).files
    assert sorted(files) == [
        WORKFLOW,
        "Procfile",
        "catalog-info.yaml",
        "pyproject.toml",
        "score.yaml",
    ]
    score = load_document(files["score.yaml"])
    parse_score(score)
    main = score["containers"]["main"]
    assert main["variables"]["PORT"] == "8000"
    assert main["variables"]["DATABASE_URL"].startswith("postgresql://${resources.db.username}")
    assert score["resources"]["db"] == {"type": "postgres", "params": {"size": "small"}}
    assert tomllib.loads(files["pyproject.toml"])["project"]["dependencies"][0] == "flask"
    assert files["Procfile"] == "web: python -m gunicorn app:app --bind $HOST:$PORT\n"
    workflow = read_workflow(WORKFLOW, files[WORKFLOW])
    check_actions(workflow)
    assert "uv lock" in files[WORKFLOW]
    assert "uv run --no-sync pytest" in files[WORKFLOW]


def test_answers_win_over_what_was_found() -> None:
    files = proposed(
        FLASK,
        name="harbour",
        port=9000,
        health_path="/up",
        database="no",
        process="python serve.py",
    ).files
    score = load_document(files["score.yaml"])
    main = score["containers"]["main"]
    assert "resources" not in score
    assert main["variables"] == {"PORT": "9000"}
    assert main["command"] == ["sh", "-c", "exec python serve.py"]
    assert main["readinessProbe"]["httpGet"] == {"path": "/up", "port": 9000}
    assert files[WORKFLOW].count("--workload harbour") == 2


def test_a_static_site_needs_three_files() -> None:
    files = proposed({"index.html": "<p>"}).files
    assert sorted(files) == [WORKFLOW, "catalog-info.yaml", "score.yaml"]
    assert "command" not in files["score.yaml"]
    assert load_document(files["catalog-info.yaml"])["spec"]["type"] == "website"
    assert "uv " not in files[WORKFLOW]


def test_nothing_that_is_there_is_written_over() -> None:
    there = {
        "index.html": "",
        "score.yaml": "apiVersion: score.dev/v1b1\nmetadata: {name: shop}\n",
        "catalog-info.yaml": "kind: Component\nspec: {owner: team-b}\n",
        WORKFLOW: "on: push\njobs: {}\n",
    }
    proposal = proposed(there)
    assert proposal.files == {}
    assert set(proposal.kept) == {"score.yaml", "catalog-info.yaml", WORKFLOW}


@pytest.mark.parametrize("text", [EVIL, "a: b", "- x", "'", '"', "${resources.db.host}"])
def test_whatever_is_typed_stays_text(text: str) -> None:
    files = proposed(FLASK, description=text, process=text).files
    kept = "".join(one for one in text if one.isprintable())
    assert load_document(files["catalog-info.yaml"])["metadata"]["description"] == kept
    assert tomllib.loads(files["pyproject.toml"])["project"]["description"] == kept
    command = load_document(files["score.yaml"])["containers"]["main"]["command"]
    assert command == ["sh", "-c", f"exec {kept}"]


def test_the_diff_of_a_new_file_is_all_additions() -> None:
    assert diff_of("a.txt", "one\ntwo\n").splitlines() == [
        "--- /dev/null",
        "+++ b/a.txt",
        "@@ -0,0 +1,2 @@",
        "+one",
        "+two",
    ]
