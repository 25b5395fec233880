"""A pod's logs as a stream of text; proxy is refused by name."""

from collections.abc import AsyncIterator, Iterator

import orjson

from towpath.apiserver.authz import denials
from towpath.apiserver.calls import Target, Verbs
from towpath.apiserver.http.query import Query, boolean, integer
from towpath.apiserver.http.requests import ApiRequest
from towpath.apiserver.http.streams import OpenStreams
from towpath.apiserver.pods import PodLogOptions, Pods
from towpath.machinery.causes import forbidden, invalid, invalid_value, quote
from towpath.machinery.errors import BadRequest, Cause, NotImplementedHere
from towpath.machinery.formats import FORMATS
from towpath.machinery.users import PLATFORM, AccessRequest, Authorize

NOT_STREAMED = frozenset({"proxy"})
FOLLOW_S_MAX = 4 * 3600.0


def log_options(query: Query, pod: str) -> PodLogOptions:
    options = PodLogOptions(
        container=query.get("container", ""),
        follow=boolean(query, "follow"),
        previous=boolean(query, "previous"),
        timestamps=boolean(query, "timestamps"),
        tail_lines=integer(query, "tailLines"),
        since_s=integer(query, "sinceSeconds"),
        since_time=query.get("sinceTime", ""),
        limit_bytes=integer(query, "limitBytes"),
    )
    if options.since_time and not FORMATS["date-time"](options.since_time):
        shown = quote(options.since_time)
        raise BadRequest(
            f'parsing time {shown} as "2006-01-02T15:04:05Z07:00": cannot parse {shown} as "2006"'
        )
    if said := list(_mistakes(options, query)):
        raise invalid("", "PodLogOptions", pod, said)
    return options


def _mistakes(options: PodLogOptions, query: Query) -> Iterator[Cause]:
    if options.tail_lines is not None and options.tail_lines < 0:
        words = "must be greater than or equal to 0"
        yield invalid_value("tailLines", options.tail_lines, words)
    if options.limit_bytes is not None and options.limit_bytes < 1:
        yield invalid_value("limitBytes", options.limit_bytes, "must be greater than 0")
    if options.since_s is not None and options.since_time:
        yield forbidden("[]", "at most one of `sinceTime` or `sinceSeconds` may be specified")
    elif options.since_s is not None and options.since_s < 1:
        yield invalid_value("sinceSeconds", options.since_s, "must be greater than 0")
    if "stream" in query:
        # Both outputs go into one file here; there a gate has to be opened first.
        yield forbidden("stream", "may not be specified")


def refuse_stream(request: ApiRequest) -> None:
    """Raises NotImplementedHere for the streams that need more than HTTP."""
    subresource = request.target.subresource
    if subresource.partition("/")[0] in NOT_STREAMED:
        raise NotImplementedHere(
            f"{request.served.resource.plural}/{subresource} is not implemented by this server; "
            "pods of a local cluster are processes of this machine"
        )


class LogStreams(OpenStreams):
    def __init__(self, pods: Pods | None) -> None:
        super().__init__()
        self._pods = pods

    async def serve(self, verbs: Verbs, authorize: Authorize, request: ApiRequest) -> None:
        target = request.target
        question = AccessRequest("get", "", "pods", target.namespace, target.name, "log")
        if not await authorize(request.user, question):
            raise denials.forbidden(request.user, question)
        self.refuse_when_ended()
        if self._pods is None:
            raise NotImplementedHere("pods/log is not implemented by this server: it runs no pods")
        options = log_options(request.query, target.name)
        pod_target = Target(target.resource, target.namespace, target.name)
        pod = orjson.loads(await verbs.get(PLATFORM, pod_target))
        lines = await self._pods.logs(pod, options)
        headers = [(b"content-type", b"text/plain"), (b"cache-control", b"no-cache, private")]
        await request.send({"type": "http.response.start", "status": 200, "headers": headers})
        await request.send({"type": "http.response.body", "body": b"", "more_body": True})
        async with self.lasting(request.receive, at_most_s=FOLLOW_S_MAX):
            await _send_lines(request, lines, options.limit_bytes)
        await request.send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_lines(
    request: ApiRequest, lines: AsyncIterator[bytes], limit_bytes: int | None
) -> None:
    left = limit_bytes
    async for line in lines:
        body = line if left is None else line[:left]
        if left is not None:
            left -= len(body)
        await request.send({"type": "http.response.body", "body": body, "more_body": True})
        if left == 0:
            return
