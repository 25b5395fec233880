"""`webhook`: a request to a service of the team's own, signed, tried again, never sent elsewhere.

Signed as Standard Webhooks 1.0 say: the headers webhook-id, webhook-timestamp and
webhook-signature. The id is the run's, so that a service that is called twice does it once.
"""

import base64
import binascii
import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Any

import orjson

from towpath.capabilities.portal.actions.backends.order import NothingToUndo, Order, Refused, Result
from towpath.capabilities.portal.actions.tokens import RunTokens
from towpath.engines.outbound import (
    OutboundAnswer,
    OutboundFailed,
    OutboundRefused,
    OutboundRequest,
)
from towpath.hooks.blocks import is_safe_link
from towpath.hooks.outbound import outbound
from towpath.hooks.platform import Platform
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject
from towpath.runtime.outcomes import Waiting

ATTEMPTS_MAX = 6
BACKOFF_S = (1, 5, 30, 120, 600)
LOOK_AGAIN_S = 300.0
SECRET_PREFIX = "whsec_"  # noqa: S105 - how such secrets begin
RESERVED = ("host", "content-length", "content-type", "connection", "transfer-encoding")


class Again(Exception):
    """The service could not do it now; `str()` says why."""


@dataclass(frozen=True, slots=True)
class WebhookBackend:
    platform: Platform
    can_undo: bool = False

    async def prepare(self, order: Order) -> RawObject:
        for name in order.plan.get("headers") or {}:
            if name.lower() in RESERVED or name.lower().startswith("webhook-"):
                raise Refused(f"the header {name} is the platform's own to set")
        return {}

    async def act(self, order: Order) -> Result:
        # A report can be there before it is written down that the service was asked.
        if order.made.get("accepted") or _report_of(order):
            return _reported(order)
        try:
            answer = await self._called(order)
        except Again as again:
            if order.attempts + 1 >= ATTEMPTS_MAX:
                raise Refused(f"{again}, {ATTEMPTS_MAX} times; it was given up") from again
            order.log(f"Trying again: {again}")
            wait_s = BACKOFF_S[min(order.attempts, len(BACKOFF_S) - 1)]
            raise Waiting("TryingAgain", f"Trying again: {again}.", after_s=wait_s) from again
        if order.plan.get("answer") == "Report":
            order.made["accepted"] = True
            return _reported(order)
        return _answered(answer)

    async def cancel(self, order: Order) -> None:
        """Whoever was called may go on; what they report is no longer taken."""

    async def undo(self, order: Order) -> Result:
        raise NothingToUndo("A webhook knows no way back; the action can name one under `undo`.")

    async def _called(self, order: Order) -> OutboundAnswer:
        """Raises Again and Refused."""
        body = orjson.dumps(await self._body(order))
        plan = order.plan
        order.log(f"{plan.get('method', 'POST')} {_without_query(plan['url'])}")
        request = OutboundRequest(
            plan["url"], plan.get("method") or "POST", await self._headers(order, body), body
        )
        try:
            answer = await (await outbound(self.platform.api)).send(request)
        except OutboundRefused as error:
            raise Refused(str(error)) from error
        except OutboundFailed as error:
            raise Again(str(error)) from error
        order.log(f"It answered {answer.status}.")
        if answer.status == 429 or answer.status >= 500:
            raise Again(f"the service answered {answer.status}")
        if not 200 <= answer.status < 300:
            raise Refused(f"the service answered {answer.status}{_words(answer.body)}")
        return answer

    async def _body(self, order: Order) -> Any:
        body = order.plan.get("body", {"run": _told(order), **order.known})
        if order.plan.get("answer") == "Report" and isinstance(body, dict):
            return {**body, "report": await self._report(order)}
        return body

    async def _report(self, order: Order) -> RawObject:
        address = self.platform.addresses.portal(f"/api/actions/{order.project}/{order.name}")
        tokens = RunTokens(self.platform.api)
        return {
            "status": f"{address}/status",
            "log": f"{address}/log",
            "token": await tokens.token(order.uid),
        }

    async def _headers(self, order: Order, body: bytes) -> dict[str, str]:
        headers = {**(order.plan.get("headers") or {})}
        headers |= {"content-type": "application/json", "user-agent": "towpath"}
        identity, at = f"run_{order.uid}", str(int(time.time()))
        headers |= {"webhook-id": identity, "webhook-timestamp": at}
        if key := await self._key(order):
            signature = base64.b64encode(sign(key, identity, at, body)).decode()
            headers["webhook-signature"] = f"v1,{signature}"
        return headers

    async def _key(self, order: Order) -> bytes:
        reference = order.plan.get("secretRef")
        if not reference:
            return b""
        name, key = reference["name"], reference.get("key") or "secret"
        try:
            secret = await self.platform.api.get(SECRET, name, order.action_namespace)
        except NotFound:
            raise Refused(f"there is no Secret {name} to sign with") from None
        encoded = (secret.get("data") or {}).get(key)
        if encoded is None:
            raise Refused(f"the Secret {name} has no key {key} to sign with")
        return key_of(base64.b64decode(encoded))


def key_of(secret: bytes) -> bytes:
    """`whsec_<base64>`, as Standard Webhooks write it; any other text is the key itself."""
    text = secret.strip()
    if not text.startswith(SECRET_PREFIX.encode()):
        return text
    try:
        return base64.b64decode(text.removeprefix(SECRET_PREFIX.encode()), validate=True)
    except binascii.Error:
        return text


def sign(key: bytes, identity: str, at: str, body: bytes) -> bytes:
    return hmac.digest(key, f"{identity}.{at}.".encode() + body, hashlib.sha256)


def _told(order: Order) -> RawObject:
    spec = order.run["spec"]
    return {
        "id": order.uid,
        "name": order.name,
        "project": order.project,
        "action": spec["action"]["name"],
        "requestedBy": spec["requestedBy"],
        "reason": spec.get("reason", ""),
        "undo": order.is_undo,
    }


def _report_of(order: Order) -> RawObject:
    report: RawObject = (order.run.get("status") or {}).get("report") or {}
    return report


def _reported(order: Order) -> Result:
    """What the service has told since. Raises Waiting while that is nothing final."""
    report = _report_of(order)
    message = str(report.get("message", ""))
    if report.get("status") == "succeeded":
        return Result(message or "The service has done it.", links_of(report), _outputs(report))
    if report.get("status") == "failed":
        raise Refused(message or "the service says that it has failed")
    raise Waiting("WaitingForReport", message or "The service works on it.", after_s=LOOK_AGAIN_S)


def _answered(answer: OutboundAnswer) -> Result:
    try:
        told = orjson.loads(answer.body) if answer.body else {}
    except orjson.JSONDecodeError:
        told = {}
    if not isinstance(told, dict):
        told = {}
    message = told.get("message")
    said = message if isinstance(message, str) and message else "The service has done it."
    return Result(said[:1000], links_of(told), _outputs(told))


def links_of(told: RawObject) -> tuple[tuple[str, str], ...]:
    """Those that a page may show."""
    links = told.get("links")
    return tuple(
        (str(one.get("title") or one["url"])[:200], one["url"])
        for one in (links if isinstance(links, list) else ())[:20]
        if isinstance(one, dict) and isinstance(one.get("url"), str) and is_safe_link(one["url"])
    )


def _outputs(told: RawObject) -> RawObject:
    outputs = told.get("outputs")
    return outputs if isinstance(outputs, dict) else {}


def _without_query(url: str) -> str:
    """Of an address: a query may hold what is nobody else's business."""
    return url.partition("?")[0]


def _words(body: bytes) -> str:
    text = " ".join(body[:300].decode(errors="replace").split())
    return f": {text}" if text else ""
