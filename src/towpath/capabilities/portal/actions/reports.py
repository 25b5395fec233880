"""`/api/actions/<project>/<run>/{status,log}`: where a service says how a run goes.

It brings the token that came with the request. A token is worth nothing for another run, and
nothing once the run has ended; what is wrong is never said in other words than that.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from towpath.capabilities.portal.actions.kinds import (
    ACTION_RUN,
    RUNNING,
    UNDOING,
    log_stream,
    phase_of,
    suffix_of,
)
from towpath.capabilities.portal.actions.tokens import RunTokens
from towpath.hooks.apis import ApiAnswer, ApiRequest, ForeignApi
from towpath.hooks.blocks import is_safe_link
from towpath.hooks.platform import Platform
from towpath.machinery.errors import (
    BadRequest,
    MethodNotAllowed,
    NotFound,
    StatusError,
    Unauthorized,
)
from towpath.machinery.objects import RawObject

PATH = "/api/actions"
BODY_BYTES_MAX = 256 * 1024
LINES_MAX = 1000
LINE_CHARACTERS_MAX = 4000
STATES = ("running", "succeeded", "failed")
LINKS_MAX = 20


def apis(platform: Platform) -> Sequence[ForeignApi]:
    reports = Reports(platform)
    return (ForeignApi(PATH, reports.answer, _refusal, BODY_BYTES_MAX, knows_callers=True),)


def _refusal(_: ApiRequest | None, error: StatusError) -> ApiAnswer:
    return ApiAnswer(json.dumps({"error": error.message}).encode(), error.code)


@dataclass(frozen=True, slots=True)
class Reports:
    platform: Platform

    async def answer(self, request: ApiRequest) -> ApiAnswer:
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        if len(parts) != 3 or parts[2] not in ("status", "log"):
            raise NotFound(f"{PATH}/<project>/<run>/status or /log")
        if request.method != "POST":
            raise MethodNotAllowed("reports are sent with POST")
        run = await self._run(request, parts[0], parts[1])
        told = _read(request.body)
        if parts[2] == "log":
            self._log(run, told)
        else:
            await self._report(run, told)
        return ApiAnswer(b"{}")

    async def _run(self, request: ApiRequest, project: str, name: str) -> RawObject:
        """Raises Unauthorized, for whatever reason, in the same words."""
        token = request.headers.get("authorization", "").partition(" ")[2].strip()
        refused = Unauthorized("this token is not for a run that goes on there")
        try:
            run = await self.platform.api.get(ACTION_RUN, name, project)
        except StatusError:
            run = None
        uid = _going_on(run) if run else ""
        # Compared for a run that is not there too, so that the time does not tell.
        is_its_own = await RunTokens(self.platform.api).is_of(token, uid)
        if run is None or not uid or not is_its_own:
            raise refused
        return run

    def _log(self, run: RawObject, told: RawObject) -> None:
        lines = told.get("lines")
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise BadRequest('send {"lines": ["...", "..."]}')
        metadata = run["metadata"]
        kept = [line[:LINE_CHARACTERS_MAX] for text in lines for line in text.splitlines()]
        step = "undo" if phase_of(run) == UNDOING else "run"
        stream = log_stream(metadata["namespace"], metadata["name"], step)
        self.platform.logs.append(stream, kept[:LINES_MAX])

    async def _report(self, run: RawObject, told: RawObject) -> None:
        if told.get("status") not in STATES:
            raise BadRequest(f"status: {told.get('status')!r}; it is one of {', '.join(STATES)}")
        report: RawObject = {"status": told["status"], "message": _text(told, "message")}
        report["links"] = _links(told.get("links"))
        outputs = told.get("outputs")
        if outputs is not None and not isinstance(outputs, dict):
            raise BadRequest("outputs: an object is expected")
        report["outputs"] = outputs or {}
        metadata = run["metadata"]
        await self.platform.api.patch(
            ACTION_RUN,
            metadata["name"],
            metadata["namespace"],
            {"status": {"report": report}},
            subresource="status",
        )


def _going_on(run: RawObject) -> str:
    """The id of what it does just now; "" of one that does nothing."""
    if phase_of(run) not in (RUNNING, UNDOING):
        return ""
    suffix = suffix_of(run["status"]["undo"]) if phase_of(run) == UNDOING else ""
    return f"{run['metadata']['uid']}{suffix}"


def _read(body: bytes) -> RawObject:
    try:
        told = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise BadRequest("the body is no JSON") from None
    if not isinstance(told, dict):
        raise BadRequest("the body is no JSON object")
    return told


def _text(told: RawObject, name: str) -> str:
    text = told.get(name, "")
    if not isinstance(text, str):
        raise BadRequest(f"{name}: a text is expected")
    return text[:1000]


def _links(links: Any) -> list[RawObject]:
    if links is None:
        return []
    if not isinstance(links, list) or len(links) > LINKS_MAX:
        raise BadRequest(f"links: a list of at most {LINKS_MAX} is expected")
    found = []
    for link in links:
        url = link.get("url") if isinstance(link, dict) else None
        if not isinstance(url, str) or not is_safe_link(url) or len(url) > 2000:
            raise BadRequest("links: each has a title and a url, to https://, http:// or a page")
        found.append({"title": str(link.get("title") or url)[:200], "url": url})
    return found
