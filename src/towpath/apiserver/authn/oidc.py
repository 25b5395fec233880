"""Bearer tokens of OIDC providers, verified as kube-apiserver verifies them.

An issuer's keys come by discovery and its JSON Web Key Set, when its first token comes; they are
kept, and fetched again when a token names a key that is not among them, or after an hour. Calls to
an issuer go over HTTPS only, follow no redirect and take no more than a few seconds; one that has
failed is tried again after ten seconds and not before, whatever is sent in between.
"""

import asyncio
import base64
import logging
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import httpx2
import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from towpath.apiserver.authn.configuration import Jwt
from towpath.apiserver.authn.configuration import Mapping as ClaimMapping
from towpath.apiserver.authn.expressions import compiled
from towpath.apiserver.authn.tokens import CREDENTIAL, quoted
from towpath.machinery.cel import CelError
from towpath.machinery.users import AUTHENTICATED, TokenRefused, UserInfo

log = logging.getLogger(__name__)

ALGORITHMS = [f"{family}{bits}" for family in ("ES", "PS", "RS") for bits in (256, 384, 512)]
CALL_S_MAX = 10.0
RETRY_S = 10.0
KEYS_KEPT_S = 3600.0
ANSWER_BYTES_MAX = 1024 * 1024
NBF_LEEWAY_S = 300.0
TOKEN_BYTES_MAX = 64 * 1024
NO_TEXT = "expression must return a string or a list of strings"

Claims = Mapping[str, Any]


class CannotReach(Exception):
    """The issuer did not answer, or not as it should; `str()` says how."""


def issuer_of(token: str) -> str:
    """What an unverified token says of its issuer; "" when it is no token of this kind."""
    if token.count(".") != 2 or len(token) > TOKEN_BYTES_MAX:
        return ""
    payload = token.split(".")[1]
    try:
        decoded = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        claims = orjson.loads(decoded)
    except ValueError:
        return ""
    issuer = claims.get("iss") if isinstance(claims, dict) else None
    return issuer if isinstance(issuer, str) else ""


@dataclass(slots=True)
class IssuerKeys:
    """The keys of one issuer, fetched when they are needed."""

    url: str
    discovery_url: str
    tls: ssl.SSLContext
    _keys: tuple[Key, ...] = ()
    _fetched_s: float = float("-inf")
    _tried_s: float = float("-inf")
    _failure: str = ""
    _fetching: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def named(self, kid: str | None) -> tuple[Key, ...]:
        """The keys that may have signed a token. Raises TokenRefused when none can be had."""
        if not (found := self._candidates(kid)) or self._age_s() > KEYS_KEPT_S:
            await self._refresh()
            found = self._candidates(kid)
        if not self._keys and self._failure:
            log.warning("keys of issuer are missing", extra={"why": self._failure})
            raise TokenRefused("oidc: authenticator not initialized")
        return found

    def _candidates(self, kid: str | None) -> tuple[Key, ...]:
        if kid is None:
            return self._keys
        return tuple(key for key in self._keys if key.kid == kid)

    def _age_s(self) -> float:
        return time.monotonic() - self._fetched_s

    async def _refresh(self) -> None:
        asked_s = time.monotonic()
        async with self._fetching:
            # Whoever waited here has what was fetched meanwhile.
            if self._fetched_s > asked_s or time.monotonic() - self._tried_s < RETRY_S:
                return
            self._tried_s = time.monotonic()
            try:
                async with asyncio.timeout(CALL_S_MAX):
                    self._keys = await self._fetch()
            except (CannotReach, TimeoutError) as error:
                self._failure = str(error) or "no answer in time"
                return
            self._fetched_s = time.monotonic()
            self._failure = ""

    async def _fetch(self) -> tuple[Key, ...]:
        place = self.discovery_url or f"{self.url.rstrip('/')}/.well-known/openid-configuration"
        async with httpx2.AsyncClient(verify=self.tls, trust_env=False, timeout=None) as http:
            found = await _json(http, place)
            if found.get("issuer") != self.url:
                raise CannotReach(
                    f"issuer did not match: expected {self.url!r} got {found.get('issuer')!r}"
                )
            address = found.get("jwks_uri")
            if not isinstance(address, str) or not address.startswith("https://"):
                raise CannotReach("provider did not return JWKS URL")
            keys = await _json(http, address)
        try:
            return tuple(KeySet.import_key_set(_verifying(keys)).keys)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise CannotReach(f"{address} is no key set: {error}") from error


def _verifying(keys: Any) -> Any:
    """Without keys of kinds and uses that are not for signatures."""
    listed = [
        key
        for key in keys.get("keys") or ()
        if isinstance(key, dict)
        and key.get("kty") in ("RSA", "EC")
        and key.get("use", "sig") == "sig"
    ]
    return {"keys": listed}


async def _json(http: httpx2.AsyncClient, url: str) -> dict[str, Any]:
    received = b""
    try:
        async with http.stream("GET", url) as response:
            async for piece in response.aiter_bytes():
                received += piece
                if len(received) > ANSWER_BYTES_MAX:
                    raise CannotReach(f"{url} answers more than {ANSWER_BYTES_MAX} bytes")
            if response.status_code != 200:
                raise CannotReach(f"{url} answers {response.status_code}")
        decoded = orjson.loads(received)
    except (httpx2.HTTPError, OSError, ValueError) as error:
        raise CannotReach(f"{url}: {error or type(error).__name__}") from error
    if not isinstance(decoded, dict):
        raise CannotReach(f"{url} answers no JSON object")
    return decoded


@dataclass(frozen=True)
class JwtAuthenticator:
    """One entry of the configuration at work."""

    jwt: Jwt
    keys: IssuerKeys

    async def __call__(self, token: str) -> tuple[UserInfo, float]:
        """Whose the token is, and for how many seconds. Raises TokenRefused, in kube-apiserver's
        words.
        """
        claims = await self._verified(token)
        user = UserInfo(
            name=self._name(claims),
            groups=(*self._groups(claims), AUTHENTICATED),
            uid=self._uid(claims),
            extra=self._extra(claims),
        )
        self._check_claims(claims)
        self._check_user(user)
        return user, float(claims["exp"]) - time.time()

    async def _verified(self, token: str) -> Claims:
        try:
            header = jws.extract_compact(token.encode()).headers()
            payload: Any = orjson.loads(jws.extract_compact(token.encode()).payload)
        except (JoseError, ValueError) as error:
            raise TokenRefused(f"oidc: verify token: oidc: malformed jwt: {error}") from None
        if not isinstance(payload, dict) or not isinstance(payload.get("sub", ""), str):
            raise TokenRefused("oidc: verify token: oidc: failed to unmarshal claims")
        self._check_audience(payload)
        _check_time(payload)
        if header.get("alg") not in ALGORITHMS:
            raise TokenRefused(
                "oidc: verify token: oidc: id token signed with unsupported algorithm, "
                f"expected {quoted(ALGORITHMS)} got {quoted([str(header.get('alg'))])[1:-1]}"
            )
        kid = header.get("kid")
        for key in await self.keys.named(kid if isinstance(kid, str) else None):
            try:
                jws.deserialize_compact(token, key, algorithms=ALGORITHMS)
            except (JoseError, ValueError):
                continue
            return payload
        raise TokenRefused(
            "oidc: verify token: failed to verify signature: failed to verify id token signature"
        )

    def _check_audience(self, claims: Claims) -> None:
        found = claims.get("aud")
        listed = [found] if isinstance(found, str) else found
        audiences = [one for one in listed or () if isinstance(one, str)]
        wanted = sorted(self.jwt.issuer.audiences)
        if not set(audiences) & set(wanted):
            expected = f"in {quoted(wanted)}" if len(wanted) > 1 else quoted(wanted)[1:-1]
            raise TokenRefused(
                f"oidc: verify token: oidc: expected audience {expected} got {quoted(audiences)}"
            )

    def _name(self, claims: Claims) -> str:
        mapping = self.jwt.claim_mappings.username
        if mapping.expression:
            name = _evaluated(mapping.expression, claims, "username claim")
            if not isinstance(name, str):
                raise TokenRefused(
                    "oidc: error evaluating username claim expression: username claim expression "
                    "must return a string"
                )
            if not name:
                raise TokenRefused("oidc: empty username via CEL expression is not allowed")
            return name
        name = _text(claims, mapping.claim, f'parse username claims "{mapping.claim}"')
        if mapping.claim == "email" and claims.get("email_verified", True) is not True:
            raise TokenRefused("oidc: email not verified")
        return (mapping.prefix or "") + name

    def _groups(self, claims: Claims) -> list[str]:
        mapping = self.jwt.claim_mappings.groups
        if mapping.expression:
            found = _evaluated(mapping.expression, claims, "group claim")
            return _texts(found, "oidc: error evaluating group claim expression")
        if not mapping.claim or mapping.claim not in claims:
            return []
        value = claims[mapping.claim]
        groups = [value] if isinstance(value, str) else value
        if groups is None:
            return []
        if not isinstance(groups, list) or not all(isinstance(one, str) for one in groups):
            raise TokenRefused(
                f'oidc: parse groups claim "{mapping.claim}": it is neither a string nor a list '
                "of strings"
            )
        return [(mapping.prefix or "") + one for one in groups]

    def _uid(self, claims: Claims) -> str:
        mapping: ClaimMapping = self.jwt.claim_mappings.uid
        if mapping.claim:
            return _text(claims, mapping.claim, f'parse uid claim "{mapping.claim}"')
        if not mapping.expression:
            return ""
        uid = _evaluated(mapping.expression, claims, "uid claim")
        if not isinstance(uid, str):
            raise TokenRefused(
                "oidc: error evaluating uid claim expression: uid claim expression must return a "
                "string"
            )
        return uid

    def _extra(self, claims: Claims) -> dict[str, tuple[str, ...]]:
        extra: dict[str, tuple[str, ...]] = {}
        if isinstance(claims.get("jti"), str) and claims["jti"]:
            extra[CREDENTIAL] = (f"JTI={claims['jti']}",)
        for mapping in self.jwt.claim_mappings.extra:
            expression = mapping.value_expression
            found = _evaluated(expression, claims, "extra claim")
            words = f"oidc: error evaluating extra claim expression: {expression}"
            if values := _texts(found, words):
                extra[mapping.key] = tuple(values)
        return extra

    def _check_claims(self, claims: Claims) -> None:
        for rule in self.jwt.claim_validation_rules:
            if not rule.claim:
                continue
            if rule.claim not in claims:
                raise TokenRefused(f"oidc: required claim {rule.claim} not present in ID token")
            value = _text(claims, rule.claim, f"parse claim {rule.claim}")
            if value != rule.required_value:
                raise TokenRefused(
                    f"oidc: required claim {rule.claim} value does not match. "
                    f"Got = {value}, want = {rule.required_value}"
                )
        for rule in self.jwt.claim_validation_rules:
            if rule.expression:
                what = "claim validation expression"
                _require(rule.expression, rule.message, "claims", dict(claims), what)

    def _check_user(self, user: UserInfo) -> None:
        if not self.jwt.user_validation_rules:
            return
        # The group of everybody who is known comes later there.
        groups = [group for group in user.groups if group != AUTHENTICATED]
        shown = {
            "username": user.name,
            "uid": user.uid,
            "groups": groups,
            "extra": {key: list(values) for key, values in user.extra.items()},
        }
        for rule in self.jwt.user_validation_rules:
            _require(rule.expression, rule.message, "user", shown, "user info validation rule")

    @cached_property
    def issuer(self) -> str:
        return self.jwt.issuer.url


def _check_time(claims: Claims) -> None:
    now = time.time()
    expires = _seconds(claims.get("exp"))
    if expires is None or now > expires:
        moment = datetime.fromtimestamp(expires or 0, UTC).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
        raise TokenRefused(f"oidc: verify token: oidc: token is expired (Token Expiry: {moment})")
    begins = _seconds(claims.get("nbf"))
    if begins is not None and now + NBF_LEEWAY_S < begins:
        raise TokenRefused(
            "oidc: verify token: oidc: current time is before the nbf (not before) time"
        )


def _seconds(value: Any) -> float | None:
    """A time of a token; far out of the calendar is as bad as none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1 << 36 else None


def _text(claims: Claims, claim: str, doing: str) -> str:
    if claim not in claims:
        raise TokenRefused(f"oidc: {doing}: claim not present")
    value = claims[claim]
    if not isinstance(value, str):
        raise TokenRefused(f"oidc: {doing}: it is no string")
    return value


def _evaluated(expression: str, claims: Claims, what: str) -> Any:
    try:
        return compiled(expression, "claims").evaluate({"claims": dict(claims)})
    except CelError as error:
        raise TokenRefused(
            f"oidc: error evaluating {what} expression: expression '{expression}' resulted in "
            f"error: {error.message}"
        ) from None


def _texts(value: Any, words: str) -> list[str]:
    if value is None:
        return []
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise TokenRefused(f"{words}: {NO_TEXT}")
    return [one for one in listed if one]


def _require(expression: str, message: str, variable: str, value: Any, what: str) -> None:
    try:
        held = compiled(expression, variable).evaluate({variable: value})
    except CelError as error:
        raise TokenRefused(
            f"oidc: error evaluating {what}: expression '{expression}' resulted in error: "
            f"{error.message}"
        ) from None
    if not isinstance(held, bool):
        raise TokenRefused(
            f"oidc: error evaluating {what}: validation expression must return a boolean"
        )
    if not held:
        raise TokenRefused(
            f"oidc: error evaluating {what}: validation expression '{expression}' failed: {message}"
        )
