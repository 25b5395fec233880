"""Several API servers on one listener: the platform at `/`, each local cluster below its name."""

from collections.abc import Mapping

from towpath.apiserver.http.application import MESSAGE_404
from towpath.apiserver.http.responses import send_error
from towpath.apiserver.http.sockets import refuse
from towpath.machinery.asgi import Application, Receive, Scope, Send
from towpath.machinery.errors import NotFound

PREFIX = "/clusters/"


class Mounts:
    """`clusters` is looked at for each request, so entries may come and go."""

    def __init__(self, root: Application, clusters: Mapping[str, Application]) -> None:
        self._root = root
        self._clusters = clusters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if not path.startswith(PREFIX):
            await self._root(scope, receive, send)
            return
        name, slash, rest = path.removeprefix(PREFIX).partition("/")
        application = self._clusters.get(name)
        if application is None:
            answer = refuse if scope["type"] == "websocket" else send_error
            await answer(send, NotFound(f"{MESSAGE_404}: there is no local cluster {name!r}"))
            return
        inner = {**scope, "path": slash + rest, "root_path": PREFIX + name}
        await application(inner, receive, send)
