"""What an audit policy looks at in a request."""

from dataclasses import dataclass

from towpath.machinery.users import UserInfo


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rule looks at. `resource` is "" for a path that is no resource."""

    user: UserInfo
    verb: str
    path: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
