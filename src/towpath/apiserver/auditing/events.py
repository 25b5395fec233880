"""One request's events of audit.k8s.io/v1, gathered while it is answered.

A Tap stands between the application and the wire: it sees the bodies that pass where the policy
wants them, and the code of the answer. Without a policy there is none.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from msgspec.structs import replace

from towpath.apiserver.auditing.asked import ANNOTATIONS, Asked
from towpath.apiserver.auditing.policy import NOT_TOLD, Decision, Policy
from towpath.machinery import protobuf
from towpath.machinery.asgi import Message, Receive, Scope, Send
from towpath.machinery.documents import load_document
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo

Sink = Callable[[RawObject], None]
"""Takes one event; must not wait."""

BODY_BYTES_MAX = 1024 * 1024
"""Of a body that is told; a longer one is left out, and the event says so."""
AGENT_LENGTH_MAX = 1024
TRUNCATED = "audit.k8s.io/truncated"
DECISION, REASON = "authorization.k8s.io/decision", "authorization.k8s.io/reason"
STATUS_FIELDS = ("status", "message", "reason", "details")
NAMED_BY_ANSWER = frozenset({"create", "delete"})
LASTING_VERBS = frozenset({"watch", "proxy"})
LASTING_SUBRESOURCES = frozenset({"log", "exec", "attach", "portforward"})


class Auditing:
    """A policy, and who is told."""

    def __init__(self, policy: Policy, sinks: Sequence[Sink] = ()) -> None:
        self._policy = policy
        self._sinks = [*sinks]

    def add(self, sink: Sink) -> None:
        self._sinks.append(sink)

    def tap(self, scope: Scope, receive: Receive, send: Send, audit_id: str) -> "Tap":
        return Tap(self._policy, self._tell, scope, receive, send, audit_id)

    def _tell(self, event: RawObject) -> None:
        for sink in self._sinks:
            sink(event)


class Tap:
    """What the policy wants of one request. `receive` and `send` replace the connection's."""

    def __init__(
        self,
        policy: Policy,
        sink: Sink,
        scope: Scope,
        receive: Receive,
        send: Send,
        audit_id: str,
    ) -> None:
        self._policy = policy
        self._sink = sink
        self._scope = scope
        self._receive = receive
        self._send = send
        self._id = audit_id
        self._decision = Decision("Metadata")
        self._begun: RawObject | None = None
        self._annotations: dict[str, str] = {}
        self._received = now()
        self._sent: list[bytes] = []
        self._taken: list[bytes] = []
        self._long = False
        self._lasting = False
        self._code = 0

    def begin(self, asked: Asked, version: str, impersonator: UserInfo | None) -> None:
        """It is known who asks for what."""
        by = impersonator or asked.user
        ANNOTATIONS.set(self._annotations)
        self._decision = self._policy.decide(replace(asked, user=by))
        if self._decision is NOT_TOLD:
            return
        self._lasting = asked.verb in LASTING_VERBS or asked.subresource in LASTING_SUBRESOURCES
        self._begun = self._common(by)
        self._begun["verb"] = asked.verb
        if impersonator is not None:
            self._begun["impersonatedUser"] = _user(asked.user)
        if asked.resource:
            self._begun["objectRef"] = _reference(asked, version)
        self._emit("RequestReceived")

    @property
    def is_told(self) -> bool:
        return self._begun is not None

    def authorized(self, allowed: bool, why: str) -> None:
        self._annotations[DECISION] = "allow" if allowed else "forbid"
        self._annotations[REASON] = why

    def deprecated(self) -> None:
        self._annotations["k8s.io/deprecated"] = "true"

    def refused(self) -> None:
        """Nobody knows who asks: told as a request of nobody's, where the policy tells anything."""
        path, verb = self._scope["path"], str(self._scope.get("method", "GET")).lower()
        self._decision = self._policy.decide(Asked(UserInfo(""), verb, path))
        if self._decision is not NOT_TOLD:
            self._decision = Decision("Metadata", self._decision.omit_stages)
            self._begun = self._common(None)
            self._begun["verb"] = verb

    async def receive(self) -> Message:
        message = await self._receive()
        if self._wants("Request") and message["type"] == "http.request":
            self._keep(self._taken, message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._code = message["status"]
            if self._lasting:
                self._emit("ResponseStarted", code=self._code)
        elif message["type"] == "websocket.accept":
            self._code = 101
            self._emit("ResponseStarted", code=self._code)
        elif message["type"] == "http.response.body" and self._keeps_answer():
            self._keep(self._sent, message.get("body", b""))
        await self._send(message)

    def end(self) -> None:
        if self._begun is None or not self._code:
            return
        self._emit("ResponseComplete", code=self._code)

    def _wants(self, level: str) -> bool:
        told = self._decision.level
        return self._begun is not None and (
            told == level or (level == "Request" and told == "RequestResponse")
        )

    def _keeps_answer(self) -> bool:
        """A refusal says why, a new object its name; all of it is told where that is wanted."""
        if self._lasting or self._begun is None:
            return False
        asked = self._begun["verb"] in NAMED_BY_ANSWER
        return asked or self._wants("RequestResponse") or self._code >= 400

    def _keep(self, pieces: list[bytes], piece: bytes) -> None:
        if piece and sum(map(len, pieces)) + len(piece) <= BODY_BYTES_MAX:
            pieces.append(piece)
        elif piece:
            pieces.clear()
            self._long = True

    def _common(self, user: UserInfo | None) -> RawObject:
        scope = self._scope
        query = scope.get("query_string", b"").decode("latin-1")
        headers = dict(scope["headers"])
        client = scope.get("client")
        common: RawObject = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": self._decision.level,
            "auditID": self._id,
            "requestURI": scope.get("root_path", "")
            + scope["path"]
            + (f"?{query}" if query else ""),
            "user": _user(user) if user is not None else {},
            "requestReceivedTimestamp": self._received,
        }
        if client:
            common["sourceIPs"] = [client[0]]
        if agent := headers.get(b"user-agent"):
            common["userAgent"] = agent.decode("latin-1")[:AGENT_LENGTH_MAX]
        return common

    def _emit(self, stage: str, *, code: int = 0) -> None:
        if self._begun is None or stage in self._decision.omit_stages:
            return
        event = {**self._begun, "stage": stage, "stageTimestamp": now()}
        if code:
            event["responseStatus"] = {"metadata": {}, "code": code}
        if stage == "ResponseComplete":
            asked, answered = self._object(self._taken), self._object(self._sent)
            _complete(event, answered)
            if self._wants("Request") and asked is not None:
                event["requestObject"] = asked
            if self._wants("RequestResponse") and answered is not None:
                event["responseObject"] = answered
            if self._long:
                self._annotations[TRUNCATED] = "true"
        if self._annotations and stage != "RequestReceived":
            event["annotations"] = dict(self._annotations)
        self._sink(event)

    def _object(self, pieces: list[bytes]) -> Any:
        """A body as JSON; None for one that cannot be read, such as a compressed one."""
        if not pieces:
            return None
        found = _read(b"".join(pieces))
        if not isinstance(found, dict | list):
            return None
        return _without_managed_fields(found) if self._decision.omit_managed_fields else found


def _read(body: bytes) -> Any:
    try:
        if body.startswith(protobuf.MAGIC):
            return protobuf.decode(body)
        return orjson.loads(body) if body[:1] in b"{[" else load_document(body.decode())
    except (ValueError, StatusError):
        return None


def _complete(event: RawObject, answer: Any) -> None:
    """What only the answer says: how it went, and the name of a new object."""
    if not isinstance(answer, dict):
        return
    name = (answer.get("metadata") or {}).get("name")
    if answer.get("kind") == "Status":
        event["responseStatus"] |= {
            field: answer[field] for field in STATUS_FIELDS if answer.get(field)
        }
        name = (answer.get("details") or {}).get("name")
    reference = event.get("objectRef")
    if reference is not None and event["verb"] == "create" and name:
        event["objectRef"] = {**reference, "name": name}


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _user(user: UserInfo) -> RawObject:
    shown: RawObject = {"username": user.name}
    if user.uid:
        shown["uid"] = user.uid
    if user.groups:
        shown["groups"] = list(user.groups)
    if user.extra:
        shown["extra"] = {key: list(values) for key, values in user.extra.items()}
    return shown


def _reference(asked: Asked, version: str) -> RawObject:
    fields = {
        "resource": asked.resource,
        "namespace": asked.namespace,
        "name": asked.name,
        "apiGroup": asked.group,
        "apiVersion": version,
        "subresource": asked.subresource,
    }
    return {name: value for name, value in fields.items() if value}


def _without_managed_fields(found: Any) -> Any:
    objects = [found, *(found.get("items") or ())] if isinstance(found, dict) else []
    for obj in objects:
        if isinstance(obj, dict) and isinstance(obj.get("metadata"), dict):
            obj["metadata"].pop("managedFields", None)
    return found
