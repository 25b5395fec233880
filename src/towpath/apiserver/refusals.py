"""The answers that are not success, in the words that clients of Kubernetes know."""

from collections.abc import Sequence

from towpath.apiserver.calls import Target
from towpath.apiserver.registry import Served
from towpath.machinery import causes as causes_of
from towpath.machinery.errors import (
    AlreadyExists,
    BadRequest,
    Cause,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    MethodNotAllowed,
    NotFound,
    StatusError,
)
from towpath.machinery.objects import RawObject
from towpath.machinery.users import AccessRequest, UserInfo


def _details(served: Served, name: str) -> RawObject:
    details: RawObject = {"name": name}
    if served.resource.group:
        details["group"] = served.resource.group
    return {**details, "kind": served.resource.plural}


def not_found(served: Served, name: str) -> NotFound:
    return NotFound(f'{served.qualified} "{name}" not found', details=_details(served, name))


def already_exists(served: Served, name: str) -> AlreadyExists:
    return AlreadyExists(
        f'{served.qualified} "{name}" already exists', details=_details(served, name)
    )


def not_unique(served: Served, name: str) -> AlreadyExists:
    """To who gives a name and a prefix for one: a kube-apiserver thinks that it has made it."""
    return AlreadyExists(
        f'{served.qualified} "{name}" already exists, the server was not able to generate a '
        "unique name for the object",
        details=_details(served, name),
        retry_after_s=1,
    )


MODIFIED = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


def conflict(served: Served, name: str, why: str = MODIFIED) -> Conflict:
    return Conflict(
        f'Operation cannot be fulfilled on {served.qualified} "{name}": {why}',
        details=_details(served, name),
    )


def uid_mismatch(served: Served, target: Target, wanted: str, found: str = "") -> Conflict:
    """Where a kube-apiserver would have it in etcd belongs to its words."""
    resource = served.resource
    collection = f"/registry/{STORED_AS.get(resource.plural, resource.plural)}"
    if served.custom:
        collection = f"/{resource.group}/{resource.plural}"
    place = [collection, *([target.namespace] if resource.namespaced else ()), target.name]
    return conflict(
        served,
        target.name,
        f"StorageError: invalid object, Code: 4, Key: {'/'.join(place)}, "
        "ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: "
        f"{wanted}, UID in object meta: {found}",
    )


STORED_AS = {
    "replicationcontrollers": "controllers",
    "endpoints": "services/endpoints",
    "nodes": "minions",
    "services": "services/specs",
    "ingresses": "ingress",
}


def uid_of_nothing(served: Served, name: str, wanted: str) -> Conflict:
    why = f"the provided object specified uid {wanted}, and no existing object was found"
    return conflict(served, name, f"uid mismatch: {why}")


def uid_precondition(served: Served, name: str, wanted: str, found: str) -> Conflict:
    return _precondition(
        served,
        name,
        f"the UID in the precondition ({wanted}) does not match the UID in record ({found}). "
        "The object might have been deleted and then recreated",
    )


def version_precondition(served: Served, name: str, wanted: str, found: str) -> Conflict:
    return _precondition(
        served,
        name,
        f"the ResourceVersion in the precondition ({wanted}) does not match the "
        f"ResourceVersion in record ({found}). The object might have been modified",
    )


def _precondition(served: Served, name: str, why: str) -> Conflict:
    """A kube-apiserver names the kind here, where it names the resource everywhere else."""
    resource = served.resource
    qualified = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    return Conflict(
        f'Operation cannot be fulfilled on {qualified} "{name}": {why}',
        details={**_details(served, name), "kind": resource.kind},
    )


def invalid(served: Served, name: str, causes: Sequence[Cause]) -> Invalid:
    return causes_of.invalid(served.resource.group, served.resource.kind, name, causes)


def forbidden(served: Served, name: str, why: str) -> Forbidden:
    what = f'{served.qualified} "{name}"' if name else served.qualified
    return Forbidden(f"{what} is forbidden: {why}", details=_details(served, name))


def denied(user: UserInfo, request: AccessRequest, why: str = "") -> Forbidden:
    """Authorisation said no."""
    resource = f"{request.resource}.{request.group}" if request.group else request.resource
    named = f'{resource} "{request.name}"' if request.name else resource
    full = f"{request.resource}/{request.subresource}" if request.subresource else request.resource
    where = (
        f'in the namespace "{request.namespace}"' if request.namespace else "at the cluster scope"
    )
    return Forbidden(
        f'{named} is forbidden: User "{user.name}" cannot {request.verb} resource "{full}" '
        f'in API group "{request.group}" {where}' + (f": {why}" if why else ""),
        details={
            name: value
            for name, value in (
                ("name", request.name),
                ("group", request.group),
                ("kind", request.resource),
            )
            if value
        },
    )


def method_not_allowed() -> MethodNotAllowed:
    """The subresource does not have this verb."""
    return MethodNotAllowed("the server does not allow this method on the requested resource")


def nameless(in_url: str) -> BadRequest:
    return BadRequest(
        f"the name of the object ({in_url} based on URL) was undeterminable: name must be provided"
    )


def versionless(served: Served, name: str) -> Invalid:
    """A kube-apiserver names the resource here, where it names the kind everywhere else."""
    cause = causes_of.invalid_value(
        "metadata.resourceVersion", 0, "must be specified for an update"
    )
    resource = served.resource
    return causes_of.invalid(resource.group, resource.plural, name, [cause])


def wrong_name(in_object: str, in_url: str) -> BadRequest:
    return BadRequest(
        f"the name of the object ({in_object}) does not match the name on the URL ({in_url})"
    )


def wrong_namespace() -> BadRequest:
    return BadRequest(
        "the namespace of the provided object does not match the namespace sent on the request"
    )


def internal(why: str) -> StatusError:
    """Of what nobody has asked for: it is what others have written that is wrong."""
    return StatusError(f"Internal error occurred: {why}", details={"causes": [{"message": why}]})


def too_old() -> Gone:
    return Gone("too old resource version")


def list_too_old() -> Gone:
    return Gone("The resourceVersion for the provided list is too old.")


def expired_token(renewed: str) -> Gone:
    """`renewed` goes on from the same place, through what there is now."""
    error = Gone(
        "The provided continue parameter is too old to display a consistent list result. You can "
        "start a new list without the continue parameter, or use the continue token in this "
        "response to retrieve the remainder of the results. Continuing with the provided token "
        "results in an inconsistent list - objects that were created, modified, or deleted "
        "between the time the first chunk was returned and now may show up in the list."
    )
    error.continue_token = renewed
    return error
