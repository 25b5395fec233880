"""Score files: what loads, and how each mistake is named."""

from typing import Any

import pytest

from towpath.capabilities.delivery.promotions.score import ScoreError, load_score, parse_score
from towpath.capabilities.delivery.promotions.score.parse import Resource, resource_uid
from towpath.machinery.documents import dump_document
from towpath.machinery.objects import RawObject

FULL = """
apiVersion: score.dev/v1b1
metadata:
  name: order-service
  team: a
  annotations:
    example.com/Note: something
service:
  ports:
    http: {port: 80, targetPort: 8080}
    metrics: {port: 9090, protocol: TCP}
containers:
  main:
    image: .
    command: ["python", "-m", "app"]
    variables:
      GREETING: hello
    files:
      /etc/app/config.toml: {content: "a = 1", mode: "0600"}
    resources:
      limits: {memory: 128Mi, cpu: "0.5"}
    readinessProbe:
      httpGet: {path: /ready, port: 8080}
    livenessProbe:
      exec: {command: ["true"]}
resources:
  db:
    type: postgres
"""


def minimal(**changes: Any) -> RawObject:
    document: RawObject = {
        "apiVersion": "score.dev/v1b1",
        "metadata": {"name": "order-service"},
        "containers": {"main": {"image": "."}},
    }
    return {**document, **changes}


def test_a_full_file_becomes_values() -> None:
    score = load_score(FULL)
    assert score.name == "order-service"
    assert [(port.name, port.port, port.target_port) for port in score.ports] == [
        ("http", 80, 8080),
        ("metrics", 9090, 9090),
    ]
    (container,) = score.containers
    assert container.command == ("python", "-m", "app")
    assert container.args is None
    assert container.files[0].target == "/etc/app/config.toml"
    assert score.resources["db"].class_ == "default"


def test_the_older_lists_of_files_and_volumes_still_load() -> None:
    main = {
        "image": ".",
        "files": [{"target": "/b", "content": "b"}, {"target": "/a", "content": "a"}],
        "volumes": [{"source": "data", "target": "/data"}],
    }
    (container,) = parse_score(minimal(containers={"main": main})).containers
    assert [file.target for file in container.files] == ["/a", "/b"]
    assert container.volumes[0].source == "data"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        pytest.param({"apiVersion": "score.dev/v2"}, "apiVersion", id="another version"),
        pytest.param({"metadata": {}}, "metadata.name", id="no name"),
        pytest.param({"metadata": {"name": "Order"}}, "metadata.name", id="capitals in the name"),
        pytest.param({"containers": {}}, "containers", id="no container"),
        pytest.param({"containers": {"main": {}}}, "containers.main.image", id="no image"),
        pytest.param({"container": {}}, "", id="an unknown field at the top"),
        pytest.param(
            {"containers": {"main": {"image": ".", "variables": {"PORT": 8080}}}},
            "containers.main.variables.PORT",
            id="a number where a text belongs",
        ),
        pytest.param(
            {"containers": {"main": {"image": ".", "files": {"/a": {}}}}},
            "containers.main.files./a",
            id="a file without content",
        ),
        pytest.param(
            {"containers": {"main": {"image": ".", "volumes": [{"source": "a"}]}}},
            "containers.main.volumes[0].target",
            id="a listed volume without target",
        ),
        pytest.param(
            {"service": {"ports": {"http": {"port": 0}}}}, "service.ports.http.port", id="port 0"
        ),
        pytest.param({"resources": {"db": {"typ": "postgres"}}}, "resources.db", id="a typo"),
    ],
)
def test_a_mistake_is_named_by_its_path(changes: RawObject, path: str) -> None:
    with pytest.raises(ScoreError) as caught:
        parse_score(minimal(**changes))
    assert path in [problem.path for problem in caught.value.problems]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: 1\na: 2\n", id="a key twice"),
        pytest.param("a: [1\n", id="broken brackets"),
        pytest.param("", id="nothing"),
        pytest.param("a: 1\n---\nb: 2\n", id="two documents"),
        pytest.param("- 1\n", id="a list"),
    ],
)
def test_text_that_is_not_one_mapping_is_refused(text: str) -> None:
    with pytest.raises(ScoreError):
        load_score(text)


def resource(**changes: Any) -> Resource:
    values: dict[str, Any] = {
        "name": "db",
        "type": "postgres",
        "class_": "default",
        "id": None,
        "params": {},
        "metadata": {},
    }
    return Resource(**{**values, **changes})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, "postgres.default#order.db", id="named by workload and resource"),
        pytest.param({"class_": "large"}, "postgres.large#order.db", id="with a class"),
        pytest.param({"id": "shared"}, "postgres.default#shared", id="an id is shared by all"),
    ],
)
def test_identity(given: dict[str, Any], expected: str) -> None:
    assert resource_uid("order", resource(**given)) == expected


def test_one_id_with_two_params_is_a_conflict() -> None:
    resources = {
        "aa": {"type": "postgres", "id": "db", "params": {"size": "small"}},
        "bb": {"type": "postgres", "id": "db", "params": {"size": "large"}},
    }
    with pytest.raises(ScoreError) as caught:
        load_score(dump_document(minimal(resources=resources)))
    assert [problem.path for problem in caught.value.problems] == ["resources.bb"]
