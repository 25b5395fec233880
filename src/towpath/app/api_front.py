"""The TLS port: the platform's API at the root, each local cluster's below /clusters/<name>."""

from collections.abc import Mapping
from dataclasses import dataclass

from towpath.apiserver.http.application import ApiApplication
from towpath.apiserver.http.listener import Receive, Scope, Send

PREFIX = "/clusters/"


@dataclass(frozen=True, slots=True)
class ApiFront:
    platform: ApiApplication
    clusters: Mapping[str, ApiApplication]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(PREFIX):
            name, _, rest = path[len(PREFIX) :].partition("/")
            if name in self.clusters:
                inner = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}
                await self.clusters[name](inner, receive, send)
                return
        await self.platform(scope, receive, send)

    def end_streams(self) -> None:
        """End every watch and log, so that the listener stops at once."""
        for application in (self.platform, *self.clusters.values()):
            application.end_streams()
