"""Pods that are asked to run with other resources, and ports of nodes that are taken."""

from copy import deepcopy
from typing import Any

import pytest
from tests.conformance.asked import PODS, SERVICES
from tests.conformance.sides import STRATEGIC, Step, patch, post, put

BOTH = {"requests": {"cpu": "1", "memory": "1Mi"}, "limits": {"cpu": "2", "memory": "2Mi"}}
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "r"},
    "spec": {
        "initContainers": [
            {"name": "i", "image": "x", "resources": {"requests": {"cpu": "1", "memory": "1Mi"}}},
            {"name": "side", "image": "x", "restartPolicy": "Always", "resources": BOTH},
        ],
        "containers": [{"name": "a", "image": "x", "resources": BOTH}, {"name": "b", "image": "x"}],
    },
}
NOTHING = {"cpu": None, "memory": None}


def _resize(
    *containers: dict[str, Any], initial: list[dict[str, Any]] | None = None, **spec: Any
) -> Step:
    asked = spec | ({"containers": [*containers]} if containers else {})
    asked |= {"initContainers": initial} if initial else {}
    return patch(f"{PODS}/r/resize", {"spec": asked}, STRATEGIC)


def _asks(name: str, **resources: Any) -> dict[str, Any]:
    return {"name": name, "resources": resources}


def _without_second(live: Any) -> Any:
    pod = deepcopy(live)
    del pod["spec"]["containers"][1]
    return pod


def _balanced(name: str, **spec: Any) -> dict[str, Any]:
    balanced = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": [{"port": 80}]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {**balanced, "clusterIP": "10.96.7.7", **spec},
    }


RESIZING = [
    pytest.param(
        [
            post(PODS, POD),
            _resize(_asks("zz", requests={"cpu": "2"})),
            _resize({"name": "zz", "image": "x"}),
            _resize({"name": "a", "$patch": "delete"}),
            _resize(initial=[{"name": "zz", "image": "x"}]),
            _resize(**{"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}),
            _resize(**{"$setElementOrder/initContainers": [{"name": "side"}, {"name": "i"}]}),
            put(f"{PODS}/r/resize", _without_second),
            _resize({"name": "a", "image": "y", "resources": {"limits": {"cpu": "3"}}}),
            _resize(_asks("a", requests={"cpu": None})),
            _resize(_asks("a", limits={"cpu": None})),
            _resize(_asks("a", limits={"cpu": "x"})),
            _resize(_asks("a", limits={"memory": "1"})),
            _resize(_asks("a", limits=NOTHING, requests=NOTHING)),
            _resize(_asks("a", limits={"x.dev/y": "1"}, requests={"x.dev/y": "1"})),
            _resize(initial=[_asks("i", requests={"memory": "2Mi"})]),
            _resize(initial=[_asks("side", limits={"cpu": None})]),
            _resize(initial=[_asks("side", limits={"cpu": "3"})]),
            _resize(initial=[_asks("side", limits={"x.dev/y": "1"}, requests={"x.dev/y": "1"})]),
        ],
        id="what a running pod may be asked",
    ),
    pytest.param(
        [
            # The port of its own that it gets is drawn.
            post(SERVICES, _balanced("taken", healthCheckNodePort=31999), quiet=True),
            post(SERVICES, _balanced("other", healthCheckNodePort=31999, clusterIP="10.96.7.8")),
            post(
                SERVICES,
                _balanced(
                    "third",
                    type="NodePort",
                    externalTrafficPolicy="Cluster",
                    clusterIP="10.96.7.9",
                    ports=[{"port": 80, "nodePort": 31999}],
                ),
            ),
        ],
        id="a port where a balancer asks for health is taken",
    ),
]
