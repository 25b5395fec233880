"""What a repository is, by its files: language, process, port, database, and what is refused."""

import pytest

from towpath.capabilities.portal.templates.adoption.findings import Findings
from towpath.capabilities.portal.templates.adoption.python import addressed
from towpath.capabilities.portal.templates.adoption.reading import read_repository
from towpath.engines.git.port import File

PYPROJECT = '[project]\nname = "shop"\ndescription = "Sells."\ndependencies = [{}]\n'


def read(**files: str) -> Findings:
    """`pyproject__toml` for `pyproject.toml`."""
    return read_files({name.replace("__", "."): text for name, text in files.items()})


def read_files(files: dict[str, str]) -> Findings:
    return read_repository({path: File(text.encode()) for path, text in files.items()})


def python(*dependencies: str, **files: str) -> Findings:
    listed = ", ".join(f'"{one}"' for one in dependencies)
    return read(pyproject__toml=PYPROJECT.format(listed), uv__lock="", **files)


@pytest.mark.parametrize(
    ("dependencies", "main", "framework", "process"),
    [
        pytest.param(
            ["fastapi", "uvicorn"],
            "from fastapi import FastAPI\n\napp = FastAPI()\n",
            "FastAPI",
            "python -m uvicorn main:app --host $HOST --port $PORT",
            id="FastAPI",
        ),
        pytest.param(
            ["Flask>=3", "gunicorn"],
            "app: Flask = Flask(__name__)\n",
            "Flask",
            "python -m gunicorn main:app --bind $HOST:$PORT",
            id="Flask",
        ),
        pytest.param(
            ["django", "waitress"],
            'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "harbour.settings")\n',
            "Django",
            "python -m waitress --host=$HOST --port=$PORT harbour.wsgi:application",
            id="Django",
        ),
        pytest.param(
            ["fastapi[standard]"],
            "app = FastAPI()\n",
            "FastAPI",
            "python -m uvicorn main:app --host $HOST --port $PORT",
            id="FastAPI brings its server",
        ),
    ],
)
def test_a_framework_says_how_it_is_started(
    dependencies: list[str], main: str, framework: str, process: str
) -> None:
    found = python(*dependencies, main__py=main)
    assert (found.kind, found.framework, found.process) == ("python", framework, process)
    assert found.problems == []


@pytest.mark.parametrize(
    ("declared", "addressed_so"),
    [
        ("gunicorn app:app", "python -m gunicorn app:app --bind $HOST:$PORT"),
        ("gunicorn -b 0.0.0.0:$PORT app:app", "python -m gunicorn -b $HOST:$PORT app:app"),
        (
            "uvicorn a:b --host 0.0.0.0 --port ${PORT}",
            "python -m uvicorn a:b --host $HOST --port $PORT",
        ),
        (
            "waitress-serve --listen=0.0.0.0:$PORT a:b",
            "python -m waitress --listen=$HOST:$PORT a:b",
        ),
        ("python serve.py", "python serve.py"),
        ("python -m http.server --bind 0.0.0.0", "python -m http.server --bind $HOST"),
    ],
)
def test_a_process_finds_its_address(declared: str, addressed_so: str) -> None:
    assert addressed(declared) == addressed_so


def test_a_procfile_that_listens_everywhere_is_overridden_and_not_changed() -> None:
    found = python("flask", Procfile="web: gunicorn app:app\n")
    assert found.overrides_process
    assert found.process == "python -m gunicorn app:app --bind $HOST:$PORT"
    assert not python("flask", Procfile="web: python serve.py $HOST").overrides_process


def test_ports_health_and_database_are_read_where_they_are_said() -> None:
    found = read_files(
        {
            "requirements.txt": "flask==3.0  # web\npsycopg2-binary\ngunicorn\n\n# dev\n",
            "app.py": 'app = Flask(__name__)\n@app.get("/healthz")\n',
            "Dockerfile": "FROM python\nEXPOSE 5000\n",
            "compose.yaml": "services:\n  db: {image: postgres:17}\n  cache: {image: redis:7}\n",
            "CODEOWNERS": "* @acme/team-a\n",
            "README.md": "# Shop\n\n[![x](y)](z)\n\nSells boats to people. And more.\n",
        }
    )
    assert (found.port, found.health_path, found.needs_database) == (5000, "/healthz", True)
    assert found.dependencies == ("flask==3.0", "psycopg2-binary", "gunicorn")
    assert found.description == "Sells boats to people."
    told = {one.what: (one.value, one.source) for one in found.found}
    assert told["Port"] == ("5000", "Dockerfile")
    assert told["Owner"] == ("team-a", "CODEOWNERS")
    assert any("redis" in note for note in found.notes)


def test_the_port_of_the_code_counts_where_no_container_says_one() -> None:
    assert python("flask", "gunicorn", main__py='app = Flask("x")\napp.run(port=5001)').port == 5001
    assert python("flask", "gunicorn", main__py='app = Flask("x")').port == 8000


def test_settings_that_the_code_needs_are_named() -> None:
    code = 'app = Flask("x")\nkey = os.environ["SECRET_KEY"]\nx = os.environ.get("COLOUR", "red")\n'
    found = python("flask", "gunicorn", main__py=code)
    (note,) = [note for note in found.notes if "SECRET_KEY" in note]
    assert "COLOUR" not in note


def test_a_static_site() -> None:
    found = read_files({"index.html": "<p>", "style.css": ""})
    assert (found.kind, found.port, found.health_path) == ("static", 8080, "/healthz")
    assert any("Move the site to public/" in note for note in found.notes)
    assert read_files({"public/index.html": "<p>"}).notes == []


def test_a_page_that_a_tool_of_node_builds_is_no_static_site() -> None:
    found = read_files({"index.html": "", "package.json": '{"scripts": {"build": "vite build"}}'})
    assert "npm builds" in str(found.problems[0])
    assert read_files({"index.html": "", "package.json": "{}"}).kind == "static"


@pytest.mark.parametrize(
    ("files", "named"),
    [
        pytest.param({"go.mod": "module x"}, "This is Go (go.mod)", id="Go"),
        pytest.param({"Cargo.toml": ""}, "This is Rust", id="Rust"),
        pytest.param({"pom.xml": ""}, "Java", id="Java"),
        pytest.param({"package.json": '{"scripts": {"start": "node x.js"}}'}, "Node.js", id="Node"),
        pytest.param({"src/Shop.csproj": ""}, ".NET", id="dotnet"),
        pytest.param({"Dockerfile": "FROM x"}, "There is a Dockerfile", id="Dockerfile"),
        pytest.param({"README.md": "hi"}, "There is no application", id="nothing"),
    ],
)
def test_what_cannot_be_built_is_said_by_name_with_what_to_do(
    files: dict[str, str], named: str
) -> None:
    (problem,) = read_files(files).problems
    assert named in problem.what
    assert "towpath release create" in problem.do


@pytest.mark.parametrize(
    ("files", "named"),
    [
        pytest.param({"pyproject.toml": "[tool.poetry]"}, "migrate-to-uv", id="Poetry"),
        pytest.param({"pyproject.toml": "not ["}, "cannot be read", id="no toml"),
        pytest.param({"setup.py": ""}, "setup.py", id="setup.py"),
        pytest.param({"requirements.txt": "-e ./x\n"}, "-e ./x", id="an editable requirement"),
        pytest.param(
            {"requirements.txt": "flask", "app.py": 'app = Flask("x")'},
            "uv add gunicorn",
            id="no server",
        ),
        pytest.param(
            {"requirements.txt": "requests", "x.py": ""}, "Nothing says what", id="no process"
        ),
    ],
)
def test_a_python_repository_that_lacks_something_hears_what(
    files: dict[str, str], named: str
) -> None:
    assert named in " ".join(map(str, read_files(files).problems))


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"requirements.txt": "flask", "app.py": 'app = Flask("x")'}, id="no server"),
        pytest.param({"requirements.txt": "requests", "x.py": ""}, id="no process"),
    ],
)
def test_a_command_that_is_given_wins_over_what_was_found(files: dict[str, str]) -> None:
    found = read_files(files)
    assert found.problems_with("python app.py") == []
    assert found.problems_with("") == found.problems


def test_a_command_answers_no_other_problem() -> None:
    found = read_files({"requirements.txt": "-e ./x\nflask", "app.py": 'app = Flask("x")'})
    assert ["-e ./x" in str(one) for one in found.problems_with("python app.py")] == [True]


def test_what_releases_itself_needs_no_language_that_we_know() -> None:
    workflow = "jobs:\n  x:\n    steps:\n      - run: towpath release create --image $X\n"
    found = read_files({"go.mod": "", ".github/workflows/ci.yml": workflow})
    assert (found.pipeline, found.problems) == (".github/workflows/ci.yml", [])


def test_a_score_file_that_is_none_is_refused_and_never_replaced() -> None:
    found = read_files({"index.html": "", "score.yaml": "kind: Deployment\n"})
    assert "no Score file" in str(found.problems[0])
    assert read_files({"index.html": "", "score.yaml": "a: [\n"}).problems


def test_hostile_files_are_read_in_no_time_and_harm_nothing() -> None:
    found = read_files(
        {
            "requirements.txt": "flask\n" + "x" * 300_000,
            "main.py": "--bind=" * 60_000 + "a" * 100_000 + "\n" + "HEALTHCHECK" * 1000,
            "Dockerfile": "HEALTHCHECK" * 40_000,
            "compose.yaml": "services: [a, {b: 1}]\n",
            "package.json": "[[[",
            "CODEOWNERS": "\x00",
            "catalog-info.yaml": "- a: *b",
        }
    )
    assert found.kind == "python"
