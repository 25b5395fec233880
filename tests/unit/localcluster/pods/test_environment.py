"""Expansion, references and quantities."""

from collections.abc import Mapping

import pytest

from towpath.localcluster.pods.environment import (
    ConfigMissing,
    amount_of,
    environment,
    expand,
    field_value,
)
from towpath.machinery.objects import RawObject

POD: RawObject = {
    "metadata": {"name": "web-1", "namespace": "demo", "uid": "u", "labels": {"a": "1", "b": "2"}},
    "spec": {},
}


class Known:
    def config_map(self, name: str) -> Mapping[str, str] | None:
        return {"key": "value", "other": "2"} if name == "here" else None

    def secret(self, name: str) -> Mapping[str, str] | None:
        return {"password": "p"} if name == "here" else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("$(A)-$(B)", "1-2", id="known names"),
        pytest.param("$(C)", "$(C)", id="an unknown name stays"),
        pytest.param("$$(A)", "$(A)", id="two dollars are one"),
        pytest.param("$A ${A}", "$A ${A}", id="a shell's forms are not ours"),
        pytest.param("$(A", "$(A", id="unclosed"),
    ],
)
def test_expansion(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expected


def result_of(**container: object) -> dict[str, str]:
    raw: RawObject = {"name": "app", **container}
    return environment(POD, raw, base={"PATH": "/bin"}, address="127.80.0.1", sources=Known())


def test_the_address_is_injected_and_the_pod_may_say_otherwise() -> None:
    ports = [{"containerPort": 8000}]
    assert result_of(ports=ports)["PORT"] == "8000"
    assert result_of(ports=ports)["HOST"] == "127.80.0.1"
    assert result_of(ports=ports, env=[{"name": "PORT", "value": "9"}])["PORT"] == "9"


def test_later_sources_win() -> None:
    env_from = [{"prefix": "X_", "configMapRef": {"name": "here"}}, {"secretRef": {"name": "here"}}]
    found = result_of(envFrom=env_from, env=[{"name": "X_key", "value": "own"}])
    assert found["X_key"] == "own"
    assert found["X_other"] == "2"
    assert found["password"] == "p"


@pytest.mark.parametrize(
    "container",
    [
        pytest.param({"envFrom": [{"secretRef": {"name": "gone"}}]}, id="a whole secret"),
        pytest.param(
            {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "here", "key": "x"}}}]},
            id="a key of a secret",
        ),
        pytest.param(
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.color"}}}]},
            id="a field that the downward API does not have",
        ),
    ],
)
def test_what_is_missing_is_named(container: dict[str, object]) -> None:
    with pytest.raises(ConfigMissing):
        result_of(**container)


def test_optional_references_may_be_missing() -> None:
    chosen = {"name": "gone", "key": "x", "optional": True}
    found = result_of(
        env=[{"name": "A", "valueFrom": {"configMapKeyRef": chosen}}],
        envFrom=[{"configMapRef": {"name": "gone", "optional": True}}],
    )
    assert "A" not in found


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.name", "web-1"),
        ("metadata.labels['b']", "2"),
        ("metadata.labels", 'a="1"\nb="2"'),
        ("status.podIP", "127.80.0.1"),
    ],
)
def test_fields(path: str, expected: str) -> None:
    assert field_value(POD, path, "127.80.0.1") == expected


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [("128Mi", 128 << 20), ("1G", 10**9), ("500m", 1), ("2", 2), (3, 3), ("1e3", 1000), ("x", 0)],
)
def test_quantities(quantity: str | int, expected: int) -> None:
    assert amount_of(quantity) == expected
