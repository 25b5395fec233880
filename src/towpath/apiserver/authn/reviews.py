"""Reviews of who somebody is, and requests for tokens of service accounts."""

import uuid
from datetime import UTC, datetime

import orjson

from towpath.apiserver.authn.chain import RequestAuthenticator
from towpath.apiserver.authn.tokens import BINDABLE, TTL_S_MAX, TTL_S_MIN, ServiceAccountTokens
from towpath.apiserver.calls import Target, Verbs
from towpath.machinery.causes import invalid, invalid_value
from towpath.machinery.conditions import now, timestamp
from towpath.machinery.core_kinds import SERVICE_ACCOUNT
from towpath.machinery.errors import BadRequest, Cause, Conflict
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM, UserInfo

GROUP = "authentication.k8s.io"
TTL_S = 3600
REFUSED = "invalid bearer token"


class Identities:
    def __init__(
        self, verbs: Verbs, tokens: ServiceAccountTokens, authenticate: RequestAuthenticator
    ) -> None:
        self._verbs = verbs
        self._tokens = tokens
        self._authenticate = authenticate

    async def of_self(self, user: UserInfo, _target: Target, review: RawObject) -> RawObject:
        metadata = {**review["metadata"], "creationTimestamp": now()}
        return {"metadata": metadata, "status": {"userInfo": user_object(user)}}

    async def of_token(self, _user: UserInfo, _target: Target, review: RawObject) -> RawObject:
        """A TokenReview: who a token is, and for which of the audiences asked about."""
        spec = review.get("spec") or {}
        token = spec.get("token") or ""
        if not token:
            raise BadRequest("token is required for TokenReview in authentication")
        found = await self._authenticate.review(token, spec.get("audiences") or ())
        if found.user is None:
            why = f"[{REFUSED}, {', '.join(found.reasons)}]" if found.reasons else REFUSED
            return {"status": {"user": {}, "error": why}}
        status: RawObject = {"authenticated": True, "user": user_object(found.user)}
        if found.audiences:
            status["audiences"] = list(found.audiences)
        return {"status": status}

    async def token(self, user: UserInfo, target: Target, request: RawObject) -> RawObject:
        """A TokenRequest, the subresource `token` of a service account."""
        found = await self._verbs.get(
            PLATFORM, Target(SERVICE_ACCOUNT, target.namespace, target.name)
        )
        account: RawObject = orjson.loads(found)
        spec = request.get("spec") or {}
        ttl_s = spec.get("expirationSeconds") or TTL_S
        _refuse_lifetime(ttl_s)
        ttl_s = min(ttl_s, TTL_S_MAX)
        audiences = spec.get("audiences") or [self._tokens.issuer]
        reference = spec.get("boundObjectRef")
        bound = await self._bound(account, reference) if reference else None
        issued = self._tokens.issue(account, ttl_s=ttl_s, audiences=audiences, bound=bound)
        expires = timestamp(datetime.fromtimestamp(issued.expires_at, UTC))
        identity = {"name": target.name, "namespace": target.namespace}
        identity |= {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
        return {
            "metadata": {**request["metadata"], **identity},
            "spec": {
                "boundObjectRef": reference,
                "audiences": audiences,
                "expirationSeconds": ttl_s,
            },
            "status": {"token": issued.token, "expirationTimestamp": expires},
        }

    async def _bound(self, account: RawObject, reference: RawObject) -> RawObject:
        kind, name = reference.get("kind") or "", reference.get("name") or ""
        api_version = reference.get("apiVersion") or ""
        if kind not in BINDABLE or api_version not in ("v1", ""):
            group, _, version = api_version.rpartition("/")
            raise BadRequest(f"cannot bind token to object of type {group}/{version}, Kind={kind}")
        resource = BINDABLE[kind]
        namespace = account["metadata"]["namespace"] if resource.namespaced else ""
        found = await self._verbs.get(PLATFORM, Target(resource, namespace, name))
        obj: RawObject = orjson.loads(found)
        wanted = reference.get("uid") or ""
        if wanted and wanted != obj["metadata"]["uid"]:
            raise Conflict(
                f'Operation cannot be fulfilled on {kind} "{name}": the UID in the bound object '
                f"reference ({wanted}) does not match the UID in record. The object might have "
                "been deleted and then recreated",
                details={"name": name, "kind": kind},
            )
        holder = account["metadata"]["name"]
        if kind == "Pod" and obj["spec"].get("serviceAccountName", "default") != holder:
            raise BadRequest(
                f'cannot bind token for serviceaccount "{holder}" to pod running with different '
                "serviceaccount name."
            )
        return obj


def _refuse_lifetime(ttl_s: int) -> None:
    field = "spec.expirationSeconds"
    causes: list[Cause] = []
    if ttl_s < TTL_S_MIN:
        why = f"may not specify a duration less than {TTL_S_MIN // 60} minutes"
        causes.append(invalid_value(field, ttl_s, why))
    if ttl_s > 1 << 32:
        why = "may not specify a duration larger than 2^32 seconds"
        causes.append(invalid_value(field, ttl_s, why))
    if causes:
        raise invalid(GROUP, "TokenRequest", "", causes)


def user_object(user: UserInfo) -> RawObject:
    """A user, in the words of authentication.k8s.io."""
    info: RawObject = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra.items()}
    return info
