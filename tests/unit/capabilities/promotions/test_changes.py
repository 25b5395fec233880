"""Values that a promotion sets on top of the Score file: which may be, and what is refused."""

from typing import Any

import pytest

from towpath.capabilities.delivery.promotions.kinds import may_change
from towpath.capabilities.delivery.promotions.render.changes import apply_changes
from towpath.capabilities.delivery.promotions.render.inputs import ValueChange
from towpath.capabilities.delivery.promotions.score import ScoreError

CONTAINER = "spec.template.spec.containers[0]"


def deployment() -> dict[str, Any]:
    container = {
        "image": "a@sha256:1",
        "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"secretKeyRef": {}}}],
        "resources": {"limits": {"memory": "512Mi"}},
    }
    return {
        "kind": "Deployment",
        "metadata": {"name": "shop"},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [container]}}},
    }


def change(path: str, value: str, kind: str = "Deployment", name: str = "shop") -> ValueChange:
    return ValueChange(kind, name, path, value)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        pytest.param("spec.replicas", "3", 3, id="how many"),
        pytest.param(f"{CONTAINER}.resources.limits.memory", '"1Gi"', "1Gi", id="how much"),
        pytest.param(f"{CONTAINER}.env[0].value", '"2"', "2", id="a variable"),
    ],
)
def test_a_value_is_set(path: str, value: str, expected: Any) -> None:
    manifest = deployment()
    apply_changes([change(path, value)], [manifest])
    spec = manifest["spec"]
    container = spec["template"]["spec"]["containers"][0]
    now = (spec["replicas"], container["resources"]["limits"]["memory"])
    assert expected in (*now, container["env"][0]["value"])


def test_a_key_of_a_config_map_may_hold_dots() -> None:
    manifest = {"kind": "ConfigMap", "metadata": {"name": "shop"}, "data": {"a.conf": "old"}}
    apply_changes([change("data.a.conf", '"new"', "ConfigMap")], [manifest])
    assert manifest["data"] == {"a.conf": "new"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param(
            change(f"{CONTAINER}.image", '"evil"'), "say it in score.yaml", id="the image"
        ),
        pytest.param(
            change(f"{CONTAINER}.securityContext.privileged", "true"),
            "say it in score.yaml",
            id="a right",
        ),
        pytest.param(
            change("data.password", '"x"', "Secret"), "say it in score.yaml", id="a secret"
        ),
        pytest.param(
            change("spec.replicas", "3", name="other"), "does not have", id="another object"
        ),
        pytest.param(change("spec.replicas", '"3"'), "not a value of that kind", id="a text"),
        pytest.param(change("spec.replicas", "true"), "not a value of that kind", id="a yes"),
        pytest.param(change("spec.replicas", "{"), "no JSON value", id="no JSON"),
        pytest.param(
            change(f"{CONTAINER}.env[1].value", '"x"'),
            "not a value of that kind",
            id="a variable whose value is a secret",
        ),
        pytest.param(
            change(f"{CONTAINER}.env[9].value", '"x"'),
            "not a value of that kind",
            id="a variable that is not there",
        ),
    ],
)
def test_what_is_not_the_score_authors_to_say_is_refused(given: ValueChange, says: str) -> None:
    manifest = deployment()
    with pytest.raises(ScoreError) as caught:
        apply_changes([given], [manifest])
    assert says in str(caught.value)
    assert manifest == deployment()


def test_only_a_few_paths_are_open() -> None:
    assert may_change("Deployment", "spec.replicas")
    assert not may_change("Deployment", "spec.replicas.more")
    assert not may_change("Deployment", "metadata.labels.a")
