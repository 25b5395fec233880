"""What an audit policy looks at in a request."""

from contextvars import ContextVar

from msgspec import Struct

from towpath.machinery.users import UserInfo

ANNOTATIONS: ContextVar[dict[str, str] | None] = ContextVar("audit annotations", default=None)
"""Those of the request that is being answered; None where nobody is told of it."""


def annotations_of_request() -> dict[str, str]:
    """What admission and authorization have to say of the request, for its audit event."""
    annotations = ANNOTATIONS.get()
    return {} if annotations is None else annotations


class Asked(Struct, frozen=True):
    """What a rule looks at. `resource` is "" for a path that is no resource."""

    user: UserInfo
    verb: str
    path: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
