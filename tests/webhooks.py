"""An admission webhook over HTTPS, which does what its path says, and remembers what it was asked.

async with running_webhook(folder) as webhook:
    config = {"url": f"{webhook.url}/deny", "caBundle": webhook.ca_bundle}
"""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from towpath.apiserver.authn.pki import open_pki
from towpath.apiserver.http.wire.listener import Listener
from towpath.machinery.asgi import Receive, Scope, Send
from towpath.machinery.objects import RawObject

DENIALS: dict[str, RawObject] = {
    "/deny": {"message": "not on a Friday"},
    "/deny-bare": {},
    "/deny-reason": {"reason": "Conflict"},
    "/deny-whole": {
        "code": 409,
        "reason": "Conflict",
        "message": "somebody was faster",
        "details": {"causes": [{"reason": "X", "message": "because", "field": "data.a"}]},
    },
}
LABEL = [{"op": "add", "path": "/metadata/labels", "value": {"touched": "yes"}}]
PATCHES: dict[str, Any] = {
    "/label": LABEL,
    "/unknown-field": [{"op": "add", "path": "/nonsense", "value": 1}],
    "/wrong-place": [{"op": "remove", "path": "/data/none"}],
    "/rename": [{"op": "replace", "path": "/metadata/name", "value": "other"}],
}


@dataclass
class Webhook:
    url: str = ""
    ca_bundle: str = ""
    asked: list[RawObject] = field(default_factory=list)
    """The requests of the reviews, oldest first."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        review = orjson.loads(body)
        request = review["request"]
        self.asked.append(request)
        path = scope["path"]
        if path == "/silent":
            await asyncio.Event().wait()
        status = 500 if path == "/broken" else 200
        answer = {"kind": review["kind"], "apiVersion": review["apiVersion"]}
        answer["response"] = (
            _conversion(path, request)
            if review["kind"] == "ConversionReview"
            else _response(path, request)
        )
        if path == "/no-response":
            del answer["response"]
        if path == "/other-kind":
            answer["kind"] = "Nonsense"
        text = b"no json" if path == "/garbage" else orjson.dumps(answer)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": text})


def _response(path: str, request: RawObject) -> RawObject:
    response: RawObject = {"uid": request["uid"], "allowed": path not in DENIALS}
    if path in DENIALS:
        response["status"] = DENIALS[path]
    if path in PATCHES:
        patch = base64.b64encode(orjson.dumps(PATCHES[path])).decode()
        response |= {"patchType": "JSONPatch", "patch": patch}
    if path == "/other-uid":
        response["uid"] = "another"
    if path == "/odd-parts":
        response |= {"warnings": "not a list", "auditAnnotations": [1]}
    if path == "/warn":
        response["warnings"] = ["this will go away", "and this"]
    return response


def _conversion(path: str, request: RawObject) -> RawObject:
    """Between v1 (`size`) and v2 (`length`); what goes wrong is in the path."""
    response: RawObject = {"uid": request["uid"], "result": {"status": "Success"}}
    objects = [_converted(path, obj, request["desiredAPIVersion"]) for obj in request["objects"]]
    response["convertedObjects"] = objects[1:] if path == "/convert-few" else objects
    if path == "/convert-not":
        response["result"] = {"status": "Failure", "message": "nobody knows how"}
    if path == "/convert-silent":
        response["result"] = {}
    if path == "/convert-uid":
        response["uid"] = "another"
    return response


def _converted(path: str, obj: RawObject, wanted: str) -> RawObject:
    names = ("size", "length") if wanted.endswith("v2") else ("length", "size")
    spec = dict(obj.get("spec") or {})
    if names[0] in spec:
        spec[names[1]] = spec.pop(names[0])
    labels = {**(obj["metadata"].get("labels") or {}), "by": "webhook"}
    metadata = {**obj["metadata"], "labels": labels}
    metadata["finalizers"] = ["example.dev/never"]
    if path == "/convert-name":
        metadata["name"] = "other"
    kind = "Other" if path == "/convert-kind" else obj["kind"]
    version = "example.dev/v9" if path == "/convert-version" else wanted
    return {**obj, "apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


@asynccontextmanager
async def running_webhook(folder: Path) -> AsyncIterator[Webhook]:
    pki = open_pki(folder / "webhook")
    webhook = Webhook(ca_bundle=base64.b64encode(pki.ca_pem).decode())
    async with Listener(webhook, port=0, tls=pki.server_context(), grace_s=0.1) as listener:
        webhook.url = f"https://localhost:{listener.port}"
        yield webhook
