"""What pods offer over a WebSocket: who may, which pod, and which subprotocol.

The right is to `create` the subresource, as since Kubernetes 1.35 for WebSockets too. SPDY, which
older clients speak and newer ones fall back to, is refused after all other reasons to refuse, so
that these are told.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import orjson

from towpath.apiserver.authz.denials import forbidden
from towpath.apiserver.calls import Target, Verbs
from towpath.apiserver.http.requests import ApiRequest
from towpath.apiserver.http.sockets import WebSocket
from towpath.apiserver.http.streams import OpenStreams
from towpath.apiserver.pods import Pods
from towpath.machinery.errors import BadRequest, NotImplementedHere, TooManyRequests
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM, AccessRequest, Authorize

OPEN_MAX = 64
"""Of one kind at a time, for each API server."""
LASTS_S_MAX = 4 * 3600.0


class PodSockets(OpenStreams, ABC):
    """One subresource. Its kind says in `_talk` what is done when the WebSocket is open."""

    subresource: ClassVar[str]
    subprotocols: ClassVar[tuple[str, ...]]
    """Best first."""

    def __init__(self, pods: Pods | None) -> None:
        super().__init__()
        self._pods = pods

    async def refuse(self, verbs: Verbs, authorize: Authorize, request: ApiRequest) -> None:
        """For a request that is no WebSocket. Raises StatusError, always."""
        await self._pod(verbs, authorize, request)
        headers = dict(request.scope["headers"])
        if b"upgrade" not in headers:
            raise BadRequest("Upgrade request required")
        raise BadRequest(
            f"Upgrade request required: {self.subresource} is spoken over WebSocket here "
            f"({' or '.join(self.subprotocols)}), not over SPDY; use kubectl 1.31 or newer"
        )

    async def serve(self, verbs: Verbs, authorize: Authorize, request: ApiRequest) -> None:
        """Raises StatusError before the WebSocket is accepted."""
        pods, pod = await self._pod(verbs, authorize, request)
        socket = WebSocket(request.scope, request.receive, request.send)
        offered = [name for name in self.subprotocols if name in socket.subprotocols]
        if not offered:
            spoken = " nor ".join(self.subprotocols)
            raise BadRequest(f"the client does not offer the subprotocol {spoken}")
        self.refuse_when_ended()
        if len(self) >= OPEN_MAX:
            raise TooManyRequests(
                f"{OPEN_MAX} clients use {self.subresource} already; try again later"
            )
        await self._talk(socket, offered[0], request, pods, pod)

    @abstractmethod
    async def _talk(
        self, socket: WebSocket, subprotocol: str, request: ApiRequest, pods: Pods, pod: RawObject
    ) -> None: ...

    async def _pod(
        self, verbs: Verbs, authorize: Authorize, request: ApiRequest
    ) -> tuple[Pods, RawObject]:
        target = request.target
        question = AccessRequest(
            "create", "", "pods", target.namespace, target.name, self.subresource
        )
        if not await authorize(request.user, question):
            raise forbidden(request.user, question)
        if self._pods is None:
            raise NotImplementedHere(
                f"pods/{self.subresource} is not implemented by this server: it runs no pods"
            )
        pod_target = Target(target.resource, target.namespace, target.name)
        return self._pods, dict(orjson.loads(await verbs.get(PLATFORM, pod_target)))
