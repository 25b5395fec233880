"""Rendering: golden files for whole outcomes, tables for the rules.

Write the golden files anew with `UPDATE_GOLDEN=1 pytest tests/unit/capabilities/promotions`.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from towpath.capabilities.delivery.promotions.render import RenderInput, render, render_files
from towpath.capabilities.delivery.promotions.render.environment import container_env
from towpath.capabilities.delivery.promotions.render.resources import Output, SecretOutput
from towpath.capabilities.delivery.promotions.score import ScoreError, load_score, parse_score
from towpath.capabilities.delivery.promotions.score.substitution import Reference
from towpath.machinery.documents import load_document
from towpath.machinery.objects import RawObject

GOLDEN = Path(__file__).parent / "golden"

WITH_DATABASE = """
apiVersion: score.dev/v1b1
metadata:
  name: order-service
service:
  ports:
    http: {port: 80, targetPort: 8080}
containers:
  main:
    image: .
    variables:
      GREETING: hello
      DATABASE_URL: "postgresql://${resources.db.username}:${resources.db.password}@${resources.db.host}:${resources.db.port}/${resources.db.name}"
      DATABASE_HOST: ${resources.db.host}
      SELF: http://${resources.dns.host}/
    files:
      /etc/app/plain.ini: {content: "name=${metadata.name}"}
      /etc/app/secret.ini: {content: "password=${resources.db.password} {{x}}"}
    readinessProbe:
      httpGet: {path: /health/ready, port: 8080}
resources:
  db:
    type: postgres
    params: {size: medium}
  dns:
    type: dns
"""

WORKER = """
apiVersion: score.dev/v1b1
metadata:
  name: worker
containers:
  main:
    image: busybox
    command: ["/bin/work"]
"""


def given(score: str = WITH_DATABASE, **changes: Any) -> RenderInput:
    parsed = load_score(score)
    base = RenderInput(
        project="demo",
        workload=parsed.name,
        environment="staging",
        release=f"{parsed.name}-01234567",
        image=f"registry.towpath.dev/demo/{parsed.name}@sha256:{'a' * 64}",
        score=parsed,
        host=f"{parsed.name}.staging.demo.localhost",
    )
    return replace(base, **changes)


def document(**main: Any) -> RawObject:
    return {
        "apiVersion": "score.dev/v1b1",
        "metadata": {"name": "order-service"},
        "containers": {"main": {"image": ".", **main}},
    }


@pytest.mark.parametrize(
    ("name", "score", "changes"),
    [
        pytest.param("with-database", WITH_DATABASE, {}, id="a service with a database"),
        pytest.param("worker", WORKER, {}, id="a worker without a service"),
        pytest.param(
            "on-kubernetes",
            WITH_DATABASE,
            {
                "local": False,
                "retain_data": True,
                "served": frozenset({"ServiceMonitor.monitoring.coreos.com"}),
            },
            id="on a cluster with monitoring, data retained",
        ),
    ],
)
def test_golden(name: str, score: str, changes: dict[str, Any]) -> None:
    rendered = b"".join(
        f"##### {path}\n".encode() + content
        for path, content in render_files(given(score, **changes)).items()
    ).decode()
    golden = GOLDEN / f"{name}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(rendered)
    assert rendered == golden.read_text()


def test_what_is_written_reads_back_as_what_was_rendered() -> None:
    rendered = render(given())
    files = render_files(given())
    for folder, manifests in (("workload", rendered.workload), ("infra", rendered.infra)):
        for name, manifest in manifests.items():
            assert load_document(files[f"{folder}/{name}"]) == manifest


def test_no_secret_is_ever_text() -> None:
    deployment = render(given()).workload["deployment.yaml"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    env = {entry["name"]: entry for entry in container["env"]}
    assert env["DATABASE_HOST"]["valueFrom"]["secretKeyRef"] == {
        "name": "order-service-db",
        "key": "host",
    }
    assert "$(SCORE_DB_PASSWORD)" in env["DATABASE_URL"]["value"]
    names = [entry["name"] for entry in container["env"]]
    assert names.index("SCORE_DB_PASSWORD") < names.index("DATABASE_URL")


def resolve(reference: Reference, path: str) -> Output:
    return SecretOutput("db", "password") if reference.raw == "secret" else f"<{reference.raw}>"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("plain", "plain", id="plain text"),
        pytest.param("a$b", "a$b", id="a dollar that begins nothing"),
        pytest.param("$(PORT)", "$$(PORT)", id="the author's own parenthesis is no expansion"),
        pytest.param("$$$$", "$$$", id="two dollars: one escaped, one that begins nothing"),
        pytest.param("x${secret}", "x$(SCORE_DB_PASSWORD)", id="a secret is expanded later"),
        pytest.param("$$${secret}", "$$$(SCORE_DB_PASSWORD)", id="a dollar before a secret"),
        pytest.param("${host}(a)", "<host>(a)", id="a known output is text"),
    ],
)
def test_variables(text: str, value: str) -> None:
    entries = container_env("app", {"V": text}, "v", resolve)
    assert entries[-1] == {"name": "V", "value": value}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        pytest.param({"resources": {"q1": {"type": "kafka"}}}, "resources.q1.type", id="type"),
        pytest.param(
            {"resources": {"db": {"type": "postgres", "class": "huge"}}},
            "resources.db.class",
            id="class",
        ),
        pytest.param(
            {"resources": {"db": {"type": "postgres", "id": "shared"}}},
            "resources.db.id",
            id="a shared resource",
        ),
        pytest.param(
            {"resources": {"db": {"type": "postgres", "params": {"size": "xxl"}}}},
            "resources.db.params.size",
            id="size",
        ),
        pytest.param(
            {"resources": {"db": {"type": "postgres", "params": {"cpu": 1}}}},
            "resources.db.params",
            id="an unknown parameter",
        ),
        pytest.param(
            document(variables={"A": "${resources.db.host}"}),
            "containers.main.variables.A",
            id="a resource that is not there",
        ),
        pytest.param(
            document(variables={"A": "${env.HOME}"}),
            "containers.main.variables.A",
            id="an unknown root",
        ),
        pytest.param(
            document(volumes=[{"source": "a", "target": "/a"}]),
            "containers.main.volumes",
            id="a volume",
        ),
        pytest.param(
            {"containers": {"one": {"image": "a"}, "two": {"image": "b"}}},
            "containers",
            id="two foreign images and none built here",
        ),
    ],
)
def test_what_cannot_be_delivered_is_refused_by_name(changes: RawObject, path: str) -> None:
    with pytest.raises(ScoreError) as caught:
        render(replace(given(), score=parse_score({**document(), **changes})))
    assert path in [problem.path for problem in caught.value.problems]
