"""Kinds that are answered and never stored: reviews of who somebody is and what they may, and
the `token` subresource of service accounts.

`WithVirtualKinds` stands in front of the verbs, so that the wire and the in-process client both
have them. What is sent goes through the schema of its kind like every other object.
"""

from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from towpath.apiserver import ownership
from towpath.apiserver.authn.reviews import GROUP as AUTHENTICATION
from towpath.apiserver.authn.reviews import TTL_S, Identities
from towpath.apiserver.authz.denials import forbidden
from towpath.apiserver.authz.reviews import GROUP as AUTHORIZATION
from towpath.apiserver.authz.reviews import AccessReviews
from towpath.apiserver.calls import Target, Verbs, WriteOptions, Written
from towpath.apiserver.core import Operation
from towpath.apiserver.encoding import dumps, ordered
from towpath.apiserver.registry import KnownShape, Registry
from towpath.apiserver.verbs.create import check_version
from towpath.apiserver.writing import complete
from towpath.machinery import builtins
from towpath.machinery.builtins import BuiltinKind
from towpath.machinery.causes import invalid
from towpath.machinery.errors import BadRequest
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import AccessRequest, Authorize, UserInfo

Answer = Callable[[UserInfo, Target, RawObject], Awaitable[RawObject]]
"""The fields of the answer that differ from the question: the status, at least."""


def _virtual(group: str, kind: str, plural: str, *, namespaced: bool = False) -> Resource:
    return Resource(group, "v1", kind, plural, namespaced)


SELF_REVIEW = _virtual(AUTHENTICATION, "SelfSubjectReview", "selfsubjectreviews")
TOKEN_REVIEW = _virtual(AUTHENTICATION, "TokenReview", "tokenreviews")
TOKEN_REQUEST = _virtual(AUTHENTICATION, "TokenRequest", "tokenrequests")
ACCESS_REVIEW = _virtual(AUTHORIZATION, "SubjectAccessReview", "subjectaccessreviews")
SELF_ACCESS_REVIEW = _virtual(AUTHORIZATION, "SelfSubjectAccessReview", "selfsubjectaccessreviews")
SELF_RULES_REVIEW = _virtual(AUTHORIZATION, "SelfSubjectRulesReview", "selfsubjectrulesreviews")
LOCAL_ACCESS_REVIEW = _virtual(
    AUTHORIZATION, "LocalSubjectAccessReview", "localsubjectaccessreviews", namespaced=True
)
_REQUEST = BuiltinKind(TOKEN_REQUEST, verbs=("create",))
UNOWNED = frozenset({"SelfSubjectReview", "SelfSubjectRulesReview"})
"""Kinds whose answers carry no managedFields, there as here."""


class WithVirtualKinds:
    """Verbs in front of the verbs: creates of virtual kinds are answered, all else goes on."""

    def __init__(
        self,
        verbs: Verbs,
        registry: Registry,
        *,
        access: AccessReviews,
        identities: Identities,
        authorize: Authorize,
    ) -> None:
        self._verbs = verbs
        self._registry = registry
        self._authorize = authorize
        self._answers: dict[tuple[str, str, str], Answer] = {
            (AUTHENTICATION, "selfsubjectreviews", ""): identities.of_self,
            (AUTHENTICATION, "tokenreviews", ""): identities.of_token,
            (AUTHORIZATION, "subjectaccessreviews", ""): access.of_subject,
            (AUTHORIZATION, "selfsubjectaccessreviews", ""): access.of_self,
            (AUTHORIZATION, "localsubjectaccessreviews", ""): access.of_subject_here,
            (AUTHORIZATION, "selfsubjectrulesreviews", ""): access.rules_of_self,
            ("", "serviceaccounts", "token"): identities.token,
        }
        self.get = verbs.get
        self.list = verbs.list
        self.watch = verbs.watch
        self.update = verbs.update
        self.patch = verbs.patch
        self.delete = verbs.delete
        self.delete_collection = verbs.delete_collection

    async def create(
        self, user: UserInfo, target: Target, obj: RawObject, options: WriteOptions
    ) -> Written:
        resource = target.resource
        answer = self._answers.get((resource.group, resource.plural, target.subresource))
        if answer is None:
            return await self._verbs.create(user, target, obj, options)
        request = AccessRequest(
            verb="create",
            group=resource.group,
            resource=resource.plural,
            namespace=target.namespace,
            name=target.name,
            subresource=target.subresource,
        )
        if not await self._authorize(user, request):
            raise forbidden(user, request)
        operation = self._asked(user, target, obj, options)
        fields = await answer(user, target, operation.obj)
        answered = ordered(operation.obj | fields)
        return Written(dumps(answered), created=True, warnings=tuple(operation.warnings))

    def _asked(
        self, user: UserInfo, target: Target, obj: RawObject, options: WriteOptions
    ) -> Operation:
        """What was sent, with the shape that its kind has."""
        resource = TOKEN_REQUEST if target.subresource else target.resource
        served = self._registry.find(target.resource)
        if target.subresource:
            shape = KnownShape(builtins.topology(_REQUEST), builtins.schema(_REQUEST))
            served = replace(served, resource=resource, shape=shape)
        check_version(served, obj)
        metadata = obj.setdefault("metadata", {})
        if not isinstance(metadata, dict):
            raise BadRequest("metadata must be an object")
        if resource.namespaced and target.namespace and not target.subresource:
            metadata["namespace"] = target.namespace
        operation = Operation(
            user, target, served, "create", "CREATE", obj, None, manager=options.field_manager
        )
        complete(operation, options.field_validation)
        if target.subresource:
            asked = operation.obj["spec"]
            asked["expirationSeconds"] = asked.get("expirationSeconds") or TTL_S
        if served.schema is not None and (causes := served.schema.validate(operation.obj, None)):
            raise invalid(resource.group, resource.kind, "", causes)
        operation.obj.pop("status", None)
        if resource.kind not in UNOWNED:
            _owned(operation)
        return operation


def _owned(operation: Operation) -> None:
    """managedFields, as the writer of an object of Go's has them: its structs are always there."""
    ownership.record(operation)
    for entry in operation.obj["metadata"].get("managedFields") or ():
        spec = entry["fieldsV1"].get("f:spec") or {}
        for struct in (spec, spec.get("f:boundObjectRef") or {}):
            struct.pop(".", None)
