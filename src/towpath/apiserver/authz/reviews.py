"""Reviews of who may what: what `kubectl auth can-i` and other programs' authorisers ask.

Each function answers one kind with its status; the questions that make no sense are refused by
field, in the words of a kube-apiserver, which names no kind there.
"""

from typing import Any

from towpath.apiserver.authz.index import RbacIndex
from towpath.apiserver.calls import Target
from towpath.machinery.causes import invalid, invalid_value
from towpath.machinery.errors import BadRequest, Cause
from towpath.machinery.objects import RawObject
from towpath.machinery.users import MASTERS, AccessRequest, Authorize, UserInfo

GROUP = "authorization.k8s.io"
NOWHERE = " "
ONE_OF = "exactly one of nonResourceAttributes or resourceAttributes must be specified"


class AccessReviews:
    def __init__(self, index: RbacIndex, authorize: Authorize) -> None:
        self._index = index
        self._authorize = authorize

    async def of_subject(self, _user: UserInfo, _target: Target, review: RawObject) -> RawObject:
        spec = review.get("spec") or {}
        _refuse(review, [*_attribute_causes(spec), *_subject_causes(spec)])
        return {"status": await self._verdict(_subject(spec), spec)}

    async def of_subject_here(
        self, _user: UserInfo, target: Target, review: RawObject
    ) -> RawObject:
        """A LocalSubjectAccessReview: about one namespace, which is the request's."""
        spec = review.get("spec") or {}
        causes = [*_attribute_causes(spec), *_subject_causes(spec)]
        if (path := spec.get("nonResourceAttributes")) is not None:
            why = "disallowed on this kind of request"
            causes.append(invalid_value("spec.nonResourceAttributes", _path_fields(path), why))
        namespace = (spec.get("resourceAttributes") or {}).get("namespace") or ""
        if spec.get("resourceAttributes") is not None and namespace != target.namespace:
            field, why = "spec.resourceAttributes.namespace", "must match metadata.namespace"
            causes.append(invalid_value(field, namespace, why))
        _refuse(review, causes)
        return {"status": await self._verdict(_subject(spec), spec)}

    async def of_self(self, user: UserInfo, _target: Target, review: RawObject) -> RawObject:
        spec = review.get("spec") or {}
        _refuse(review, _attribute_causes(spec))
        return {"status": await self._verdict(user, spec)}

    async def rules_of_self(self, user: UserInfo, _target: Target, review: RawObject) -> RawObject:
        namespace = (review.get("spec") or {}).get("namespace") or ""
        if not namespace:
            raise BadRequest("no namespace on request")
        rules = [rule.to_object() for rule in self._index.rules_of(user, namespace)]
        status = {
            "resourceRules": [rule for rule in rules if "resources" in rule],
            "nonResourceRules": [rule for rule in rules if "nonResourceURLs" in rule],
            "incomplete": False,
        }
        return {"spec": {}, "status": status}

    async def _verdict(self, user: UserInfo, spec: RawObject) -> RawObject:
        request = _request(spec)
        allowed = await self._authorize(user, request)
        # Members of system:masters need no binding, and no reason is given for them.
        reason = "" if MASTERS in user.groups else self._index.explain(user, request)
        return {"allowed": allowed} | ({"reason": reason} if reason else {})


def _attribute_causes(spec: RawObject) -> list[Cause]:
    attributes, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if attributes is not None and path is not None:
        why = "cannot be specified in combination with resourceAttributes"
        return [invalid_value("spec.nonResourceAttributes", _path_fields(path), why)]
    if attributes is None and path is None:
        return [invalid_value("spec.resourceAttributes", None, ONE_OF)]
    return []


def _subject_causes(spec: RawObject) -> list[Cause]:
    if spec.get("user") or spec.get("groups"):
        return []
    return [invalid_value("spec.user", "", "at least one of user or group must be specified")]


def _path_fields(path: RawObject) -> RawObject:
    """As the value is shown there: with the names of Go's fields."""
    return {"Path": path.get("path") or "", "Verb": path.get("verb") or ""}


def _refuse(review: RawObject, causes: list[Cause]) -> None:
    given: dict[str, Any] = {
        name: value
        for name, value in review["metadata"].items()
        if value and name not in ("namespace", "managedFields")
    }
    if given:
        causes.append(invalid_value("metadata", given, "must be empty"))
    if causes:
        raise invalid(GROUP, "", "", causes)


def _subject(spec: RawObject) -> UserInfo:
    extra = {key.lower(): tuple(values or ()) for key, values in (spec.get("extra") or {}).items()}
    groups = tuple(spec.get("groups") or ())
    return UserInfo(spec.get("user") or "", groups, spec.get("uid") or "", extra)


def _request(spec: RawObject) -> AccessRequest:
    if (path := spec.get("nonResourceAttributes")) is not None:
        # No path at all is still no resource: whoever may reach every path may reach it.
        return AccessRequest(path.get("verb") or "", "", "", path=path.get("path") or NOWHERE)
    attributes = spec["resourceAttributes"]
    return AccessRequest(
        verb=attributes.get("verb") or "",
        group=attributes.get("group") or "",
        resource=attributes.get("resource") or "",
        namespace=attributes.get("namespace") or "",
        name=attributes.get("name") or "",
        subresource=attributes.get("subresource") or "",
    )
