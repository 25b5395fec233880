"""Kinds that are answered and never stored: reviews of who somebody is and what they may, and
the `token` subresource of service accounts.

`WithVirtualKinds` stands in front of the verbs, so that the wire and the in-process client both
have them. The registry lists them for discovery.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import orjson

from towpath.apiserver.authn.tokens import BINDABLE, TTL_S_MAX, TTL_S_MIN
from towpath.apiserver.authn.tokens import ServiceAccountTokens as Tokens
from towpath.apiserver.authz.denials import forbidden
from towpath.apiserver.authz.index import RbacIndex
from towpath.apiserver.calls import Target, Verbs, WriteOptions, Written
from towpath.machinery.causes import invalid, invalid_value, required
from towpath.machinery.conditions import timestamp
from towpath.machinery.core_kinds import SERVICE_ACCOUNT
from towpath.machinery.errors import BadRequest, Conflict
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM, AccessRequest, Authenticate, Authorize, UserInfo

AUTHENTICATION = "authentication.k8s.io"
AUTHORIZATION = "authorization.k8s.io"
DEFAULT_TTL_S = 3600

Answer = Callable[[UserInfo, Target, RawObject], Awaitable[RawObject]]
"""The object with its status filled in."""


def _virtual(group: str, kind: str, plural: str, *, namespaced: bool = False) -> Resource:
    return Resource(group, "v1", kind, plural, namespaced)


SELF_REVIEW = _virtual(AUTHENTICATION, "SelfSubjectReview", "selfsubjectreviews")
TOKEN_REVIEW = _virtual(AUTHENTICATION, "TokenReview", "tokenreviews")
ACCESS_REVIEW = _virtual(AUTHORIZATION, "SubjectAccessReview", "subjectaccessreviews")
SELF_ACCESS_REVIEW = _virtual(AUTHORIZATION, "SelfSubjectAccessReview", "selfsubjectaccessreviews")
SELF_RULES_REVIEW = _virtual(AUTHORIZATION, "SelfSubjectRulesReview", "selfsubjectrulesreviews")
LOCAL_ACCESS_REVIEW = _virtual(
    AUTHORIZATION, "LocalSubjectAccessReview", "localsubjectaccessreviews", namespaced=True
)


class WithVirtualKinds:
    """Verbs in front of the verbs: creates of virtual kinds are answered, all else goes on."""

    def __init__(
        self,
        verbs: Verbs,
        *,
        index: RbacIndex,
        tokens: Tokens,
        authenticate_token: Authenticate,
        authorize: Authorize | None = None,
    ) -> None:
        self._verbs = verbs
        self._index = index
        self._tokens = tokens
        self._authenticate_token = authenticate_token
        self._authorize = authorize or index.authorize
        self._answers: dict[tuple[str, str, str], Answer] = {
            (AUTHENTICATION, "selfsubjectreviews", ""): self._self_review,
            (AUTHENTICATION, "tokenreviews", ""): self._token_review,
            (AUTHORIZATION, "subjectaccessreviews", ""): self._access_review,
            (AUTHORIZATION, "selfsubjectaccessreviews", ""): self._self_access_review,
            (AUTHORIZATION, "localsubjectaccessreviews", ""): self._local_access_review,
            (AUTHORIZATION, "selfsubjectrulesreviews", ""): self._self_rules_review,
            ("", "serviceaccounts", "token"): self._token_request,
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
        answered = await answer(user, target, obj)
        answered.setdefault("metadata", {})
        return Written(orjson.dumps(answered), created=True)

    async def _self_review(self, user: UserInfo, _target: Target, obj: RawObject) -> RawObject:
        return _answered(SELF_REVIEW, obj, {"userInfo": user_object(user)})

    async def _token_review(self, _user: UserInfo, _target: Target, obj: RawObject) -> RawObject:
        spec = obj.get("spec") or {}
        token, audiences = spec.get("token") or "", spec.get("audiences") or []
        if not token:
            raise invalid(AUTHENTICATION, "TokenReview", "", [required("spec.token")])
        found = await self._tokens.verify_for(token, audiences or [self._tokens.issuer])
        if found is None and not audiences:
            found = await self._authenticate_token(token)
        if found is None:
            return _answered(TOKEN_REVIEW, obj, {"user": {}, "error": "invalid bearer token"})
        status: RawObject = {"authenticated": True, "user": user_object(found)}
        if audiences:
            status["audiences"] = audiences
        return _answered(TOKEN_REVIEW, obj, status)

    async def _access_review(self, _user: UserInfo, _target: Target, obj: RawObject) -> RawObject:
        asked = _subject(obj, ACCESS_REVIEW)
        return _answered(ACCESS_REVIEW, obj, await self._verdict(asked, obj, ACCESS_REVIEW))

    async def _local_access_review(
        self, _user: UserInfo, target: Target, obj: RawObject
    ) -> RawObject:
        attributes = (obj.get("spec") or {}).get("resourceAttributes") or {}
        if attributes.get("namespace") != target.namespace:
            why = f"must match metadata.namespace: {target.namespace}"
            field = "spec.resourceAttributes.namespace"
            cause = invalid_value(field, attributes.get("namespace", ""), why)
            raise invalid(AUTHORIZATION, LOCAL_ACCESS_REVIEW.kind, "", [cause])
        asked = _subject(obj, LOCAL_ACCESS_REVIEW)
        verdict = await self._verdict(asked, obj, LOCAL_ACCESS_REVIEW)
        return _answered(LOCAL_ACCESS_REVIEW, obj, verdict)

    async def _self_access_review(
        self, user: UserInfo, _target: Target, obj: RawObject
    ) -> RawObject:
        return _answered(
            SELF_ACCESS_REVIEW, obj, await self._verdict(user, obj, SELF_ACCESS_REVIEW)
        )

    async def _verdict(self, user: UserInfo, review: RawObject, resource: Resource) -> RawObject:
        request = _access_request(review, resource)
        return {"allowed": await self._authorize(user, request)}

    async def _self_rules_review(
        self, user: UserInfo, _target: Target, obj: RawObject
    ) -> RawObject:
        namespace = (obj.get("spec") or {}).get("namespace") or ""
        if not namespace:
            raise BadRequest("no namespace on request")
        rules = [rule.to_object() for rule in self._index.rules_of(user, namespace)]
        status = {
            "resourceRules": [rule for rule in rules if "resources" in rule],
            "nonResourceRules": [rule for rule in rules if "nonResourceURLs" in rule],
            "incomplete": False,
        }
        return _answered(SELF_RULES_REVIEW, obj, status)

    async def _token_request(self, user: UserInfo, target: Target, obj: RawObject) -> RawObject:
        account = orjson.loads(
            await self._verbs.get(PLATFORM, Target(SERVICE_ACCOUNT, target.namespace, target.name))
        )
        spec = obj.get("spec") or {}
        ttl_s = spec.get("expirationSeconds") or DEFAULT_TTL_S
        if not TTL_S_MIN <= ttl_s <= TTL_S_MAX:
            why = f"may not specify a duration outside {TTL_S_MIN} to {TTL_S_MAX} seconds"
            cause = invalid_value("spec.expirationSeconds", ttl_s, why)
            raise invalid(AUTHENTICATION, "TokenRequest", target.name, [cause])
        audiences = spec.get("audiences") or [self._tokens.issuer]
        bound = await self._bound(target.namespace, spec.get("boundObjectRef"))
        issued = self._tokens.issue(account, ttl_s=ttl_s, audiences=audiences, bound=bound)
        expires = timestamp(datetime.fromtimestamp(issued.expires_at, UTC))
        return {
            "apiVersion": f"{AUTHENTICATION}/v1",
            "kind": "TokenRequest",
            "metadata": {"name": target.name, "namespace": target.namespace},
            "spec": {**spec, "audiences": audiences, "expirationSeconds": ttl_s},
            "status": {"token": issued.token, "expirationTimestamp": expires},
        }

    async def _bound(self, namespace: str, reference: RawObject | None) -> RawObject | None:
        if not reference:
            return None
        kind, name = reference.get("kind", ""), reference.get("name", "")
        if kind not in BINDABLE:
            why = 'supported values: "Pod", "Secret"'
            cause = invalid_value("spec.boundObjectRef.kind", kind, why)
            raise invalid(AUTHENTICATION, "TokenRequest", name, [cause])
        obj: RawObject = orjson.loads(
            await self._verbs.get(PLATFORM, Target(BINDABLE[kind], namespace, name))
        )
        uid = obj["metadata"]["uid"]
        if reference.get("uid") not in (None, "", uid):
            raise Conflict(
                f"the UID in the bound object reference ({reference['uid']}) is not {uid}"
            )
        return obj


def user_object(user: UserInfo) -> RawObject:
    """A user, in the words of authentication.k8s.io."""
    info: RawObject = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra.items()}
    return info


def _answered(resource: Resource, obj: RawObject, status: RawObject) -> RawObject:
    return {"apiVersion": resource.api_version, "kind": resource.kind, **obj, "status": status}


def _subject(review: RawObject, resource: Resource) -> UserInfo:
    spec = review.get("spec") or {}
    if not spec.get("user") and not spec.get("groups"):
        why = "at least one of user or group must be specified"
        cause = invalid_value("spec.user", spec.get("user", ""), why)
        raise invalid(AUTHORIZATION, resource.kind, "", [cause])
    extra = {key: tuple(values) for key, values in (spec.get("extra") or {}).items()}
    groups = tuple(spec.get("groups") or ())
    return UserInfo(spec.get("user") or "", groups, spec.get("uid") or "", extra)


def _access_request(review: RawObject, resource: Resource) -> AccessRequest:
    spec = review.get("spec") or {}
    attributes, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if bool(attributes) == bool(path):
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        cause = invalid_value("spec.resourceAttributes", attributes, why)
        raise invalid(AUTHORIZATION, resource.kind, "", [cause])
    if path:
        return AccessRequest(path.get("verb") or "", "", "", path=path.get("path") or "")
    assert attributes
    return AccessRequest(
        verb=attributes.get("verb") or "",
        group=attributes.get("group") or "",
        resource=attributes.get("resource") or "",
        namespace=attributes.get("namespace") or "",
        name=attributes.get("name") or "",
        subresource=attributes.get("subresource") or "",
    )
