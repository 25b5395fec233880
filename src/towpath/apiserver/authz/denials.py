"""The words of a refusal, exactly as Kubernetes writes them: clients show them, people search them."""

from towpath.machinery.errors import Forbidden
from towpath.machinery.users import AccessRequest, UserInfo


def forbidden(user: UserInfo, request: AccessRequest, reason: str = "") -> Forbidden:
    """403 for a denied request; `reason` replaces the sentence about the missing permission."""
    if request.path:
        return Forbidden(
            f'forbidden: User "{user.name}" cannot {request.verb} path "{request.path}"'
        )
    qualified = f"{request.resource}.{request.group}" if request.group else request.resource
    named = f' "{request.name}"' if request.name else ""
    details = {"name": request.name, "group": request.group, "kind": request.resource}
    return Forbidden(
        f"{qualified}{named} is forbidden: {reason or missing_permission(user, request)}",
        details={key: value for key, value in details.items() if value},
    )


def missing_permission(user: UserInfo, request: AccessRequest) -> str:
    """`User "x" cannot list resource "y" in API group "z" in the namespace "w"`"""
    resource = (
        f"{request.resource}/{request.subresource}" if request.subresource else request.resource
    )
    where = (
        f'in the namespace "{request.namespace}"' if request.namespace else "at the cluster scope"
    )
    return (
        f'User "{user.name}" cannot {request.verb} resource "{resource}" '
        f'in API group "{request.group}" {where}'
    )
