"""An operator written with kopf: `python operator.py` runs it until it is ended.

A Widget gets a ConfigMap of its size, a status, a beat and a farewell.
"""

import asyncio
from typing import Any

import kopf
from kubernetes import client

FAREWELLS = "farewells"


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.persistence.finalizer = "operator.example.dev/farewell"
    settings.posting.enabled = True


@kopf.on.create("widgets.example.dev")
@kopf.on.update("widgets.example.dev", field="spec.size")
def sized(spec: kopf.Spec, name: str, namespace: str, **_: Any) -> dict[str, Any]:
    made = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{name}-size"},
        "data": {"size": str(spec["size"])},
    }
    kopf.adopt(made)
    core = client.CoreV1Api()
    core.patch_namespaced_config_map(
        f"{name}-size",
        namespace,
        made,
        field_manager="operator",
        force=True,
        _content_type="application/apply-patch+yaml",
    )
    return {"size": spec["size"]}


@kopf.on.create("widgets.example.dev", id="impatient", backoff=0.1)
def impatient(retry: int, **_: Any) -> str:
    if retry < 2:
        raise kopf.TemporaryError("not yet", delay=0.1)
    return "in the end"


@kopf.timer("widgets.example.dev", interval=0.2)
def beat(patch: kopf.Patch, status: kopf.Status, **_: Any) -> None:
    if status.get("beats", 0) < 3:
        patch.status["beats"] = status.get("beats", 0) + 1


@kopf.on.delete("widgets.example.dev")
async def farewell(name: str, namespace: str, **_: Any) -> None:
    body = {"metadata": {"name": FAREWELLS}, "data": {name: "gone"}}
    await asyncio.to_thread(client.CoreV1Api().create_namespaced_config_map, namespace, body)
