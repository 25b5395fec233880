"""The logs of pods for a client in this process: asked for and refused as over the wire."""

from collections.abc import AsyncGenerator

import orjson

from towpath.apiserver.authz.denials import forbidden
from towpath.apiserver.calls import Target, Verbs
from towpath.apiserver.inprocess import InProcessClient
from towpath.apiserver.pods import PodLogOptions, Pods
from towpath.apiserver.registry import Registry
from towpath.machinery.core_kinds import POD
from towpath.machinery.users import PLATFORM, AccessRequest, Authorize, UserInfo


class LogReadingClient(InProcessClient):
    """Implements client.protocols.LogReader too."""

    def __init__(
        self,
        verbs: Verbs,
        registry: Registry,
        user: UserInfo,
        *,
        authorize: Authorize,
        pods: Pods,
    ) -> None:
        super().__init__(verbs, registry, user)
        self._reader = user
        self._objects = verbs
        self._authorize = authorize
        self._pods = pods

    async def pod_log(
        self,
        name: str,
        namespace: str,
        *,
        container: str = "",
        follow: bool = False,
        previous: bool = False,
        since: str = "",
        tail_lines: int = 0,
        timestamps: bool = False,
    ) -> AsyncGenerator[bytes, None]:
        question = AccessRequest("get", "", "pods", namespace, name, "log")
        if not await self._authorize(self._reader, question):
            raise forbidden(self._reader, question)
        pod = orjson.loads(await self._objects.get(PLATFORM, Target(POD, namespace, name)))
        options = PodLogOptions(
            container=container,
            follow=follow,
            previous=previous,
            timestamps=timestamps,
            tail_lines=tail_lines or None,
            since_time=since,
        )
        rest = b""
        async for chunk in await self._pods.logs(pod, options):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line
        if rest:
            yield rest
