"""One request for a resource: what was asked, of what, by whom. Made once, given to a handler."""

from msgspec import Struct

from towpath.apiserver.calls import Target
from towpath.apiserver.http.query import Query
from towpath.apiserver.http.responses import header
from towpath.apiserver.registry import Served
from towpath.machinery.asgi import Receive, Scope, Send
from towpath.machinery.users import UserInfo


class ApiRequest(Struct, frozen=True):
    scope: Scope
    receive: Receive
    send: Send
    user: UserInfo
    query: Query
    served: Served
    target: Target
    is_exempt: bool = False
    """Whether it waits for nobody."""

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    def header(self, name: bytes) -> str:
        return header(self.scope, name)

    @property
    def content_length(self) -> int | None:
        text = self.header(b"content-length")
        return int(text) if text.isdecimal() else None
