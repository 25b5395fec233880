"""http:request and http:backstage:request: one request to another machine, guarded."""

from typing import Any
from urllib.parse import urlencode

import orjson

from towpath.capabilities.portal.templates.actions.failures import ActionFailed
from towpath.capabilities.portal.templates.actions.outside import Web
from towpath.client.protocols import Reader
from towpath.hooks.templates import ActionContext, TemplateAction
from towpath.machinery.objects import RawObject

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ANSWER_BYTES_MAX = 256 * 1024

_SCHEMA: RawObject = {
    "type": "object",
    "required": ["method", "path"],
    "properties": {
        "method": {"type": "string", "enum": list(METHODS)},
        "path": {"type": "string", "minLength": 1},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        "params": {"type": "object"},
        "body": {},
        "continueOnBadResponse": {"type": "boolean"},
        "logRequestPath": {"type": "boolean"},
        "timeout": {"type": "number"},
    },
}
_OUTPUT: RawObject = {
    "type": "object",
    "properties": {
        "code": {"type": "integer"},
        "headers": {"type": "object"},
        "body": {},
    },
}


def http_actions(api: Reader) -> tuple[TemplateAction, ...]:
    web = Web(api)

    async def run(context: ActionContext) -> dict[str, Any]:
        given = context.input
        path: str = given["path"]
        if "://" not in path:
            raise ActionFailed(
                f"{path!r} is a path of the platform itself, whose API is not called by steps; "
                "write the whole address of another service, https://…"
            )
        query = urlencode({key: str(value) for key, value in (given.get("params") or {}).items()})
        url = f"{path}{'&' if '?' in path else '?'}{query}" if query else path
        if given.get("logRequestPath", True):
            context.log(f"{given['method']} {path.partition('?')[0]}")
        headers = {key.lower(): value for key, value in (given.get("headers") or {}).items()}
        answer = await web.ask(
            given["method"], url, headers=headers, body=_body(given), bytes_max=ANSWER_BYTES_MAX
        )
        context.log(f"It answered {answer.status}.")
        if answer.status >= 400 and not given.get("continueOnBadResponse", False):
            raise ActionFailed(f"{path.partition('?')[0]} answered {answer.status}")
        return {
            "code": answer.status,
            "headers": dict(answer.headers),
            "body": _parsed(answer.body, answer.headers.get("content-type", "")),
        }

    return tuple(
        TemplateAction(
            id=name,
            description="Send a request to another service.",
            input_schema=_SCHEMA,
            run=run,
            stays="What the other service did with the request is its own; nothing is taken back.",
            output_schema=_OUTPUT,
        )
        for name in ("http:request", "http:backstage:request")
    )


def _body(given: dict[str, Any]) -> bytes:
    body = given.get("body")
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else orjson.dumps(body)


def _parsed(body: bytes, content_type: str) -> Any:
    if "json" in content_type:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass
    return {"message": body.decode("utf-8", "replace")} if body else None
