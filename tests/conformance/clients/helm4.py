"""Helm 4, by its own library: what `tests/conformance/test_helm.py` does with Helm 3, once more."""

import sys

import helm_python as helm
from tests.conformance.clients import CHART
from tests.conformance.clients.tries import run


def releases() -> None:
    config = helm.Config(namespace="default")
    waiting = {"wait": "watcher", "timeout": 40}
    config.install(CHART, "four", **waiting)
    config.upgrade(CHART, "four", {"replicas": 2, "greeting": "bye"}, **waiting)
    tested = config.test("four", timeout=40, logs=True)
    assert "tested" in tested["logs"], tested
    config.rollback("four", version=1, **waiting)
    history = [(one["revision"], one["status"]) for one in config.history("four")]
    assert history == [(1, "superseded"), (2, "superseded"), (3, "deployed")], history
    assert [one["name"] for one in config.list()] == ["four"]
    try:
        config.upgrade(CHART, "four", {"replicas": "many"}, timeout=20)
    except helm.HelmError as error:
        assert ".spec.size: expected numeric" in str(error), error
    else:
        sys.exit("a value of a wrong type was taken")
    config.uninstall("four", **waiting)
    assert config.list() == []


if __name__ == "__main__":
    run(releases)
