"""What the resource tree says of an object: its own word, and nothing where nobody judges."""

import pytest

from towpath.capabilities.delivery.workloads.tree import ALIKE_MAX, Node, crowd_apart, node_of
from towpath.machinery.core_kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    NETWORK_POLICY,
    SERVICE,
)
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

UNENFORCED = {"type": "ScalingActive", "status": "False", "reason": "NotEnforced", "message": "no"}


@pytest.mark.parametrize(
    ("kind", "parts", "shown"),
    [
        (DEPLOYMENT, {"spec": {"replicas": 2}}, ("Progressing", "0 of 2 ready")),
        (SERVICE, {"spec": {"ports": [{"port": 80}]}}, ("Healthy", "port 80")),
        (INGRESS, {"spec": {"rules": [{"host": "a.test"}]}}, ("Healthy", "a.test")),
        (
            HORIZONTAL_POD_AUTOSCALER,
            {"status": {"conditions": [UNENFORCED]}},
            ("NotEnforced", "no"),
        ),
        (NETWORK_POLICY, {"spec": {}}, ("", "")),
        (CONFIG_MAP, {"data": {}}, ("", "")),
    ],
)
def test_how_an_object_is(kind: Resource, parts: RawObject, shown: tuple[str, str]) -> None:
    node = node_of(kind, {"metadata": {"name": "web"}, **parts})
    assert (node.status, node.detail) == shown


def test_of_very_many_alike_the_unwell_are_shown_first() -> None:
    nodes = [Node("Pod", f"pod-{number}", "Healthy") for number in range(ALIKE_MAX + 5)]
    nodes[-1].status = "Failed"
    *shown, rest = crowd_apart(nodes)
    assert len(shown) == ALIKE_MAX
    assert shown[0].status == "Failed"
    assert (rest.name, rest.detail) == ("5 more", "all of them well")
