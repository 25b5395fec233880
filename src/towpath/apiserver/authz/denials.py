"""The words of a refusal, as Kubernetes writes them: clients show them, people search them."""

from towpath.apiserver import refusals
from towpath.machinery.errors import Forbidden
from towpath.machinery.users import AccessRequest, UserInfo


def forbidden(user: UserInfo, request: AccessRequest) -> Forbidden:
    """403 for a denied request, of a resource or of a path."""
    if request.path:
        return Forbidden(
            f'forbidden: User "{user.name}" cannot {request.verb} path "{request.path}"'
        )
    return refusals.denied(user, request)
