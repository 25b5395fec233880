"""What an audit policy looks at in a request."""

from msgspec import Struct

from towpath.machinery.users import UserInfo


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
