"""From container states to phase and conditions."""

import pytest

from towpath.localcluster.pods.status import ContainerState, PodState, Terminated, status_of
from towpath.machinery.objects import RawObject


def ended(code: int) -> ContainerState:
    state = ContainerState("c", "i")
    state.end(Terminated(code, "Error" if code else "Completed", "t0", "t1"))
    return state


def running(*, ready: bool) -> ContainerState:
    state = ContainerState("c", "i")
    state.run("t0", "1")
    state.ready = ready
    return state


def pod(policy: str) -> RawObject:
    container = {"name": "c", "image": "i"}
    return {"metadata": {"name": "p"}, "spec": {"restartPolicy": policy, "containers": [container]}}


@pytest.mark.parametrize(
    ("policy", "containers", "phase", "ready"),
    [
        pytest.param("Always", [ContainerState("c", "i")], "Pending", "False", id="not begun"),
        pytest.param("Always", [running(ready=False)], "Running", "False", id="running, not ready"),
        pytest.param("Always", [running(ready=True)], "Running", "True", id="ready"),
        pytest.param(
            "Always",
            [running(ready=True), running(ready=False)],
            "Running",
            "False",
            id="one of two",
        ),
        pytest.param("Always", [ended(0)], "Running", "False", id="ended, to be started again"),
        pytest.param("Never", [ended(0)], "Succeeded", "False", id="done"),
        pytest.param("Never", [ended(1)], "Failed", "False", id="failed for good"),
        pytest.param("OnFailure", [ended(1)], "Running", "False", id="failed, to be started again"),
        pytest.param(
            "Never", [ended(1), running(ready=True)], "Running", "False", id="one goes on"
        ),
    ],
)
def test_phase_and_readiness(
    policy: str, containers: list[ContainerState], phase: str, ready: str
) -> None:
    status = status_of(pod(policy), PodState(address="127.64.0.1", main=containers))
    assert status["phase"] == phase
    conditions = {one["type"]: one["status"] for one in status["conditions"]}
    assert conditions["Ready"] == ready


def test_what_does_not_listen_is_the_reason() -> None:
    state = running(ready=False)
    state.not_listening = "it does not listen"
    status = status_of(pod("Always"), PodState(main=[state]))
    (ready,) = [one for one in status["conditions"] if one["type"] == "Ready"]
    assert (ready["reason"], ready["message"]) == ("NotListening", "it does not listen")


def test_an_unchanged_pod_has_an_unchanged_status() -> None:
    state = PodState(main=[running(ready=True)])
    known = pod("Always")
    known["status"] = status_of(known, state)
    known["status"]["conditions"][-1]["lastTransitionTime"] = "2020-01-01T00:00:00Z"
    assert status_of(known, state) == known["status"]
