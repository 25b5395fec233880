"""Cookiecutter's and Copier's templates, and hosts of Git elsewhere."""

import io
import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.scenarios.templates.conftest import World
from tests.scenarios.templates.test_actions_of_backstage import Stage, allow
from tests.support import eventually

from towpath.capabilities.portal.templates.actions.failures import ActionFailed


@pytest.fixture
async def stage(world: World, tmp_path: Path) -> Stage:
    place = tmp_path / "stage"
    place.mkdir()
    return Stage(world, place)


COOKIECUTTER = {
    "cookiecutter.json": json.dumps(
        {
            "name": "My App",
            "slug": "{{ cookiecutter.name|lower|replace(' ', '-') }}",
            "license": ["MIT", "Apache"],
            "_copy_without_render": ["*.raw"],
        }
    ),
    "{{ cookiecutter.slug }}/README.md": "# {{ cookiecutter.name }} ({{ cookiecutter.license }})\n",
    "{{ cookiecutter.slug }}/{{ cookiecutter.slug }}.py": "x = {{ cookiecutter|jsonify(None) }}",
    "{{ cookiecutter.slug }}/as-is.raw": "{{ left }}",
    "{{ cookiecutter.slug }}/{% if cookiecutter.license == 'MIT' %}LICENSE{% endif %}": "MIT",
    "hooks/post_gen_project.py": "raise SystemExit('hooks must not run')",
    "outside.txt": "not part of it",
}


async def test_cookiecutter(stage: Stage) -> None:
    stage.lay(COOKIECUTTER, "template")
    await stage.run("fetch:cookiecutter", url=".", values={"name": "Shop", "license": "Apache"})
    assert set(stage.files) == {"README.md", "shop.py", "as-is.raw"}
    assert stage.files["README.md"] == "# Shop (Apache)\n"
    assert stage.files["as-is.raw"] == "{{ left }}"
    assert "Hooks of the template were not run." in stage.lines


async def test_cookiecutter_defaults(stage: Stage) -> None:
    stage.lay(COOKIECUTTER, "template")
    await stage.run("fetch:cookiecutter", url=".", targetPath="to", values={})
    assert stage.files["to/LICENSE"] == "MIT"
    assert stage.files["to/README.md"] == "# My App (MIT)\n"


COPIER = {
    "copier.yml": "_subdirectory: template\n"
    "_tasks: ['rm -rf /']\n"
    "name:\n  type: str\n  default: shop\n"
    "module: '{{ name | upper }}'\n"
    "port:\n  type: int\n  default: '80'\n"
    "token:\n  secret: true\n  default: hush\n",
    "template/README.md.jinja": "# {{ name }} {{ port + 1 }} {{ module }}\n",
    "template/{{ name }}.txt": "{{ not rendered }}",
    "template/{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers|to_nice_yaml }}",
    "template/{% if port > 1000 %}high{% endif %}.jinja": "x",
    "ignored.txt": "",
}


async def test_copier(stage: Stage) -> None:
    stage.lay(COPIER, "template")
    await stage.run("fetch:copier", url=".", values={"name": "cart"})
    assert set(stage.files) == {"README.md", "cart.txt", ".copier-answers.yml"}
    assert stage.files["README.md"] == "# cart 81 CART\n"
    assert stage.files["cart.txt"] == "{{ not rendered }}"
    assert "hush" not in stage.files[".copier-answers.yml"]
    assert "name: cart" in stage.files[".copier-answers.yml"]
    assert "Tasks of the template were not run." in stage.lines


ESCAPES = {
    "an attribute of Python": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "the globals of a function": "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "a file": "{% include '/etc/passwd' %}",
    "a loop without end": "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}"
    "{% endfor %}",
    "a text that doubles": "{% set ns = namespace(s='x' * 1000) %}{% for i in range(60) %}"
    "{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
}


@pytest.mark.slow
@pytest.mark.parametrize("source", ESCAPES.values(), ids=ESCAPES.keys())
async def test_jinja_does_not_get_out(stage: Stage, source: str) -> None:
    stage.lay({"copier.yml": "a: 1\n", "x.txt.jinja": source}, "template")
    with pytest.raises(ActionFailed):
        await stage.run("fetch:copier", url=".", values={})
    assert stage.files == {}


@pytest.mark.parametrize("part", ["..", ".", ".git", "a/../..", "a\\\\b"])
async def test_names_of_copier_stay_inside(stage: Stage, part: str) -> None:
    stage.lay({"copier.yml": "a: 1\n", "{{ part }}/x": "x"}, "template")
    with pytest.raises(ActionFailed, match=r"leave the workspace|Git's own folder"):
        await stage.run("fetch:copier", url=".", values={"part": part})
    assert stage.files == {}


class Forge:
    """As much of a Git host as fetching needs."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []

    def application(self) -> Starlette:
        methods = ["GET", "POST", "PATCH", "DELETE"]
        return Starlette(routes=[Route("/{path:path}", self._answer, methods=methods)])

    async def _answer(self, request: Request) -> Response:
        path, method = request.url.path, request.method
        self.requests.append((method, path))
        if path.endswith(".tar.gz"):
            return Response(_archive())
        if request.headers.get("authorization") not in ("token t0ken", "Bearer t0ken"):
            return JSONResponse({"message": "who are you?"}, 401)
        return JSONResponse({"login": "somebody"})


def _archive() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for path, content in {
            "r-main/kit/a.txt": b"A",
            "r-main/kit/../../../out": b"B",
            "r-main/other": b"C",
        }.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("r-main/kit/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return made.getvalue()


@pytest.fixture
async def forge(world: World) -> AsyncIterator[tuple[Forge, str]]:
    import asyncio

    made = Forge()
    config = uvicorn.Config(made.application(), port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: _ready(server))
    host = f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    await allow(world, host)
    yield made, host
    server.should_exit = True
    await serving


async def _ready(server: uvicorn.Server) -> bool:
    return server.started


async def test_files_of_another_host_are_fetched_without_what_leads_out(
    stage: Stage, forge: tuple[Forge, str]
) -> None:
    made, host = forge
    url = f"http://{host}/team/r/src/branch/main/kit"
    await stage.run("fetch:plain", url=url)
    await stage.run("fetch:plain:file", url=f"{url}/a.txt", targetPath="b.txt")
    assert stage.files == {"a.txt": "A", "b.txt": "A"}
    assert ("GET", "/team/r/archive/main.tar.gz") in made.requests


async def test_an_allowed_service_is_asked(stage: Stage, forge: tuple[Forge, str]) -> None:
    _, host = forge
    answer = await stage.run(
        "http:request",
        method="GET",
        path=f"http://{host}/api/v1/user",
        headers={"Authorization": "token t0ken"},
    )
    assert (answer["code"], answer["body"]) == (200, {"login": "somebody"})
    with pytest.raises(ActionFailed, match="answered 401"):
        await stage.run("http:request", method="GET", path=f"http://{host}/api/v1/user")
    kept = await stage.run(
        "http:request",
        method="GET",
        path=f"http://{host}/api/v1/user",
        continueOnBadResponse=True,
    )
    assert kept["code"] == 401
