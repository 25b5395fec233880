"""ApiApplication: the Kubernetes API as one raw ASGI application.

Every request is authenticated, then goes by its path to a handler; every StatusError becomes its
Status. No framework here: this is the hot path, where one turns into a fifth of a request.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from towpath.apiserver.authn.chain import ANONYMOUS, RequestAuthenticator
from towpath.apiserver.authz.denials import forbidden
from towpath.apiserver.calls import Target, Verbs
from towpath.apiserver.fairness import Fairness
from towpath.apiserver.flows.matching import Flows
from towpath.apiserver.http import handlers, sockets
from towpath.apiserver.http.bodies import APPLY_YAML, ClientDisconnected, media_type_of
from towpath.apiserver.http.discovery import Discovery, Document
from towpath.apiserver.http.fixed import (
    ISSUER_HEADERS,
    ISSUER_PATHS,
    TEXT,
    issuer_document,
    version_document,
)
from towpath.apiserver.http.formats import formatted
from towpath.apiserver.http.health import HEALTH_PATHS, health
from towpath.apiserver.http.metrics import METRICS_TYPE, MUTATING, Metrics, asked_for
from towpath.apiserver.http.openapi import OpenApi
from towpath.apiserver.http.paths import (
    ResourcePath,
    asked_of,
    parse_resource_path,
    question_of,
)
from towpath.apiserver.http.podstreams import LogStreams, refuse_stream
from towpath.apiserver.http.query import boolean, parse_query
from towpath.apiserver.http.requests import ApiRequest
from towpath.apiserver.http.responses import (
    ANSWER_HEADERS,
    header,
    send_bytes,
    send_error,
    send_object,
    warned,
)
from towpath.apiserver.http.watching import WatchStreams
from towpath.apiserver.objectmeta import new_uid
from towpath.apiserver.pods import Pods
from towpath.apiserver.refusals import denied, not_found
from towpath.apiserver.registry import Registry, Served
from towpath.machinery.asgi import Receive, Scope, Send
from towpath.machinery.errors import (
    BadRequest,
    MethodNotAllowed,
    NotFound,
    StatusError,
    Unauthorized,
)
from towpath.machinery.users import MASTERS, AccessRequest, Authorize, UserInfo

if TYPE_CHECKING:
    from towpath.apiserver.auditing.asked import Asked
    from towpath.apiserver.auditing.events import Auditing, Tap
    from towpath.apiserver.http.podsockets import PodSockets

Handler = Callable[[Verbs, ApiRequest], Awaitable[int]]
"""Answers a request; returns the code that it has answered with."""

COLLECTION: dict[str, tuple[str, Handler]] = {
    "GET": ("list", handlers.list_),
    "HEAD": ("list", handlers.list_),
    "POST": ("create", handlers.create),
    "DELETE": ("deletecollection", handlers.delete_collection),
}
OBJECT: dict[str, tuple[str, Handler]] = {
    "GET": ("get", handlers.get),
    "HEAD": ("get", handlers.get),
    "PUT": ("update", handlers.update),
    "PATCH": ("patch", handlers.patch),
    "DELETE": ("delete", handlers.delete),
}
SUBRESOURCE: dict[str, tuple[str, Handler]] = {
    "GET": ("get", handlers.get),
    "HEAD": ("get", handlers.get),
    "POST": ("create", handlers.create),
    "PUT": ("update", handlers.update),
    "PATCH": ("patch", handlers.patch),
}
REVIEWED = ("create",)
PUBLIC_PATHS = HEALTH_PATHS | {"/version", "/version/"}
"""Open to everybody, as Kubernetes' system:public-info-viewer has them."""
WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
SOCKET_SUBRESOURCES = frozenset({"exec", "attach", "portforward"})
DOCUMENTS = ("/api", "/apis", "/metrics", "/openapi/v2", "/openapi/v3", *ISSUER_PATHS)
COUNTED_PATHS = frozenset(DOCUMENTS)
UNCACHED = ((b"cache-control", b"no-cache, private"), (b"x-content-type-options", b"nosniff"))
AUDIT_ID_LENGTH_MAX = 64
PLAIN_404 = b"404 page not found\n"
MESSAGE_404 = "the server could not find the requested resource"
MESSAGE_405 = "the server does not allow this method on the requested resource"

log = logging.getLogger(__name__)


class _NoSuchPath(NotFound):
    """Nothing is served there. Clients of Kubernetes know it by an answer that is no Status."""


class ApiApplication:
    def __init__(
        self,
        *,
        verbs: Verbs,
        registry: Registry,
        authenticate: RequestAuthenticator,
        authorize: Authorize,
        pods: Pods | None = None,
        fairness: Fairness | None = None,
        audit: "Auditing | None" = None,
        flows: Flows | None = None,
        explain: Callable[[UserInfo, AccessRequest], str] = lambda _user, _request: "",
    ) -> None:
        """`explain` says for audit events by what somebody may do something."""
        self._verbs = verbs
        self._registry = registry
        self._authenticate = authenticate
        self._authorize = authorize
        self._discovery = Discovery(registry)
        self._openapi = OpenApi(registry)
        self.metrics = Metrics()
        self._watches = WatchStreams(self.metrics.watch_events)
        self._logs = LogStreams(pods)
        self._pods = pods
        self._fairness = fairness or Fairness()
        self._flows = flows
        self._explain = explain
        self._audit = audit
        self.metrics.contributed.append(self._fairness.lines)
        self._stopping = False

    def end_streams(self) -> None:
        """End all that goes on and take no more of it, so that the listener can stop at once."""
        self._stopping = True
        self._watches.end_all()
        self._logs.end_all()
        for kind in self._sockets.values():
            kind.end_all()

    @cached_property
    def _sockets(self) -> "dict[str, PodSockets]":
        """What pods offer over WebSockets, loaded with the first request for it."""
        from towpath.apiserver.http.execution import AttachSockets, ExecSockets
        from towpath.apiserver.http.forwarding import ForwardSockets

        kinds = (ExecSockets, AttachSockets, ForwardSockets)
        return {one.subresource: one(self._pods) for one in kinds}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refuse = send_error
        tap = None
        audit_id = header(scope, b"audit-id")[:AUDIT_ID_LENGTH_MAX] or new_uid()
        scope[ANSWER_HEADERS] = [(b"audit-id", audit_id.encode("latin-1"))]
        if scope["type"] == "websocket":
            # From here on it is a GET that may become more.
            refuse, scope = sockets.refuse, {**scope, "method": "GET"}
        else:
            scope, send = formatted(scope, send)
        if self._audit is not None:
            tap = self._audit.tap(scope, receive, send, audit_id)
            receive, send = tap.receive, tap.send
        try:
            await self._dispatch(scope, receive, send, tap)
        except _NoSuchPath as error:
            if refuse is send_error:
                await send_bytes(send, PLAIN_404, status=404, content_type=TEXT)
            else:
                await refuse(send, error)
        except StatusError as error:
            await refuse(send, error)
        except ClientDisconnected:
            return
        except Exception:
            log.exception("request failed", extra={"path": scope["path"]})
            await refuse(send, StatusError("Internal error occurred: see the server's log"))
        finally:
            if tap is not None:
                tap.end()

    async def _dispatch(
        self, scope: Scope, receive: Receive, send: Send, tap: "Tap | None"
    ) -> None:
        path: str = scope["path"]
        try:
            user, impersonator = await self._user(scope, path)
        except StatusError:
            if tap is not None:
                tap.refused()
            raise
        resource_path = parse_resource_path(path)
        if tap is not None:
            version = resource_path.version if resource_path else ""
            asked = asked_of(scope, user, resource_path)
            tap.begin(asked, version, impersonator)
            if tap.is_told:
                await self._tell_decision(tap, asked)
        is_exempt = self._belongs(scope, user, resource_path)
        if scope["type"] == "websocket" and not (
            resource_path and resource_path.subresource in SOCKET_SUBRESOURCES
        ):
            raise BadRequest(f"there is no WebSocket at {path}; watches are spoken over HTTP here")
        if resource_path is None:
            await self._fixed(scope, send, path, user, is_exempt=is_exempt)
            return
        served = self._registry.at(resource_path.group, resource_path.version, resource_path.plural)
        if served is None:
            if self._registry.has_built_in(resource_path.group):
                raise NotFound(MESSAGE_404)
            raise _NoSuchPath(MESSAGE_404)
        target = Target(
            served.resource,
            resource_path.namespace,
            resource_path.name,
            resource_path.subresource,
        )
        query = parse_query(scope["query_string"])
        if served.deprecation:
            send = warned(send, served.deprecation)
            self.metrics.deprecated(served, target)
            if tap is not None:
                tap.deprecated()
        request = ApiRequest(scope, receive, send, user, query, served, target, is_exempt)
        try:
            await self._resource(request)
        except StatusError as error:
            if served.deprecation:
                error.warnings = (served.deprecation, *error.warnings)
            raise

    async def _resource(self, request: ApiRequest) -> None:
        target, served = request.target, request.served
        _check_scope(request)
        if target.subresource:
            refuse_stream(request)
            if target.subresource not in served.subresources:
                if served.custom:
                    raise not_found(served, target.name)
                raise NotFound(MESSAGE_404)
            if target.subresource in SOCKET_SUBRESOURCES:
                pod_sockets = self._sockets[target.subresource]
                upgraded = request.scope["type"] == "websocket"
                serve = pod_sockets.serve if upgraded else pod_sockets.refuse
                with self._lasting(request, "CONNECT"):
                    await serve(self._verbs, self._authorize, request)
                return
            if target.subresource == "log" and request.method == "GET":
                with self._lasting(request, "CONNECT"):
                    await self._logs.serve(self._verbs, self._authorize, request)
                return
            await self._run(request, SUBRESOURCE)
        elif target.name:
            if served.verbs == REVIEWED:
                raise NotFound(MESSAGE_404)  # a review has no name to be found under
            await self._run(request, OBJECT)
        elif request.method == "GET" and boolean(request.query, "watch"):
            _require_verb(served, "watch")
            with self._lasting(request, "watch"):
                await self._watches.serve(self._verbs, request)
        else:
            await self._run(request, COLLECTION)

    async def _run(self, request: ApiRequest, table: dict[str, tuple[str, Handler]]) -> None:
        found = table.get(request.method)
        if found is None or (request.method == "HEAD" and not request.served.custom):
            raise _method_not_allowed(request)
        verb, handler = found
        if table is not SUBRESOURCE:
            _require_verb(request.served, verb)
        fairness, inflight = self._fairness, self.metrics.inflight
        kind = "mutating" if verb in MUTATING else "readOnly"
        received = time.perf_counter()
        flow = fairness.enter(request.user, exempt=request.is_exempt)
        flow = flow or await fairness.wait(request.user)
        turn, started = fairness.turn_number, time.perf_counter()
        code = 500
        inflight[kind] += 1
        try:
            if request.method in WITH_BODY:
                await self._require(request, verb)
            code = await handler(self._verbs, request)
        except StatusError as error:
            code = error.code
            raise
        finally:
            ended = time.perf_counter()
            fairness.leave(flow, turn, ended - started)
            inflight[kind] -= 1
            dry_run = bool(request.query.get("dryRun"))
            told = "apply" if verb == "patch" and _applies(request) else verb
            asked = asked_for(request.served, request.target, told, dry_run=dry_run)
            self.metrics.answered(asked, code, ended - received)

    @contextmanager
    def _lasting(self, request: ApiRequest, verb: str) -> Iterator[None]:
        asked = asked_for(request.served, request.target, verb)
        lasting = self._fairness.lasting(request.user, exempt=request.is_exempt)
        with lasting, self.metrics.lasting(asked):
            yield

    async def _tell_decision(self, tap: "Tap", asked: "Asked") -> None:
        """Whether it is allowed, and by what. Asked once more, where somebody is told."""
        request = AccessRequest(
            asked.verb,
            asked.group,
            asked.resource,
            asked.namespace,
            asked.name,
            asked.subresource,
            "" if asked.resource else asked.path,
        )
        if MASTERS in asked.user.groups:
            tap.authorized(True, "")
            return
        allowed = asked.path in PUBLIC_PATHS or await self._authorize(asked.user, request)
        tap.authorized(allowed, self._explain(asked.user, request))

    def _belongs(self, scope: Scope, user: UserInfo, path: ResourcePath | None) -> bool:
        """Tell which flow the request belongs to; whether that one waits for nobody."""
        if self._flows is None:
            return False
        flow = self._flows.flow_of(user, question_of(scope, path))
        if flow is None:
            return False
        scope[ANSWER_HEADERS].extend(flow.headers)
        return flow.is_exempt

    async def _require(self, request: ApiRequest, verb: str) -> None:
        """The verbs ask too; asked here, nobody's body is read who may not send one."""
        target, resource = request.target, request.target.resource
        asked = AccessRequest(
            verb,
            resource.group,
            resource.plural,
            target.namespace,
            target.name,
            target.subresource,
        )
        if MASTERS not in request.user.groups and not await self._authorize(request.user, asked):
            raise denied(request.user, asked)

    async def _user(self, scope: Scope, path: str) -> tuple[UserInfo, UserInfo | None]:
        """As whom the request acts, and who impersonates them."""
        certificate = scope.get("state", {}).get("client_certificate")
        found = await self._authenticate.identify(scope["headers"], certificate)
        user = found[0]
        if (
            user is ANONYMOUS
            and path not in PUBLIC_PATHS
            and not self._authenticate.anonymous_at(path)
        ):
            raise Unauthorized("Unauthorized")
        return found

    async def _fixed(
        self, scope: Scope, send: Send, path: str, user: UserInfo, *, is_exempt: bool
    ) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(MESSAGE_405)
        if path in PUBLIC_PATHS:
            await self._public(scope, send, path)
            return
        async with self._fairness.turn(user, exempt=is_exempt):
            await self._document(scope, send, path, user)
        if path in COUNTED_PATHS:
            self.metrics.path_answered(path, scope["method"], 200)

    async def _document(self, scope: Scope, send: Send, path: str, user: UserInfo) -> None:
        plain = path.rstrip("/")
        request = AccessRequest("get", "", "", path=path)
        if not await self._authorize(user, request):
            raise forbidden(user, request)
        accept = header(scope, b"accept")
        if not plain:
            await send_object(send, {"paths": self._paths()})
        elif plain == "/metrics":
            text = self.metrics.text(revision_of_registry=self._registry.generation)
            await send_bytes(send, text, content_type=METRICS_TYPE)
        elif plain in ISSUER_PATHS and self._authenticate.tokens is not None:
            tokens = self._authenticate.tokens
            address = f"https://{header(scope, b'host')}{scope.get('root_path', '')}"
            body, content_type = issuer_document(plain, tokens.issuer, tokens.keys, address)
            await send_bytes(send, body, content_type=content_type, headers=ISSUER_HEADERS)
        elif plain == "/openapi/v2":
            await _send_document(scope, send, self._openapi.v2(accept))
        elif plain == "/openapi/v3" or plain.startswith("/openapi/v3/"):
            await _send_document(scope, send, self._openapi.v3(plain))
        elif plain in ("/api", "/apis") or plain.startswith(("/api/", "/apis/")):
            await _send_document(scope, send, self._discovered(plain, accept, scope))
        else:
            raise _NoSuchPath(MESSAGE_404)

    def _discovered(self, path: str, accept: str, scope: Scope) -> Document:
        try:
            return self._discovery.find(path, accept, header(scope, b"host"))
        except NotFound:
            if path.startswith("/apis"):
                raise _NoSuchPath(MESSAGE_404) from None
            raise

    def _paths(self) -> list[str]:
        """All that the server knows, for who looks around."""
        groups = self._registry.group_versions()
        named = {f"/apis/{group}" for group in groups if group}
        versions = {
            f"/apis/{group}/{version}" if group else f"/api/{version}"
            for group, versions in groups.items()
            for version in versions
        }
        documents = {f"/openapi/v3{path}" for path in versions}
        return sorted({"/", *DOCUMENTS, *PUBLIC_PATHS, *named, *versions, *documents})

    async def _public(self, scope: Scope, send: Send, path: str) -> None:
        code = 200
        if path in HEALTH_PATHS:
            query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            code, text = health(
                path,
                verbose="verbose" in query,
                excluded=query.get("exclude", ()),
                stopping=self._stopping,
            )
            await send_bytes(send, text, status=code, content_type=TEXT, headers=UNCACHED)
        else:
            await send_bytes(send, version_document().body)
        self.metrics.path_answered(path, scope["method"], code)


def _applies(request: ApiRequest) -> bool:
    return media_type_of(request.header(b"content-type")) == APPLY_YAML


async def _send_document(scope: Scope, send: Send, document: Document) -> None:
    headers = [(b"etag", document.etag), (b"vary", b"Accept"), (b"cache-control", b"no-cache")]
    if header(scope, b"if-none-match").encode() == document.etag:
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await send_bytes(send, document.body, content_type=document.content_type, headers=headers)


def _check_scope(request: ApiRequest) -> None:
    """What has a namespace is read without one, and otherwise only there; the rest has none."""
    target, served = request.target, request.served
    if target.namespace and not served.resource.namespaced:
        raise _NoSuchPath(MESSAGE_404) if served.custom else NotFound(MESSAGE_404)
    if target.namespace or not served.resource.namespaced or served.verbs == REVIEWED:
        return
    if target.name:
        raise _NoSuchPath(MESSAGE_404) if served.custom else NotFound(MESSAGE_404)
    if request.method not in ("GET", "HEAD"):
        raise _NoSuchPath(MESSAGE_404) if served.custom else MethodNotAllowed(MESSAGE_405)


def _method_not_allowed(request: ApiRequest) -> StatusError:
    served, target = request.served, request.target
    if not served.custom:
        return MethodNotAllowed(MESSAGE_405)
    if not target.name and request.method in ("PUT", "PATCH"):
        return BadRequest("name must be provided")
    verb = {"POST": "create", "DELETE": "delete"}.get(request.method, "")
    return MethodNotAllowed(
        f'{verb} is not supported on resources of kind "{served.qualified}"',
        details={"group": served.resource.group, "kind": served.resource.plural},
    )


def _require_verb(served: Served, verb: str) -> None:
    if verb not in served.verbs:
        raise MethodNotAllowed(MESSAGE_405)
